/* The first Gemma; its successors have norms behind the attention and the MLP, too: gemma2.c. */
#include "model/architecture.h"

const struct architecture architecture_gemma = {
    .name = "gemma",
    .class_name = "GemmaForCausalLM",
    .gguf = "gemma",
    .tied = true,
    .head_dim = 256,
    .roles = llama_roles,
    .role_count = LLAMA_ROLES,
};
