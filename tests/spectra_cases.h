/* Matrices whose singular values are hard in one way or another, for the tests of every back end.
 * In plain C: the GPU's suite runs where there is neither cmocka nor LAPACK. */
#ifndef SPECTRUM_TESTS_SPECTRA_CASES_H
#define SPECTRUM_TESTS_SPECTRA_CASES_H

#include "base/random.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* A random vector of length 1. */
static inline double *direction(int64_t n, struct random_stream *r)
{
    double *v = malloc((size_t)n * sizeof *v), squares = 0;
    for (int64_t i = 0; i < n; i++) {
        v[i] = random_normal(r);
        squares += v[i] * v[i];
    }
    for (int64_t i = 0; i < n; i++)
        v[i] /= sqrt(squares);
    return v;
}

/* A random Householder reflection of a[rows, cols] from the left: a - 2 v (v^T a). */
static inline void reflect_left(double *a, int64_t rows, int64_t cols, struct random_stream *r)
{
    double *v = direction(rows, r), *sums = calloc((size_t)cols, sizeof *sums);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            sums[j] += v[i] * a[i * cols + j];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            a[i * cols + j] -= 2 * v[i] * sums[j];
    free(v);
    free(sums);
}

/* And from the right: a - 2 (a v) v^T. */
static inline void reflect_right(double *a, int64_t rows, int64_t cols, struct random_stream *r)
{
    double *v = direction(cols, r);
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;
        for (int64_t j = 0; j < cols; j++)
            sum += a[i * cols + j] * v[j];
        for (int64_t j = 0; j < cols; j++)
            a[i * cols + j] -= 2 * sum * v[j];
    }
    free(v);
}

/* rows x cols with these singular values, rounded to float. */
static inline float *planted(const double *values, int64_t rows, int64_t cols, uint64_t seed)
{
    enum { REFLECTIONS = 4 };
    struct random_stream r = {.seed = seed};
    double *a = calloc((size_t)(rows * cols), sizeof *a);
    float *out = malloc((size_t)(rows * cols) * sizeof *out);
    for (int64_t i = 0; i < rows && i < cols; i++)
        a[i * cols + i] = values[i];
    for (int k = 0; k < REFLECTIONS; k++) {
        reflect_left(a, rows, cols, &r);
        reflect_right(a, rows, cols, &r);
    }
    for (int64_t i = 0; i < rows * cols; i++)
        out[i] = (float)a[i];
    free(a);
    return out;
}

enum { CASE_KINDS = 9, CASE_ORDERS = 10, CASE_ORDER_MAX = 256 };

/* Around the edges of the CPU's tiles and of the bands. */
static const int64_t case_orders[CASE_ORDERS][2] = {{2, 3},     {15, 40},  {16, 16},   {17, 90},
                                                    {64, 64},   {65, 70},  {130, 100}, {192, 300},
                                                    {210, 211}, {300, 130}};

/* Spectra that are easy and hard to tell apart: noise, noise with a large mean, a decay, one value
 * many times, two clusters, rank one with noise far below; and what a Gram matrix cannot resolve: a
 * decay over 16 orders, repeated rows, zero columns. */
static inline float *matrix_of_kind(int kind, int64_t rows, int64_t cols)
{
    struct random_stream r = {.seed = (uint64_t)(kind * 1000 + rows)};
    int64_t n = rows < cols ? rows : cols;
    float *matrix = malloc((size_t)(rows * cols) * sizeof *matrix);
    double *values = malloc((size_t)n * sizeof *values);
    for (int64_t i = 0; i < rows * cols; i++)
        matrix[i] = (float)((kind == 5 ? 1e-3 : 1) * random_normal(&r) + (kind == 1 || kind == 5));
    for (int64_t i = 0; i < rows * cols; i++)
        matrix[i] = kind == 7   ? matrix[i % (cols * (1 + rows / 2))]
                    : kind == 8 ? matrix[i] * (float)(i % cols % 3 > 0)
                                : matrix[i];
    for (int64_t i = 0; i < n; i++)
        values[i] = kind == 2   ? exp(-8.0 * (double)i / (double)n)
                    : kind == 6 ? exp(-37.0 * (double)i / (double)n)
                    : kind == 3 ? 1
                    : i % 2     ? 1
                                : 1e-2;
    if ((kind >= 2 && kind <= 4) || kind == 6) {
        free(matrix);
        matrix = planted(values, rows, cols, (uint64_t)kind);
    }
    free(values);
    return matrix;
}

#endif
