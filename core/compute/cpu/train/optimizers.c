/* The steps of the optimisers (op.h has the formulas): AdamW and Lion in one pass over parameter,
 * master, state and gradient; Muon by products of matrices. All go by blocks of BLOCK elements, a
 * block to one thread, so that results do not depend on the threads. */
#include "compute/cpu/train/operations.h"
#include "compute/dynamic.h"

#include <math.h>

enum { BLOCK = DYNAMIC_BLOCK, LANES = 16 };

/* --- rounding --- */

/* random_philox() for LANES counters at once: words[i] is that of element first + i. */
static void draw_words(uint32_t *restrict words, const struct step_settings *settings,
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
                                 const struct step_settings *settings, enum draw draw,
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

/* --- the parameter --- */

/* What a step changes: the parameter, and the master beside it. */
struct stepped {
    void *parameter;
    enum storage storage;
    float *master; /* NULL: none */
};

static struct stepped stepped_of(const struct tensor *parameter, const struct tensor *master)
{
    return (struct stepped){host_data(parameter), parameter->storage, host_data(master)};
}

/* The values of the block at `first`: the master's, where they lie, or the parameter's, widened. */
static float *load_values(float *restrict wide, const struct stepped *stepped, int64_t first,
                          int64_t count)
{
    if (stepped->master)
        return stepped->master + first;
    widen(wide, element(stepped->parameter, stepped->storage, first), stepped->storage, count);
    return wide;
}

/* `values` is what load_values() returned, updated. */
static void store_values(const struct stepped *stepped, const float *values, int64_t first,
                         int64_t count, const struct step_settings *settings)
{
    void *out = element_of(stepped->parameter, stepped->storage, first);
    if (stepped->storage == STORAGE_BF16 && !stepped->master)
        round_stochastically(out, values, settings, DRAW_PARAMETER, first, count);
    else
        narrow(out, values, stepped->storage, count);
}

/* --- AdamW --- */

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
                          const struct step_settings *settings)
{
    if (stored->type == STORAGE_BF16)
        round_stochastically(element_of(stored->data, STORAGE_BF16, first), values, settings,
                             stored->draw, first, count);
    if (stored->type == STORAGE_DYNAMIC8)
        quantize(stored, values, first, count);
}

/* What is the same for every element: the formula's factors, put together once in double. */
struct adamw_rates {
    float beta1, beta2, rest1, rest2, scale, step, root, epsilon, keep;
};

static struct adamw_rates adamw_rates_of(const struct step_settings *s)
{
    return (struct adamw_rates){.beta1 = (float)s->beta1,
                                .beta2 = (float)s->beta2,
                                .rest1 = (float)(1 - s->beta1),
                                .rest2 = (float)(1 - s->beta2),
                                .scale = s->gradient_scale,
                                .step = (float)((double)s->lr / (double)s->correction1),
                                .root = (float)(1 / sqrt((double)s->correction2)),
                                .epsilon = s->epsilon,
                                .keep = (float)(1 - (double)s->lr * (double)s->weight_decay)};
}

/* With the corrections in `step` and `root`, m and v are used as they are stored:
 *
 *     value := value (1 - lr decay) - lr (m / correction1) / (sqrt(v / correction2) + epsilon)
 */
static void adamw_update(float *restrict value, float *restrict m, float *restrict v,
                         const float *restrict gradient, const struct adamw_rates *r, int64_t count)
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

/* A block to a thread: each has its scale of 8-bit moments, and words of its own to round by. */
void CPU(adamw)(void *self, const struct op_call *call)
{
    const struct op_adamw *a = &call->adamw;
    const struct step_settings *settings = &a->settings;
    const struct stored first = stored_of(&a->m, DYNAMIC_SIGNED, DRAW_M);
    const struct stored second = stored_of(&a->v, DYNAMIC_UNSIGNED, DRAW_V);
    const struct stepped stepped = stepped_of(&a->parameter, &a->master);
    const struct adamw_rates rates = adamw_rates_of(settings);
    const float *g = host_data(&a->gradient);
    int64_t count = tensor_elements(&a->parameter);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += BLOCK) {
        float wide[BLOCK], wide_m[BLOCK], wide_v[BLOCK];
        int64_t part = count - at < BLOCK ? count - at : BLOCK;
        float *value = load_values(wide, &stepped, at, part);
        float *m = load_moments(wide_m, &first, at, part),
              *v = load_moments(wide_v, &second, at, part);
        adamw_update(value, m, v, g + at, &rates, part);
        store_values(&stepped, value, at, part, settings);
        store_moments(&first, m, at, part, settings);
        store_moments(&second, v, at, part, settings);
    }
}

/* --- Lion --- */

/* The mean that is kept, m, forgets more slowly than the one that gives the direction:
 *
 *     value := value (1 - lr decay) - lr sign(beta1 m + (1 - beta1) g)
 *     m := beta2 m + (1 - beta2) g
 */
static void lion_update(float *restrict value, float *restrict m, const float *restrict gradient,
                        const struct step_settings *s, int64_t count)
{
    const float beta1 = (float)s->beta1, rest1 = (float)(1 - s->beta1);
    const float beta2 = (float)s->beta2, rest2 = (float)(1 - s->beta2);
    const float keep = (float)(1 - (double)s->lr * (double)s->weight_decay);
    const float lr = s->lr, scale = s->gradient_scale;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        float g = gradient[i] * scale;
        /* the direction, from a shorter mean than the one that is kept */
        float mixed = beta1 * m[i] + rest1 * g;
        float step = mixed > 0 ? lr : mixed < 0 ? -lr : 0;
        value[i] = value[i] * keep - step;
        m[i] = beta2 * m[i] + rest2 * g;
    }
}

/* m is f32 whatever the parameter is, so it is updated where it lies. */
void CPU(lion)(void *self, const struct op_call *call)
{
    const struct op_lion *a = &call->lion;
    const struct stepped stepped = stepped_of(&a->parameter, &a->master);
    const float *g = host_data(&a->gradient);
    float *m = host_data(&a->m);
    int64_t count = tensor_elements(&a->parameter);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += BLOCK) {
        float wide[BLOCK];
        int64_t part = count - at < BLOCK ? count - at : BLOCK;
        float *value = load_values(wide, &stepped, at, part);
        lion_update(value, m + at, g + at, &a->settings, part);
        store_values(&stepped, value, at, part, &a->settings);
    }
}

/* --- Muon --- */

/* In the workspace, all f32: X and the next X [N, K], A and its polynomial P [d, d], d = min(N, K).
 */
size_t CPU(muon_workspace)(const struct op_muon *a)
{
    int64_t N = a->parameter.rows, K = a->parameter.cols, d = N < K ? N : K;
    return (size_t)(2 * N * K + 2 * d * d) * sizeof(float);
}

/* Matrix [rows, cols] of f32 in the workspace, from its element `first` on. */
static struct tensor matrix_in(const struct tensor *workspace, int64_t first, int64_t rows,
                               int64_t cols)
{
    struct place place = workspace->data;
    place.offset += (size_t)first * sizeof(float);
    return tensor_at(place, STORAGE_F32, rows, cols);
}

/* The products of matrices are linear.c's, which knows what to do where oneDNN has none: out = a
 * b. */
static void multiply(void *self, struct tensor out, struct tensor a, struct tensor b)
{
    const struct op_call product = {
        OP_LINEAR_BACKWARD_INPUT,
        .linear_backward_input = {.grad_x = out, .grad_out = a, .weight = b}};
    CPU(linear_backward_input)(self, &product);
}

/* out = x x^T of a wide x, x^T x of a tall one */
static void multiply_by_itself(void *self, struct tensor out, struct tensor x)
{
    const struct op_call wide = {OP_LINEAR_FORWARD,
                                 .linear_forward = {.out = out, .x = x, .weight = x}};
    const struct op_call tall = {
        OP_LINEAR_BACKWARD_WEIGHT,
        .linear_backward_weight = {.grad_weight = out, .grad_out = x, .x = x}};
    if (x.rows <= x.cols)
        CPU(linear_forward)(self, &wide);
    else
        CPU(linear_backward_weight)(self, &tall);
}

/* m and u into `u`; the sum of the squares of u. */
static double momentum(void *self, const struct op_muon *a, float *u)
{
    const float *g = host_data(&a->gradient);
    float *m = host_data(&a->m);
    const float mu = (float)a->settings.beta1, rest = (float)(1 - a->settings.beta1);
    const float scale = a->settings.gradient_scale;
    enum { PARTS = 64 };
    double parts[PARTS] = {0}, squares = 0;
    int64_t count = tensor_elements(&a->m), length = (count / PARTS + BLOCK) / BLOCK * BLOCK;
#pragma omp parallel for num_threads(host_threads(self))
    for (int part = 0; part < PARTS; part++) {
        int64_t end = (part + 1) * length < count ? (part + 1) * length : count;
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = part * length; i < end; i++) {
            float grad = g[i] * scale;
            m[i] = mu * m[i] + rest * grad;
            u[i] = mu * m[i] + rest * grad;
            sum += (double)u[i] * (double)u[i];
        }
        parts[part] = sum;
    }
    for (int part = 0; part < PARTS; part++)
        squares += parts[part];
    return squares;
}

/* u / |u| has singular values up to 1, and each iteration X := a X + (b A + c A A) X moves them all
 * towards 1 (Newton and Schulz): in the end X is near to U V^T of u = U S V^T, at the cost of a few
 * products. a is added on P's diagonal, so that an iteration ends with one product, P X. */
void CPU(muon)(void *self, const struct op_call *call)
{
    const struct op_muon *a = &call->muon;
    const struct step_settings *s = &a->settings;
    const struct stepped stepped = stepped_of(&a->parameter, &a->master);
    int64_t N = a->parameter.rows, K = a->parameter.cols, d = N < K ? N : K, count = N * K;
    struct tensor X = matrix_in(&a->workspace, 0, N, K);
    struct tensor next = matrix_in(&a->workspace, count, N, K);
    const struct tensor A = matrix_in(&a->workspace, 2 * count, d, d);
    const struct tensor P = matrix_in(&a->workspace, 2 * count + d * d, d, d);
    float *x = host_data(&X), *p = host_data(&P);
    const float *squared = host_data(&A);
    double norm = fmax(sqrt(momentum(self, a, x)), (double)s->epsilon);
    const float shrink = (float)(1 / norm);
#pragma omp parallel for simd num_threads(host_threads(self))
    for (int64_t i = 0; i < count; i++)
        x[i] *= shrink;
    for (int iteration = 0; iteration < MUON_ITERATIONS; iteration++) {
        /* A = X X^T, or X^T X where X is tall */
        multiply_by_itself(self, A, X);
        /* P = a + b A + c A A, so that the next X is P X, or X P */
        multiply(self, P, A, A);
#pragma omp parallel for num_threads(host_threads(self))
        for (int64_t i = 0; i < d; i++) {
#pragma omp simd
            for (int64_t j = 0; j < d; j++)
                p[i * d + j] = (float)muon_polynomial[1] * squared[i * d + j] +
                               (float)muon_polynomial[2] * p[i * d + j];
            p[i * d + i] += (float)muon_polynomial[0];
        }
        multiply(self, next, N <= K ? P : X, N <= K ? X : P);
        const struct tensor last = X;
        X = next;
        next = last;
    }
    /* the step, and beside it the decay */
    x = host_data(&X);
    const float keep = (float)(1 - (double)s->lr * (double)s->weight_decay);
    const float step = (float)((double)s->lr * MUON_RMS * sqrt((double)(N > K ? N : K)));
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += BLOCK) {
        float wide[BLOCK];
        int64_t part = count - at < BLOCK ? count - at : BLOCK;
        float *value = load_values(wide, &stepped, at, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            value[i] = value[i] * keep - step * x[at + i];
        store_values(&stepped, value, at, part, s);
    }
}
