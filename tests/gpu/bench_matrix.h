/* Matrices whose singular values are known well enough to see whether a device's are right: noise
 * of a known sigma, and three singular triples ("spikes") far above it.
 */
#ifndef SPECTRUM_TESTS_GPU_BENCH_MATRIX_H
#define SPECTRUM_TESTS_GPU_BENCH_MATRIX_H

#include "base/error.h"

enum { MATRIX_SIDE_LEAST = 32 }; /* below, noise has no edge to speak of */

struct bench_matrix {
    int64_t rows, cols;
    uint64_t seed;   /* its noise, and its sigma, so that no two matrices' values are alike */
    float *elements; /* [rows, cols] */
    double squares;  /* the sum of the elements' */
    double *values;  /* [matrix_shorter()], what the device says */
};

int64_t matrix_shorter(const struct bench_matrix *matrix);
uint64_t matrix_bytes(const struct bench_matrix *matrix);

/* The operations that are needed: n (n + 1) k for the Gram matrix of the shorter side n, half of
 * which is the other half mirrored, and 4/3 n^3 for its reduction. */
double matrix_flops(const struct bench_matrix *matrix);

/* The elements, and the sum of their squares. */
int matrix_fill(struct bench_matrix *matrix, struct error *err);

/* Whether values are those of such a matrix: finite, falling, the spikes and the noise's edge where
 * they belong, and the sum of squares within what `accuracy` (spectra_ops) allows. */
int matrix_check(const struct bench_matrix *matrix, double accuracy, struct error *err);

#endif
