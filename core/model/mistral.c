/* Mistral: Llama with a sliding window (arXiv 2310.06825). llama.cpp's converter calls it "llama".
 */
#include "model/architecture.h"

const struct architecture architecture_mistral = {
    .name = "mistral",
    .class_name = "MistralForCausalLM",
    .gguf = "mistral",
    .trainable = true,
    .gguf_interleaved = true,
    .window = 4096,
    .kv_heads = 8,
    .max_positions = 131072,
    .roles = llama_roles,
    .role_count = LLAMA_ROLES,
};
