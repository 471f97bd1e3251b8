/* Qwen2 and 2.5: Llama with biases on q, k and v (arXiv 2407.10671). */
#include "model/architecture.h"

const struct architecture architecture_qwen2 = {
    .name = "qwen2",
    .class_name = "Qwen2ForCausalLM",
    .gguf = "qwen2",
    .trainable = true,
    .qkv_bias = true,
    .window = 4096,
    .window_asked = true,
    .kv_heads = 32,
    .max_positions = 32768,
    .roles = llama_roles,
    .role_count = LLAMA_ROLES,
};
