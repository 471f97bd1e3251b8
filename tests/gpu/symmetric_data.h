/* Symmetric matrices that the reductions must get right, and LAPACK's eigenvalues of them. */
#ifndef SPECTRUM_TESTS_GPU_SYMMETRIC_DATA_H
#define SPECTRUM_TESTS_GPU_SYMMETRIC_DATA_H

#include "test.h"

#include <cblas.h>
#include <lapacke.h>
#include <string.h>

enum kind { NOISE, LARGE_MEAN, REPEATED_ROWS, ZEROS, DIAGONAL, CLUSTERS, KINDS };

static const char *const kind_names[KINDS] = {"noise", "large mean", "repeated rows",
                                              "zeros", "diagonal",   "clusters"};

/* Between -1 and 1; splitmix64. */
static double next_number(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1;
}

static void fill_noise(double *a, int n, double mean, uint64_t seed)
{
    for (int j = 0; j < n; j++)
        for (int i = j; i < n; i++)
            a[(size_t)j * n + i] = a[(size_t)i * n + j] = mean + next_number(&seed);
}

/* b b^T of a square b whose every third row is the one before it: a third of the values are zero.
 */
static void fill_repeated(double *a, int n, uint64_t seed)
{
    double *b = malloc((size_t)n * n * sizeof *b);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            b[(size_t)i * n + j] = i % 3 == 2 ? b[(size_t)(i - 1) * n + j] : next_number(&seed);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1, b, n, b, n, 0, a, n);
    free(b);
}

/* Q D Q^T with three clusters in D, the narrowest of one value, another split by rounding. */
static void fill_clusters(double *a, int n, uint64_t seed)
{
    double *q = malloc((size_t)n * n * sizeof *q), *scaled = malloc((size_t)n * n * sizeof *q);
    double *tau = malloc((size_t)n * sizeof *tau);
    fill_noise(q, n, 0, seed);
    assert_int_equal(LAPACKE_dgeqrf(LAPACK_COL_MAJOR, n, n, q, n, tau), 0);
    assert_int_equal(LAPACKE_dorgqr(LAPACK_COL_MAJOR, n, n, n, q, n, tau), 0);
    for (int j = 0; j < n; j++) {
        double value = j % 3 == 0 ? 1 : j % 3 == 1 ? 1e-3 * (1 + j * 1e-14) : -2 + j * 1e-9;
        for (int i = 0; i < n; i++)
            scaled[(size_t)j * n + i] = value * q[(size_t)j * n + i];
    }
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, n, n, n, 1, scaled, n, q, n, 0, a, n);
    free(q);
    free(scaled);
    free(tau);
}

/* a[n, n], its lower triangle mirrored. */
static void fill_symmetric(double *a, int n, enum kind kind)
{
    uint64_t seed = (uint64_t)n * KINDS + kind;
    memset(a, 0, (size_t)n * n * sizeof *a);
    if (kind == NOISE || kind == LARGE_MEAN)
        fill_noise(a, n, kind == LARGE_MEAN ? 1000 : 0, seed);
    else if (kind == REPEATED_ROWS)
        fill_repeated(a, n, seed);
    else if (kind == CLUSTERS)
        fill_clusters(a, n, seed);
    else if (kind == DIAGONAL)
        for (int i = 0; i < n; i++)
            a[(size_t)i * n + i] = next_number(&seed);
    for (int j = 0; j < n; j++) /* products are symmetric up to rounding */
        for (int i = j + 1; i < n; i++)
            a[(size_t)i * n + j] = a[(size_t)j * n + i];
}

/* values[n], ascending. */
static void lapack_eigenvalues(double *values, const double *a, int n)
{
    double *copy = malloc((size_t)n * n * sizeof *copy);
    memcpy(copy, a, (size_t)n * n * sizeof *copy);
    assert_int_equal(LAPACKE_dsyev(LAPACK_COL_MAJOR, 'N', 'L', n, copy, n, values), 0);
    free(copy);
}

#endif
