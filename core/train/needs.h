/* What the backward pass of a freeze set needs: the first of what a memory plan follows from.
 *
 * The gradient of a value is needed where something trains that it flows to; nothing is needed
 * below the lowest tensor that trains.
 */
#ifndef SPECTRUM_TRAIN_NEEDS_H
#define SPECTRUM_TRAIN_NEEDS_H

#include "train/recipe.h"

struct memory_request {
    const struct model *model;
    struct recipe recipe;
    int64_t tokens; /* of a micro-batch */
    int64_t max_positions;
    enum storage storage; /* of weights and activations */
    bool masters;         /* fp32 masters beside bf16 weights */
    bool generation;      /* space for the last token's logits */
    /* blocks that the backward pass recomputes, from the lowest that it enters on, or as many as it
     * enters */
    int64_t recomputed;
    bool updates_in_backward; /* a gradient lives only until its tensor is updated */
    /* what the back end asks for */
    uint64_t attention_workspace, head_workspace, optimizer_workspace;
};

/* What one block needs of the backward pass; each is the gradient of the named value. */
struct block_needs {
    bool norm1;   /* output of the first norm */
    bool qkv;     /* q, k and v, after and before the norms of their heads */
    bool middle;  /* the sum after the attention */
    bool norm2;   /* output of the second norm */
    bool gate_up; /* gate and up */
    bool output;  /* the block's output: the backward pass enters the block at all */
};

/* What a run needs to know of the freeze set, for the whole model. */
struct backward_needs {
    struct block_needs *blocks; /* [layers] */
    bool embedding, head, final_norm;
    bool stream; /* the gradient goes below the head at all */
};

/* Is the parameter itself trained; has it an adapter beside it; is this tensor trained, which is
 * the parameter or a part of its adapter? */
bool request_is_trained(const struct memory_request *request, const struct parameter *parameter);
bool request_has_adapter(const struct memory_request *request, const struct parameter *parameter);
bool request_tensor_is_trained(const struct memory_request *request,
                               const struct run_tensor *tensor);
/* How a tensor's values are stored. */
enum storage request_storage(const struct memory_request *request, const struct run_tensor *tensor);
/* Is a linear weight, or the adapter beside it, trained? Then its input is kept. */
bool request_needs_input(const struct memory_request *request, enum parameter_role role, int layer);
void needs_find(struct backward_needs *needs, const struct memory_request *request);

#endif
