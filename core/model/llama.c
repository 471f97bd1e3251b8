/* Llama, and its relatives that differ in biases and extra norms only. */
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
    "llama", "LlamaForCausalLM", "llama", true, true, roles, ROLES};
const struct architecture architecture_mistral = {
    "mistral", "MistralForCausalLM", "llama", false, true, roles, ROLES};
const struct architecture architecture_qwen2 = {
    "qwen2", "Qwen2ForCausalLM", "qwen2", false, false, roles, ROLES};
const struct architecture architecture_qwen3 = {
    "qwen3", "Qwen3ForCausalLM", "qwen3", false, false, roles, ROLES};
