/* AdamW in one pass over parameter, master, moments and gradient (op.h has the formula). */
#include "compute/cpu/train/operations.h"
#include "compute/dynamic.h"

#include <math.h>

enum { BLOCK = DYNAMIC_BLOCK, LANES = 16 };

/* What is the same for every element: the formula's factors, put together once in double. */
struct rates {
    float beta1, beta2, rest1, rest2, scale, step, root, epsilon, keep;
};

static struct rates rates_of(const struct adamw_settings *s)
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
        /* the moments, then decay and step */
        m[i] = r->beta1 * m[i] + r->rest1 * g;
        v[i] = r->beta2 * v[i] + r->rest2 * g * g;
        value[i] = value[i] * r->keep - r->step * m[i] / (sqrtf(v[i]) * r->root + r->epsilon);
    }
}

/* random_philox() for LANES counters at once: words[i] is that of element first + i. */
static void draw_words(uint32_t *restrict words, const struct adamw_settings *settings,
                       enum draw draw, int64_t first)
{
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    uint32_t k0 = settings->key[0], k1 = settings->key[1];
    for (int i = 0; i < LANES; i++) {
        uint64_t counter = (uint64_t)first / 4 + (uint64_t)i;
        c0[i] = (uint32_t)counter;
        c1[i] = (uint32_t)(counter >> 32);
        c2[i] = settings->tensor;
        c3[i] = (uint32_t)draw;
    }
    for (int round = 0; round < 10; round++) {
#pragma omp simd
        for (int i = 0; i < LANES; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < LANES; i++) {
        words[4 * i] = c0[i];
        words[4 * i + 1] = c1[i];
        words[4 * i + 2] = c2[i];
        words[4 * i + 3] = c3[i];
    }
}

/* Rounds up with the probability of the part that is cut off; the word of element e is the one that
 * the reference draws for it. `first` is a multiple of BLOCK; Inf and NaN stay what they are. */
static void round_stochastically(uint16_t *restrict out, const float *restrict value,
                                 const struct adamw_settings *settings, enum draw draw,
                                 int64_t first, int64_t count)
{
    uint32_t words[BLOCK];
    for (int at = 0; at < BLOCK; at += 4 * LANES)
        draw_words(words + at, settings, draw, first + at);
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = float_bits(value[i]);
        uint32_t rounded = (bits + (words[i] & 0xFFFFu)) >> 16;
        bool finite = (bits & 0x7F800000u) != 0x7F800000u;
        uint16_t nearest = bf16_from_float(value[i]); /* not in a branch: that is not vectorised */
        out[i] = finite ? (uint16_t)rounded : nearest;
    }
}

/* --- moments --- */

/* One of the two in memory. */
struct stored {
    enum storage type;
    void *data;
    float *scales;
    const struct dynamic_codes *known;
    enum draw draw;
};

static struct stored stored_of(const struct tensor *tensor, enum dynamic_map map, enum draw draw)
{
    return (struct stored){.type = tensor->storage,
                           .data = host_data(tensor),
                           .scales = host_pointer(tensor->scales),
                           .known = dynamic_codes(map),
                           .draw = draw};
}

/* The moments of the block at `first`: where they lie, or widened into `wide`. */
static float *load_moments(float *restrict wide, const struct stored *stored, int64_t first,
                           int64_t count)
{
    if (stored->type == STORAGE_F32)
        return (float *)stored->data + first;
    if (stored->type == STORAGE_BF16) {
        widen(wide, element(stored->data, STORAGE_BF16, first), STORAGE_BF16, count);
        return wide;
    }
    const uint8_t *codes = (const uint8_t *)stored->data + first;
    const float *values = stored->known->values;
    float scale = stored->scales[first / BLOCK];
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        wide[i] = values[codes[i]] * scale;
    return wide;
}

/* dynamic_quantize(), vectorised. */
static void quantize(const struct stored *stored, float *restrict values, int64_t first,
                     int64_t count)
{
    uint8_t *restrict codes = (uint8_t *)stored->data + first;
    const struct dynamic_codes *known = stored->known;
    bool full = count == BLOCK;
    float largest = 0;
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < count; i++) {
        float magnitude = fabsf(values[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    float divisor = largest > DYNAMIC_TINY ? largest : DYNAMIC_TINY, factor = 1 / divisor;
    stored->scales[first / BLOCK] = full ? largest : divisor;
    if (!full)
        for (int64_t i = 0; i < count; i++)
            values[i] /= divisor;
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        codes[i] = (uint8_t)dynamic_nearest(known, full ? values[i] * factor : values[i]);
}

/* `values` is what load_moments() returned, updated. */
static void store_moments(const struct stored *stored, float *values, int64_t first, int64_t count,
                          const struct adamw_settings *settings)
{
    if (stored->type == STORAGE_BF16)
        round_stochastically(element_of(stored->data, STORAGE_BF16, first), values, settings,
                             stored->draw, first, count);
    if (stored->type == STORAGE_DYNAMIC8)
        quantize(stored, values, first, count);
}

/* --- the step --- */

void CPU(adamw)(void *self, const struct op_call *call)
{
    const struct op_adamw *a = &call->adamw;
    const struct adamw_settings *settings = &a->settings;
    const struct stored first = stored_of(&a->m, DYNAMIC_SIGNED, DRAW_M);
    const struct stored second = stored_of(&a->v, DYNAMIC_UNSIGNED, DRAW_V);
    const struct rates rates = rates_of(settings);
    const float *g = host_data(&a->gradient);
    float *exact = host_data(&a->master);
    void *p = host_data(&a->parameter);
    enum storage storage = a->parameter.storage;
    int64_t count = tensor_elements(&a->parameter);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += BLOCK) {
        float wide[BLOCK], wide_m[BLOCK], wide_v[BLOCK];
        int64_t part = count - at < BLOCK ? count - at : BLOCK;
        float *value = exact ? exact + at : wide;
        float *m = load_moments(wide_m, &first, at, part),
              *v = load_moments(wide_v, &second, at, part);
        if (!exact)
            widen(wide, element(p, storage, at), storage, part);
        update(value, m, v, g + at, &rates, part);
        if (storage == STORAGE_BF16 && !exact)
            round_stochastically(element_of(p, storage, at), value, settings, DRAW_PARAMETER, at,
                                 part);
        else
            narrow(element_of(p, storage, at), value, storage, part);
        store_moments(&first, m, at, part, settings);
        store_moments(&second, v, at, part, settings);
    }
}
