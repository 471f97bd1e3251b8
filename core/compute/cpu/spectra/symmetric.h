/* Eigenvalues of a Gram matrix in fp64, level by level of instructions (level.h).
 *
 * The way: matrix -> Gram matrix of its shorter side -> band (blocked Householder reflections, at
 * the speed of products; Bischof, Lang & Sun 2000) -> tridiagonal (bulges chased down the band,
 * several at once) -> eigenvalues (Sturm counts and Newton steps, many shifts at once).
 *
 * The symmetric matrix is the tiles of its lower triangle; those on the diagonal are whole.
 */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_SYMMETRIC_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_SYMMETRIC_H

#include "compute/cpu/spectra/reflections.h"

enum { GRAM_DEPTH = 128 };

INLINE double *tile_at(double *tiles, int64_t i, int64_t j)
{
    return tiles + (i * (i + 1) / 2 + j) * TILE_SIZE;
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

/* That band, as chase() takes it. */
void CPU(band_of_tiles)(double *a, double *tiles, int64_t n, int band);

/* A band matrix as chase() takes it: cleared, then elements i, j with j <= i <= j + band; the
 * mirror image comes by itself. */
size_t CPU(chase_workspace)(int64_t n, int band);
void CPU(chase_clear)(double *a, int64_t n, int band);
void CPU(chase_put)(double *a, int64_t i, int64_t j, double value, int band);

/* The band's diagonal and subdiagonal once it is tridiagonal; a is used up. */
void CPU(chase)(double *diagonal, double *off_diagonal, double *a, int64_t n, int band);

/* Eigenvalues `from` to n - 1, ascending, into values[n - from], of the symmetric tridiagonal
 * matrix, to a few units of rounding of its norm. off_diagonal[n - 1]; squares: room for n doubles.
 */
void CPU(tridiagonal_values)(double *values, double *squares, const double *diagonal,
                             const double *off_diagonal, int64_t n, int64_t from);

#endif
