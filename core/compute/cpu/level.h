/* The CPU's operations are compiled once for every instruction-set level (CMakeLists.txt): LEVEL is
 * `base`, `avx2` or `avx512`, and every exported name carries it. The code is plain C that
 * compilers vectorise; what differs is how wide.
 */
#ifndef SPECTRUM_COMPUTE_CPU_LEVEL_H
#define SPECTRUM_COMPUTE_CPU_LEVEL_H

#include "base/number.h"
#include "compute/cpu/products.h"
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

/* Elements of a tensor, by the number of the first one. */
static inline const void *elements_at(const struct tensor *tensor, int64_t index)
{
    return element(host_data(tensor), tensor->storage, index);
}

static inline void *elements_in(const struct tensor *tensor, int64_t index)
{
    return element_of(host_data(tensor), tensor->storage, index);
}

#endif
