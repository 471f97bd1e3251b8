/* A square matrix to an upper band, by reflections from both sides. */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_UPPER_BAND_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_UPPER_BAND_H

#include "compute/cpu/spectra/reflections.h"

/* The grid's matrix, reduced to an upper band, as the band matrix of Golub and Kahan, of order 2 n
 * and with 2 band (32 or 64) diagonals, that chase() takes: row i and column j of the band are its
 * 2 i + 1 and 2 j. The tiles are used up. */
size_t CPU(upper_band_workspace)(int64_t n, int band);
void CPU(to_golub_kahan)(double *golub_kahan, double *tiles, double *workspace, int64_t n,
                         int band);

#endif
