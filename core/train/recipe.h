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
    /* [parameter_count]: trained earlier in the run, and frozen since; NULL: none. They are saved with
     * what trains */
    const bool *touched;
    /* [parameter_count]: linear weights of the blocks, none of which trains; NULL: none */
    const bool *adapted;
    int64_t rank;
    double alpha;
    /* [parameter_count]: linear weights of the blocks that are stored as `frozen`, INT8 or NF4, and do
     * not train; NULL: none */
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

/* The number of a tensor by that name; run_tensor_count() where there is none. */
size_t run_tensor_find(const struct model *model, const char *name);

#endif
