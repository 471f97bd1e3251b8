#include "compute/spectra_ops.h"

#include <math.h>
#include <stdlib.h>

int spectra_check_finite(const float *matrix, int64_t rows, int64_t cols, struct error *err)
{
    int64_t count = rows * cols;
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

void spectra_sort(double *values, int64_t count)
{
    qsort(values, (size_t)count, sizeof *values, descending);
}
