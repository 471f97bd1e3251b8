/* A symmetric matrix to a band, by blocked Householder reflections, at the speed of products
 * (Bischof, Lang & Sun 2000). */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_BAND_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_BAND_H

#include "compute/cpu/spectra/reflections.h"

/* The band that suits an order: wider ones take more work in the chase and less memory traffic
 * before it. */
int CPU(band_width)(int64_t n);

/* Reduces it to a band of `band` (16, 32, 48 or 64) diagonals below the main one, in place: what
 * lies further down is not zeroed and means nothing. The workspace is of that many doubles. */
size_t CPU(band_workspace)(int64_t n, int band);
void CPU(to_band)(double *tiles, double *workspace, int64_t n, int band);

/* That band, as chase() takes it (chase.h). */
void CPU(band_of_tiles)(double *a, double *tiles, int64_t n, int band);

#endif
