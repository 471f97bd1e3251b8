/* Eigenvalues of a Gram matrix in fp64, level by level of instructions (level.h).
 *
 * The way: matrix -> Gram matrix of its shorter side -> band (blocked Householder reflections, at
 * the speed of products; Bischof, Lang & Sun 2000) -> tridiagonal (bulges chased down the band,
 * several at once) -> eigenvalues (Sturm counts and Newton steps, many shifts at once).
 *
 * The symmetric matrix is its lower triangle by square tiles; a tile is panels of PANEL columns,
 * each contiguous, so that every product streams. Diagonal tiles are whole. The order is padded to
 * whole tiles with zeros, which stay what they are.
 */
#ifndef SPECTRUM_COMPUTE_CPU_SYMMETRIC_H
#define SPECTRUM_COMPUTE_CPU_SYMMETRIC_H

#include "compute/cpu/level.h"
#include "compute/cpu/vector.h"

enum { TILE = 64, TILE_SIZE = TILE * TILE, BAND_MAX = 64, GRAM_DEPTH = 128 };

INLINE int64_t tile_count(int64_t n)
{
    return (n + TILE - 1) / TILE;
}

INLINE double *tile_at(double *tiles, int64_t i, int64_t j)
{
    return tiles + (i * (i + 1) / 2 + j) * TILE_SIZE;
}

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

/* The band that suits an order: wider ones take more work in the chase and less memory traffic
 * before it. */
int CPU(band_width)(int64_t n);

/* Workspaces, in doubles. */
size_t CPU(gram_workspace)(int64_t n);
size_t CPU(band_workspace)(int64_t n, int band);

/* tiles = the Gram matrix of the shorter side of matrix[rows, cols]. */
void CPU(gram)(double *tiles, double *workspace, const float *matrix, int64_t rows, int64_t cols);

/* Reduces it to a band of `band` (16, 32, 48 or 64) diagonals below the main one, in place: what
 * lies further down is not zeroed and means nothing. */
void CPU(to_band)(double *tiles, double *workspace, int64_t n, int band);

/* The band's diagonal and subdiagonal once it is tridiagonal. `workspace`: chase_workspace(). */
size_t CPU(chase_workspace)(int64_t n, int band);
void CPU(chase)(double *diagonal, double *off_diagonal, double *workspace, double *tiles, int64_t n,
                int band);

/* Eigenvalues, ascending, of the symmetric tridiagonal matrix, to a few units of rounding of its
 * norm. off_diagonal[n - 1]; squares: room for n doubles. */
void CPU(tridiagonal_values)(double *values, double *squares, const double *diagonal,
                             const double *off_diagonal, int64_t n);

#endif
