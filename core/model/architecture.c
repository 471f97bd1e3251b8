#include "model/architecture.h"

#include <stdio.h>
#include <string.h>

/* Llama, and the names that its relatives have, too; biases and norms of the heads are some of
 * theirs only. */
static const struct role_name llama_roles[] = {
    {ROLE_EMBEDDING, false, "model.embed_tokens", "token_embd"},
    {ROLE_HEAD, false, "lm_head", "output"},
    {ROLE_FINAL_NORM, false, "model.norm", "output_norm"},
    {ROLE_INPUT_NORM, true, "input_layernorm", "attn_norm"},
    {ROLE_Q, true, "self_attn.q_proj", "attn_q"},
    {ROLE_K, true, "self_attn.k_proj", "attn_k"},
    {ROLE_V, true, "self_attn.v_proj", "attn_v"},
    {ROLE_O, true, "self_attn.o_proj", "attn_output"},
    {ROLE_MLP_NORM, true, "post_attention_layernorm", "ffn_norm"},
    {ROLE_GATE, true, "mlp.gate_proj", "ffn_gate"},
    {ROLE_UP, true, "mlp.up_proj", "ffn_up"},
    {ROLE_DOWN, true, "mlp.down_proj", "ffn_down"},
    {ROLE_Q_NORM, true, "self_attn.q_norm", "attn_q_norm"},
    {ROLE_K_NORM, true, "self_attn.k_norm", "attn_k_norm"},
};

enum { LLAMA_ROLES = sizeof llama_roles / sizeof *llama_roles };

static const struct architecture llama = {
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

/* Mistral: Llama with a sliding window (arXiv 2310.06825). llama.cpp's converter calls it "llama".
 */
static const struct architecture mistral = {
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

/* Qwen2 and 2.5: Llama with biases on q, k and v (arXiv 2407.10671). */
static const struct architecture qwen2 = {
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

/* Qwen3: Llama with norms of the heads of q and k (arXiv 2505.09388). */
static const struct architecture qwen3 = {
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

/* The first Gemma; its successors have norms after the attention and the MLP, too: below. */
static const struct architecture gemma = {
    .name = "gemma",
    .class_name = "GemmaForCausalLM",
    .gguf = "gemma",
    .tied = true,
    .head_dim = 256,
    .roles = llama_roles,
    .role_count = LLAMA_ROLES,
};

/* Gemma 2 and the text models of Gemma 3: norms in front of the attention and the MLP, and after
 * them. GGUF's "ffn_norm" is the one in front of the MLP, as Llama's is; Hugging Face's name for
 * Llama's, post_attention_layernorm, is another norm here. */
static const struct role_name gemma2_roles[] = {
    {ROLE_EMBEDDING, false, "model.embed_tokens", "token_embd"},
    {ROLE_HEAD, false, "lm_head", "output"},
    {ROLE_FINAL_NORM, false, "model.norm", "output_norm"},
    {ROLE_INPUT_NORM, true, "input_layernorm", "attn_norm"},
    {ROLE_Q, true, "self_attn.q_proj", "attn_q"},
    {ROLE_K, true, "self_attn.k_proj", "attn_k"},
    {ROLE_V, true, "self_attn.v_proj", "attn_v"},
    {ROLE_O, true, "self_attn.o_proj", "attn_output"},
    {ROLE_MLP_NORM, true, "pre_feedforward_layernorm", "ffn_norm"},
    {ROLE_GATE, true, "mlp.gate_proj", "ffn_gate"},
    {ROLE_UP, true, "mlp.up_proj", "ffn_up"},
    {ROLE_DOWN, true, "mlp.down_proj", "ffn_down"},
    {ROLE_OTHER, true, "post_attention_layernorm", "post_attention_norm"},
    {ROLE_OTHER, true, "post_feedforward_layernorm", "post_ffw_norm"},
    {ROLE_OTHER, true, "self_attn.q_norm", "attn_q_norm"}, /* Gemma 3 only */
    {ROLE_OTHER, true, "self_attn.k_norm", "attn_k_norm"},
};
enum { GEMMA2_ROLES = sizeof gemma2_roles / sizeof *gemma2_roles };

static const struct architecture gemma2 = {
    .name = "gemma2",
    .class_name = "Gemma2ForCausalLM",
    .gguf = "gemma2",
    .tied = true,
    .head_dim = 256,
    .roles = gemma2_roles,
    .role_count = GEMMA2_ROLES,
};

static const struct architecture gemma3 = {
    .name = "gemma3_text",
    .class_name = "Gemma3ForCausalLM",
    .gguf = "gemma3",
    .tied = true,
    .head_dim = 256,
    .roles = gemma2_roles,
    .role_count = GEMMA2_ROLES,
};

/* Phi-3 and Phi-4: query, key and value are one matrix, and so are gate and up, which GGUF calls
 * "ffn_up". */
static const struct role_name phi3_roles[] = {
    {ROLE_EMBEDDING, false, "model.embed_tokens", "token_embd"},
    {ROLE_HEAD, false, "lm_head", "output"},
    {ROLE_FINAL_NORM, false, "model.norm", "output_norm"},
    {ROLE_INPUT_NORM, true, "input_layernorm", "attn_norm"},
    {ROLE_QKV, true, "self_attn.qkv_proj", "attn_qkv"},
    {ROLE_O, true, "self_attn.o_proj", "attn_output"},
    {ROLE_MLP_NORM, true, "post_attention_layernorm", "ffn_norm"},
    {ROLE_GATE_UP, true, "mlp.gate_up_proj", "ffn_up"},
    {ROLE_DOWN, true, "mlp.down_proj", "ffn_down"},
};

static const struct architecture phi3 = {
    .name = "phi3",
    .class_name = "Phi3ForCausalLM",
    .gguf = "phi3",
    .roles = phi3_roles,
    .role_count = sizeof phi3_roles / sizeof *phi3_roles,
};

/* --- all --- */

static const struct architecture *const all[] = {
    &llama, &mistral, &qwen2, &qwen3, &gemma, &gemma2, &gemma3, &phi3,
};
enum { ARCHITECTURES = sizeof all / sizeof *all };

const struct architecture *architecture_by_name(const char *name, bool gguf)
{
    for (size_t i = 0; i < ARCHITECTURES; i++)
        if (strcmp(gguf ? all[i]->gguf : all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

void architecture_list_trainable(char *out, size_t size)
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARCHITECTURES; i++)
        if (all[i]->trainable && length < size)
            length += (size_t)snprintf(out + length, size - length, "%s%s", length ? ", " : "",
                                       all[i]->name);
}
