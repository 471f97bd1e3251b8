/* Text from the model: one token after another, each from the logits of the last. */
#ifndef SPECTRUM_TRAIN_GENERATE_H
#define SPECTRUM_TRAIN_GENERATE_H

#include "train/transformer.h"

struct sampling {
    double temperature; /* 0: always the likeliest token */
    int64_t top_k;      /* among the k likeliest; 0: all */
    uint64_t seed;
};

/* Continues ids[0..*count) in place by up to `more` tokens, within the array's `capacity` and
 * transformer_longest(); ends behind `eos` (-1: none). The transformer must be made with
 * `generation`. `on_token` (may be NULL) sees each new token; true ends it. */
int generate(struct transformer *transformer, int32_t *ids, int64_t *count, int64_t capacity,
             int64_t more, int64_t eos, const struct sampling *sampling,
             bool (*on_token)(void *context, int32_t id), void *context, struct error *err);

#endif
