/* Descriptors: one const struct an architecture. Adding an architecture is adding one to
 * architecture.c, and a line to the list at its end (CONTRIBUTING.md has the steps).
 *
 * A family differs from Llama by its members here and by nothing else: no function asks for a name.
 */
#ifndef SPECTRUM_MODEL_ARCHITECTURE_H
#define SPECTRUM_MODEL_ARCHITECTURE_H

#include "model/parameters.h"

/* Where a role's tensor is, in both worlds. Inside a block the name follows the block's prefix
 * ("model.layers.N." / "blk.N."); ".weight" or ".bias" comes after it. */
struct role_name {
    enum parameter_role role;
    bool in_block;
    const char *hugging_face;
    const char *gguf;
};

struct architecture {
    const char *name;       /* "llama": config.json's model_type */
    const char *class_name; /* "LlamaForCausalLM" */
    const char *gguf;       /* general.architecture */
    bool trainable;
    bool gguf_interleaved; /* llama.cpp's converter interleaves the rotary rows of q and k */
    bool tied;             /* what config.json means where it does not say */
    int64_t head_dim;      /* the same; 0: hidden / heads */
    bool qkv_bias;         /* q, k and v have biases, whatever config.json says */
    bool attention_bias;   /* q, k, v and o have them where config.json says "attention_bias" */
    bool mlp_bias;         /* gate, up and down have them where it says "mlp_bias" */
    bool head_norms;       /* q and k are normalised, head by head, before the rotary embedding */
    int64_t window;        /* sliding attention where config.json does not say; 0: never */
    bool window_asked;     /* only where it says "use_sliding_window", from a layer on */
    int64_t kv_heads, max_positions; /* where config.json does not say; 0: heads, 2048 */
    const struct role_name *roles;
    size_t role_count;
};

/* By config.json's model_type or by general.architecture; NULL where it is unknown. */
const struct architecture *architecture_by_name(const char *name, bool gguf);

/* "llama, mistral, ...": what can be trained. */
void architecture_list_trainable(char *out, size_t size);

#endif
