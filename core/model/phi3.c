/* Phi-3 and Phi-4: query, key and value are one matrix, and so are gate and up, which GGUF calls
 * "ffn_up". */
#include "model/architecture.h"

static const struct role_name roles[] = {
    {ROLE_EMBEDDING, false, "model.embed_tokens", "token_embd"},
    {ROLE_HEAD, false, "lm_head", "output"},
    {ROLE_FINAL_NORM, false, "model.norm", "output_norm"},
    {ROLE_INPUT_NORM, true, "input_layernorm", "attn_norm"},
    {ROLE_QKV, true, "self_attn.qkv_proj", "attn_qkv"},
    {ROLE_O, true, "self_attn.o_proj", "attn_output"},
    {ROLE_POST_NORM, true, "post_attention_layernorm", "ffn_norm"},
    {ROLE_GATE_UP, true, "mlp.gate_up_proj", "ffn_up"},
    {ROLE_DOWN, true, "mlp.down_proj", "ffn_down"},
};

const struct architecture architecture_phi3 = {
    .name = "phi3",
    .class_name = "Phi3ForCausalLM",
    .gguf = "phi3",
    .roles = roles,
    .role_count = sizeof roles / sizeof *roles,
};
