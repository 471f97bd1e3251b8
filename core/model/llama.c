/* Llama, and its relatives whose tensors have the same names but for biases and norms of the heads:
 * they differ in what is computed with them. */
#include "model/architecture.h"

static const struct role_name roles[] = {
    {ROLE_EMBEDDING, false, "model.embed_tokens", "token_embd"},
    {ROLE_HEAD, false, "lm_head", "output"},
    {ROLE_FINAL_NORM, false, "model.norm", "output_norm"},
    {ROLE_INPUT_NORM, true, "input_layernorm", "attn_norm"},
    {ROLE_Q, true, "self_attn.q_proj", "attn_q"},
    {ROLE_K, true, "self_attn.k_proj", "attn_k"},
    {ROLE_V, true, "self_attn.v_proj", "attn_v"},
    {ROLE_O, true, "self_attn.o_proj", "attn_output"},
    {ROLE_POST_NORM, true, "post_attention_layernorm", "ffn_norm"},
    {ROLE_GATE, true, "mlp.gate_proj", "ffn_gate"},
    {ROLE_UP, true, "mlp.up_proj", "ffn_up"},
    {ROLE_DOWN, true, "mlp.down_proj", "ffn_down"},
    /* Qwen3's norms of the heads: named and scanned; no part of what the trainer runs. */
    {ROLE_OTHER, true, "self_attn.q_norm", "attn_q_norm"},
    {ROLE_OTHER, true, "self_attn.k_norm", "attn_k_norm"},
};
enum { ROLES = sizeof roles / sizeof *roles };

const struct architecture architecture_llama = {
    .name = "llama",
    .class_name = "LlamaForCausalLM",
    .gguf = "llama",
    .trainable = true,
    .gguf_interleaved = true,
    .roles = roles,
    .role_count = ROLES,
};

/* llama.cpp's converter calls Mistral "llama". */
const struct architecture architecture_mistral = {
    .name = "mistral",
    .class_name = "MistralForCausalLM",
    .gguf = "mistral",
    .gguf_interleaved = true,
    .roles = roles,
    .role_count = ROLES,
};

const struct architecture architecture_qwen2 = {
    .name = "qwen2",
    .class_name = "Qwen2ForCausalLM",
    .gguf = "qwen2",
    .roles = roles,
    .role_count = ROLES,
};

const struct architecture architecture_qwen3 = {
    .name = "qwen3",
    .class_name = "Qwen3ForCausalLM",
    .gguf = "qwen3",
    .head_dim = 128,
    .roles = roles,
    .role_count = ROLES,
};

/* The first Gemma; its successors have norms behind the attention and the MLP, too: gemma2.c. */
const struct architecture architecture_gemma = {
    .name = "gemma",
    .class_name = "GemmaForCausalLM",
    .gguf = "gemma",
    .tied = true,
    .head_dim = 256,
    .roles = roles,
    .role_count = ROLES,
};
