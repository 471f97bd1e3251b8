/* Eigenvalues of a symmetric tridiagonal matrix, by Sturm counts and Newton steps, many shifts at
 * once. */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_STURM_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_STURM_H

#include "compute/cpu/spectra/tiles.h"

/* Eigenvalues `from` to n - 1, ascending, into values[n - from], to a few units of rounding of the
 * matrix's norm. off_diagonal[n - 1]; squares: a workspace of n doubles. */
void CPU(tridiagonal_values)(double *values, double *squares, const double *diagonal,
                             const double *off_diagonal, int64_t n, int64_t from);

#endif
