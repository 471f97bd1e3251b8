/* Norms, rotary embedding, activation, and what works element by element (op.h has the formulas),
 * by chunks that stay in the nearest cache. */
#include "compute/cpu/train/operations.h"
#include "compute/neftune.h"

#include <math.h>

enum { CHUNK = 1024, LANES = 16 };

static int64_t chunk_at(int64_t first, int64_t count)
{
    return count - first < CHUNK ? count - first : CHUNK;
}

/* Sums in LANES partial sums, so that the compiler may use vectors and every level adds in the same
 * order. */
static float dot(const float *restrict a, const float *restrict b, int64_t count)
{
    float lanes[LANES] = {0}, sum = 0;
    int64_t whole = count / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += a[i + lane] * b[i + lane];
    for (int64_t i = whole; i < count; i++)
        sum += a[i] * b[i];
    for (int lane = 0; lane < LANES; lane++)
        sum += lanes[lane];
    return sum;
}

/* In fp32 within a chunk, in fp64 over them: rows may be long. */
static double row_squares(const void *row, enum storage type, int64_t count)
{
    float wide[CHUNK];
    double sum = 0;
    for (int64_t at = 0; at < count; at += CHUNK) {
        int64_t part = chunk_at(at, count);
        widen(wide, element(row, type, at), type, part);
        sum += (double)dot(wide, wide, part);
    }
    return sum;
}

/* out = x r weight */
static void scale_row(void *out, const void *x, enum storage type, const struct tensor *weight,
                      float r)
{
    float wide[CHUNK], w[CHUNK];
    for (int64_t at = 0; at < weight->cols; at += CHUNK) {
        int64_t part = chunk_at(at, weight->cols);
        widen(wide, element(x, type, at), type, part);
        widen(w, elements_at(weight, at), weight->storage, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            wide[i] *= r * w[i];
        narrow(element_of(out, type, at), wide, type, part);
    }
}

/* rstd = 1 / sqrt(mean of x^2 + epsilon),  out = x rstd weight; a row to a thread */
void CPU(rmsnorm_forward)(void *self, const struct op_call *call)
{
    const struct op_rmsnorm_forward *a = &call->rmsnorm_forward;
    int64_t hidden = a->x.cols;
    enum storage type = a->x.storage;
    float *rstd = host_data(&a->rstd);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t t = 0; t < a->x.rows; t++) {
        const void *row = elements_at(&a->x, t * hidden);
        double mean = row_squares(row, type, hidden) / (double)hidden;
        rstd[t] = (float)(1 / sqrt(mean + (double)a->epsilon));
        scale_row(elements_in(&a->out, t * hidden), row, type, &a->weight, rstd[t]);
    }
}

/* One token's gradient, r (w g - x r^2 mean(w g x)): the mean is found in a first pass over the
 * row's chunks, the gradient made in a second. */
static void norm_backward_row(void *grad_x, enum accumulate accumulate, const void *grad_out,
                              const void *x, float r, enum storage type,
                              const struct tensor *weight)
{
    float g[CHUNK], wide[CHUNK], w[CHUNK];
    double sum = 0;
    int64_t hidden = weight->cols;
    for (int pass = 0; pass < 2; pass++) {
        float mean = (float)(sum / (double)hidden) * r * r;
        for (int64_t at = 0; at < hidden; at += CHUNK) {
            int64_t part = chunk_at(at, hidden);
            widen(g, element(grad_out, type, at), type, part);
            widen(w, elements_at(weight, at), weight->storage, part);
            widen(wide, element(x, type, at), type, part);
#pragma omp simd
            for (int64_t i = 0; i < part; i++)
                g[i] *= w[i];
            if (pass == 0) {
                sum += (double)dot(g, wide, part);
                continue;
            }
#pragma omp simd
            for (int64_t i = 0; i < part; i++)
                g[i] = r * (g[i] - wide[i] * mean);
            if (accumulate == ADD) {
                widen(wide, element(grad_x, type, at), type, part);
#pragma omp simd
                for (int64_t i = 0; i < part; i++)
                    g[i] += wide[i];
            }
            narrow(element_of(grad_x, type, at), g, type, part);
        }
    }
}

/* Columns [first, first + part) of the weight's gradient: the sum over tokens of g x r. */
static void norm_weight_columns(float *sum, const void *grad_out, const void *x, const float *rstd,
                                enum storage type, int64_t hidden, int64_t tokens, int64_t first,
                                int64_t part)
{
    float g[CHUNK], wide[CHUNK];
    for (int64_t t = 0; t < tokens; t++) {
        widen(g, element(grad_out, type, t * hidden + first), type, part);
        widen(wide, element(x, type, t * hidden + first), type, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            sum[first + i] += g[i] * wide[i] * rstd[t];
    }
}

/* The weight's gradient first: grad_x may lie where grad_out does, which it reads. */
void CPU(rmsnorm_backward)(void *self, const struct op_call *call)
{
    const struct op_rmsnorm_backward *a = &call->rmsnorm_backward;
    int64_t hidden = a->x.cols, tokens = a->x.rows;
    enum storage type = a->x.storage;
    const float *rstd = host_data(&a->rstd);
    float *sum = host_data(&a->grad_weight);
    const void *g = host_data(&a->grad_out), *x = host_data(&a->x);
    enum { PART = 128 };
    /* grad_weight += sum over the tokens of g x rstd: columns to a thread, so that the sums are in
     * the order of the tokens */
    if (sum) {
#pragma omp parallel for num_threads(host_threads(self))
        for (int64_t first = 0; first < hidden; first += PART)
            norm_weight_columns(sum, g, x, rstd, type, hidden, tokens, first,
                                hidden - first < PART ? hidden - first : PART);
    }
    /* grad_x = or += rstd (weight g - x rstd^2 mean(weight g x)) */
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t t = 0; t < tokens; t++)
        norm_backward_row(elements_in(&a->grad_x, t * hidden), a->accumulate,
                          element(g, type, t * hidden), element(x, type, t * hidden), rstd[t], type,
                          &a->weight);
}

/* Dimensions j and half + j of a head, rotated together: (a, b) := (a c - b s, b c + a s). The
 * backward pass is the inverse rotation, of the opposite sign. */
static void rotate_head(void *head, enum storage type, const float *angles, int half, float sign)
{
    float a[CHUNK], b[CHUNK];
    for (int at = 0; at < half; at += CHUNK) {
        int part = half - at < CHUNK ? half - at : CHUNK;
        widen(a, element(head, type, at), type, part);
        widen(b, element(head, type, half + at), type, part);
#pragma omp simd
        for (int j = 0; j < part; j++) {
            float c = angles[at + j], s = sign * angles[half + at + j];
            float first = a[j] * c - b[j] * s;
            b[j] = b[j] * c + a[j] * s;
            a[j] = first;
        }
        narrow(element_of(head, type, at), a, type, part);
        narrow(element_of(head, type, half + at), b, type, part);
    }
}

/* Angles are those of a token's position in its document; all heads of a token turn alike. */
void CPU(rope)(void *self, const struct op_call *call)
{
    const struct op_rope *a = &call->rope;
    const float *angles = host_data(&a->table);
    const int32_t *position = host_data(&a->positions);
    int64_t dim = a->table.cols, heads = a->x.cols / dim;
    float sign = a->backward ? -1.0f : 1.0f;
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t t = 0; t < a->x.rows; t++)
        for (int64_t head = 0; head < heads; head++)
            rotate_head(elements_in(&a->x, (t * heads + head) * dim), a->x.storage,
                        angles + position[t] * dim, (int)(dim / 2), sign);
}

/* out = g sigmoid(g) u = g / (1 + e^-g) u */
void CPU(swiglu_forward)(void *self, const struct op_call *call)
{
    const struct op_swiglu_forward *a = &call->swiglu_forward;
    int64_t count = tensor_elements(&a->out);
    enum storage type = a->out.storage;
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += CHUNK) {
        float g[CHUNK], u[CHUNK];
        int64_t part = chunk_at(at, count);
        widen(g, elements_at(&a->gate, at), type, part);
        widen(u, elements_at(&a->up, at), type, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            g[i] = g[i] / (1 + exp_vector(-g[i])) * u[i];
        narrow(elements_in(&a->out, at), g, type, part);
    }
}

/* With s = sigmoid(g): grad_gate = go u s (1 + g (1 - s)),  grad_up = go g s. */
void CPU(swiglu_backward)(void *self, const struct op_call *call)
{
    const struct op_swiglu_backward *a = &call->swiglu_backward;
    int64_t count = tensor_elements(&a->grad_out);
    enum storage type = a->grad_out.storage;
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += CHUNK) {
        float g[CHUNK], u[CHUNK], go[CHUNK];
        int64_t part = chunk_at(at, count);
        widen(g, elements_at(&a->gate, at), type, part);
        widen(u, elements_at(&a->up, at), type, part);
        widen(go, elements_at(&a->grad_out, at), type, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++) {
            float sigmoid = 1 / (1 + exp_vector(-g[i]));
            float of_gate = go[i] * u[i] * sigmoid * (1 + g[i] * (1 - sigmoid));
            u[i] = go[i] * g[i] * sigmoid;
            g[i] = of_gate;
        }
        narrow(elements_in(&a->grad_gate, at), g, type, part);
        narrow(elements_in(&a->grad_up, at), u, type, part);
    }
}

/* out += x, rounded once. */
void CPU(add)(void *self, const struct op_call *call)
{
    const struct op_add *a = &call->add;
    int64_t count = tensor_elements(&a->out);
    enum storage type = a->out.storage;
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += CHUNK) {
        float out[CHUNK], x[CHUNK];
        int64_t part = chunk_at(at, count);
        widen(out, elements_at(&a->out, at), type, part);
        widen(x, elements_at(&a->x, at), type, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            out[i] += x[i];
        narrow(elements_in(&a->out, at), out, type, part);
    }
}

/* x := factor x */
void CPU(scale)(void *self, const struct op_call *call)
{
    const struct op_scale *a = &call->scale;
    int64_t count = tensor_elements(&a->x);
    enum storage type = a->x.storage;
    float factor = a->factor;
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += CHUNK) {
        float values[CHUNK];
        int64_t part = chunk_at(at, count);
        widen(values, elements_at(&a->x, at), type, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            values[i] *= factor;
        narrow(elements_in(&a->x, at), values, type, part);
    }
}

/* NEFTune (Jain et al., arXiv 2310.05914): uniform noise, the smaller the longer its document,
 * drawn by an element's number, so it is the same with any number of threads. */
void CPU(add_noise)(void *self, const struct op_call *call)
{
    const struct op_add_noise *a = &call->add_noise;
    int64_t hidden = a->x.cols;
    for (int d = 0; d < a->documents.count; d++) {
        int64_t begin = a->documents.offsets[d] * hidden;
        int64_t end = a->documents.offsets[d + 1] * hidden;
        float size = noise_size(a->alpha, end - begin);
#pragma omp parallel for num_threads(host_threads(self))
        for (int64_t at = begin; at < end; at += CHUNK) {
            float values[CHUNK];
            int64_t part = chunk_at(at, end);
            widen(values, elements_at(&a->x, at), a->x.storage, part);
            for (int64_t i = 0; i < part; i++)
                values[i] += size * noise_of(a->key, a->batch, at + i);
            narrow(elements_in(&a->x, at), values, a->x.storage, part);
        }
    }
}

/* A fixed number of parts, added in their order: the sum does not depend on the threads. */
void CPU(sum_squares)(void *self, const struct op_call *call)
{
    const struct op_sum_squares *a = &call->sum_squares;
    enum { PARTS = 64 };
    double parts[PARTS] = {0}, *sum = host_data(&a->sum);
    const float *values = host_data(&a->x);
    int64_t count = tensor_elements(&a->x), length = (count / PARTS + CHUNK) / CHUNK * CHUNK;
#pragma omp parallel for num_threads(host_threads(self))
    for (int part = 0; part < PARTS; part++)
        if (part * length < count)
            parts[part] =
                row_squares(values + part * length, STORAGE_F32,
                            count - part * length < length ? count - part * length : length);
    for (int part = 0; part < PARTS; part++)
        *sum += parts[part];
}

/* By parts of a megabyte, to all threads. */
void CPU(fill_zero)(void *self, const struct op_call *call)
{
    const struct op_fill_zero *a = &call->fill_zero;
    enum { PART = 1 << 20 };
    char *start = host_data(&a->out);
    size_t bytes = tensor_bytes(&a->out).data;
#pragma omp parallel for num_threads(host_threads(self))
    for (size_t at = 0; at < bytes; at += PART)
        memset(start + at, 0, bytes - at < PART ? bytes - at : PART);
}

/* memmove: one tensor may lie where another one ends. */
void CPU(copy)(void *self, const struct op_call *call)
{
    const struct op_copy *a = &call->copy;
    (void)self;
    memmove(host_data(&a->out), host_data(&a->from), tensor_bytes(&a->from).data);
}
