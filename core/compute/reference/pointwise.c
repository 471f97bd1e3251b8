/* Norms, rotary embedding, activation, and what works element by element. */
#include "compute/noise.h"
#include "compute/reference/reference.h"

#include <math.h>
#include <string.h>

void reference_rmsnorm_forward(void *self, struct place out, struct place rstd, struct place x,
                               enum storage type, struct weight weight, float epsilon,
                               int64_t tokens)
{
    (void)self;
    int64_t hidden = weight.cols;
    const void *in = host_pointer(x), *w = host_pointer(weight.data);
    for (int64_t t = 0; t < tokens; t++) {
        double squares = 0;
        for (int64_t h = 0; h < hidden; h++)
            squares += get(in, type, t * hidden + h) * get(in, type, t * hidden + h);
        double r = 1 / sqrt(squares / (double)hidden + (double)epsilon);
        put(host_pointer(rstd), STORAGE_F32, t, r);
        for (int64_t h = 0; h < hidden; h++)
            put(host_pointer(out), type, t * hidden + h,
                get(in, type, t * hidden + h) * r * get(w, weight.storage, h));
    }
}

/* d/dx of x r w: r (w g - x r^2 mean(w g x)) */
void reference_rmsnorm_backward(void *self, struct place grad_x, enum accumulate accumulate,
                                struct place grad_weight, struct place grad_out, struct place x,
                                struct place rstd, enum storage type, struct weight weight,
                                int64_t tokens)
{
    (void)self;
    int64_t hidden = weight.cols;
    const void *in = host_pointer(x), *w = host_pointer(weight.data), *g = host_pointer(grad_out);
    float *gw = host_pointer(grad_weight);
    for (int64_t t = 0; t < tokens; t++) {
        double r = get(host_pointer(rstd), STORAGE_F32, t), dot = 0;
        for (int64_t h = 0; h < hidden; h++)
            dot += get(w, weight.storage, h) * get(g, type, t * hidden + h) *
                   get(in, type, t * hidden + h);
        for (int64_t h = 0; h < hidden; h++) {
            double value = get(in, type, t * hidden + h), go = get(g, type, t * hidden + h);
            if (gw)
                put_or_add(gw, STORAGE_F32, h, go * value * r, ADD);
            put_or_add(host_pointer(grad_x), type, t * hidden + h,
                       r * (get(w, weight.storage, h) * go - value * r * r * dot / (double)hidden),
                       accumulate);
        }
    }
}

void reference_rope(void *self, struct place x, enum storage type, struct place table,
                    struct place positions, int64_t tokens, int heads, int head_dim, bool backward)
{
    (void)self;
    const float *angles = host_pointer(table);
    const int32_t *position = host_pointer(positions);
    int half = head_dim / 2;
    for (int64_t t = 0; t < tokens; t++) {
        for (int64_t at = t * heads * head_dim; at < (t + 1) * heads * head_dim; at += head_dim) {
            for (int j = 0; j < half; j++) {
                double c = angles[(int64_t)position[t] * head_dim + j];
                double s = angles[(int64_t)position[t] * head_dim + half + j];
                double a = get(host_pointer(x), type, at + j);
                double b = get(host_pointer(x), type, at + half + j);
                if (backward)
                    s = -s;
                put(host_pointer(x), type, at + j, a * c - b * s);
                put(host_pointer(x), type, at + half + j, b * c + a * s);
            }
        }
    }
}

void reference_swiglu_forward(void *self, struct place out, struct place gate, struct place up,
                              enum storage type, int64_t count)
{
    (void)self;
    for (int64_t i = 0; i < count; i++) {
        double g = get(host_pointer(gate), type, i);
        put(host_pointer(out), type, i, g / (1 + exp(-g)) * get(host_pointer(up), type, i));
    }
}

void reference_swiglu_backward(void *self, struct place grad_gate, struct place grad_up,
                               struct place grad_out, struct place gate, struct place up,
                               enum storage type, int64_t count)
{
    (void)self;
    for (int64_t i = 0; i < count; i++) {
        double g = get(host_pointer(gate), type, i), u = get(host_pointer(up), type, i);
        double go = get(host_pointer(grad_out), type, i), sigmoid = 1 / (1 + exp(-g));
        put(host_pointer(grad_gate), type, i, go * u * sigmoid * (1 + g * (1 - sigmoid)));
        put(host_pointer(grad_up), type, i, go * g * sigmoid);
    }
}

void reference_add(void *self, struct place out, struct place x, enum storage type, int64_t count)
{
    (void)self;
    for (int64_t i = 0; i < count; i++)
        put_or_add(host_pointer(out), type, i, get(host_pointer(x), type, i), ADD);
}

void reference_scale(void *self, struct place x, enum storage type, float factor, int64_t count)
{
    (void)self;
    for (int64_t i = 0; i < count; i++)
        put(host_pointer(x), type, i, (double)factor * get(host_pointer(x), type, i));
}

void reference_add_noise(void *self, struct place x, enum storage type, int64_t hidden,
                         struct documents documents, float alpha, const uint32_t key[2],
                         uint32_t batch)
{
    (void)self;
    for (int d = 0; d < documents.count; d++) {
        int64_t begin = documents.offsets[d] * hidden, end = documents.offsets[d + 1] * hidden;
        float size = noise_size(alpha, end - begin);
        for (int64_t i = begin; i < end; i++)
            put_or_add(host_pointer(x), type, i, (double)size * (double)noise_of(key, batch, i),
                       ADD);
    }
}

void reference_sum_squares(void *self, struct place sum, struct place x, int64_t count)
{
    (void)self;
    const float *values = host_pointer(x);
    double total = 0;
    for (int64_t i = 0; i < count; i++)
        total += (double)values[i] * (double)values[i];
    *(double *)host_pointer(sum) += total;
}

void reference_fill_zero(void *self, struct place out, size_t bytes)
{
    (void)self;
    memset(host_pointer(out), 0, bytes);
}

void reference_copy(void *self, struct place out, struct place from, size_t bytes)
{
    (void)self;
    memmove(host_pointer(out), host_pointer(from), bytes);
}
