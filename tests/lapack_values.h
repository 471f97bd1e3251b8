/* LAPACK's singular values of a matrix in fp64, the oracle of our own: exact to eps * S[0]. */
#ifndef SPECTRUM_TESTS_LAPACK_VALUES_H
#define SPECTRUM_TESTS_LAPACK_VALUES_H

#include "test.h"

#include <lapacke.h>

/* values[min(rows, cols)], descending. Row-major rows x cols is column-major cols x rows; the
 * values are the same. */
static void lapack_values(double *values, const float *matrix, int64_t rows, int64_t cols)
{
    lapack_int m = (lapack_int)cols, n = (lapack_int)rows;
    double *wide = malloc((size_t)(rows * cols) * sizeof *wide), none = 0;
    for (int64_t i = 0; i < rows * cols; i++)
        wide[i] = (double)matrix[i];
    assert_int_equal(
        LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', m, n, wide, m, values, &none, 1, &none, 1), 0);
    free(wide);
}

#endif
