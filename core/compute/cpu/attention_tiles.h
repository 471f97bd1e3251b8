/* Tiles of fp32: their products, and how they are read. What stays in a loop over tiles is turned
 * for the products, so that little is turned per pair. Internal to core/compute/cpu. */
#ifndef SPECTRUM_COMPUTE_CPU_ATTENTION_TILES_H
#define SPECTRUM_COMPUTE_CPU_ATTENTION_TILES_H

#include "compute/cpu/attention.h"

/* c[TILE, n] += a[TILE, k] b[k, n]; a's strides are free, b and c are row-major, n is a multiple of
 * PANEL. */
static inline void tile_product(float *restrict c, int ldc, const float *restrict a, int a_row,
                                int a_col, const float *restrict b, int ldb, int n, int k)
{
    for (int j = 0; j < n; j += PANEL) {
        for (int i = 0; i < TILE; i += ROWS) {
            float sums[ROWS][PANEL];
            for (int r = 0; r < ROWS; r++)
#pragma omp simd
                for (int x = 0; x < PANEL; x++)
                    sums[r][x] = c[(i + r) * ldc + j + x];
            for (int p = 0; p < k; p++)
                for (int r = 0; r < ROWS; r++)
#pragma omp simd
                    for (int x = 0; x < PANEL; x++)
                        sums[r][x] += a[(i + r) * a_row + p * a_col] * b[p * ldb + j + x];
            for (int r = 0; r < ROWS; r++)
#pragma omp simd
                for (int x = 0; x < PANEL; x++)
                    c[(i + r) * ldc + j + x] = sums[r][x];
        }
    }
}

/* out[TILE, TILE] = rows turned, of tiles [TILE, padded] and [padded, TILE] */
static inline void compare(float *out, const float *rows, const float *turned, int padded)
{
    memset(out, 0, TILE * TILE * sizeof *out);
    tile_product(out, TILE, rows, padded, 1, turned, TILE, TILE, padded);
}

/* rows [count, padded] of one head, zeros behind; times factor */
static inline void load(float *out, const struct attention *at, const void *from, int heads,
                        int head, int64_t first, int count, float factor)
{
    int dim = at->shape.head_dim;
    for (int i = 0; i < TILE; i++) {
        float *row = out + i * at->padded;
        if (i >= count) {
            memset(row, 0, (size_t)at->padded * sizeof *row);
            continue;
        }
        widen(row, element(from, at->type, ((first + i) * heads + head) * dim), at->type, dim);
#pragma omp simd
        for (int d = 0; d < dim; d++)
            row[d] *= factor;
        for (int d = dim; d < at->padded; d++)
            row[d] = 0;
    }
}

/* out[padded, TILE] of rows [TILE, padded], by lines of the cache. */
static inline void transpose(float *restrict out, const float *restrict rows, int padded)
{
    enum { LINE = 16 };
    for (int i = 0; i < TILE; i += LINE)
        for (int d = 0; d < padded; d++)
            for (int x = 0; x < LINE; x++)
                out[d * TILE + i + x] = rows[(i + x) * padded + d];
}

/* -inf in a row but for columns [begin, end), which may lie outside of it. */
static inline void mask_row(float *row, int64_t begin, int64_t end)
{
    for (int64_t i = 0; i < begin && i < TILE; i++)
        row[i] = -INFINITY;
    for (int64_t i = end < 0 ? 0 : end; i < TILE; i++)
        row[i] = -INFINITY;
}

#endif
