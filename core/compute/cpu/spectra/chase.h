/* A band matrix to a tridiagonal one, by bulges that are chased down the band, several at once. */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_CHASE_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_CHASE_H

#include "compute/cpu/spectra/reflections.h"

/* A band matrix as chase() takes it, of that many doubles: cleared, then elements i, j with
 * j <= i <= j + band; the mirror image comes by itself. */
size_t CPU(chase_workspace)(int64_t n, int band);
void CPU(chase_clear)(double *a, int64_t n, int band);
void CPU(chase_put)(double *a, int64_t i, int64_t j, double value, int band);

/* The band's diagonal and subdiagonal once it is tridiagonal; a is used up. */
void CPU(chase)(double *diagonal, double *off_diagonal, double *a, int64_t n, int band);

#endif
