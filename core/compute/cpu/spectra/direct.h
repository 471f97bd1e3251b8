/* Singular values without a Gram matrix, which squares the condition: only matrices of a bad one
 * come here.
 *
 *     matrix -> R of its shorter side (QR, the longer side block by block: Demmel et al. 2012)
 *            -> upper band, by reflections from both sides
 *            -> the band matrix of Golub & Kahan (1965), whose eigenvalues are the singular values
 *               and their negatives (upper_band.h) -> tridiagonal -> values, as a Gram matrix's
 *               (chase.h, sturm.h)
 *
 * The square matrix is a grid of tiles, row by row. */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_DIRECT_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_DIRECT_H

#include "compute/cpu/level.h"

/* Singular values of matrix[rows, cols], descending, to a few units of rounding of the largest,
 * whatever the condition; zeros below spectra_resolution(). `workspace`: direct_workspace() doubles
 * for the shorter side n. */
size_t CPU(direct_workspace)(int64_t n);
int CPU(direct_values)(double *values, double *workspace, const float *matrix, int64_t rows,
                       int64_t cols, struct error *err);

#endif
