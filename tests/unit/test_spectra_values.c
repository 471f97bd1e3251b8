/* Singular values: planted spectra, both back ends, rank deficiency, and what is not a matrix. */
#include "lapack_values.h"
#include "spectra_cases.h"
#include "test.h"

#include "compute/devices/devices.h"
#include "compute/spectra.h"
#define LEVEL base
#include "compute/cpu/spectra/stages.h"

#include <math.h>
#include <string.h>

static int compute_with(struct backend *backend, double *values, const float *matrix, int64_t rows,
                        int64_t cols, struct error *err)
{
    void *room =
        aligned_alloc(64, (backend->spectra->workspace(backend->self, rows, cols) + 63) / 64 * 64);
    int status = backend->spectra->values(backend->self, values, matrix, rows, cols, room, err);
    free(room);
    backend_close(backend);
    return status;
}

static int compute(const char *device, double *values, const float *matrix, int64_t rows,
                   int64_t cols, struct error *err)
{
    struct backend *backend = NULL;
    assert_int_equal(backend_open(&backend, device, 1, err), 0);
    return compute_with(backend, values, matrix, rows, cols, err);
}

static const struct {
    int64_t rows, cols;
} shapes[] = {{1, 1}, {1, 9}, {9, 1}, {7, 7}, {40, 97}, {97, 40}, {64, 600}, {600, 64}};
enum { SHAPES = sizeof shapes / sizeof *shapes, N_MAX = 97 };

static void finds_planted_values(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        int64_t rows = shapes[s].rows, cols = shapes[s].cols, n = rows < cols ? rows : cols;
        double truth[N_MAX], cpu[N_MAX], reference[N_MAX];
        for (int64_t i = 0; i < n; i++)
            truth[i] = 3.0 / (double)(i + 1);
        float *matrix = planted(truth, rows, cols, (uint64_t)s + 1);
        assert_int_equal(compute("cpu", cpu, matrix, rows, cols, NULL), 0);
        assert_int_equal(compute("reference", reference, matrix, rows, cols, NULL), 0);
        for (int64_t i = 0; i < n; i++) {
            assert_true(fabs(cpu[i] - truth[i]) < 1e-6); /* the matrix was rounded to float */
            assert_true(fabs(cpu[i] - reference[i]) < 1e-10 * truth[0]);
        }
        free(matrix);
    }
}

/* Values far below what a Gram matrix resolves: both ways agree to 1e-10 of the largest. */
static void resolves_rank_deficiency(void **state)
{
    (void)state;
    enum { ROWS = 60, COLS = 90 };
    double truth[ROWS], cpu[ROWS], reference[ROWS];
    for (int i = 0; i < ROWS; i++)
        truth[i] = i < 20 ? 1.0 + i : i < 40 ? 1e-7 * i : 0;
    float *matrix = planted(truth, ROWS, COLS, 5);
    assert_int_equal(compute("cpu", cpu, matrix, ROWS, COLS, NULL), 0);
    assert_int_equal(compute("reference", reference, matrix, ROWS, COLS, NULL), 0);
    for (int i = 0; i < ROWS; i++)
        assert_true(fabs(cpu[i] - reference[i]) < 1e-10 * 20);
    assert_true(cpu[ROWS - 1] < 1e-5 && cpu[ROWS - 1] >= 0);
    free(matrix);
}

enum { LEVELS = 4 };

/* A value per row of levels[]; NULL: this processor lacks it. */
static struct backend *open_level(size_t level)
{
    static const char *const levels[LEVELS] = {"avx512bf16", "avx512", "avx2", "base"};
    struct backend *backend = NULL;
    return cpu_backend_new(&backend, levels[level], 1, NULL) == 0 ? backend : NULL;
}

/* Equal columns, or rows, leave residuals that are equal again, 2^-52 of the ones before: some
 * have squares that are denormal. */
static void equal_columns_are_lapacks(void **state)
{
    (void)state;
    enum { N = 64, EQUAL = 16 };
    float matrix[N * N], scaled[N * N];
    double lapack[N], own[N];
    for (int turned = 0; turned < 2; turned++) {
        struct random_stream r = {.seed = 3};
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                matrix[turned ? j * N + i : i * N + j] =
                    0.02f * (j < EQUAL ? (float)(j + 1) : (float)random_normal(&r));
        lapack_values(lapack, matrix, N, N);
        for (int k = -64; k <= 64; k += 8)
            for (size_t l = 0; l < LEVELS; l++) {
                struct backend *backend = open_level(l);
                if (!backend)
                    continue;
                for (int i = 0; i < N * N; i++)
                    scaled[i] = ldexpf(matrix[i], k);
                assert_int_equal(compute_with(backend, own, scaled, N, N, NULL), 0);
                for (int i = 0; i < N; i++)
                    assert_true(fabs(ldexp(own[i], -k) - lapack[i]) <= 1e-10 * lapack[0]);
            }
    }
}

/* Every level against LAPACK in fp64. */
static void every_level_is_lapacks(void **state)
{
    (void)state;
    for (size_t o = 0; o < CASE_ORDERS; o++) {
        int64_t rows = case_orders[o][0], cols = case_orders[o][1], n = rows < cols ? rows : cols;
        for (int kind = 0; kind < CASE_KINDS; kind++) {
            double own[CASE_ORDER_MAX], lapack[CASE_ORDER_MAX];
            float *matrix = matrix_of_kind(kind, rows, cols);
            lapack_values(lapack, matrix, rows, cols);
            for (size_t l = 0; l < LEVELS; l++) {
                struct backend *backend = open_level(l);
                if (!backend)
                    continue;
                assert_int_equal(compute_with(backend, own, matrix, rows, cols, NULL), 0);
                for (int64_t i = 0; i < n; i++)
                    if (!(fabs(own[i] - lapack[i]) <= 1e-10 * lapack[0]))
                        fail_msg(
                            "level %d, kind %d, %lld x %lld: value %lld is %.17g, LAPACK has %.17g",
                            (int)l, kind, (long long)rows, (long long)cols, (long long)i, own[i],
                            lapack[i]);
            }
            free(matrix);
        }
    }
}

/* Bands of 32 and 48 diagonals, which larger orders have; both ways. */
static void wide_bands_are_lapacks(void **state)
{
    (void)state;
    static const struct {
        int64_t n, cols;
        int kind;
    } cases[] = {{1100, 1110, 0}, {2100, 2110, 1}, {1100, 1100, 7}, {1050, 1210, 8}};
    for (int c = 0; c < (getenv("SPECTRUM_SANITIZED") ? 0 : 4); c++) {
        int64_t n = cases[c].n, cols = cases[c].cols;
        double *own = malloc((size_t)n * sizeof *own), *lapack = malloc((size_t)n * sizeof *lapack);
        float *matrix = matrix_of_kind(cases[c].kind, n, cols);
        assert_int_equal(compute("cpu", own, matrix, n, cols, NULL), 0);
        lapack_values(lapack, matrix, n, cols);
        for (int64_t i = 0; i < n; i++)
            assert_true(fabs(own[i] - lapack[i]) <= 1e-10 * lapack[0]);
        free(own);
        free(lapack);
        free(matrix);
    }
}

/* Of an order at which the columns' overlap is longer than the band's ends: the square of the
 * matrix with 2 on the diagonal and -1 beside it, whose eigenvalues are known. */
static void a_long_band_keeps_its_end(void **state)
{
    (void)state;
    enum { N = 3200, BAND = 16 };
    double *a = malloc(cpu_chase_workspace_base(N, BAND) * sizeof *a);
    double *d = malloc(4 * N * sizeof *d), *e = d + N, *squares = e + N, *values = squares + N;
    cpu_chase_clear_base(a, N, BAND);
    for (int j = 0; j < N; j++) {
        cpu_chase_put_base(a, j, j, j == 0 || j == N - 1 ? 5 : 6, BAND);
        if (j + 1 < N)
            cpu_chase_put_base(a, j + 1, j, -4, BAND);
        if (j + 2 < N)
            cpu_chase_put_base(a, j + 2, j, 1, BAND);
    }
    cpu_chase_base(NULL, d, e, a, N, BAND);
    cpu_tridiagonal_values_base(NULL, values, squares, d, e, N, 0);
    for (int i = 0; i < N; i++) {
        double root = 2 - 2 * cos((i + 1) * M_PI / (N + 1));
        assert_true(fabs(values[i] - root * root) < 1e-12);
    }
    free(a);
    free(d);
}

/* Of exact rank k: what lies below k is zero, not rounding. */
static void rank_deficiency_gives_zeros(void **state)
{
    (void)state;
    enum { ROWS = 70, COLS = 90 };
    float matrix[ROWS * COLS];
    double values[ROWS];
    for (int rank = 1; rank < 60; rank += 29) {
        for (int i = 0; i < ROWS * COLS; i++)
            matrix[i] = (float)((i / COLS % rank + 1) * (i % COLS % rank == i / COLS % rank));
        assert_int_equal(compute("cpu", values, matrix, ROWS, COLS, NULL), 0);
        assert_true(values[rank - 1] > 1);
        for (int i = rank; i < ROWS; i++)
            assert_true(values[i] == 0);
    }
}

static void zeros_and_denormals(void **state)
{
    (void)state;
    static const char *const devices[] = {"cpu", "reference"};
    for (int d = 0; d < 2; d++) {
        float zero[12] = {0}, tiny[4] = {1e-44f, 0, 0, 3e-45f};
        double values[3];
        assert_int_equal(compute(devices[d], values, zero, 3, 4, NULL), 0);
        assert_true(values[0] == 0 && values[2] == 0);
        assert_int_equal(compute(devices[d], values, tiny, 2, 2, NULL), 0);
        assert_true(fabs(values[0] / (double)tiny[0] - 1) < 1e-12);
        assert_true(fabs(values[1] / (double)tiny[3] - 1) < 1e-12);
    }
}

static void names_nan_and_inf(void **state)
{
    (void)state;
    float matrix[6] = {1, 2, 3, 4, NAN, 6};
    double values[2];
    struct error err = ERROR_INIT;
    assert_int_equal(compute("cpu", values, matrix, 2, 3, &err), -1);
    assert_string_equal(err.text, "NaN at row 1, column 1");
    matrix[4] = -INFINITY;
    assert_int_equal(compute("reference", values, matrix, 2, 3, &err), -1);
    assert_string_equal(err.text, "Inf at row 1, column 1");
}

static void unknown_devices_are_named(void **state)
{
    (void)state;
    struct backend *backend = NULL;
    struct error err = ERROR_INIT;
    assert_int_equal(backend_open(&backend, "tpu", 1, &err), -1);
    assert_non_null(strstr(err.text, "tpu"));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_int_equal(backend_open(&backend, "cuda", 1, &err), -1);
    assert_non_null(strstr(err.text, "plug-in"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_planted_values),        cmocka_unit_test(resolves_rank_deficiency),
        cmocka_unit_test(every_level_is_lapacks),      cmocka_unit_test(wide_bands_are_lapacks),
        cmocka_unit_test(equal_columns_are_lapacks),   cmocka_unit_test(a_long_band_keeps_its_end),
        cmocka_unit_test(rank_deficiency_gives_zeros), cmocka_unit_test(zeros_and_denormals),
        cmocka_unit_test(names_nan_and_inf),           cmocka_unit_test(unknown_devices_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
