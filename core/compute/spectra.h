/* What back ends' singular-value operations share. */
#ifndef SPECTRUM_COMPUTE_SPECTRA_H
#define SPECTRUM_COMPUTE_SPECTRA_H

#include "compute/backend.h"

/* One-sided Jacobi in fp64: slow, and accurate for small values too. */
extern const struct spectra_ops spectra_reference_ops;

/* ERROR_NOT_FINITE with a message that names the kind and its place, where there is NaN or Inf. */
int spectra_check_finite(const float *matrix, int64_t rows, int64_t cols, struct error *err);

/* Descending order, in place. */
void spectra_sort(double *values, int64_t count);

/* In place: squares, ascending but for rounding, become values, descending; those that rounding
 * made negative are zeros. */
void spectra_of_squares(double *values, int64_t count);

/* Values below spectra_resolution() become zeros; descending, of a matrix of this shape. */
void spectra_clear_rounding(double *values, int64_t rows, int64_t cols);

#endif
