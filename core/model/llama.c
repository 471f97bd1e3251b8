/* Llama, and the names that its relatives have, too; biases and norms of the heads are some of
 * theirs only. */
#include "model/architecture.h"

const struct role_name llama_roles[LLAMA_ROLES] = {
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
    {ROLE_Q_NORM, true, "self_attn.q_norm", "attn_q_norm"},
    {ROLE_K_NORM, true, "self_attn.k_norm", "attn_k_norm"},
};

const struct architecture architecture_llama = {
    .name = "llama",
    .class_name = "LlamaForCausalLM",
    .gguf = "llama",
    .trainable = true,
    .attention_bias = true,
    .mlp_bias = true,
    .gguf_interleaved = true,
    .roles = llama_roles,
    .role_count = LLAMA_ROLES,
};
