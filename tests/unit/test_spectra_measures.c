/* Norms, ranks and spikes: by hand, against numpy, on planted signals and on pure noise. */
#include "test.h"

#include "base/folder.h"
#include "base/json.h"
#include "base/random.h"
#include "compute/devices/devices.h"
#include "compute/spectra.h"
#include "spectra/scan.h"
#include "spectra/scan_result.h"
#include "spectra/score.h"

#include <math.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { NOISE_SEEDS = 40, PLANTED_SEEDS = 2 };
#else
enum { NOISE_SEEDS = 400, PLANTED_SEEDS = 25 };
#endif

static bool near(double a, double b, double relative)
{
    return fabs(a - b) <= relative * fabs(b);
}

static struct measures measure(const double *values, int64_t rows, int64_t cols)
{
    struct noise_shape shape = noise_shape(rows, cols);
    return measure_values(values, rows < cols ? rows : cols, &shape);
}

static void hand_computed_values(void **state)
{
    (void)state;
    static const double steps[] = {4, 2, 2, 1};
    struct measures out = measure(steps, 4, 6);
    assert_true(near(out.frobenius, 5, 1e-15));
    assert_true(near(out.stable_rank, 25.0 / 16, 1e-15));
    /* p = 4/9, 2/9, 2/9, 1/9: entropy ln 9 - (4 ln 4 + 2 ln 2 + 2 ln 2) / 9 = ln 9 - 12 ln 2 / 9 */
    assert_true(near(out.effective_rank, 9 / pow(2, 4.0 / 3), 1e-14));
    static const double equal[] = {3, 3, 3, 3, 3};
    out = measure(equal, 5, 5);
    assert_true(near(out.stable_rank, 5, 1e-15) && near(out.effective_rank, 5, 1e-14));
    assert_int_equal(out.spikes, 0);
    /* Rank one, with what rounding leaves of the others; squares beyond double's range. */
    static const double one[] = {2e200, 1e185, 1e185, 0, 0};
    out = measure(one, 5, 9);
    assert_true(near(out.frobenius, 2e200, 1e-15) && near(out.stable_rank, 1, 1e-15));
    assert_true(near(out.effective_rank, 1, 1e-12));
    assert_int_equal(out.spikes, 1);
    static const double two[] = {2, 1};
    out = measure(two, 2, 9);
    assert_true(out.spikes == -1 && isnan(out.spike_edge));
}

static void score(struct scan_row *row, const double *values, int64_t count)
{
    struct null_model null = null_model_find(row->rows, row->cols, EMPTY_NOISE_INFINITY);
    score_row(row, values, count, &null, ESTIMATOR_REFERENCE, EMPTY_NOISE_INFINITY);
}

static void a_row_says_why_it_is_degenerate(void **state)
{
    (void)state;
    double values[16];
    for (int i = 0; i < 16; i++)
        values[i] = i < 13 ? 8.3 - 0.02 * i : 0.05;
    struct scan_row row = {.rows = 16, .cols = 16};
    score(&row, values, 16);
    assert_true(row.degenerate && row.noise_count == 3);
    assert_string_equal(row.degenerate_reason, "only 3 noise values");
    static const double flat[] = {1, 1, 1};
    struct scan_row other = {.rows = 3, .cols = 3};
    score(&other, flat, 3);
    assert_string_equal(other.degenerate_reason, "no noise values");
    /* Calibrated, noise alone has no signal. */
    assert_true(row.null_snr > 0 && row.null_snr_mp == 0 && row.null_snr_gavish_donoho == 0);
    static const double zeros[] = {0, 0};
    struct scan_row none = {.rows = 2, .cols = 3};
    score(&none, zeros, 2);
    assert_true(none.known && !none.detailed && isnan(none.snr));
    assert_string_equal(none.reason, "all zeros");
}

static void numpy_has_the_same(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *model_path = path_join(getenv("SPECTRUM_TEST_DATA"), "../../demo/model", NULL);
    char *oracle_path = path_join(getenv("SPECTRUM_TEST_DATA"), "spectra/measures_demo.json", NULL);
    cJSON *oracle = json_read_file(oracle_path, 1 << 20, JSON_STRICT, &err);
    struct model *model = NULL;
    struct backend *backend = NULL;
    struct scan_result *result = NULL;
    struct scan_options options = {.use_cache = false};
    if (!oracle || model_open(&model, model_path, &err) != 0 ||
        backend_open(&backend, "cpu", 0, &err) != 0 ||
        scan_run(&result, model, backend, &options, NULL, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(result->scan->count, cJSON_GetArraySize(oracle));
    for (size_t i = 0; i < result->scan->count; i++) {
        const struct scan_row *row = &result->scan->rows[i];
        const struct {
            const char *key;
            double value;
        } numbers[] = {
            {"frobenius", row->frobenius},     {"sigma_max", row->sigma_max},
            {"stable_rank", row->stable_rank}, {"effective_rank", row->effective_rank},
            {"spike_edge", row->spike_edge},   {"spikes", (double)row->spikes},
            {"snr_mp", row->snr_mp},           {"snr_gavish_donoho", row->snr_gavish_donoho},
        };
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            double expected;
            assert_true(json_get_double(json_get(oracle, row->module), numbers[k].key, &expected));
            if (!near(numbers[k].value, expected, 1e-6))
                fail_msg("%s %s: %.17g, numpy has %.17g", row->module, numbers[k].key,
                         numbers[k].value, expected);
        }
    }
    scan_result_free(result);
    backend_close(backend);
    model_close(model);
    cJSON_Delete(oracle);
    free(model_path);
    free(oracle_path);
}

/* --- planted signals and pure noise --- */

static const struct shape {
    int64_t rows, cols;
} shapes[] = {{3, 3},   {5, 5},   {8, 2000}, {16, 64},  {20, 15},
              {64, 64}, {31, 65}, {480, 48}, {96, 128}, {128, 128}};
enum { SHAPES = sizeof shapes / sizeof *shapes, COUNT_MAX = 128, SPIKES_MAX = 4 };

/* Random, on every SPIKES_MAX-th element: orthogonal to those of other k. */
static void unit_vector(double *out, int64_t length, int k, struct random_stream *r)
{
    double squares = 0;
    for (int64_t i = 0; i < length; i++) {
        out[i] = i % SPIKES_MAX == k ? random_normal(r) : 0;
        squares += out[i] * out[i];
    }
    for (int64_t i = 0; i < length; i++)
        out[i] /= sqrt(squares);
}

/* Singular values of noise of variance 1 plus `spikes` products u v' of 4, 5, .. times the strength
 * at which one begins to show, (rows cols)^(1/4) (Baik, Ben Arous & Peche 2005; for singular
 * values Benaych-Georges & Nadakuditi 2012). */
static void draw_values(double *values, const struct shape *shape, int spikes, uint64_t seed)
{
    struct random_stream r = {.seed = seed};
    int64_t rows = shape->rows, cols = shape->cols;
    double u[2000], v[2000], weak = pow((double)rows * (double)cols, 0.25);
    float *matrix = malloc((size_t)(rows * cols) * sizeof *matrix);
    for (int64_t i = 0; i < rows * cols; i++)
        matrix[i] = (float)random_normal(&r);
    for (int k = 0; k < spikes; k++) {
        unit_vector(u, rows, k, &r);
        unit_vector(v, cols, k, &r);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                matrix[i * cols + j] += (float)((4 + k) * weak * u[i] * v[j]);
    }
    struct backend *backend = NULL;
    assert_int_equal(backend_open(&backend, "cpu", 1, NULL), 0);
    size_t need = backend->spectra->workspace(backend->self, rows, cols);
    void *room = aligned_alloc(64, (need + 63) / 64 * 64);
    assert_int_equal(
        backend->spectra->values(backend->self, values, matrix, rows, cols, room, NULL), 0);
    backend_close(backend);
    free(room);
    free(matrix);
}

/* How often something that happens once in `one_in` may happen in `trials`, but for one test in
 * thousands: the mean and four standard deviations. */
static double at_most(int trials, double rate)
{
    return trials * rate + 4 * sqrt(trials * rate * (1 - rate));
}

/* The spike's edge is for one false alarm in a hundred matrices of pure noise, whatever the shape.
 * The bare Marchenko-Pastur edge, the threshold of `mp`, is exceeded by the largest value of one
 * in six (1 - F_1(0) = 0.17 for known noise), of one in three where few values tell the noise. */
static void noise_has_no_spikes_but_one_in_a_hundred(void **state)
{
    (void)state;
    int alarms = 0, tall = 0;
    for (int s = 0; s < SHAPES; s++) {
        int here = 0, bare = 0;
        for (uint64_t seed = 0; seed < NOISE_SEEDS; seed++) {
            double values[COUNT_MAX];
            const struct shape *at = &shapes[s];
            int64_t count = at->rows < at->cols ? at->rows : at->cols;
            draw_values(values, at, 0, seed * 100 + (uint64_t)s);
            here += measure(values, at->rows, at->cols).spikes > 0;
            bare +=
                score_values(values, count, at->rows, at->cols, ESTIMATOR_MP, EMPTY_NOISE_INFINITY)
                    .signal_count > 0;
        }
        printf("%lld x %lld: %d of %d noise matrices have spikes, %d exceed the bare edge\n",
               (long long)shapes[s].rows, (long long)shapes[s].cols, here, (int)NOISE_SEEDS, bare);
        assert_true(here <= at_most(NOISE_SEEDS, 0.01));
        assert_true(bare <= at_most(NOISE_SEEDS, 1.0 / 3));
        alarms += here;
        tall += bare;
    }
    assert_true(alarms <= at_most(NOISE_SEEDS * SHAPES, 0.01));
    assert_true(tall > NOISE_SEEDS * SHAPES / 20); /* so the margin is needed, and noise is noise */
}

static void planted_spikes_are_found(void **state)
{
    (void)state;
    for (int s = 3; s < SHAPES; s++) {
        const struct shape *at = &shapes[s];
        int64_t count = at->rows < at->cols ? at->rows : at->cols;
        for (int spikes = 1; spikes <= SPIKES_MAX; spikes++) {
            int beyond = 0;
            for (uint64_t seed = 0; seed < PLANTED_SEEDS; seed++) {
                double values[COUNT_MAX];
                draw_values(values, at, spikes, seed * 1000 + (uint64_t)(s * 10 + spikes));
                assert_int_equal(measure(values, at->rows, at->cols).spikes, spikes);
                assert_int_equal(score_values(values, count, at->rows, at->cols,
                                              ESTIMATOR_GAVISH_DONOHO, EMPTY_NOISE_INFINITY)
                                     .signal_count,
                                 spikes);
                int64_t mp = score_values(values, count, at->rows, at->cols, ESTIMATOR_MP,
                                          EMPTY_NOISE_INFINITY)
                                 .signal_count;
                assert_true(mp >= spikes);
                beyond += mp > spikes;
            }
            assert_true(beyond <= at_most(PLANTED_SEEDS, 1.0 / 3));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_computed_values),
        cmocka_unit_test(a_row_says_why_it_is_degenerate),
        cmocka_unit_test(numpy_has_the_same),
        cmocka_unit_test(noise_has_no_spikes_but_one_in_a_hundred),
        cmocka_unit_test(planted_spikes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
