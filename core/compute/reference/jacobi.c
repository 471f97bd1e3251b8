/* One-sided Jacobi (Hestenes 1958): columns are rotated in pairs until all are orthogonal; their
 * lengths are the singular values. The oracle of the faster ways.
 *
 * The rotation of a and b that makes them orthogonal (Golub & Van Loan, section 8.5), with
 * aa = a.a, bb = b.b, ab = a.b:
 *
 *     zeta = (bb - aa) / (2 ab)
 *     t = sign(zeta) / (|zeta| + sqrt(1 + zeta^2)),   the smaller root of t^2 + 2 zeta t = 1
 *     c = 1 / sqrt(1 + t^2),  s = c t;   a := c a - s b,  b := s a + c b
 *
 * A sweep takes every pair once. Small values come out accurately, too (Demmel & Veselic 1992): no
 * Gram matrix is formed, whose condition would be the matrix's squared.
 */
#include "compute/reference/reference.h"

#include <math.h>

enum { SWEEPS_MAX = 60 };

/* The shorter side as vectors, each contiguous: vector j has `length` elements. */
static void load_vectors(double *vectors, const float *matrix, int64_t rows, int64_t cols)
{
    if (rows <= cols) {
        for (int64_t i = 0; i < rows * cols; i++)
            vectors[i] = matrix[i];
    } else {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                vectors[j * rows + i] = matrix[i * cols + j];
    }
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Makes a pair orthogonal; false where it was already, to rounding. */
static bool rotate(double *a, double *b, int64_t n)
{
    double aa = dot(a, a, n), bb = dot(b, b, n), ab = dot(a, b, n);
    if (fabs(ab) <= 1e-15 * sqrt(aa * bb))
        return false;
    double zeta = (bb - aa) / (2 * ab);
    double t = copysign(1.0, zeta) / (fabs(zeta) + hypot(1.0, zeta));
    double c = 1 / hypot(1.0, t), s = c * t;
    for (int64_t i = 0; i < n; i++) {
        double x = a[i], y = b[i];
        a[i] = c * x - s * y;
        b[i] = s * x + c * y;
    }
    return true;
}

/* Sweeps until a whole one has rotated no pair. The bound is never reached by what converges. */
static int jacobi_values(void *self, double *values, const float *matrix, int64_t rows,
                         int64_t cols, void *workspace, struct error *err)
{
    (void)self;
    double *vectors = workspace;
    int64_t count = rows < cols ? rows : cols, length = rows < cols ? cols : rows;
    if (spectra_check_finite(matrix, rows, cols, err) != 0)
        return -1;
    load_vectors(vectors, matrix, rows, cols);
    bool rotated = true;
    for (int sweep = 0; rotated && sweep < SWEEPS_MAX; sweep++) {
        rotated = false;
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = i + 1; j < count; j++)
                rotated |= rotate(vectors + i * length, vectors + j * length, length);
    }
    for (int64_t i = 0; i < count; i++)
        values[i] = sqrt(dot(vectors + i * length, vectors + i * length, length));
    spectra_sort(values, count);
    return 0;
}

static size_t jacobi_workspace(void *self, int64_t rows, int64_t cols)
{
    (void)self;
    return (size_t)rows * (size_t)cols * sizeof(double);
}

const struct spectra_ops reference_spectra_ops = {
    .values = jacobi_values, .workspace = jacobi_workspace, .accuracy = 1e-10};
