/* LAPACK's singular values of the matrix itself, in fp64: exact to eps * S[0] whatever the
 * condition, and several times slower than those of the Gram matrix. */
#include "base/memory.h"
#include "compute/spectra_ops.h"

#include <lapacke.h>
#include <stdlib.h>

/* Row-major rows x cols is column-major cols x rows; the values are the same. */
static lapack_int run(double *values, double *wide, lapack_int m, lapack_int n, lapack_int *pivots,
                      struct error *err)
{
    double best = 0, none = 0;
    LAPACKE_dgesdd_work(LAPACK_COL_MAJOR, 'N', m, n, wide, m, values, &none, 1, &none, 1, &best, -1,
                        pivots);
    double *work = array_alloc((size_t)best + 1, sizeof *work, err);
    if (!work)
        return -1;
    lapack_int info = LAPACKE_dgesdd_work(LAPACK_COL_MAJOR, 'N', m, n, wide, m, values, &none, 1,
                                          &none, 1, work, (lapack_int)best, pivots);
    free(work);
    if (info != 0)
        error_set(err, "the singular values of a %lld x %lld matrix did not converge", (long long)n,
                  (long long)m);
    return info;
}

int spectra_by_lapack(double *values, const float *matrix, int64_t rows, int64_t cols,
                      struct error *err)
{
    if (rows > INT32_MAX || cols > INT32_MAX)
        return error_set(err, "%lld x %lld is more than LAPACK can count", (long long)rows,
                         (long long)cols);
    size_t least = (size_t)(rows < cols ? rows : cols);
    double *wide = array_alloc((size_t)rows * (size_t)cols, sizeof *wide, err);
    lapack_int *pivots = array_alloc(8 * least, sizeof *pivots, err), info = -1;
    if (wide && pivots) {
        for (int64_t i = 0; i < rows * cols; i++)
            wide[i] = (double)matrix[i];
        info = run(values, wide, (lapack_int)cols, (lapack_int)rows, pivots, err);
    }
    free(pivots);
    free(wide);
    return info == 0 ? 0 : -1;
}
