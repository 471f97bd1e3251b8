/* AdamW (op.h has the formula), block by block of 8-bit moments; those of other types know no
 * blocks. */
#include "base/random.h"
#include "compute/dynamic.h"
#include "compute/reference/reference.h"

#include <math.h>
#include <string.h>

/* Up with the probability of the part that is cut off: the mean is the value itself. The word is
 * Philox's, addressed by (seed, step) and (tensor, element, draw). */
static uint16_t round_stochastically(float value, const struct adamw_settings *settings,
                                     int64_t element, enum draw draw)
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
    enum storage type;
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
        if (stored->type == STORAGE_F32)
            out[i] = wide[first + i];
        else if (stored->type == STORAGE_BF16)
            out[i] = bf16_to_float(narrow[first + i]);
        else
            out[i] = dynamic_codes(stored->map)->values[codes[first + i]] *
                     stored->scales[first / DYNAMIC_BLOCK];
    }
}

static void store_moments(const struct stored *stored, const float *values, int64_t first,
                          int64_t count, const struct adamw_settings *settings)
{
    uint16_t *narrow = stored->data;
    if (stored->type == STORAGE_F32)
        memcpy((float *)stored->data + first, values, (size_t)count * sizeof *values);
    if (stored->type == STORAGE_BF16)
        for (int64_t i = 0; i < count; i++)
            narrow[first + i] = round_stochastically(values[i], settings, first + i, stored->draw);
    if (stored->type == STORAGE_DYNAMIC8)
        dynamic_quantize((uint8_t *)stored->data + first, stored->scales + first / DYNAMIC_BLOCK,
                         stored->map, values, count);
}

/* Updates both moments; returns what becomes of `value`. */
static double update(double value, float *m, float *v, double grad, const struct adamw_settings *s)
{
    /* the moments, running means of the gradient and of its square */
    *m = (float)((double)s->beta1 * *m + (1 - (double)s->beta1) * grad);
    *v = (float)((double)s->beta2 * *v + (1 - (double)s->beta2) * grad * grad);
    /* without the zeros that they began with */
    double mean = *m / (double)s->correction1, root = sqrt(*v / (double)s->correction2);
    /* the step, and beside it the decay */
    return value -
           (double)s->lr * ((double)s->weight_decay * value + mean / (root + (double)s->epsilon));
}

static struct stored stored_of(const struct tensor *tensor, enum dynamic_map map, enum draw draw)
{
    return (struct stored){tensor->storage, host_data(tensor), host_pointer(tensor->scales), map,
                           draw};
}

void reference_adamw(void *self, const struct op_call *call)
{
    const struct op_adamw *a = &call->adamw;
    const struct adamw_settings *settings = &a->settings;
    const struct stored first = stored_of(&a->m, DYNAMIC_SIGNED, DRAW_M);
    const struct stored second = stored_of(&a->v, DYNAMIC_UNSIGNED, DRAW_V);
    struct elements parameter = elements_of(&a->parameter);
    const float *g = host_data(&a->gradient);
    float *exact = host_data(&a->master), m[DYNAMIC_BLOCK], v[DYNAMIC_BLOCK];
    int64_t count = tensor_elements(&a->parameter);
    (void)self;
    for (int64_t at = 0; at < count; at += DYNAMIC_BLOCK) {
        int64_t part = count - at < DYNAMIC_BLOCK ? count - at : DYNAMIC_BLOCK;
        load_moments(m, &first, at, part);
        load_moments(v, &second, at, part);
        for (int64_t i = at; i < at + part; i++) {
            double value = exact ? (double)exact[i] : get(parameter, i);
            double grad = (double)g[i] * (double)settings->gradient_scale;
            value = update(value, &m[i - at], &v[i - at], grad, settings);
            if (exact)
                exact[i] = (float)value;
            if (parameter.type == STORAGE_BF16 && !exact)
                ((uint16_t *)parameter.memory)[i] =
                    round_stochastically((float)value, settings, i, DRAW_PARAMETER);
            else
                put(parameter, i, value);
        }
        store_moments(&first, m, at, part, settings);
        store_moments(&second, v, at, part, settings);
    }
}
