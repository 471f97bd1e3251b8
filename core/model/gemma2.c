/* Gemma 2 and the text models of Gemma 3: norms in front of the attention and the MLP, and behind
 * them. GGUF's "ffn_norm" is the one in front of the MLP, as Llama's is; Hugging Face's name for
 * Llama's, post_attention_layernorm, is another norm here. */
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
    {ROLE_POST_NORM, true, "pre_feedforward_layernorm", "ffn_norm"},
    {ROLE_GATE, true, "mlp.gate_proj", "ffn_gate"},
    {ROLE_UP, true, "mlp.up_proj", "ffn_up"},
    {ROLE_DOWN, true, "mlp.down_proj", "ffn_down"},
    {ROLE_OTHER, true, "post_attention_layernorm", "post_attention_norm"},
    {ROLE_OTHER, true, "post_feedforward_layernorm", "post_ffw_norm"},
    {ROLE_OTHER, true, "self_attn.q_norm", "attn_q_norm"}, /* Gemma 3 only */
    {ROLE_OTHER, true, "self_attn.k_norm", "attn_k_norm"},
};
enum { ROLES = sizeof roles / sizeof *roles };

const struct architecture architecture_gemma2 = {
    .name = "gemma2",
    .class_name = "Gemma2ForCausalLM",
    .gguf = "gemma2",
    .tied = true,
    .head_dim = 256,
    .roles = roles,
    .role_count = ROLES,
};

const struct architecture architecture_gemma3 = {
    .name = "gemma3_text",
    .class_name = "Gemma3ForCausalLM",
    .gguf = "gemma3",
    .tied = true,
    .head_dim = 256,
    .roles = roles,
    .role_count = ROLES,
};
