/* What all back ends do with singular values besides computing them: refuse matrices that are not
 * finite, sort, take roots, and set to zero what is only rounding. */
#include "compute/spectra.h"

#include "base/number.h"

#include <math.h>
#include <stdlib.h>

/* Without a branch, so that it is a matter of memory's speed. */
static bool is_finite(const float *values, int64_t count)
{
    uint32_t found = 0;
#pragma omp simd reduction(| : found)
    for (int64_t i = 0; i < count; i++)
        found |= (float_bits(values[i]) & 0x7fffffff) + 0x00800000; /* carries into bit 31 */
    return found >> 31 == 0;
}

/* Nearly all matrices are finite: one quick pass says so, and only otherwise is the place looked
 * for. */
int spectra_check_finite(const float *matrix, int64_t rows, int64_t cols, struct error *err)
{
    int64_t count = rows * cols;
    if (is_finite(matrix, count))
        return 0;
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(matrix[i]))
            return error_set_kind(err, ERROR_NOT_FINITE, "%s at row %lld, column %lld",
                                  isnan(matrix[i]) ? "NaN" : "Inf", (long long)(i / cols),
                                  (long long)(i % cols));
    return 0;
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Most ways deliver values in order already; one look saves the sort. */
void spectra_sort(double *values, int64_t count)
{
    int64_t sorted = 1;
    while (sorted < count && values[sorted - 1] >= values[sorted])
        sorted++;
    if (sorted < count)
        qsort(values, (size_t)count, sizeof *values, descending);
}

/* Eigenvalues in rising order become singular values in falling order, in place: pairs from both
 * ends are exchanged. Squares that rounding has left below zero are zeros. */
void spectra_of_squares(double *values, int64_t count)
{
    for (int64_t i = 0, j = count - 1; i <= j; i++, j--) {
        double low = values[i] > 0 ? sqrt(values[i]) : 0;
        values[i] = values[j] > 0 ? sqrt(values[j]) : 0;
        values[j] = low;
    }
    spectra_sort(values, count);
}

/* What lies below the resolution of the matrix's type says nothing about it but how it was
 * rounded. */
void spectra_clear_rounding(double *values, int64_t rows, int64_t cols)
{
    for (int64_t i = 0; i < rows && i < cols; i++)
        if (values[i] < spectra_resolution(rows, cols, values[0]))
            values[i] = 0;
}

/* Position p = (1 - q) (count - 1) in falling order: between the values at its two whole
 * neighbours. */
double spectra_quantile(const double *values, int64_t count, double q)
{
    double position = (1 - q) * (double)(count - 1);
    int64_t low = (int64_t)position;
    int64_t high = low + 1 < count ? low + 1 : low;
    double part = position - (double)low;
    return values[low] + part * (values[high] - values[low]);
}

double spectra_sigma(const double *values, int64_t count)
{
    return (spectra_quantile(values, count, 0.75) - spectra_quantile(values, count, 0.25)) / 1.349;
}

double spectra_threshold(double sigma, int64_t rows, int64_t cols)
{
    return sigma * (1 + sqrt((double)shorter(rows, cols) / (double)longer(rows, cols)));
}
