#include "compute/spectra_ops.h"

#include "base/memory.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Elements of the longer side that are widened at once: 512 x 4096 doubles are 16 MB. */
enum { GRAM_BLOCK = 512 };

/* A value is trusted from the Gram matrix while its error, eps * S[0]^2 / S, stays under 1e-10
 * S[0]. */
static const double gram_floor = 1e-5;

/* gram[n, n], one triangle, of the shorter side, block by block of the longer. */
static void form_gram(double *gram, double *block, const float *matrix, int64_t rows, int64_t cols)
{
    bool tall = rows >= cols;
    int64_t n = tall ? cols : rows, length = tall ? rows : cols;
    memset(gram, 0, (size_t)(n * n) * sizeof *gram);
    for (int64_t from = 0; from < length; from += GRAM_BLOCK) {
        int64_t k = length - from < GRAM_BLOCK ? length - from : GRAM_BLOCK;
        int64_t block_rows = tall ? k : n, block_cols = tall ? n : k;
        for (int64_t i = 0; i < block_rows; i++) {
            const float *source = tall ? matrix + (from + i) * cols : matrix + i * cols + from;
            for (int64_t j = 0; j < block_cols; j++)
                block[i * block_cols + j] = source[j];
        }
        cblas_dsyrk(CblasRowMajor, CblasLower, tall ? CblasTrans : CblasNoTrans, (int)n, (int)k,
                    1.0, block, (int)block_cols, 1.0, gram, (int)n);
    }
}

/* Eigenvalues of the symmetric matrix in `gram` (destroyed), ascending. */
static int eigenvalues(double *values, double *gram, int64_t n, struct error *err)
{
    double *off_diagonal = array_alloc((size_t)n, sizeof *off_diagonal, err);
    double *tau = array_alloc((size_t)n, sizeof *tau, err), *work = NULL, best = 0;
    lapack_int info = -1, order = (lapack_int)n;
    if (!off_diagonal || !tau)
        goto out;
    /* Row-major lower is column-major upper. */
    LAPACKE_dsytrd_work(LAPACK_COL_MAJOR, 'U', order, gram, order, values, off_diagonal, tau, &best,
                        -1);
    work = array_alloc((size_t)best + 1, sizeof *work, err);
    if (!work)
        goto out;
    info = LAPACKE_dsytrd_work(LAPACK_COL_MAJOR, 'U', order, gram, order, values, off_diagonal, tau,
                               work, (lapack_int)best);
    if (info == 0)
        info = LAPACKE_dsterf_work(order, values, off_diagonal);
    if (info != 0)
        error_set(err, "the eigenvalues of a Gram matrix of order %lld did not converge",
                  (long long)n);
out:
    free(work);
    free(tau);
    free(off_diagonal);
    return info == 0 ? 0 : -1;
}

/* From the matrix itself, in fp64: exact to eps * S[0] whatever the condition. */
static int svd_values(double *values, const float *matrix, int64_t rows, int64_t cols,
                      struct error *err)
{
    /* Row-major rows x cols is column-major cols x rows; the values are the same. */
    lapack_int m = (lapack_int)cols, n = (lapack_int)rows, info = -1, integers[1];
    lapack_int least = m < n ? m : n;
    double best = 0, *work = NULL, none = 0;
    double *wide = array_alloc((size_t)rows * (size_t)cols, sizeof *wide, err);
    lapack_int *pivots = array_alloc(8 * (size_t)least, sizeof *pivots, err);
    if (!wide || !pivots)
        goto out;
    for (int64_t i = 0; i < rows * cols; i++)
        wide[i] = matrix[i];
    LAPACKE_dgesdd_work(LAPACK_COL_MAJOR, 'N', m, n, wide, m, values, &none, 1, &none, 1, &best, -1,
                        integers);
    work = array_alloc((size_t)best + 1, sizeof *work, err);
    if (!work)
        goto out;
    info = LAPACKE_dgesdd_work(LAPACK_COL_MAJOR, 'N', m, n, wide, m, values, &none, 1, &none, 1,
                               work, (lapack_int)best, pivots);
    if (info != 0)
        error_set(err, "the singular values of a %lld x %lld matrix did not converge",
                  (long long)rows, (long long)cols);
out:
    free(work);
    free(pivots);
    free(wide);
    return info == 0 ? 0 : -1;
}

static int gram_values(double *values, const float *matrix, int64_t rows, int64_t cols,
                       struct error *err)
{
    int64_t n = rows < cols ? rows : cols;
    double *gram = array_alloc((size_t)n * (size_t)n, sizeof *gram, err);
    double *block = array_alloc((size_t)n * GRAM_BLOCK, sizeof *block, err);
    int status = -1;
    if (gram && block) {
        form_gram(gram, block, matrix, rows, cols);
        status = eigenvalues(values, gram, n, err);
    }
    free(block);
    free(gram);
    for (int64_t i = 0; status == 0 && i < n; i++)
        values[i] = sqrt(values[i] > 0 ? values[i] : 0);
    return status;
}

/* 0 where the matrix is all zeros. */
static float largest_magnitude(const float *matrix, int64_t count)
{
    float largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fabsf(matrix[i]) > largest ? fabsf(matrix[i]) : largest;
    return largest;
}

static int cpu_values(void *self, double *values, double *resolution, const float *matrix,
                      int64_t rows, int64_t cols, struct error *err)
{
    (void)self;
    int64_t n = rows < cols ? rows : cols;
    if (rows > INT32_MAX || cols > INT32_MAX || rows * cols > INT64_C(1) << 36)
        return error_set(err, "%lld x %lld is more than this back end can hold", (long long)rows,
                         (long long)cols);
    if (spectra_check_finite(matrix, rows, cols, err) != 0)
        return -1;
    *resolution = 0;
    /* fp32 squares fit fp64 with room to spare, so that only the zero matrix is special. */
    if (n == 0 || largest_magnitude(matrix, rows * cols) == 0) {
        for (int64_t i = 0; i < n; i++)
            values[i] = 0;
        return 0;
    }
    if (gram_values(values, matrix, rows, cols, err) != 0)
        return -1;
    spectra_sort(values, n);
    if (values[n - 1] < gram_floor * values[0] && svd_values(values, matrix, rows, cols, err) != 0)
        return -1;
    *resolution = DBL_EPSILON * values[0] / gram_floor;
    return 0;
}

static size_t cpu_workspace(void *self, int64_t rows, int64_t cols)
{
    (void)self;
    size_t n = (size_t)(rows < cols ? rows : cols);
    return (n * n + n * GRAM_BLOCK) * sizeof(double);
}

const struct spectra_ops spectra_cpu_ops = {cpu_values, cpu_workspace};
