/* What the benchmarks of singular values work on: memory that is there, and matrices of noise. */
#ifndef SPECTRUM_TESTS_BENCH_SPECTRA_BENCH_H
#define SPECTRUM_TESTS_BENCH_SPECTRA_BENCH_H

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

/* Aligned and touched, so that no measurement pays for its pages; ends the program without memory. */
static inline void *take(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory)
        exit(1);
    memset(memory, 0, bytes);
    return memory;
}

/* [rows, cols], free() it. */
static inline float *random_matrix(int64_t rows, int64_t cols, uint64_t seed)
{
    struct random_stream r = {.seed = seed};
    float *matrix = take((size_t)(rows * cols) * sizeof *matrix);
    for (int64_t i = 0; i < rows * cols; i++)
        matrix[i] = (float)random_normal(&r);
    return matrix;
}

#endif
