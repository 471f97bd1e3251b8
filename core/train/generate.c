#include "train/generate.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>

static int64_t likeliest(const float *logits, int64_t count)
{
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

static int falling(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* The logit below which nothing is drawn. */
static float lowest_kept(const float *logits, float *sorted, int64_t count, int64_t top_k)
{
    if (top_k <= 0 || top_k >= count)
        return -INFINITY;
    for (int64_t i = 0; i < count; i++)
        sorted[i] = logits[i];
    qsort(sorted, (size_t)count, sizeof *sorted, falling);
    return sorted[top_k - 1];
}

/* Softmax at the temperature, over the logits that are kept; u in [0, 1). */
static int64_t draw(const float *logits, float *sorted, int64_t count, const struct sampling *how,
                    double u)
{
    int64_t best = likeliest(logits, count), last = best;
    if (how->temperature <= 0)
        return best;
    float lowest = lowest_kept(logits, sorted, count, how->top_k);
    double total = 0;
    for (int64_t i = 0; i < count; i++)
        if (logits[i] >= lowest)
            total += exp((double)(logits[i] - logits[best]) / how->temperature);
    double left = u * total;
    for (int64_t i = 0; i < count && left >= 0; i++) {
        if (!(logits[i] >= lowest))
            continue;
        left -= exp((double)(logits[i] - logits[best]) / how->temperature);
        last = i;
    }
    return last;
}

static int next_token(struct transformer *transformer, const int32_t *ids, int64_t count,
                      float *logits, const struct sampling *how, int32_t *out, struct error *err)
{
    int64_t vocab = transformer->config->vocab;
    if (transformer_logits(transformer, ids, count, logits, err) != 0)
        return -1;
    struct random_stream stream = {how->seed, (uint64_t)count * 2};
    *out = (int32_t)draw(logits, logits + vocab, vocab, how, random_uniform(&stream));
    return 0;
}

int generate(struct transformer *transformer, int32_t *ids, int64_t *count, int64_t capacity,
             int64_t more, int64_t eos, const struct sampling *sampling,
             bool (*on_token)(void *context, int32_t id), void *context, struct error *err)
{
    int64_t longest = transformer_longest(transformer);
    if (*count < 1 || *count > longest)
        return error_set(err, "the prompt has %lld tokens; it must have 1 to %lld",
                         (long long)*count, (long long)longest);
    float *logits = array_alloc((size_t)transformer->config->vocab * 2, sizeof *logits, err);
    int status = logits ? 0 : -1;
    int64_t room = capacity < longest ? capacity : longest;
    int32_t id = -1;
    for (int64_t i = 0; i < more && *count < room && status == 0 && (i == 0 || id != eos); i++) {
        status = next_token(transformer, ids, *count, logits, sampling, &id, err);
        if (status != 0)
            break;
        ids[(*count)++] = id;
        if (on_token && on_token(context, id))
            break;
    }
    free(logits);
    return status;
}
