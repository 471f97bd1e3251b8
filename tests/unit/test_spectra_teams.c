/* How a scan's threads share its matrices: the rules, and that idle threads help. */
#include "test.h"

#include "base/folder.h"
#include "base/limits.h"
#include "base/process.h"
#include "compute/devices/devices.h"
#include "compute/spectra.h"
#include "spectra/rescore.h"
#include "spectra/scan.h"
#include "spectra/scan_result.h"
#include "spectra/scan_teams.h"

#include <string.h>
#include <time.h>

/* --- the rules --- */

static void memory_says_who_begins(void **state)
{
    (void)state;
    assert_true(may_begin(50, 50, 100));
    assert_false(may_begin(51, 50, 100));
    assert_false(may_begin(1, 101, 100));
    assert_true(may_begin(500, 0, 100)); /* one matrix has to be possible */
    struct hand all[3] = {{.threads = 1, .bytes = 40}, {.bytes = 10}, {.bytes = 0}};
    const struct hands hands = {all, 3};
    assert_true(hands_may_begin(&hands, &all[2], 50, 100));
    assert_false(hands_may_begin(&hands, &all[2], 51, 100));
    assert_true(hands_may_begin(&hands, &all[1], 60, 100)); /* what it has is no one else's */
    all[1].bytes = 70;
    assert_false(hands_may_begin(&hands, &all[1], 5, 100)); /* it would keep its 70 */
}

static void the_neediest_is_helped(void **state)
{
    (void)state;
    struct hand all[4] = {{.work = 90, .threads = 1}, {.work = 50, .threads = 1}, {.work = 0}};
    const struct hands hands = {all, 4};
    static const int expected[] = {0, 0, 1, 0, 0, 1};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct hand *found = hands_neediest(&hands); /* 45; 30 before 25; 25 before 22.5; ... */
        assert_ptr_equal(found, &all[expected[i]]);
        found->threads++;
    }
    all[0].work = all[1].work = 0; /* nobody can help those */
    assert_null(hands_neediest(&hands));
    assert_true(matrix_work(8192, 28672) == matrix_work(28672, 8192));
    assert_true(matrix_work(4096, 4096) > matrix_work(1024, 16384));
}

/* --- a scan --- */

enum { MATRICES = 56, THREADS = 2 }; /* of the demo's model */

static const struct spectra_ops *below;
static void *(*below_alloc)(void *self, size_t bytes, struct error *err);
static size_t room; /* what a workspace takes, or would */
static atomic_int begun, at_once, at_once_most;
static _Atomic int64_t met; /* threads that work at the last matrix */

static void meet(const void *context, int64_t index)
{
    double end = clock_seconds() + 60;
    (void)context;
    (void)index;
    met++;
    while (met < THREADS && clock_seconds() < end)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int team_values(void *self, struct team *team, double *out, const float *matrix,
                       int64_t rows, int64_t cols, void *workspace, struct error *err)
{
    void *own = aligned_alloc(64, (below->workspace(self, rows, cols) + 63) / 64 * 64);
    int others = atomic_fetch_add(&at_once, 1);
    (void)workspace;
    if (others >= at_once_most)
        at_once_most = others + 1;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* so that others come */
    int status = below->team_values(self, team, out, matrix, rows, cols, own, err);
    if (++begun == MATRICES)
        team_each(team, meet, NULL, THREADS);
    at_once--;
    free(own);
    return status;
}

static size_t workspace(void *self, int64_t rows, int64_t cols)
{
    (void)self;
    (void)rows;
    (void)cols;
    return room;
}

/* A workspace is not used here, and may be larger than a test should take. */
static void *host_alloc(void *self, size_t bytes, struct error *err)
{
    return below_alloc(self, bytes < room ? bytes : 64, err);
}

/* The CPU's, watched by the functions above. */
static struct backend *open_watched(struct spectra_ops *ops, size_t room_bytes)
{
    struct backend *backend = NULL;
    assert_int_equal(backend_open(&backend, "cpu", THREADS, NULL), 0);
    below = backend->spectra;
    below_alloc = backend->host_alloc;
    *ops = *below;
    ops->team_values = team_values;
    ops->workspace = workspace;
    backend->spectra = ops;
    backend->host_alloc = host_alloc;
    room = room_bytes;
    begun = at_once_most = 0;
    met = 0;
    return backend;
}

static void scan_with(size_t room_bytes)
{
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), "../../demo/model", NULL);
    struct spectra_ops ops;
    struct backend *backend = open_watched(&ops, room_bytes);
    struct model *model = NULL;
    struct scan_result *result = NULL;
    struct error err = ERROR_INIT;
    const struct scan_options options = {.use_cache = false, .threads = THREADS};
    if (model_open(&model, path, &err) != 0 ||
        scan_run(&result, model, backend, &options, NULL, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(result->scan->count, MATRICES);
    assert_int_equal(begun, MATRICES);
    for (size_t i = 0; i < result->scan->count; i++)
        assert_true(result->scan->rows[i].known && result->scan->rows[i].snr > 0);
    scan_result_free(result);
    backend_close(backend);
    model_close(model);
    free(path);
}

/* With memory for all, a matrix each, until the last one. */
static void the_last_matrix_has_all_threads(void **state)
{
    (void)state;
    scan_with(1 << 20);
    assert_int_equal(at_once_most, THREADS);
    assert_int_equal(met, THREADS);
}

/* Each takes more than half of what may be taken: one after the other, by all threads. */
static void little_memory_leaves_no_thread_idle(void **state)
{
    (void)state;
    uint64_t memory = available_memory();
    if (memory < 3000000000)
        skip();
    scan_with((size_t)(memory / 3));
    assert_int_equal(at_once_most, 1);
    assert_int_equal(met, THREADS);
}

/* --- rows once more --- */

/* From the weights that they were scanned from, whoever computes them, rows have the scores that they
 * had; what is not among the weights stays. */
static void rows_are_rescored_by_all_threads(void **state)
{
    (void)state;
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), "../../demo/model", NULL);
    const struct scan_options options = {.use_cache = false, .threads = THREADS};
    struct spectra_ops ops;
    struct backend *watched = NULL, *plain = NULL;
    struct model *model = NULL;
    struct scan_result *result = NULL;
    struct error err = ERROR_INIT;
    double scores[MATRICES];
    assert_int_equal(backend_open(&plain, "cpu", THREADS, NULL), 0);
    if (model_open(&model, path, &err) != 0 ||
        scan_run(&result, model, plain, &options, NULL, &err) != 0)
        fail_msg("%s", err.text);
    struct scan *scan = result->scan;
    for (int threads = 1; threads <= 5; threads++) {
        for (size_t i = 0; i < MATRICES && threads == 1; i++)
            scores[i] = scan->rows[i].snr;
        for (size_t i = 0; i < MATRICES; i++)
            scan->rows[i].snr = -1;
        if (threads == THREADS)
            watched = open_watched(&ops, 1 << 20);
        if (scan_rescore(scan, model->checkpoint, threads == THREADS ? watched : plain, threads,
                         options.empty_noise, &err) != 0)
            fail_msg("%s", err.text);
        for (size_t i = 0; i < MATRICES; i++)
            assert_memory_equal(&scan->rows[i].snr, &scores[i], sizeof scores[i]);
    }
    assert_int_equal(at_once_most, THREADS); /* a matrix each, the last one together */
    assert_int_equal(met, THREADS);
    scan->rows[3].module[0] = 'x'; /* is not there, and no score of another is its */
    scan->rows[3].snr = 42;
    assert_int_equal(scan_rescore(scan, model->checkpoint, plain, 0, options.empty_noise, &err), 0);
    assert_true(scan->rows[3].snr == 42);
    scan_result_free(result);
    backend_close(watched);
    backend_close(plain);
    model_close(model);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_says_who_begins),
        cmocka_unit_test(the_neediest_is_helped),
        cmocka_unit_test(the_last_matrix_has_all_threads),
        cmocka_unit_test(little_memory_leaves_no_thread_idle),
        cmocka_unit_test(rows_are_rescored_by_all_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
