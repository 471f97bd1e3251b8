/* Qwen2 and 2.5: Llama with biases on q, k and v (arXiv 2407.10671). */
#include "model/architecture.h"

const struct architecture architecture_qwen2 = {
    .name = "qwen2",
    .class_name = "Qwen2ForCausalLM",
    .gguf = "qwen2",
    .trainable = true,
    .qkv_bias = true,
    .window_from = 28,
    .roles = llama_roles,
    .role_count = LLAMA_ROLES,
};
