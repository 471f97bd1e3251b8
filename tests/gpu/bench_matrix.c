#include "bench_matrix.h"

#include <math.h>
#include <stdlib.h>

enum { SPIKES = 3 };

/* In parts of the noise's edge: clear of it, and of one another. */
static const double spike_strengths[SPIKES] = {3.2, 2.2, 1.5};

int64_t matrix_shorter(const struct bench_matrix *matrix)
{
    return matrix->rows < matrix->cols ? matrix->rows : matrix->cols;
}

uint64_t matrix_bytes(const struct bench_matrix *matrix)
{
    return (uint64_t)matrix->rows * (uint64_t)matrix->cols * sizeof *matrix->elements;
}

double matrix_flops(const struct bench_matrix *matrix)
{
    double n = (double)matrix_shorter(matrix);
    double k = (double)(matrix->rows < matrix->cols ? matrix->cols : matrix->rows);
    return n * (n + 1) * k + 4.0 / 3 * n * n * n;
}

static double sigma_of(const struct bench_matrix *matrix)
{
    return 0.01 * (1 + 0.1 * (double)(matrix->seed % 7));
}

/* Of the noise's singular values. */
static double edge_of(const struct bench_matrix *matrix)
{
    return sigma_of(matrix) * (sqrt((double)matrix->rows) + sqrt((double)matrix->cols));
}

/* --- making --- */

/* splitmix64 (Steele, Lea & Flood, OOPSLA 2014) as a function of a counter. */
static uint64_t random_word(uint64_t counter)
{
    uint64_t x = counter * 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

/* Noise without logarithms, two elements a word: the sum of four bytes has mean 510, variance 21845
 * and very nearly the shape of a normal distribution. */
static void add_noise(float *row, int64_t count, double sigma, uint64_t counter)
{
    const uint64_t bytes = 0x00FF00FF00FF00FF, pairs = 0x0000FFFF0000FFFF;
    const float scale = (float)(sigma / sqrt(21845));
    for (int64_t j = 0; j < count; j += 2) {
        uint64_t word = random_word(counter + (uint64_t)j / 2);
        word = (word & bytes) + (word >> 8 & bytes);
        word = (word & pairs) + (word >> 16 & pairs);
        row[j] += scale * (float)((int32_t)(word & 0xFFFF) - 510);
        if (j + 1 < count)
            row[j + 1] += scale * (float)((int32_t)(word >> 32) - 510);
    }
}

/* Element i of the k-th of n orthonormal vectors: those of the discrete cosine transform. */
static double cosine(int k, int64_t i, int64_t n)
{
    return sqrt(2.0 / (double)n) * cos(M_PI * ((double)i + 0.5) * (k + 1) / (double)n);
}

static void put_spikes(float *row, const struct bench_matrix *matrix, const float *right, int64_t i)
{
    int64_t cols = matrix->cols;
    float left[SPIKES];
    for (int k = 0; k < SPIKES; k++)
        left[k] = (float)(spike_strengths[k] * edge_of(matrix) * cosine(k, i, matrix->rows));
    for (int64_t j = 0; j < cols; j++)
        row[j] = left[0] * right[j] + left[1] * right[cols + j] + left[2] * right[2 * cols + j];
}

static double sum_squares(const float *row, int64_t count)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < count; j++)
        sum += (double)row[j] * (double)row[j];
    return sum;
}

int matrix_fill(struct bench_matrix *matrix, struct error *err)
{
    int64_t cols = matrix->cols, words = (cols + 1) / 2;
    float *right = malloc(SPIKES * (size_t)cols * sizeof *right);
    if (!right)
        return error_set(err, "not enough memory");
    for (int k = 0; k < SPIKES; k++)
        for (int64_t j = 0; j < cols; j++)
            right[k * cols + j] = (float)cosine(k, j, cols);
    matrix->squares = 0;
    for (int64_t i = 0; i < matrix->rows; i++) {
        float *row = matrix->elements + i * cols;
        put_spikes(row, matrix, right, i);
        add_noise(row, cols, sigma_of(matrix), (matrix->seed << 40) + (uint64_t)(i * words));
        matrix->squares += sum_squares(row, cols);
    }
    free(right);
    return 0;
}

/* --- checking --- */

static int check_order(const double *values, int64_t n, struct error *err)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(values[i]) || values[i] < 0 || (i > 0 && values[i] > values[i - 1]))
            return error_set(err, "value %lld of %lld is %g, behind %g", (long long)i, (long long)n,
                             values[i], values[i > 0 ? i - 1 : 0]);
    return 0;
}

/* A spike of strength t shows as sqrt((t^2 + n s^2) (t^2 + m s^2)) / t, within a few s
 * (Benaych-Georges & Nadakuditi, arXiv 1103.2221). */
static int check_spikes(const struct bench_matrix *matrix, struct error *err)
{
    double sigma = sigma_of(matrix), n = (double)matrix->rows, m = (double)matrix->cols;
    for (int k = 0; k < SPIKES; k++) {
        double t = spike_strengths[k] * edge_of(matrix);
        double shown = sqrt((t * t + n * sigma * sigma) * (t * t + m * sigma * sigma)) / t;
        if (!(fabs(matrix->values[k] - shown) <= 5 * sigma))
            return error_set(err, "value %d is %g, planted was %g", k, matrix->values[k], shown);
    }
    return 0;
}

/* Behind the spikes is the noise of the dimensions that they leave. Its largest value follows a
 * Tracy-Widom law (Johnstone 2001; mean -1.2, deviation 1.3, here of the square): 2 % of the edge
 * is five deviations and more where the matrix is not small. */
static int check_edge(const struct bench_matrix *matrix, struct error *err)
{
    double n = sqrt((double)(matrix->rows - SPIKES)), m = sqrt((double)(matrix->cols - SPIKES));
    double width = cbrt(1 / n + 1 / m) / (n + m), largest = matrix->values[SPIKES];
    double expected = sigma_of(matrix) * (n + m) * (1 - 1.2 * width / 2);
    if (fabs(largest / expected - 1) <= fmax(0.02, 5 * 1.3 * width / 2))
        return 0;
    return error_set(err, "the noise ends at %g, should at %g", largest, expected);
}

static int check_squares(const struct bench_matrix *matrix, double accuracy, struct error *err)
{
    int64_t n = matrix_shorter(matrix);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += matrix->values[i];
        squares += matrix->values[i] * matrix->values[i];
    }
    if (fabs(squares - matrix->squares) <= 2 * accuracy * matrix->values[0] * sum)
        return 0;
    return error_set(err, "the squares of the values add up to %.9g, those of the elements to %.9g",
                     squares, matrix->squares);
}

int matrix_check(const struct bench_matrix *matrix, double accuracy, struct error *err)
{
    struct error what = ERROR_INIT;
    if (check_order(matrix->values, matrix_shorter(matrix), &what) == 0 &&
        check_spikes(matrix, &what) == 0 && check_edge(matrix, &what) == 0 &&
        check_squares(matrix, accuracy, &what) == 0)
        return 0;
    return error_set(err, "wrong singular values of a %lldx%lld matrix (number %llu): %.400s",
                     (long long)matrix->rows, (long long)matrix->cols,
                     (unsigned long long)matrix->seed, what.text);
}
