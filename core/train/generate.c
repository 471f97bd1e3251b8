/* Text from a model, a token at a time: the whole prefix goes through the network for each (nothing
 * of earlier tokens is kept), and the next token is the likeliest, or is drawn:
 *
 *     logits -> weights e^(logit / temperature) -> top-k, top-p, min-p -> draw
 */
#include "train/generate.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>

/* Of several alike the first. */
static int64_t likeliest(const float *logits, int64_t count)
{
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* Of two alike the later comes first: it is what a stable sort upwards takes away last. */
static int falling(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit < y->logit ? 1 : -1;
    return x->id < y->id ? 1 : -1;
}

void sampling_weigh(double *weights, const float *logits, int64_t count, const struct sampling *how,
                    struct candidate *scratch)
{
    float best = logits[likeliest(logits, count)];
    int64_t kept = count;
    double total = 0, below = 0;
    /* w_i = exp((l_i - max l) / temperature): softmax but for its sum, and without overflow */
    for (int64_t i = 0; i < count; i++) {
        weights[i] = exp((double)(logits[i] - best) / how->temperature);
        scratch[i] = (struct candidate){logits[i], i};
    }
    if (how->top_k > 0 || how->top_p < 1)
        qsort(scratch, (size_t)count, sizeof *scratch, falling);
    /* top-k: the k largest logits, and all that are equal to the last of them */
    if (how->top_k > 0 && how->top_k < count) {
        kept = how->top_k;
        while (kept < count && scratch[kept].logit == scratch[kept - 1].logit)
            kept++;
    }
    for (int64_t i = 0; i < kept; i++)
        total += weights[scratch[i].id];
    /* top-p: from the least likely on, all that together have no more than 1 - p go; one stays */
    while (how->top_p < 1 && kept > 1 &&
           (below += weights[scratch[kept - 1].id]) / total <= 1 - how->top_p)
        kept--;
    for (int64_t i = kept; i < count; i++)
        weights[scratch[i].id] = 0;
    for (int64_t i = 0; i < count; i++)
        if (weights[i] < how->min_p) /* min-p: the likeliest one's weight is 1 */
            weights[i] = 0;
}

/* The cumulative sum inverted: the first i with w_0 + ... + w_i > u * sum of w, u in [0, 1). Where
 * rounding leaves none it is the last that may be drawn. */
static int64_t draw(const double *weights, int64_t count, double u)
{
    double total = 0;
    int64_t last = 0;
    for (int64_t i = 0; i < count; i++)
        total += weights[i];
    double left = u * total;
    for (int64_t i = 0; i < count && left >= 0; i++) {
        if (weights[i] <= 0)
            continue;
        left -= weights[i];
        last = i;
    }
    return last;
}

/* What the next token comes from. */
struct desk {
    float *logits;
    double *weights;
    struct candidate *candidates;
};

/* Weights and candidates only where something is drawn. */
static int desk_new(struct desk *desk, size_t vocab, bool draws, struct error *err)
{
    *desk = (struct desk){.logits = array_alloc(vocab, sizeof *desk->logits, err)};
    if (!desk->logits)
        return -1;
    if (!draws)
        return 0;
    desk->weights = array_alloc(vocab, sizeof *desk->weights, err);
    if (!desk->weights)
        return -1;
    desk->candidates = array_alloc(vocab, sizeof *desk->candidates, err);
    return desk->candidates ? 0 : -1;
}

static void desk_free(struct desk *desk)
{
    free(desk->logits);
    free(desk->weights);
    free(desk->candidates);
}

/* The random number's place in its stream is the text's length: what is drawn after a text depends
 * on the seed and on that text alone, however it was made. */
static int next_token(struct transformer *transformer, const int32_t *ids, int64_t count,
                      const struct desk *desk, const struct sampling *how, int32_t *out,
                      struct error *err)
{
    int64_t vocab = transformer->network.config->vocab;
    struct random_stream stream = {how->seed, (uint64_t)count * 2};
    if (transformer_logits(transformer, ids, count, desk->logits, err) != 0)
        return -1;
    if (!desk->weights) { /* nothing is drawn */
        *out = (int32_t)likeliest(desk->logits, vocab);
        return 0;
    }
    sampling_weigh(desk->weights, desk->logits, vocab, how, desk->candidates);
    *out = (int32_t)draw(desk->weights, vocab, random_uniform(&stream));
    return 0;
}

int generate(struct transformer *transformer, int32_t *ids, int64_t *count, int64_t capacity,
             int64_t more, const struct end_tokens *ends, const struct sampling *sampling,
             const struct generation_watch *watch, struct error *err)
{
    struct desk desk;
    struct error why = ERROR_INIT;
    static const struct generation_watch nobody = {.on_token = NULL};
    watch = watch ? watch : &nobody;
    int64_t longest = transformer_longest(transformer);
    if (*count < 1 || *count > longest)
        return error_set(err, "the prompt has %lld tokens; it must have 1 to %lld",
                         (long long)*count, (long long)longest);
    int status =
        desk_new(&desk, (size_t)transformer->network.config->vocab, sampling->temperature > 0, err);
    int64_t room = capacity < longest ? capacity : longest;
    bool ended = false;
    transformer_ask(transformer, watch->should_stop, watch->context);
    for (int64_t i = 0; i < more && *count < room && status == 0 && !ended; i++) {
        int32_t id;
        status = next_token(transformer, ids, *count, &desk, sampling, &id, &why);
        if (status != 0)
            break;
        ids[(*count)++] = id;
        if (watch->on_token)
            watch->on_token(watch->context, id);
        ended = ends && end_tokens_have(ends, id);
    }
    if (why.kind == ERROR_INTERRUPTED) /* what there is of it is whole */
        status = 0;
    else if (status != 0 && why.kind != ERROR_NONE && err)
        *err = why;
    transformer_ask(transformer, NULL, NULL);
    desk_free(&desk);
    return status;
}
