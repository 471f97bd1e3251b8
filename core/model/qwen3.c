/* Qwen3: Llama with norms of the heads of q and k (arXiv 2505.09388). */
#include "model/architecture.h"

const struct architecture architecture_qwen3 = {
    .name = "qwen3",
    .class_name = "Qwen3ForCausalLM",
    .gguf = "qwen3",
    .trainable = true,
    .head_norms = true,
    .attention_bias = true,
    .window = 4096,
    .window_asked = true,
    .kv_heads = 32,
    .max_positions = 32768,
    .head_dim = 128,
    .roles = llama_roles,
    .role_count = LLAMA_ROLES,
};
