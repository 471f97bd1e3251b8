/* The CPU's operations are compiled once for every instruction-set level (CMakeLists.txt): LEVEL is
 * `base`, `avx2` or `avx512`, and every exported name carries it. The code is plain C that
 * compilers vectorise; what differs is how wide.
 */
#ifndef SPECTRUM_COMPUTE_CPU_LEVEL_H
#define SPECTRUM_COMPUTE_CPU_LEVEL_H

#include "base/number.h"
#include "compute/cpu/onednn.h"
#include "compute/host.h"

#define LEVEL_JOIN(name, level) cpu_##name##_##level
#define LEVEL_NAME(name, level) LEVEL_JOIN(name, level)
#define CPU(name) LEVEL_NAME(name, LEVEL)

/* Rounds f32 to storage, and widens; `count` elements, not overlapping. */
static inline void widen(float *restrict out, const void *restrict from, enum storage type,
                         int64_t count)
{
    const uint16_t *narrow = from;
    if (type == STORAGE_F32) {
        memcpy(out, from, (size_t)count * sizeof *out);
        return;
    }
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        out[i] = bf16_to_float(narrow[i]);
}

static inline void narrow(void *restrict out, const float *restrict from, enum storage type,
                          int64_t count)
{
    uint16_t *rounded = out;
    if (type == STORAGE_F32) {
        memcpy(out, from, (size_t)count * sizeof *from);
        return;
    }
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        rounded[i] = bf16_from_float(from[i]);
}

static inline const void *element(const void *array, enum storage type, int64_t index)
{
    return (const char *)array + (size_t)index * storage_size(type);
}

static inline void *element_of(void *array, enum storage type, int64_t index)
{
    return (char *)array + (size_t)index * storage_size(type);
}

/* exp(x) to 2 units in the last place: 2^n e^r with |r| <= ln(2) / 2 and a polynomial of degree 6.
 * Below -87 it is the smallest normal number or nothing; above 88 the largest. */
static inline float exp_vector(float x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it leaves the nearest integer */
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float n = (x * 1.44269504f + round) - round;
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * float_from_bits((uint32_t)((int32_t)n + 127) << 23);
}

extern const struct train_ops CPU(train_ops);

void CPU(embedding_forward)(void *self, struct place out, enum storage type, struct weight weight,
                            struct place ids, int64_t tokens);
void CPU(embedding_backward)(void *self, struct place grad_weight, struct place grad_out,
                             enum storage type, struct place ids, int64_t tokens, int64_t vocab,
                             int64_t hidden);
void CPU(rmsnorm_forward)(void *self, struct place out, struct place rstd, struct place x,
                          enum storage type, struct weight weight, float epsilon, int64_t tokens);
void CPU(rmsnorm_backward)(void *self, struct place grad_x, enum accumulate accumulate,
                           struct place grad_weight, struct place grad_out, struct place x,
                           struct place rstd, enum storage type, struct weight weight,
                           int64_t tokens);
void CPU(dequantize)(void *self, struct place out, enum storage type, struct weight weight);
void CPU(linear_forward)(void *self, struct place out, enum accumulate accumulate, struct place x,
                         enum storage type, struct weight weight, struct place bias,
                         int64_t tokens);
void CPU(linear_backward_input)(void *self, struct place grad_x, enum accumulate accumulate,
                                struct place grad_out, enum storage type, struct weight weight,
                                int64_t tokens);
void CPU(linear_backward_weight)(void *self, struct place grad_weight, enum accumulate accumulate,
                                 struct place grad_out, struct place x, enum storage type,
                                 int64_t rows, int64_t cols, int64_t tokens);
void CPU(bias_backward)(void *self, struct place grad_bias, struct place grad_out,
                        enum storage type, int64_t tokens, int64_t rows);
void CPU(rope)(void *self, struct place x, enum storage type, struct place table,
               struct place positions, int64_t tokens, int heads, int head_dim, bool backward);
void CPU(attention_forward)(void *self, struct place out, struct place lse, struct place q,
                            struct place k, struct place v, enum storage type,
                            struct attention_shape shape, struct documents documents);
void CPU(attention_backward)(void *self, struct place grad_q, struct place grad_k,
                             struct place grad_v, struct place grad_out, struct place out,
                             struct place lse, struct place q, struct place k, struct place v,
                             enum storage type, struct attention_shape shape,
                             struct documents documents, struct place workspace);
size_t CPU(attention_workspace)(void *self, struct attention_shape shape, enum storage type);
void CPU(swiglu_forward)(void *self, struct place out, struct place gate, struct place up,
                         enum storage type, int64_t count);
void CPU(swiglu_backward)(void *self, struct place grad_gate, struct place grad_up,
                          struct place grad_out, struct place gate, struct place up,
                          enum storage type, int64_t count);
void CPU(add)(void *self, struct place out, struct place x, enum storage type, int64_t count);
void CPU(scale)(void *self, struct place x, enum storage type, float factor, int64_t count);
void CPU(add_noise)(void *self, struct place x, enum storage type, int64_t hidden,
                    struct documents documents, float alpha, const uint32_t key[2], uint32_t batch);
void CPU(head_loss)(void *self, struct place loss, struct place grad_x, struct place grad_weight,
                    struct place x, enum storage type, struct weight head, struct targets targets,
                    int64_t tokens, float scale, float z_loss, struct place workspace);
size_t CPU(head_workspace)(void *self, int64_t tokens, int64_t hidden, int64_t vocab,
                           enum storage type);
void CPU(sum_squares)(void *self, struct place sum, struct place x, int64_t count);
void CPU(adamw)(void *self, struct place parameter, enum storage storage, struct place master,
                struct moments moments, struct place gradient, int64_t count,
                const struct adamw *settings);
void CPU(fill_zero)(void *self, struct place out, size_t bytes);
void CPU(copy)(void *self, struct place out, struct place from, size_t bytes);

#endif
