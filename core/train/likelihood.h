/* How likely a model finds given tokens: -log p of each, of texts that are packed in one row. */
#ifndef SPECTRUM_TRAIN_LIKELIHOOD_H
#define SPECTRUM_TRAIN_LIKELIHOOD_H

#include "train/transformer.h"

/* What is asked of one row. `batch` has ids, positions and documents; its targets and weights are
 * not looked at. A token may be asked for several targets, each in another of the `sets`:
 * targets[set * tokens + t] is what should follow token t, -1: nothing is asked. */
struct likelihood_row {
    struct batch batch;
    const struct token_range
        *before;            /* [documents] what each goes on from (compute/op.h); or NULL */
    const int32_t *targets; /* [sets, tokens] */
    int sets;
};

/* Fills losses[sets, tokens] with -log p, in nats; 0 where nothing is asked. The transformer must
 * be made with `generation`, and have room for the row; transformer_ask() may end it, with
 * ERROR_INTERRUPTED. */
int transformer_losses(float *losses, struct transformer *transformer,
                       const struct likelihood_row *row, struct error *err);

#endif
