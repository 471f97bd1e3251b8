/* One pass of a batch through the transformer: what both directions share, and forwards, block by
 * block. Internal to core/train.
 *
 *     pass_begin()          copies the batch to the device
 *     forward_embed()       its tokens' embeddings, the first block's input
 *     forward_blocks()      the blocks and the final norm
 *     forward_head_loss()   logits and loss, with the gradients that backwards begin with
 *     backward_run()        the other direction (backward.h)
 *
 * A pass owns nothing: its memory is the network's, its documents the batch's.
 */
#ifndef SPECTRUM_TRAIN_PASS_H
#define SPECTRUM_TRAIN_PASS_H

#include "text/packing/packing.h"
#include "train/network.h"

/* Sums over the supervised tokens since network_clear(). */
struct loss_sums {
    double entropy; /* of -log p, each times its target's weight */
    double z;       /* of the z-loss, likewise */
};
/* Takes a tensor's gradient as soon as it is complete, and may update the tensor. Needs
 * updates_in_backward, which needs it, and batches that are steps of their own. */
struct gradient_sink {
    void *context;
    void (*take)(void *context, size_t tensor);
    /* called before the first gradient; false ends the pass there. NULL: always */
    bool (*check_loss)(void *loss_context, const struct loss_sums *sums);
    void *loss_context;
};

struct pass {
    struct network *network;
    struct backend *backend;
    const struct model_config *config;
    enum storage type; /* of activations */
    int64_t tokens;
    struct documents documents;
    struct tensor ids, positions, rope;
    struct tensor targets, weights;   /* weights: absent where each counts 1 */
    const struct gradient_sink *sink; /* NULL: gradients are added up */
    float z_loss;
    bool (*should_stop)(void *context); /* NULL: never called */
    void *stop_context;
    bool recompute; /* runs a block again, in its second set of buffers */
};

/* Copies the batch to the device. */
struct pass pass_begin(struct network *network, const struct batch *batch);

static inline void pass_run(const struct pass *pass, const struct op_call *call)
{
    backend_run(pass->backend, call);
}

/* --- tensors: not there where the plan has none --- */

/* Columns of q and attention's output; of k and v. */
int64_t pass_q_width(const struct pass *pass);
int64_t pass_kv_width(const struct pass *pass);

/* Of a block: as its slot says (memory_plan.h), [T, ...]. */
struct tensor pass_block(const struct pass *pass, int layer, enum block_slot slot);
/* Of the run: [T, cols], of the activations' type. */
struct tensor pass_rows(const struct pass *pass, enum run_slot slot, int64_t cols);
/* The residual stream where it leaves a block: the next block's input, [T, H]. */
struct tensor pass_output(const struct pass *pass, int layer);

const struct parameter *pass_parameter(const struct pass *pass, enum parameter_role role, int layer,
                                       bool bias);
/* A parameter's weight, gradient, ...; parameter NULL: not there. */
struct tensor pass_values(const struct pass *pass, const struct parameter *parameter,
                          enum tensor_slot slot);
/* Where a parameter's gradient is added up; with a sink from zero, as another's was there
 * before. */
struct tensor pass_fresh_gradient(const struct pass *pass, const struct parameter *parameter);
struct tensor pass_weight(const struct pass *pass, enum parameter_role role, int layer);
/* Of a block's linear layer: dequantised where it is quantised, until the next call. */
struct tensor pass_linear_weight(const struct pass *pass, enum parameter_role role, int layer);

/* What stands beside a linear layer (recipe.h); `low` is not there where nothing does. */
struct adapter {
    struct tensor a, b; /* [rank, K], [N, rank] */
    struct tensor grad_a, grad_b;
    struct tensor low; /* [T, rank]: scale A x */
    float scale;       /* alpha / rank */
};
struct adapter pass_adapter(const struct pass *pass, enum parameter_role role, int layer);

/* The parameter that makes the logits. */
enum parameter_role pass_head_role(const struct pass *pass);

/* --- operations of both directions --- */

/* Turns q or k by the tokens' positions, in place; `backward` turns back. */
void pass_rotate(const struct pass *pass, struct tensor x, bool backward);
/* RMSNorm of x by the weight of that role; rstd is kept. */
void pass_norm(const struct pass *pass, enum parameter_role role, int layer, struct tensor out,
               struct tensor rstd, struct tensor x);

/* --- forwards --- */

/* The embeddings, the first block's input; and from there to the final norm. False: should_stop()
 * said that the pass should end, and what it computed is worth nothing. It is called between the
 * halves of blocks, and only where one generates: a batch of a training step is short. */
void forward_embed(const struct pass *pass);
bool forward_blocks(const struct pass *pass);

/* Computes a block once more, as far as its backward pass needs: from its input to gate and up, and
 * A of its last layer's adapter. */
void forward_recompute(const struct pass *pass, int layer);

/* Adds the loss; with `backward` also the gradients of the head and of its input. */
void forward_head_loss(const struct pass *pass, bool backward);

#endif
