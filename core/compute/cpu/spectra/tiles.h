/* What the eigenvalue solver's inner loops are made of: vectors of doubles as wide as the level's
 * registers, the one product, and matrices by square tiles. GCC's and clang's vector extensions:
 * the same source for every level.
 *
 * A tile is panels of PANEL columns, each contiguous, so that every product streams. A matrix's
 * order is padded to whole tiles with zeros, which stay what they are.
 */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_TILES_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_TILES_H

#include "compute/cpu/level.h"
#include "compute/spectra.h"

#include <stdint.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

/* --- vectors and the product --- */

#if defined(__AVX512F__)
enum { WIDTH = 8, PRODUCT_ROWS = 8 };
#elif defined(__AVX2__)
enum { WIDTH = 4, PRODUCT_ROWS = 4 };
#else
enum { WIDTH = 2, PRODUCT_ROWS = 4 };
#endif
enum { PANEL = 2 * WIDTH }; /* columns of a packed panel */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

typedef double vector __attribute__((vector_size(8 * WIDTH)));
typedef int64_t mask __attribute__((vector_size(8 * WIDTH)));
typedef double unaligned_vector __attribute__((vector_size(8 * WIDTH), aligned(8)));

INLINE vector load(const double *from)
{
    return *(const unaligned_vector *)from;
}

INLINE void store(double *to, vector v)
{
    *(unaligned_vector *)to = v;
}

INLINE vector splat(double x)
{
#if defined(__AVX512F__)
    return (vector){x, x, x, x, x, x, x, x};
#elif defined(__AVX2__)
    return (vector){x, x, x, x};
#else
    return (vector){x, x};
#endif
}

INLINE double sum_of(vector v)
{
#if defined(__AVX512F__)
    return _mm512_reduce_add_pd((__m512d)v);
#elif defined(__AVX2__)
    return (v[0] + v[2]) + (v[1] + v[3]);
#else
    return v[0] + v[1];
#endif
}

/* Rows become columns. */
INLINE void transpose(vector v[WIDTH])
{
#if defined(__AVX512F__)
    __m512d pairs[8], fours[8];
    UNROLL
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm512_unpacklo_pd((__m512d)v[i], (__m512d)v[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_pd((__m512d)v[i], (__m512d)v[i + 1]);
    }
    UNROLL
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            fours[i + k] = _mm512_shuffle_f64x2(pairs[i + k], pairs[i + k + 2], 0x88);
            fours[i + k + 2] = _mm512_shuffle_f64x2(pairs[i + k], pairs[i + k + 2], 0xdd);
        }
    UNROLL
    for (int k = 0; k < 4; k++) {
        v[k] = (vector)_mm512_shuffle_f64x2(fours[k], fours[k + 4], 0x88);
        v[k + 4] = (vector)_mm512_shuffle_f64x2(fours[k], fours[k + 4], 0xdd);
    }
#else
    for (int i = 0; i < WIDTH; i++)
        for (int j = 0; j < i; j++) {
            double x = v[i][j];
            v[i][j] = v[j][i];
            v[j][i] = x;
        }
#endif
}

/* c[PRODUCT_ROWS, PANEL] += a[PRODUCT_ROWS, k] b[k, PANEL]: element (i, p) of a is at i * a_row +
 * p * a_col; rows of b and c are contiguous. Twice as many sums as the multipliers' latency needs.
 */
INLINE void product_block(double *c, int64_t c_row, const double *a, int64_t a_row, int64_t a_col,
                          const double *b, int64_t b_row, int64_t k)
{
    vector sums[PRODUCT_ROWS][2];
    UNROLL
    for (int i = 0; i < PRODUCT_ROWS; i++) {
        sums[i][0] = load(c + i * c_row);
        sums[i][1] = load(c + i * c_row + WIDTH);
    }
    for (int64_t p = 0; p < k; p++) {
        vector left = load(b), right = load(b + WIDTH);
        UNROLL
        for (int i = 0; i < PRODUCT_ROWS; i++) {
            vector x = splat(a[i * a_row]);
            sums[i][0] += x * left;
            sums[i][1] += x * right;
        }
        a += a_col;
        b += b_row;
    }
    UNROLL
    for (int i = 0; i < PRODUCT_ROWS; i++) {
        store(c + i * c_row, sums[i][0]);
        store(c + i * c_row + WIDTH, sums[i][1]);
    }
}

/* out[rows, cols] += a^T b: a[k, rows] and b[k, cols] are row-major; rows is a multiple of
 * PRODUCT_ROWS, cols of PANEL. */
INLINE void product_of_columns(double *out, int64_t cols, const double *a, int64_t a_row,
                               const double *b, int64_t b_row, int64_t rows, int64_t k)
{
    for (int64_t j = 0; j < cols; j += PANEL)
        for (int64_t i = 0; i < rows; i += PRODUCT_ROWS)
            product_block(out + i * cols + j, cols, a + i, 1, a_row, b + j, b_row, k);
}

/* out[rows, cols] += a[rows, k] b[k, cols], all row-major. */
INLINE void product_of_rows(double *out, int64_t cols, const double *a, int64_t a_row,
                            const double *b, int64_t rows, int64_t k)
{
    for (int64_t j = 0; j < cols; j += PANEL)
        for (int64_t i = 0; i < rows; i += PRODUCT_ROWS)
            product_block(out + i * cols + j, cols, a + i * a_row, a_row, 1, b + j, cols, k);
}

/* --- tiles --- */

enum { TILE = 64, TILE_SIZE = TILE * TILE };

INLINE int64_t tile_count(int64_t n)
{
    return (n + TILE - 1) / TILE;
}

/* A symmetric matrix is the tiles of its lower triangle, row by row; those on the diagonal are
 * whole. */
INLINE double *tile_at(double *tiles, int64_t i, int64_t j)
{
    return tiles + (i * (i + 1) / 2 + j) * TILE_SIZE;
}

/* Element i, j of a tile: panel j / PANEL, row i of it. */
INLINE double *tile_cell(double *tile, int64_t i, int64_t j)
{
    return tile + j / PANEL * TILE * PANEL + i * PANEL + j % PANEL;
}

/* tile += a^T b, where a and b are [k, TILE] as TILE / PANEL panels of [k, PANEL] each; rows before
 * `top` and columns before `left`, multiples of PANEL, stay as they are. */
INLINE void tile_add_product(double *tile, int64_t top, int64_t left, const double *a,
                             const double *b, int64_t k)
{
    for (int64_t j = left; j < TILE; j += PANEL)
        for (int64_t i = top; i < TILE; i += PRODUCT_ROWS)
            product_block(tile + j * TILE + i * PANEL, PANEL, a + i / PANEL * PANEL * k + i % PANEL,
                          1, PANEL, b + j * k, PANEL, k);
}

/* out[TILE, band] += tile y[TILE, band], without the tile's rows before `top` and columns before
 * `left`. */
INLINE void tile_times(double *out, const double *tile, int64_t top, int64_t left, const double *y,
                       int band)
{
    for (int j = 0; j < band; j += PANEL)
        for (int64_t i = top; i < TILE; i += PRODUCT_ROWS)
            for (int64_t k = left; k < TILE; k += PANEL)
                product_block(out + i * band + j, band, tile + k * TILE + i * PANEL, PANEL, 1,
                              y + k * band + j, band, PANEL);
}

/* out[TILE, band] += tile^T y[TILE, band], without the same rows and columns of the tile. */
INLINE void transposed_tile_times(double *out, const double *tile, int64_t top, int64_t left,
                                  const double *y, int band)
{
    for (int j = 0; j < band; j += PANEL)
        for (int64_t i = left; i < TILE; i += PRODUCT_ROWS)
            product_block(out + i * band + j, band,
                          tile + i / PANEL * PANEL * TILE + top * PANEL + i % PANEL, 1, PANEL,
                          y + top * band + j, band, TILE - top);
}

/* Rows [begin, end) of out[., band] += a^T b, where a is packed as above, [k, .] with k = 2 band,
 * and b is the panels of `band` columns. */
INLINE void add_packed(double *out, const double *a, const double *b, int64_t begin, int64_t end,
                       int band)
{
    int64_t k = 2 * band;
    for (int64_t i = begin; i < end; i += PRODUCT_ROWS)
        for (int c = 0; c < band; c += PANEL)
            product_block(out + i * band + c, band, a + i / PANEL * PANEL * k + i % PANEL, 1, PANEL,
                          b + c * k, PANEL, k);
}

/* Blocks on or below a diagonal, row by row: (0, 0), (1, 0), (1, 1), (2, 0), ... */
struct block {
    int64_t row, column;
};

INLINE int64_t block_count(int64_t rows)
{
    return rows * (rows + 1) / 2;
}

INLINE struct block block_at(int64_t index)
{
    struct block block = {0, index};
    while (block.column > block.row)
        block.column -= ++block.row;
    return block;
}

/* The first row of tile row i that is not before `begin`, within the tile. */
INLINE int64_t first_in(int64_t i, int64_t begin)
{
    return begin > i * TILE ? begin - i * TILE : 0;
}

#endif
