/* Text from the model: one token after another, each from the logits of the last. */
#ifndef SPECTRUM_TRAIN_GENERATE_H
#define SPECTRUM_TRAIN_GENERATE_H

#include "text/generation.h"
#include "train/transformer.h"

struct sampling {
    double temperature; /* 0: always the likeliest token, and the others do not count */
    int64_t top_k;      /* among the k likeliest, and those as likely as the last; 0: all */
    double top_p;       /* of these, the fewest likeliest that together have it; 1: all */
    double min_p;       /* of these, what has this share of the likeliest one's; 0: all */
    uint64_t seed;
};

/* A token that may be drawn. */
struct candidate {
    float logit;
    int64_t id;
};

/* Fills weights[count] with what each token is drawn in proportion to, 0 for those that are not:
 * exp((logit - max) / temperature), of which transformers' warpers keep what they keep, in their
 * order (temperature, top-k, top-p, min-p). The temperature is above 0. `scratch` has [count]. */
void sampling_weigh(double *weights, const float *logits, int64_t count,
                    const struct sampling *sampling, struct candidate *scratch);

/* Who watches a text grow; each function may be NULL. */
struct generation_watch {
    void (*on_token)(void *context, int32_t id);
    /* Asked between the parts of a forward (transformer_ask()): true ends the text with what it has
     * so far. */
    bool (*should_stop)(void *context);
    void *context;
};

/* Continues ids[0..*count) in place by up to `more` tokens, within the array's `capacity` and
 * transformer_longest(); ends after any of `ends` (may be NULL), and where `watch` (may be NULL)
 * ends it, which is not an error: *count is what there is. The transformer must be made with
 * `generation`. */
int generate(struct transformer *transformer, int32_t *ids, int64_t *count, int64_t capacity,
             int64_t more, const struct end_tokens *ends, const struct sampling *sampling,
             const struct generation_watch *watch, struct error *err);

#endif
