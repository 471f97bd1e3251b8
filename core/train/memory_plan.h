/* Memory of a run, planned before it starts: one pure function lists every buffer with its category
 * and lifetime and gives it a place in one arena. The estimate on the screen is this function, and
 * the trainer lives inside what it returned; nothing is allocated afterwards.
 *
 * What a frozen tensor saves follows from three rules: it has no gradient, no optimiser state and
 * no master; the input of a frozen matrix is not kept for the backward pass; and nothing is kept
 * below the lowest trained tensor, where the backward pass ends.
 *
 * Time is counted in ticks over one micro-batch, forwards and then backwards (see PHASE_* and
 * BACK_* in memory_plan.c). Buffers whose lifetimes do not meet share bytes within their
 * category's region.
 */
#ifndef SPECTRUM_TRAIN_MEMORY_PLAN_H
#define SPECTRUM_TRAIN_MEMORY_PLAN_H

#include "base/memory.h"
#include "compute/backend.h"
#include "train/planner.h"
#include "train/recipe.h"

/* Buffers of one block. */
enum block_slot {
    SLOT_INPUT, /* [T, H], the residual stream as it comes in */
    SLOT_NORM1,
    SLOT_RSTD1,
    SLOT_RAW_Q, /* q and k before the norms of their heads, where there are such */
    SLOT_RAW_K,
    SLOT_RSTD_Q, /* [T, heads] */
    SLOT_RSTD_K,
    SLOT_Q,
    SLOT_K,
    SLOT_V,
    SLOT_ATTENTION,
    SLOT_LSE,
    SLOT_MIDDLE, /* [T, H], the residual stream after the attention */
    SLOT_NORM2,
    SLOT_RSTD2,
    SLOT_GATE,
    SLOT_UP,
    SLOT_SWIGLU,
    SLOT_LOW, /* the first of seven, low_slot(): [T, rank], an adapter's alpha / rank A x */
    BLOCK_SLOTS = SLOT_LOW + 7
};

/* Of a linear layer's role. */
static inline enum block_slot low_slot(enum parameter_role role)
{
    int number = role == ROLE_O      ? 3
                 : role == ROLE_GATE ? 4
                 : role == ROLE_UP   ? 5
                 : role == ROLE_DOWN ? 6
                                     : role - ROLE_Q;
    return (enum block_slot)(SLOT_LOW + number);
}

/* What a slot holds, as rows of `width`: one row a token; of SLOT_LSE [width, T]. */
struct slot_shape {
    int64_t width;
    enum storage storage;
};
/* `rank`: of adapters; `activations`: as the run stores them. */
struct slot_shape block_slot_shape(const struct model_config *config, int64_t rank,
                                   enum storage activations, enum block_slot slot);

/* Buffers of which a run has one. */
enum run_slot {
    RUN_OUTPUT, /* [T, H], the residual stream after the last block */
    RUN_FINAL_NORM,
    RUN_FINAL_RSTD,
    RUN_GRAD_STREAM, /* [T, H] */
    RUN_GRAD_NORM,   /* [T, H] */
    RUN_GRAD_WIDE,   /* [T, intermediate], or gradients of attention, q, k, v one after another */
    RUN_RECOMPUTED,  /* [T, intermediate] or [T, H]: recomputed from what is kept */
    RUN_GRAD_LOW,    /* [T, rank] */
    RUN_IDS,
    RUN_TARGETS, /* i32 [T] */
    RUN_WEIGHTS, /* f32 [T], of the targets */
    RUN_POSITIONS,
    RUN_ROPE,
    RUN_DENSE,   /* the values of the quantised weight that is in use */
    RUN_LOSS,    /* f64 [2], head_loss()'s */
    RUN_SQUARES, /* f64 a trained tensor */
    RUN_ATTENTION_WORKSPACE,
    RUN_HEAD_WORKSPACE,
    RUN_OPTIMIZER_WORKSPACE,
    RUN_ROW,    /* [H], the last token's hidden state, for generation */
    RUN_LOGITS, /* [vocab], for generation */
    RUN_LOSSES, /* f32 [T], head_loss()'s of each token, likewise */
    RUN_SLOTS
};

/* What a tensor of the run has. */
enum tensor_slot {
    TENSOR_WEIGHT,
    TENSOR_SCALES, /* of a quantised weight */
    TENSOR_MASTER,
    TENSOR_GRADIENT,
    TENSOR_STATE, /* the first of OPTIMIZER_STATES, in the order of its rule (optimizers.h) */
    TENSOR_STATE_SCALES = TENSOR_STATE + OPTIMIZER_STATES, /* of 8-bit states, likewise */
    TENSOR_SLOTS = TENSOR_STATE_SCALES + OPTIMIZER_STATES
};

struct memory_plan {
    struct backward_needs needs;
    struct planned_buffer *buffers;
    size_t count;
    int (*tensors)[TENSOR_SLOTS]; /* index of a tensor's buffers (recipe.h), -1: has none */
    int (*blocks)[BLOCK_SLOTS];
    int (*recomputed)[BLOCK_SLOTS];        /* of recomputed blocks: in their backward pass */
    int first_recomputed, past_recomputed; /* those blocks: [first_recomputed, past_recomputed) */
    int run[RUN_SLOTS];
    uint64_t bytes[MEMORY_CATEGORIES];  /* of each category's region */
    uint64_t region[MEMORY_CATEGORIES]; /* where it begins */
    uint64_t total;
};

/* 0, or -1 when a size leaves 62 bits or memory runs out. */
int memory_plan_make(struct memory_plan **out, const struct memory_request *request,
                     struct error *err);
/* Does the backward pass recompute this block's activations? */
static inline bool memory_plan_recomputes(const struct memory_plan *plan, int layer)
{
    return layer >= plan->first_recomputed && layer < plan->past_recomputed;
}

void memory_plan_free(struct memory_plan *plan);

#endif
