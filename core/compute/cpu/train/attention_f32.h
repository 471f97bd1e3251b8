/* Tiles of fp32: their products, and how they are read. What stays in a loop over tiles is
 * transposed for the products, so that little is transposed per pair. Internal to core/compute/cpu.
 */
#ifndef SPECTRUM_COMPUTE_CPU_TRAIN_ATTENTION_F32_H
#define SPECTRUM_COMPUTE_CPU_TRAIN_ATTENTION_F32_H

#include "compute/cpu/train/attention_tiles.h"

/* c[TILE_TOKENS, n] += a[TILE_TOKENS, k] b[k, n]; a's strides are free, b and c are row-major, n is
 * a multiple of REGISTER_COLUMNS. */
static inline void tile_product(float *restrict c, int ldc, const float *restrict a, int a_row,
                                int a_col, const float *restrict b, int ldb, int n, int k)
{
    for (int j = 0; j < n; j += REGISTER_COLUMNS) {
        for (int i = 0; i < TILE_TOKENS; i += REGISTER_ROWS) {
            float sums[REGISTER_ROWS][REGISTER_COLUMNS];
            for (int r = 0; r < REGISTER_ROWS; r++)
#pragma omp simd
                for (int x = 0; x < REGISTER_COLUMNS; x++)
                    sums[r][x] = c[(i + r) * ldc + j + x];
            for (int p = 0; p < k; p++)
                for (int r = 0; r < REGISTER_ROWS; r++)
#pragma omp simd
                    for (int x = 0; x < REGISTER_COLUMNS; x++)
                        sums[r][x] += a[(i + r) * a_row + p * a_col] * b[p * ldb + j + x];
            for (int r = 0; r < REGISTER_ROWS; r++)
#pragma omp simd
                for (int x = 0; x < REGISTER_COLUMNS; x++)
                    c[(i + r) * ldc + j + x] = sums[r][x];
        }
    }
}

/* out[TILE_TOKENS, TILE_TOKENS] = rows transposed, of tiles [TILE_TOKENS, padded] and [padded,
 * TILE_TOKENS] */
static inline void compare(float *out, const float *rows, const float *transposed, int padded)
{
    memset(out, 0, TILE_TOKENS * TILE_TOKENS * sizeof *out);
    tile_product(out, TILE_TOKENS, rows, padded, 1, transposed, TILE_TOKENS, TILE_TOKENS, padded);
}

/* rows [count, padded] of one head, zeros after them; times factor */
static inline void load_tile(float *out, const struct attention *at, const void *from, int heads,
                             int head, int64_t first, int count, float factor)
{
    int dim = at->shape.head_dim;
    for (int i = 0; i < TILE_TOKENS; i++) {
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

/* out[padded, TILE_TOKENS] of rows [TILE_TOKENS, padded], by lines of the cache. */
static inline void transpose_tile(float *restrict out, const float *restrict rows, int padded)
{
    enum { LINE = 16 };
    for (int i = 0; i < TILE_TOKENS; i += LINE)
        for (int d = 0; d < padded; d++)
            for (int x = 0; x < LINE; x++)
                out[d * TILE_TOKENS + i + x] = rows[(i + x) * padded + d];
}

/* -inf in a row but for columns [begin, end), which may lie outside of it. */
static inline void mask_row(float *row, int64_t begin, int64_t end)
{
    for (int64_t i = 0; i < begin && i < TILE_TOKENS; i++)
        row[i] = -INFINITY;
    for (int64_t i = end < 0 ? 0 : end; i < TILE_TOKENS; i++)
        row[i] = -INFINITY;
}

#endif
