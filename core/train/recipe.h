/* What a run does with the modules of its model: which train, and which have adapters beside them.
 *
 * An adapter is a product of two thin matrices that is added to a frozen linear layer (LoRA, Hu et
 * al., arXiv 2106.09685):
 *
 *     y = W x + bias + alpha / rank * B A x,    A [rank, K], B [N, rank]
 */
#ifndef SPECTRUM_TRAIN_RECIPE_H
#define SPECTRUM_TRAIN_RECIPE_H

#include <stdbool.h>
#include <stdint.h>

struct recipe {
    /* [module_count]; NULL: nothing trains, adapters neither (evaluation, generation) */
    const bool *trained;
    /* [module_count]: linear weights of the blocks, none of which trains; NULL: none */
    const bool *adapted;
    int64_t rank;
    double alpha;
};

#endif
