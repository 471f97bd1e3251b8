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
#include "train/tensors.h"

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

#endif
