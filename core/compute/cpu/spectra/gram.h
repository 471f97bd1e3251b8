/* The Gram matrix of the shorter side of a matrix, in fp64. */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_GRAM_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_GRAM_H

#include "compute/cpu/spectra/tiles.h"

/* tiles = the lower triangle (tiles.h) of the Gram matrix of matrix[rows, cols]. The workspace is
 * of that many doubles. */
size_t CPU(gram_workspace)(int64_t n);
void CPU(gram)(double *tiles, double *workspace, const float *matrix, int64_t rows, int64_t cols);

#endif
