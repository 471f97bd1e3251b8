/* AdamW in one pass over parameter, master, moments and gradient. */
#include "base/random.h"
#include "compute/cpu/level.h"

#include <math.h>

enum { BLOCK = 256 };

/* What is the same for every element. */
struct rates {
    float beta1, beta2, rest1, rest2, scale, step, root, epsilon, keep;
};

static struct rates rates_of(const struct adamw *s)
{
    return (struct rates){.beta1 = s->beta1,
                          .beta2 = s->beta2,
                          .rest1 = (float)(1 - (double)s->beta1),
                          .rest2 = (float)(1 - (double)s->beta2),
                          .scale = s->gradient_scale,
                          .step = (float)((double)s->lr / (double)s->correction1),
                          .root = (float)(1 / sqrt((double)s->correction2)),
                          .epsilon = s->epsilon,
                          .keep = (float)(1 - (double)s->lr * (double)s->weight_decay)};
}

static void update(float *restrict value, float *restrict m, float *restrict v,
                   const float *restrict gradient, const struct rates *r, int64_t count)
{
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        float g = gradient[i] * r->scale;
        m[i] = r->beta1 * m[i] + r->rest1 * g;
        v[i] = r->beta2 * v[i] + r->rest2 * g * g;
        value[i] = value[i] * r->keep - r->step * m[i] / (sqrtf(v[i]) * r->root + r->epsilon);
    }
}

/* Rounds up with the probability of the part that is cut off; the word of element e is the one that
 * the reference draws for it. `first` is a multiple of 4. */
static void round_stochastically(uint16_t *out, const float *value, const struct adamw *settings,
                                 int64_t first, int64_t count)
{
    for (int64_t i = 0; i < count; i += 4) {
        int64_t at = first + i;
        uint32_t counter[4] = {(uint32_t)(at / 4), (uint32_t)(at >> 34), settings->tensor, 0};
        uint32_t words[4];
        random_philox(settings->key, counter, words);
        for (int64_t j = i; j < i + 4 && j < count; j++)
            out[j] = isfinite(value[j])
                         ? (uint16_t)((float_bits(value[j]) + (words[j - i] & 0xFFFF)) >> 16)
                         : bf16_from_float(value[j]);
    }
}

void CPU(adamw)(void *self, struct place parameter, enum storage storage, struct place master,
                struct place m, struct place v, struct place gradient, int64_t count,
                const struct adamw *settings)
{
    float *first = host_pointer(m), *second = host_pointer(v), *exact = host_pointer(master);
    const float *g = host_pointer(gradient);
    void *p = host_pointer(parameter);
    const struct rates rates = rates_of(settings);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += BLOCK) {
        float wide[BLOCK];
        int64_t part = count - at < BLOCK ? count - at : BLOCK;
        float *value = exact ? exact + at : wide;
        if (!exact)
            widen(wide, element(p, storage, at), storage, part);
        update(value, first + at, second + at, g + at, &rates, part);
        if (storage == STORAGE_BF16 && !exact)
            round_stochastically(element_of(p, storage, at), value, settings, at, part);
        else
            narrow(element_of(p, storage, at), value, storage, part);
    }
}
