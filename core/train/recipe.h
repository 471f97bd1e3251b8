/* What a run does with the modules of its model: which train, which have adapters beside them, and
 * how the others are stored, and by which optimiser.
 *
 * An adapter is a product of two thin matrices that is added to a frozen linear layer (LoRA, Hu et
 * al., arXiv 2106.09685):
 *
 *     y = W x + bias + alpha / rank * B A x,    A [rank, K], B [N, rank]
 */
#ifndef SPECTRUM_TRAIN_RECIPE_H
#define SPECTRUM_TRAIN_RECIPE_H

#include "train/optimizers/optimizers.h"

/* What weights are computed with, as --dtype has it; auto: as who computes has it. */
enum weight_type { WEIGHTS_AUTO, WEIGHTS_BF16, WEIGHTS_FP32 };
extern const char *const weight_type_names[]; /* by the enum; a NULL ends them */

/* "fp32", "bf16", "int8", "nf4" */
const char *storage_name(enum storage storage);
/* False where no storage is called that. */
bool storage_by_name(enum storage *out, const char *name);

struct recipe {
    /* [parameter_count]; NULL: nothing trains, adapters neither (evaluation, generation) */
    const bool *trained;
    /* [parameter_count]: trained earlier in the run, and frozen since; NULL: none. They are saved
     * with what trains */
    const bool *touched;
    /* [parameter_count]: linear weights of the blocks, none of which trains; NULL: none */
    const bool *adapted;
    int64_t rank;
    double alpha;
    /* [parameter_count]: linear weights of the blocks that are stored as `frozen`, INT8 or NF4, and
     * do not train; NULL: none */
    const bool *quantized;
    enum storage frozen;
    enum optimizer_kind optimizer;
};

/* How module number `module` is stored where activations are stored as `plain`. */
enum storage recipe_storage(const struct recipe *recipe, size_t module, enum storage plain);

/* --- the tensors of a run ---
 *
 * The model's parameters, and the adapters beside them, numbered in one row: parameters by their
 * index in the model, after them the A of each, then the B of each; most have neither. Adapters go
 * by PEFT's names ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"), parameters by
 * their own. */

enum tensor_part { PART_PARAMETER, PART_A, PART_B, TENSOR_PARTS };

struct run_tensor {
    const struct parameter *parameter;
    enum tensor_part part;
    int64_t rows, cols, numel;
};

/* How many numbers there are: TENSOR_PARTS for each module. */
size_t run_tensor_count(const struct model *model);
size_t run_tensor_index(const struct model *model, const struct parameter *parameter,
                        enum tensor_part part);
/* `rank` is the adapters'. */
struct run_tensor run_tensor(const struct model *model, int64_t rank, size_t index);

/* Newly allocated. */
char *run_tensor_name(const struct run_tensor *tensor, struct error *err);

/* Draws A of a new adapter, number `index`, as a run with this seed begins with it: uniform in
 * +-1/sqrt(cols), as PEFT's. B is zero (Hu et al., arXiv 2106.09685), so the model begins as its base.
 * values: [numel]. */
void run_tensor_draw(const struct run_tensor *tensor, size_t index, uint64_t seed, float *values);

/* The number of a tensor by that name; run_tensor_count() where there is none. */
size_t run_tensor_find(const struct model *model, const char *name);

/* --- what the backward pass of a freeze set needs ---
 *
 * The gradient of a value is needed where something trains that it flows to; nothing is needed
 * below the lowest tensor that trains. From this and from the request a memory plan follows
 * (memory_plan.h). */

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
