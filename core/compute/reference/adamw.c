/* AdamW, block by block of 8-bit moments; those of other types know no blocks. */
#include "base/random.h"
#include "compute/dynamic.h"
#include "compute/reference/reference.h"

#include <math.h>
#include <string.h>

/* Up with the probability of the part that is cut off: the mean is the value itself. The word is
 * Philox's, addressed by (seed, step) and (tensor, element, draw). */
static uint16_t round_stochastically(float value, const struct adamw *settings, int64_t element,
                                     enum draw draw)
{
    uint32_t counter[4] = {(uint32_t)(element / 4), (uint32_t)(element >> 34), settings->tensor,
                           (uint32_t)draw};
    uint32_t words[4];
    random_philox(settings->key, counter, words);
    if (!isfinite(value))
        return bf16_from_float(value);
    return (uint16_t)((float_bits(value) + (words[element % 4] & 0xFFFF)) >> 16);
}

/* One of the two moments in memory. */
struct stored {
    enum moment_type type;
    void *data;
    float *scales;
    enum dynamic_map map;
    enum draw draw;
};

static void load_moments(float *out, const struct stored *stored, int64_t first, int64_t count)
{
    const float *wide = stored->data;
    const uint16_t *narrow = stored->data;
    const uint8_t *codes = stored->data;
    for (int64_t i = 0; i < count; i++) {
        if (stored->type == MOMENTS_F32)
            out[i] = wide[first + i];
        else if (stored->type == MOMENTS_BF16)
            out[i] = bf16_to_float(narrow[first + i]);
        else
            out[i] = dynamic_codes(stored->map)->values[codes[first + i]] *
                     stored->scales[first / DYNAMIC_BLOCK];
    }
}

static void store_moments(const struct stored *stored, const float *values, int64_t first,
                          int64_t count, const struct adamw *settings)
{
    uint16_t *narrow = stored->data;
    if (stored->type == MOMENTS_F32)
        memcpy((float *)stored->data + first, values, (size_t)count * sizeof *values);
    if (stored->type == MOMENTS_BF16)
        for (int64_t i = 0; i < count; i++)
            narrow[first + i] = round_stochastically(values[i], settings, first + i, stored->draw);
    if (stored->type == MOMENTS_INT8)
        dynamic_quantize((uint8_t *)stored->data + first, stored->scales + first / DYNAMIC_BLOCK,
                         stored->map, values, count);
}

/* Updates both moments; returns what becomes of `value`. */
static double update(double value, float *m, float *v, double grad, const struct adamw *settings)
{
    *m = (float)((double)settings->beta1 * *m + (1 - (double)settings->beta1) * grad);
    *v = (float)((double)settings->beta2 * *v + (1 - (double)settings->beta2) * grad * grad);
    double mean = *m / (double)settings->correction1;
    double root = sqrt(*v / (double)settings->correction2);
    return value - (double)settings->lr * ((double)settings->weight_decay * value +
                                           mean / (root + (double)settings->epsilon));
}

void reference_adamw(void *self, struct place parameter, enum storage storage, struct place master,
                     struct moments moments, struct place gradient, int64_t count,
                     const struct adamw *settings)
{
    (void)self;
    const struct stored first = {moments.type, host_pointer(moments.m),
                                 host_pointer(moments.m_scales), DYNAMIC_SIGNED, DRAW_M};
    const struct stored second = {moments.type, host_pointer(moments.v),
                                  host_pointer(moments.v_scales), DYNAMIC_UNSIGNED, DRAW_V};
    const float *g = host_pointer(gradient);
    float *exact = host_pointer(master), m[DYNAMIC_BLOCK], v[DYNAMIC_BLOCK];
    void *p = host_pointer(parameter);
    for (int64_t at = 0; at < count; at += DYNAMIC_BLOCK) {
        int64_t part = count - at < DYNAMIC_BLOCK ? count - at : DYNAMIC_BLOCK;
        load_moments(m, &first, at, part);
        load_moments(v, &second, at, part);
        for (int64_t i = at; i < at + part; i++) {
            double value = exact ? (double)exact[i] : get(p, storage, i);
            double grad = (double)g[i] * (double)settings->gradient_scale;
            value = update(value, &m[i - at], &v[i - at], grad, settings);
            if (exact)
                exact[i] = (float)value;
            if (storage == STORAGE_BF16 && !exact)
                ((uint16_t *)p)[i] =
                    round_stochastically((float)value, settings, i, DRAW_PARAMETER);
            else
                put(p, storage, i, value);
        }
        store_moments(&first, m, at, part, settings);
        store_moments(&second, v, at, part, settings);
    }
}
