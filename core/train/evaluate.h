/* The loss of documents under the weights as they are: one pass, in their order, packed. */
#ifndef SPECTRUM_TRAIN_EVALUATE_H
#define SPECTRUM_TRAIN_EVALUATE_H

#include "train/transformer.h"

struct evaluation {
    double loss;     /* mean of -log p over the supervised tokens by their weights, in nats */
    uint64_t tokens; /* supervised */
};

/* Runs `packing` (made with shuffle false) through the transformer, `rows` rows at a time into
 * `batch`. The summed gradients are lost. `should_stop` may be NULL; where it says so the result is
 * ERROR_INTERRUPTED. */
int evaluate(struct evaluation *out, struct transformer *transformer, struct packing *packing,
             struct batch *batch, int64_t rows, bool (*should_stop)(void *context), void *context,
             struct error *err);

#endif
