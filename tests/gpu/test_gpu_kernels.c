/* The CUDA kernels on the emulated device: the whole way from a symmetric matrix to its eigenvalues
 * against LAPACK, the same numbers whichever threads go first, and the kernels that move numbers.
 */
#include "test.h"

#include "device.h"
#include "gpu/kernels.h"
#include "symmetric_data.h"

#include <cublas_v2.h>
#include <math.h>
#include <string.h>

static cublasHandle_t blas;

static int setup(void **state)
{
    if (stream_setup(state) != 0 || cublasCreate(&blas) != CUBLAS_STATUS_SUCCESS)
        return -1;
    return cublasSetStream(blas, stream) == CUBLAS_STATUS_SUCCESS ? 0 : -1;
}

static int teardown(void **state)
{
    return cublasDestroy(blas) == CUBLAS_STATUS_SUCCESS ? stream_teardown(state) : -1;
}

/* --- from a matrix to its eigenvalues --- */

/* Device memory for a matrix of order n and what its reduction needs. */
struct work {
    int n;
    double *a, *tau, *v, *copy, *gram, *t, *y, *x, *s; /* v, copy, y, x: [n, BAND] */
    double *band, *diagonal, *squares, *values, *bounds;
    int *progress;
};

static struct work work_new(const double *a, int n)
{
    size_t one = sizeof(double), tall = (size_t)n * BAND * one, small = BAND * BAND * one;
    struct work w = {.n = n, .a = device_copy(a, (size_t)n * n * one)};
    double **talls[] = {&w.v, &w.copy, &w.y, &w.x}, **smalls[] = {&w.gram, &w.t, &w.s};
    double **vectors[] = {&w.diagonal, &w.squares, &w.values};
    for (size_t i = 0; i < 4; i++)
        *talls[i] = device_new(tall);
    for (size_t i = 0; i < 3; i++)
        *smalls[i] = device_new(small);
    for (size_t i = 0; i < 3; i++)
        *vectors[i] = device_new((size_t)n * one);
    w.tau = device_new(BAND * one);
    w.bounds = device_new(2 * one);
    w.band = device_new((size_t)chase_doubles(n) * one);
    w.progress = device_new((size_t)(n + 1) * sizeof *w.progress);
    return w;
}

static void work_free(struct work *w)
{
    void *all[] = {w->a, w->tau,  w->v,        w->copy,    w->gram,   w->t,      w->y,       w->x,
                   w->s, w->band, w->diagonal, w->squares, w->values, w->bounds, w->progress};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        device_free(all[i]);
}

/* C[m, n] = alpha op(A) op(B) + beta C */
static void product(cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                    double alpha, const double *a, int ld_a, const double *b, int ld_b, double beta,
                    double *c, int ld_c)
{
    assert_int_equal(
        cublasDgemm(blas, op_a, op_b, m, n, k, &alpha, a, ld_a, b, ld_b, &beta, c, ld_c), 0);
}

/* Columns c to c + BAND become the band's, the rest of the matrix is turned along:
 * A := A - V W^T - W V^T, W = X - V S / 2, X = A Y, S = Y^T X, Y = V T. */
static void reduce_panel(struct work *w, int c)
{
    const cublasOperation_t n = CUBLAS_OP_N, t = CUBLAS_OP_T;
    int ld = w->n, rows = ld - c - BAND;
    double *panel = w->a + (size_t)c * ld + c + BAND, *rest = panel + (size_t)BAND * ld;
    assert_cuda(kernel_panel(panel, w->tau, rows, BAND, ld, stream));
    assert_cuda(kernel_vectors(w->v, w->copy, panel, rows, BAND, ld, rows, stream));
    product(t, n, BAND, BAND, rows, 1, w->v, rows, w->copy, rows, 0, w->gram, BAND);
    assert_cuda(kernel_triangle(w->t, w->gram, w->tau, BAND, stream));
    product(n, n, rows, BAND, BAND, 1, w->v, rows, w->t, BAND, 0, w->y, rows);
    product(n, n, rows, BAND, rows, 1, rest, ld, w->y, rows, 0, w->x, rows);
    product(t, n, BAND, BAND, rows, 1, w->y, rows, w->x, rows, 0, w->s, BAND);
    product(n, n, rows, BAND, BAND, -0.5, w->v, rows, w->s, BAND, 1, w->x, rows);
    product(n, t, rows, rows, BAND, -1, w->v, rows, w->x, rows, 1, rest, ld);
    product(n, t, rows, rows, BAND, -1, w->x, rows, w->v, rows, 1, rest, ld);
}

static void reduce_to_band(struct work *w)
{
    for (int c = 0; c + BAND < w->n; c += BAND)
        reduce_panel(w, c);
}

static void reduce_to_values(struct work *w)
{
    assert_cuda(kernel_take_band(w->band, w->a, w->n, stream));
    assert_cuda(kernel_chase(w->band, w->progress, w->n, stream));
    assert_cuda(kernel_take_tridiagonal(w->diagonal, w->squares, w->band, w->n, stream));
    assert_cuda(kernel_eigenvalues(w->values, w->bounds, w->diagonal, w->squares, w->n, stream));
}

/* values[n] of a[n, n] as the device computes them. */
static void device_eigenvalues(double *values, const double *a, int n)
{
    struct work w = work_new(a, n);
    reduce_to_band(&w);
    reduce_to_values(&w);
    device_read(values, w.values, (size_t)n * sizeof *values);
    work_free(&w);
}

static void check_matrix(int n, enum kind kind)
{
    double *a = malloc((size_t)n * n * sizeof *a), *values = malloc((size_t)n * sizeof *values);
    double *expected = malloc((size_t)n * sizeof *expected), largest = 0;
    fill_symmetric(a, n, kind);
    lapack_eigenvalues(expected, a, n);
    device_eigenvalues(values, a, n);
    for (int i = 0; i < n; i++)
        largest = fmax(largest, fabs(expected[i]));
    for (int i = 0; i < n; i++)
        if (!(fabs(values[i] - expected[i]) <= 1e-13 * largest + 1e-140))
            fail_msg("%s of order %d: value %d is %.17g, LAPACK's %.17g", kind_names[kind], n, i,
                     values[i], expected[i]);
    free(a);
    free(values);
    free(expected);
}

/* All kinds around the first panel's end, then two for each order. */
static void eigenvalues_agree_with_lapack(void **state)
{
    (void)state;
    static const int orders[] = {96, 97, 130};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (int n = 1; n <= 70; n++)
            if (n <= 40 || n % 3 == (int)kind % 3)
                check_matrix(n, kind);
        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
            check_matrix(orders[i], kind);
    }
    check_matrix(200, NOISE);
}

/* --- whichever threads go first --- */

static void set_order(int seed, int resident)
{
    char text[16];
    snprintf(text, sizeof text, "%d", seed);
    setenv("EMULATED_CUDA_SEED", text, 1);
    snprintf(text, sizeof text, "%d", resident);
    setenv("EMULATED_CUDA_RESIDENT", text, 1);
}

static void reset_order(void)
{
    unsetenv("EMULATED_CUDA_SEED");
    unsetenv("EMULATED_CUDA_RESIDENT");
}

/* The same bits: no sum depends on who comes first. */
static void any_order_gives_the_same_values(void **state)
{
    (void)state;
    enum { N = 97 };
    static double a[N * N], expected[N], values[N];
    fill_symmetric(a, N, NOISE);
    device_eigenvalues(expected, a, N);
    for (int seed = 1; seed <= 4; seed++) {
        set_order(seed, 4);
        device_eigenvalues(values, a, N);
        reset_order();
        assert_memory_equal(values, expected, sizeof values);
    }
}

/* All that the chase writes. */
static void chase_band(double *out, const double *a, int n)
{
    struct work w = work_new(a, n);
    assert_cuda(kernel_take_band(w.band, w.a, n, stream));
    assert_cuda(kernel_chase(w.band, w.progress, n, stream));
    assert_cuda(kernel_take_tridiagonal(w.diagonal, w.squares, w.band, n, stream));
    device_read(out, w.diagonal, (size_t)n * sizeof *out);
    device_read(out + n, w.squares, (size_t)n * sizeof *out);
    work_free(&w);
}

/* Orders at which up to six warps chase one another, or fewer fit at once than were started. */
static void any_order_chases_alike(void **state)
{
    (void)state;
    static const int orders[] = {33, 64, 130, 330}, resident[] = {1, 2, 3, 16};
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        int n = orders[o];
        size_t bytes = 2 * (size_t)n * sizeof(double);
        double *a = malloc((size_t)n * n * sizeof *a), *out = malloc(bytes);
        double *expected = malloc(bytes);
        fill_symmetric(a, n, NOISE);
        chase_band(expected, a, n);
        for (int run = 0; run < (n < 330 ? 12 : 4); run++) {
            set_order(run % 6, resident[run % 4]);
            chase_band(out, a, n);
            reset_order();
            assert_memory_equal(out, expected, bytes);
        }
        free(a);
        free(out);
        free(expected);
    }
}

/* --- what moves numbers --- */

/* Widens `count` floats, of which the last is `last` and the others `rest`. */
static int widened(int64_t count, float rest, float last)
{
    float *in = malloc((size_t)count * sizeof *in);
    double *out = malloc((size_t)count * sizeof *out);
    for (int64_t i = 0; i < count; i++)
        in[i] = i + 1 < count ? rest : last;
    int found = 0;
    float *in_there = device_copy(in, (size_t)count * sizeof *in);
    double *out_there = device_new((size_t)count * sizeof *out);
    int *found_there = device_copy(&found, sizeof found);
    assert_cuda(kernel_widen(out_there, found_there, in_there, count, stream));
    device_read(out, out_there, (size_t)count * sizeof *out);
    device_read(&found, found_there, sizeof found);
    for (int64_t i = 0; i < count; i++)
        if (isnan(in[i]))
            assert_true(isnan(out[i]));
        else
            assert_true(out[i] == in[i]);
    device_free(in_there);
    device_free(out_there);
    device_free(found_there);
    free(in);
    free(out);
    return found;
}

/* The last size is beyond what the most blocks have a thread for. */
static void widen_says_what_it_found(void **state)
{
    (void)state;
    static const int64_t counts[] = {1, 255, 257, 5000, 4096 * 256 + 77};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t n = counts[i];
        assert_int_equal(widened(n, 0, -0.0f), 0);
        assert_int_equal(widened(n, 0, 1e-45f), FOUND_NOT_ZERO);
        assert_int_equal(widened(n, -3.5f, 3.4e38f), FOUND_NOT_ZERO);
        assert_int_equal(widened(n, 0, NAN), FOUND_NOT_ZERO | FOUND_NOT_FINITE);
        assert_int_equal(widened(n, 0, -INFINITY), FOUND_NOT_ZERO | FOUND_NOT_FINITE);
    }
}

static void check_turned(int64_t rows, int64_t cols)
{
    size_t count = (size_t)(rows * cols);
    float *in = malloc(count * sizeof *in);
    double *out = malloc(count * sizeof *out);
    for (size_t i = 0; i < count; i++)
        in[i] = (float)i;
    float *in_there = device_copy(in, count * sizeof *in);
    double *out_there = device_new(count * sizeof *out);
    assert_cuda(kernel_widen_transposed(out_there, in_there, rows, cols, stream));
    device_read(out, out_there, count * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            assert_true(out[j * rows + i] == in[i * cols + j]);
    device_free(in_there);
    device_free(out_there);
    free(in);
    free(out);
}

static void widen_turns(void **state)
{
    (void)state;
    static const int64_t sides[] = {1, 7, 31, 32, 33, 100};
    enum { SIDES = sizeof sides / sizeof *sides };
    for (size_t i = 0; i < SIDES; i++)
        for (size_t j = 0; j < SIDES; j++)
            check_turned(sides[i], sides[j]);
    check_turned(3, 2000);
    check_turned(2000, 3);
    check_turned(65536 * 32, 1); /* a tile more than a grid's second side has */
}

static void mirror_mirrors(void **state)
{
    (void)state;
    static const int orders[] = {1, 2, 31, 32, 33, 70, 130};
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        int n = orders[o];
        size_t bytes = (size_t)n * n * sizeof(double);
        double *a = malloc(bytes), *out = malloc(bytes);
        for (int i = 0; i < n * n; i++)
            a[i] = i;
        double *there = device_copy(a, bytes);
        assert_cuda(kernel_mirror(there, n, stream));
        device_read(out, there, bytes);
        for (int j = 0; j < n; j++)
            for (int i = 0; i < n; i++)
                assert_true(out[j * n + i] == a[i > j ? j * n + i : i * n + j]);
        device_free(there);
        free(a);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eigenvalues_agree_with_lapack),
        cmocka_unit_test(any_order_gives_the_same_values),
        cmocka_unit_test(any_order_chases_alike),
        cmocka_unit_test(widen_says_what_it_found),
        cmocka_unit_test(widen_turns),
        cmocka_unit_test(mirror_mirrors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
