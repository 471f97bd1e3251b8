/* The CUDA back end's singular values against the plain reference back end's, in fp64, and against
 * planted ones: all that the CPU's are checked for. Needs a device (or the emulated one), and no
 * library but the plug-in's own.
 *
 *     check_gpu [--quick] [cuda device's number]
 *
 * --quick leaves out what takes an emulated device minutes.
 */
#include "compute/plugin.h"
#include "compute/reference/reference.h"
#include "spectra/score.h"
#include "spectra_cases.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* What values may be off by, in parts of the largest, by the kind of their matrix
 * (spectra_cases.h): where the small values come from squares it is their condition that tells. */
static const struct {
    const char *name;
    double tolerance;
} kinds[CASE_KINDS] = {
    {"noise", 1e-11},
    {"noise with a mean", 1e-9},
    {"a decay over 3 orders", 1e-10},
    {"one value", 1e-13},
    {"two clusters", 1e-12},
    {"rank one and little noise", 1e-7},
    {"a decay over 16 orders", 1e-12},
    {"repeated rows", 1e-12},
    {"zero columns", 1e-12},
};

static struct backend *device;
static int failures;

static void fail(const char *what, const char *why)
{
    printf("FAILED: %s: %s\n", what, why);
    failures++;
}

static int compute(const struct spectra_ops *ops, void *self, double *values, const float *matrix,
                   int64_t rows, int64_t cols, struct error *err)
{
    size_t room = ops->workspace(self, rows, cols);
    void *memory = aligned_alloc(64, (room / 64 + 1) * 64);
    int status = ops->values(self, values, matrix, rows, cols, memory, err);
    free(memory);
    return status;
}

/* The larger one; NaN is larger than all. */
static double worse(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

/* Compares with `expected`; descending order is part of it. */
static void compare(const char *what, const double *values, const double *expected, int64_t n,
                    double tolerance)
{
    char text[200];
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double off = fabs(values[i] - expected[i]) / expected[0];
        if (!(off <= tolerance) || (i > 0 && values[i] > values[i - 1])) {
            snprintf(text, sizeof text, "value %lld is %.17g, not %.17g (%.1e of the largest)",
                     (long long)i, values[i], expected[i], off);
            fail(what, text);
            return;
        }
        worst = worse(worst, off);
    }
    printf("ok: %s: within %.1e\n", what, worst);
}

/* From memory as a scan has it. */
static void check_values(const char *what, const float *matrix, const double *expected,
                         int64_t rows, int64_t cols, double tolerance)
{
    int64_t n = rows < cols ? rows : cols;
    size_t bytes = (size_t)(rows * cols) * sizeof *matrix;
    struct error err = ERROR_INIT;
    double *own = malloc((size_t)n * sizeof *own);
    float *copy = device->host_alloc(device->self, bytes, &err);
    if (copy)
        memcpy(copy, matrix, bytes);
    if (!copy || compute(device->spectra, device->self, own, copy, rows, cols, &err) != 0)
        fail(what, err.text);
    else
        compare(what, own, expected, n, tolerance);
    device->host_free(device->self, copy);
    free(own);
}

/* Every kind at orders around the edges of blocks, against one-sided Jacobi. */
static void check_kinds(bool quick)
{
    for (int o = 0; o < CASE_ORDERS; o++)
        for (int kind = 0; kind < CASE_KINDS; kind++) {
            int64_t rows = case_orders[o][0], cols = case_orders[o][1];
            double expected[CASE_ORDER_MAX];
            char what[120];
            if (quick && o > 6 && kind % 4 != o % 4)
                continue;
            float *matrix = matrix_of_kind(kind, rows, cols);
            compute(&reference_spectra_ops, NULL, expected, matrix, rows, cols, NULL);
            snprintf(what, sizeof what, "%s, %lldx%lld", kinds[kind].name, (long long)rows,
                     (long long)cols);
            check_values(what, matrix, expected, rows, cols, kinds[kind].tolerance);
            free(matrix);
        }
}

/* With values exp(-decay i / n), but the first is `first`. */
static void check_planted(const char *name, int64_t rows, int64_t cols, double first, double decay,
                          double tolerance)
{
    int64_t n = rows < cols ? rows : cols;
    double *truth = malloc((size_t)n * sizeof *truth);
    char what[80];
    for (int64_t i = 0; i < n; i++)
        truth[i] = (i == 0 ? first : 1) * exp(-decay * (double)i / (double)n);
    float *matrix = planted(truth, rows, cols, (uint64_t)(rows + cols));
    snprintf(what, sizeof what, "%s, %lldx%lld", name, (long long)rows, (long long)cols);
    check_values(what, matrix, truth, rows, cols, tolerance);
    free(matrix);
    free(truth);
}

/* Shapes of real models, with values that are known but for the rounding to float; and decays over
 * 16 orders, which a Gram matrix cannot resolve. */
static void check_large(void)
{
    static const int64_t shapes[][2] = {{4096, 4096},  {1024, 4096}, {4096, 1024}, {14336, 4096},
                                        {4096, 14336}, {8192, 1024}, {1023, 3001}, {2049, 2047}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        check_planted("planted", shapes[s][0], shapes[s][1], 3, 4, 1e-6);
    check_planted("planted, 16 orders", 2048, 1024, 1, 37, 1e-7);
    check_planted("planted, 16 orders", 1024, 3000, 1, 37, 1e-7);
}

/* More elements than a slice has (gpu/stages.h): the Gram matrix is added up from several. */
static void check_slices(void)
{
    static const int64_t shapes[][2] = {{2, 9000001}, {9000001, 2}, {1, 17000000}, {6000000, 3}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t rows = shapes[s][0], cols = shapes[s][1];
        struct random_stream r = {.seed = s + 1};
        double expected[3];
        char what[80];
        float *matrix = malloc((size_t)(rows * cols) * sizeof *matrix);
        for (int64_t i = 0; i < rows * cols; i++)
            matrix[i] = (float)(random_uniform(&r) - 0.25);
        compute(&reference_spectra_ops, NULL, expected, matrix, rows, cols, NULL);
        snprintf(what, sizeof what, "slices, %lldx%lld", (long long)rows, (long long)cols);
        check_values(what, matrix, expected, rows, cols, 1e-11);
        free(matrix);
    }
}

static void check_extremes(void)
{
    float zero[12] = {0}, one[1] = {-3}, huge[4] = {3e38f, 0, 0, 1e38f};
    float tiny[4] = {1e-44f, 0, 0, 3e-45f}, odd[6] = {1, 2, 3, 4, NAN, 6};
    double values[3], none[3] = {0}, three[1] = {3}, large[2] = {huge[0], huge[3]};
    double small[2] = {tiny[0], tiny[3]};
    struct error err = ERROR_INIT;
    if (compute(device->spectra, device->self, values, zero, 3, 4, &err) != 0 ||
        memcmp(values, none, sizeof none) != 0)
        fail("zeros", err.text);
    check_values("one element", one, three, 1, 1, 1e-15);
    check_values("the largest floats", huge, large, 2, 2, 1e-12);
    check_values("denormal floats", tiny, small, 2, 2, 1e-12);
    if (compute(device->spectra, device->self, values, odd, 2, 3, &err) == 0 ||
        err.kind != ERROR_NOT_FINITE || strcmp(err.text, "NaN at row 1, column 1") != 0)
        fail("NaN", err.text);
    odd[4] = -INFINITY;
    if (compute(device->spectra, device->self, values, odd, 3, 2, &err) == 0 ||
        strcmp(err.text, "Inf at row 2, column 0") != 0)
        fail("Inf", err.text);
}

/* --- the same selection --- */

enum { LAYERS = 24, SIDE = 60, LONG = 96 };

/* A type's matrices: noise with more or fewer spikes, of falling strength. */
static float *layer_matrix(int layer)
{
    struct random_stream r = {.seed = (uint64_t)layer + 77};
    float *matrix = malloc(SIDE * LONG * sizeof *matrix);
    for (int i = 0; i < SIDE * LONG; i++)
        matrix[i] = (float)(0.02 * random_normal(&r));
    for (int spike = 0; spike < layer * 7 % 12; spike++)
        for (int i = 0; i < SIDE && i < LONG; i++)
            matrix[i * LONG + (i + spike) % LONG] += 0.01f * (float)(1 + layer % 5);
    return matrix;
}

/* How many score higher: its place in every selection. */
static int place_of(const double *scores, int layer)
{
    int place = 0;
    for (int i = 0; i < LAYERS; i++)
        place += scores[i] > scores[layer] || (scores[i] == scores[layer] && i < layer);
    return place;
}

static void check_selection(void)
{
    static const int percentages[] = {10, 25, 50, 75};
    double own[LAYERS], reference[LAYERS], values[SIDE], farthest = 0;
    struct error err = ERROR_INIT;
    for (int i = 0; i < LAYERS; i++) {
        float *matrix = layer_matrix(i);
        compute(&reference_spectra_ops, NULL, values, matrix, SIDE, LONG, NULL);
        reference[i] =
            score_values(values, SIDE, SIDE, LONG, ESTIMATOR_REFERENCE, EMPTY_NOISE_INFINITY).snr;
        if (compute(device->spectra, device->self, values, matrix, SIDE, LONG, &err) != 0)
            fail("selection", err.text);
        own[i] =
            score_values(values, SIDE, SIDE, LONG, ESTIMATOR_REFERENCE, EMPTY_NOISE_INFINITY).snr;
        farthest = worse(farthest, fabs(own[i] / reference[i] - 1));
        free(matrix);
    }
    for (size_t p = 0; p < sizeof percentages / sizeof *percentages; p++) {
        int taken = (LAYERS * percentages[p] + 99) / 100, different = 0;
        for (int i = 0; i < LAYERS; i++)
            different += (place_of(own, i) < taken) != (place_of(reference, i) < taken);
        if (different > 0)
            fail("selection", "other layers are selected");
    }
    if (!(farthest < 1e-9))
        fail("selection", "scores differ");
    else
        printf("ok: the same selections at 10, 25, 50 and 75 %%, scores within %.1e\n", farthest);
}

/* --- scores that few small values decide --- */

/* The reference's noise is only what lies below IQR / 1.349 (1 + sqrt(rows / cols)): here one
 * value, which must be right in its own measure and not the largest's. */
static void check_small_noise(void)
{
    enum { ROWS = 64, COLS = 256 };
    static const double last[] = {1e-3, 1e-5, 1e-6, 1e-7, 1e-9, 0};
    double truth[ROWS], own[ROWS], expected[ROWS], farthest = 0;
    struct error err = ERROR_INIT;
    for (size_t c = 0; c < sizeof last / sizeof *last; c++) {
        for (int i = 0; i < ROWS; i++)
            truth[i] = i < ROWS - 1 ? 1 - 0.2 * i / ROWS : last[c];
        float *matrix = planted(truth, ROWS, COLS, c + 1);
        compute(&reference_spectra_ops, NULL, expected, matrix, ROWS, COLS, NULL);
        if (compute(device->spectra, device->self, own, matrix, ROWS, COLS, &err) != 0)
            fail("small noise", err.text);
        for (int e = 0; e < ESTIMATOR_COUNT; e++) {
            double a =
                score_values(own, ROWS, ROWS, COLS, (enum estimator)e, EMPTY_NOISE_INFINITY).snr;
            double b =
                score_values(expected, ROWS, ROWS, COLS, (enum estimator)e, EMPTY_NOISE_INFINITY)
                    .snr;
            farthest = worse(farthest, a == b ? 0 : fabs(a / b - 1));
        }
        free(matrix);
    }
    if (!(farthest < 1e-6))
        fail("small noise", "scores differ");
    else
        printf("ok: scores that one small value decides: within %.1e\n", farthest);
}

/* --- many at once --- */

enum { THREADS = 20, ROUNDS = 6 }; /* more than there are stream slots */

struct worker {
    pthread_t thread;
    int number;
    double farthest; /* off, in parts of its kind's tolerance */
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    double own[CASE_ORDER_MAX], expected[CASE_ORDER_MAX];
    for (int i = 0; i < ROUNDS; i++) {
        int o = (worker->number + i) % 7, kind = (worker->number * 5 + i) % CASE_KINDS;
        int64_t rows = case_orders[o][0], cols = case_orders[o][1], n = rows < cols ? rows : cols;
        float *matrix = matrix_of_kind(kind, rows, cols);
        compute(&reference_spectra_ops, NULL, expected, matrix, rows, cols, NULL);
        int status = compute(device->spectra, device->self, own, matrix, rows, cols, NULL);
        for (int64_t j = 0; j < n; j++) {
            double off = status != 0 ? INFINITY : fabs(own[j] - expected[j]) / expected[0];
            worker->farthest = worse(worker->farthest, off / kinds[kind].tolerance);
        }
        free(matrix);
    }
    return NULL;
}

static void check_many(void)
{
    struct worker workers[THREADS];
    double farthest = 0;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.number = i};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        farthest = worse(farthest, workers[i].farthest);
    }
    if (!(farthest <= 1))
        fail("many at once", "values differ");
    else
        printf("ok: %d threads at once: off by %.0e of the tolerance at the most\n", THREADS,
               farthest);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    char *end = NULL;
    long number = argc > 1 + quick ? strtol(argv[1 + quick], &end, 10) : 0;
    if (argc > 2 + quick || (end && (*end || end == argv[1 + quick]))) {
        fprintf(stderr, "usage: check_gpu [--quick] [cuda device's number]\n");
        return 2;
    }
    struct error err = ERROR_INIT;
    const struct backend_plugin *plugin = plugin_find("cuda", true, &err);
    struct device_info info;
    if (!plugin || plugin->count(&err) < 0 || plugin->open(&device, (int)number, &err) != 0) {
        fprintf(stderr, "check_gpu: %s\n", err.text);
        return 1;
    }
    device->describe(device->self, &info);
    printf("%s: %s, %.1f of %.1f GB free\n", info.id, info.name, (double)info.free_memory / 1e9,
           (double)info.memory / 1e9);
    check_extremes();
    check_kinds(quick);
    check_selection();
    check_small_noise();
    check_slices();
    check_many();
    if (!quick)
        check_large();
    device->close(device);
    if (plugin->open(&device, (int)number, &err) != 0) {
        fail("opened again", err.text);
    } else {
        check_extremes();
        device->close(device);
    }
    printf("%s\n", failures ? "some checks FAILED" : "all checks passed");
    return failures > 0;
}
