/* One pass of a batch through the transformer: what forwards and backwards share. Internal to
 * core/train. */
#ifndef SPECTRUM_TRAIN_PASS_H
#define SPECTRUM_TRAIN_PASS_H

#include "train/transformer.h"

struct pass {
    struct transformer *transformer;
    const struct train_ops *ops;
    void *self;
    const struct model_config *config;
    enum storage type;
    int64_t tokens;
    struct documents documents;
    struct attention_shape shape;
    int64_t wide, narrow; /* columns of q and of k, v */
    struct place ids, positions, rope;
    struct targets targets;
    const struct gradient_sink *sink; /* NULL: gradients are added up */
    bool again;                       /* computes a block anew: its second set of buffers */
};

/* Copies the batch to the device. */
struct pass pass_begin(struct transformer *transformer, const struct batch *batch);

/* pass_forward.c: the embeddings, the first block's input; and from there to the final norm. */
void pass_embed(const struct pass *pass);
void pass_forward(const struct pass *pass);
/* Whoever waits for it has said that it should end: what it computed is worth nothing. */
bool pass_is_stopped(const struct pass *pass);
/* Computes a block anew, as far as its backward pass needs: from its input to gate and up, and A of
 * its last layer's adapter. */
void pass_forward_again(const struct pass *pass, int layer);
/* Adds the loss; with `backward` also the gradients of the head and of its input. */
void pass_head_loss(const struct pass *pass, bool backward);

/* pass_backward.c: from the head's input down to the lowest trained tensor. */
void pass_backward(const struct pass *pass);

/* --- where things are --- */

/* A buffer by its index in the plan; nowhere for -1. */
struct place transformer_planned_place(const struct transformer *transformer, int buffer);
struct place pass_run_place(const struct pass *pass, enum run_slot slot);
struct place pass_block_place(const struct pass *pass, int layer, enum block_slot slot);
/* Where a block's output goes: the next block's input. */
struct place pass_output_place(const struct pass *pass, int layer);
const struct module *pass_module(const struct pass *pass, enum module_role role, int layer,
                                 bool bias);
struct place pass_module_place(const struct pass *pass, const struct module *module,
                               enum tensor_slot slot);
/* Where a module's gradient is added up; with a sink from zero, as another's was there before. */
struct place pass_fresh_gradient(const struct pass *pass, const struct module *module);
/* What stands beside a linear layer (recipe.h); low.buffer is NULL where nothing does. */
struct adapter {
    struct weight a, b;
    struct place grad_a, grad_b;
    struct place low; /* [T, rank]: scale A x */
    int64_t rank;
    float scale; /* alpha / rank */
};
struct adapter pass_adapter(const struct pass *pass, enum module_role role, int layer);

/* Of a block's linear layer: dequantised where it is quantised, until the next call. */
struct weight pass_linear_weight(const struct pass *pass, enum module_role role, int layer);
struct weight pass_weight(const struct pass *pass, enum module_role role, int layer);
/* The module that makes the logits. */
enum module_role pass_head_role(const struct pass *pass);
/* Full or sliding, as the layer has it. */
struct attention_shape pass_shape(const struct pass *pass, int layer);

/* In place. */
void pass_rotate(const struct pass *pass, struct place x, int heads, bool backward);

#endif
