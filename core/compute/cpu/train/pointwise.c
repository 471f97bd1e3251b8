/* Norms, rotary embedding, activation, and what works element by element, by chunks that stay in
 * the nearest cache. */
#include "compute/cpu/level.h"
#include "compute/noise.h"

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

static void scale_row(void *out, const void *x, enum storage type, struct weight weight, float r)
{
    float wide[CHUNK], w[CHUNK];
    for (int64_t at = 0; at < weight.cols; at += CHUNK) {
        int64_t part = chunk_at(at, weight.cols);
        widen(wide, element(x, type, at), type, part);
        widen(w, element(host_pointer(weight.data), weight.storage, at), weight.storage, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            wide[i] *= r * w[i];
        narrow(element_of(out, type, at), wide, type, part);
    }
}

void CPU(rmsnorm_forward)(void *self, struct place out, struct place rstd, struct place x,
                          enum storage type, struct weight weight, float epsilon, int64_t tokens)
{
    int64_t hidden = weight.cols;
    float *kept = host_pointer(rstd);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t t = 0; t < tokens; t++) {
        const void *row = element(host_pointer(x), type, t * hidden);
        double mean = row_squares(row, type, hidden) / (double)hidden;
        kept[t] = (float)(1 / sqrt(mean + (double)epsilon));
        scale_row(element_of(host_pointer(out), type, t * hidden), row, type, weight, kept[t]);
    }
}

/* One token's r (w g - x r^2 mean(w g x)) */
static void norm_backward_row(void *grad_x, enum accumulate accumulate, const void *grad_out,
                              const void *x, float r, enum storage type, struct weight weight)
{
    float g[CHUNK], wide[CHUNK], w[CHUNK];
    double sum = 0;
    int64_t hidden = weight.cols;
    const void *weights = host_pointer(weight.data);
    for (int pass = 0; pass < 2; pass++) {
        float mean = (float)(sum / (double)hidden) * r * r;
        for (int64_t at = 0; at < hidden; at += CHUNK) {
            int64_t part = chunk_at(at, hidden);
            widen(g, element(grad_out, type, at), type, part);
            widen(w, element(weights, weight.storage, at), weight.storage, part);
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

void CPU(rmsnorm_backward)(void *self, struct place grad_x, enum accumulate accumulate,
                           struct place grad_weight, struct place grad_out, struct place x,
                           struct place rstd, enum storage type, struct weight weight,
                           int64_t tokens)
{
    int64_t hidden = weight.cols;
    const float *kept = host_pointer(rstd);
    float *sum = host_pointer(grad_weight);
    const void *g = host_pointer(grad_out), *in = host_pointer(x);
    enum { PART = 128 };
    if (sum) {
#pragma omp parallel for num_threads(host_threads(self))
        for (int64_t first = 0; first < hidden; first += PART)
            norm_weight_columns(sum, g, in, kept, type, hidden, tokens, first,
                                hidden - first < PART ? hidden - first : PART);
    }
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t t = 0; t < tokens; t++)
        norm_backward_row(element_of(host_pointer(grad_x), type, t * hidden), accumulate,
                          element(g, type, t * hidden), element(in, type, t * hidden), kept[t],
                          type, weight);
}

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

void CPU(rope)(void *self, struct place x, enum storage type, struct place table,
               struct place positions, int64_t tokens, int heads, int head_dim, bool backward)
{
    const float *angles = host_pointer(table);
    const int32_t *position = host_pointer(positions);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t t = 0; t < tokens; t++)
        for (int head = 0; head < heads; head++)
            rotate_head(element_of(host_pointer(x), type, (t * heads + head) * head_dim), type,
                        angles + (int64_t)position[t] * head_dim, head_dim / 2,
                        backward ? -1.0f : 1.0f);
}

void CPU(swiglu_forward)(void *self, struct place out, struct place gate, struct place up,
                         enum storage type, int64_t count)
{
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += CHUNK) {
        float g[CHUNK], u[CHUNK];
        int64_t part = chunk_at(at, count);
        widen(g, element(host_pointer(gate), type, at), type, part);
        widen(u, element(host_pointer(up), type, at), type, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            g[i] = g[i] / (1 + exp_vector(-g[i])) * u[i];
        narrow(element_of(host_pointer(out), type, at), g, type, part);
    }
}

void CPU(swiglu_backward)(void *self, struct place grad_gate, struct place grad_up,
                          struct place grad_out, struct place gate, struct place up,
                          enum storage type, int64_t count)
{
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += CHUNK) {
        float g[CHUNK], u[CHUNK], go[CHUNK];
        int64_t part = chunk_at(at, count);
        widen(g, element(host_pointer(gate), type, at), type, part);
        widen(u, element(host_pointer(up), type, at), type, part);
        widen(go, element(host_pointer(grad_out), type, at), type, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++) {
            float sigmoid = 1 / (1 + exp_vector(-g[i]));
            float of_gate = go[i] * u[i] * sigmoid * (1 + g[i] * (1 - sigmoid));
            u[i] = go[i] * g[i] * sigmoid;
            g[i] = of_gate;
        }
        narrow(element_of(host_pointer(grad_gate), type, at), g, type, part);
        narrow(element_of(host_pointer(grad_up), type, at), u, type, part);
    }
}

void CPU(add)(void *self, struct place out, struct place x, enum storage type, int64_t count)
{
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += CHUNK) {
        float a[CHUNK], b[CHUNK];
        int64_t part = chunk_at(at, count);
        widen(a, element(host_pointer(out), type, at), type, part);
        widen(b, element(host_pointer(x), type, at), type, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            a[i] += b[i];
        narrow(element_of(host_pointer(out), type, at), a, type, part);
    }
}

void CPU(scale)(void *self, struct place x, enum storage type, float factor, int64_t count)
{
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t at = 0; at < count; at += CHUNK) {
        float values[CHUNK];
        int64_t part = chunk_at(at, count);
        widen(values, element(host_pointer(x), type, at), type, part);
#pragma omp simd
        for (int64_t i = 0; i < part; i++)
            values[i] *= factor;
        narrow(element_of(host_pointer(x), type, at), values, type, part);
    }
}

void CPU(add_noise)(void *self, struct place x, enum storage type, int64_t hidden,
                    struct documents documents, float alpha, const uint32_t key[2], uint32_t batch)
{
    for (int d = 0; d < documents.count; d++) {
        int64_t begin = documents.offsets[d] * hidden, end = documents.offsets[d + 1] * hidden;
        float size = noise_size(alpha, end - begin);
#pragma omp parallel for num_threads(host_threads(self))
        for (int64_t at = begin; at < end; at += CHUNK) {
            float values[CHUNK];
            int64_t part = chunk_at(at, end);
            widen(values, element(host_pointer(x), type, at), type, part);
            for (int64_t i = 0; i < part; i++)
                values[i] += size * noise_of(key, batch, at + i);
            narrow(element_of(host_pointer(x), type, at), values, type, part);
        }
    }
}

/* A fixed number of parts, added in their order: the sum does not depend on the threads. */
void CPU(sum_squares)(void *self, struct place sum, struct place x, int64_t count)
{
    enum { PARTS = 64 };
    double parts[PARTS] = {0};
    const float *values = host_pointer(x);
    int64_t length = (count / PARTS + CHUNK) / CHUNK * CHUNK;
#pragma omp parallel for num_threads(host_threads(self))
    for (int part = 0; part < PARTS; part++)
        if (part * length < count)
            parts[part] =
                row_squares(values + part * length, STORAGE_F32,
                            count - part * length < length ? count - part * length : length);
    for (int part = 0; part < PARTS; part++)
        *(double *)host_pointer(sum) += parts[part];
}

void CPU(fill_zero)(void *self, struct place out, size_t bytes)
{
    enum { PART = 1 << 20 };
    char *start = host_pointer(out);
#pragma omp parallel for num_threads(host_threads(self))
    for (size_t at = 0; at < bytes; at += PART)
        memset(start + at, 0, bytes - at < PART ? bytes - at : PART);
}

void CPU(copy)(void *self, struct place out, struct place from, size_t bytes)
{
    (void)self;
    memmove(host_pointer(out), host_pointer(from), bytes);
}
