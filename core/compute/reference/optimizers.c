/* The steps of the optimisers (op.h has the formulas). AdamW goes block by block of 8-bit moments;
 * those of other types know no blocks. */
#include "base/random.h"
#include "compute/dynamic.h"
#include "compute/reference/elements.h"
#include "compute/reference/reference.h"

#include <math.h>
#include <string.h>

/* Up with the probability of the part that is cut off: the mean is the value itself. The word is
 * Philox's, addressed by (seed, step) and (tensor, element, draw). */
static uint16_t round_stochastically(float value, const struct step_settings *settings,
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
                          int64_t count, const struct step_settings *settings)
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
static double update(double value, float *m, float *v, double grad, const struct step_settings *s)
{
    /* the moments, running means of the gradient and of its square */
    *m = (float)(s->beta1 * *m + (1 - s->beta1) * grad);
    *v = (float)(s->beta2 * *v + (1 - s->beta2) * grad * grad);
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

/* What a step changes: the parameter, and the master beside it. */
struct stepped {
    struct elements parameter;
    float *master; /* NULL: none */
};

static struct stepped stepped_of(const struct tensor *parameter, const struct tensor *master)
{
    return (struct stepped){elements_of(parameter), host_data(master)};
}

static double get_value(const struct stepped *stepped, int64_t i)
{
    return stepped->master ? (double)stepped->master[i] : get(stepped->parameter, i);
}

static void put_value(const struct stepped *stepped, int64_t i, double value,
                      const struct step_settings *settings)
{
    if (stepped->master)
        stepped->master[i] = (float)value;
    if (stepped->parameter.type == STORAGE_BF16 && !stepped->master)
        ((uint16_t *)stepped->parameter.memory)[i] =
            round_stochastically((float)value, settings, i, DRAW_PARAMETER);
    else
        put(stepped->parameter, i, value);
}

/* --- AdamW --- */

void reference_adamw(void *self, const struct op_call *call)
{
    const struct op_adamw *a = &call->adamw;
    const struct step_settings *settings = &a->settings;
    const struct stored first = stored_of(&a->m, DYNAMIC_SIGNED, DRAW_M);
    const struct stored second = stored_of(&a->v, DYNAMIC_UNSIGNED, DRAW_V);
    const struct stepped stepped = stepped_of(&a->parameter, &a->master);
    const float *g = host_data(&a->gradient);
    float m[DYNAMIC_BLOCK], v[DYNAMIC_BLOCK];
    int64_t count = tensor_elements(&a->parameter);
    (void)self;
    for (int64_t at = 0; at < count; at += DYNAMIC_BLOCK) {
        int64_t part = count - at < DYNAMIC_BLOCK ? count - at : DYNAMIC_BLOCK;
        load_moments(m, &first, at, part);
        load_moments(v, &second, at, part);
        for (int64_t i = at; i < at + part; i++) {
            double grad = (double)g[i] * (double)settings->gradient_scale;
            double value = update(get_value(&stepped, i), &m[i - at], &v[i - at], grad, settings);
            put_value(&stepped, i, value, settings);
        }
        store_moments(&first, m, at, part, settings);
        store_moments(&second, v, at, part, settings);
    }
}

/* --- Lion --- */

void reference_lion(void *self, const struct op_call *call)
{
    const struct op_lion *a = &call->lion;
    const struct step_settings *s = &a->settings;
    const struct stepped stepped = stepped_of(&a->parameter, &a->master);
    const float *g = host_data(&a->gradient);
    float *m = host_data(&a->m);
    double beta1 = s->beta1, beta2 = s->beta2;
    (void)self;
    for (int64_t i = 0; i < tensor_elements(&a->parameter); i++) {
        double value = get_value(&stepped, i), grad = (double)g[i] * (double)s->gradient_scale;
        /* the direction, from a shorter mean than the one that is kept */
        double mixed = beta1 * (double)m[i] + (1 - beta1) * grad;
        double sign = (mixed > 0) - (mixed < 0);
        value -= (double)s->lr * ((double)s->weight_decay * value + sign);
        put_value(&stepped, i, value, s);
        m[i] = (float)(beta2 * (double)m[i] + (1 - beta2) * grad);
    }
}

/* --- Muon --- */

/* In the workspace, all f64: X and the next X [N, K], A and its polynomial [d, d], d = min(N,
 * K). */
size_t reference_muon_workspace(const struct op_muon *a)
{
    int64_t N = a->parameter.rows, K = a->parameter.cols, d = N < K ? N : K;
    return (size_t)(2 * N * K + 2 * d * d) * sizeof(double);
}

/* a X + (b A + c A A) X, A = X X^T; of a tall X, a X + X (b A + c A A), A = X^T X. */
static void iterate(double *next, const double *x, double *A, double *P, int64_t N, int64_t K)
{
    int64_t d = N < K ? N : K, n = N < K ? K : N;
    /* element (i, k) of the wide form, d x n, is x[i * across + k * along] */
    int64_t across = N < K ? K : 1, along = N < K ? 1 : K;
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < d; j++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += x[i * across + k * along] * x[j * across + k * along];
            A[i * d + j] = sum;
        }
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < d; j++) {
            double sum = 0;
            for (int64_t k = 0; k < d; k++)
                sum += A[i * d + k] * A[k * d + j];
            P[i * d + j] = muon_polynomial[1] * A[i * d + j] + muon_polynomial[2] * sum;
        }
    for (int64_t i = 0; i < d; i++)
        for (int64_t k = 0; k < n; k++) {
            double sum = muon_polynomial[0] * x[i * across + k * along];
            for (int64_t j = 0; j < d; j++)
                sum += P[i * d + j] * x[j * across + k * along];
            next[i * across + k * along] = sum;
        }
}

void reference_muon(void *self, const struct op_call *call)
{
    const struct op_muon *a = &call->muon;
    const struct step_settings *s = &a->settings;
    const struct stepped stepped = stepped_of(&a->parameter, &a->master);
    const float *g = host_data(&a->gradient);
    float *m = host_data(&a->m);
    int64_t N = a->parameter.rows, K = a->parameter.cols, d = N < K ? N : K, count = N * K;
    double *x = host_data(&a->workspace), *next = x + count, *A = next + count, *P = A + d * d;
    double mu = s->beta1, squares = 0;
    (void)self;
    /* the momentum, and u ahead of it */
    for (int64_t i = 0; i < count; i++) {
        double grad = (double)g[i] * (double)s->gradient_scale;
        m[i] = (float)(mu * (double)m[i] + (1 - mu) * grad);
        x[i] = mu * (double)m[i] + (1 - mu) * grad;
        squares += x[i] * x[i];
    }
    /* X */
    double norm = fmax(sqrt(squares), (double)s->epsilon);
    for (int64_t i = 0; i < count; i++)
        x[i] /= norm;
    for (int i = 0; i < MUON_ITERATIONS; i++) {
        iterate(next, x, A, P, N, K);
        double *last = x;
        x = next;
        next = last;
    }
    /* the step */
    double factor = MUON_RMS * sqrt((double)(N > K ? N : K));
    for (int64_t i = 0; i < count; i++) {
        double value = get_value(&stepped, i);
        value -= (double)s->lr * ((double)s->weight_decay * value + factor * x[i]);
        put_value(&stepped, i, value, s);
    }
}
