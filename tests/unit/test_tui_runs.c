/* Runs over another one: which there are, which is the baseline, and the smoothed loss at a step. */
#include "test_folder.h"

#include "base/buffer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "tui/session/job_follow.h"
#include "tui/session/runs.h"
#include "tui/session/smoothing.h"

#include <math.h>
#include <string.h>

static double loss_of(int step)
{
    return 2 + sin(step);
}

static char *make_run(const char *name, int steps)
{
    struct buffer text = BUFFER_INIT;
    char *path = path_join(folder, name, NULL);
    assert_int_equal(job_dir_create(path, NULL), 0);
    buffer_text(&text, "{\"command\": \"train\"}");
    assert_int_equal(job_dir_save(path, "job.json", &text, NULL), 0);
    buffer_clear(&text);
    for (int s = 1; s <= steps; s++)
        buffer_format(&text, "{\"step\": %d, \"loss\": %.17g}\n", s, loss_of(s));
    assert_int_equal(job_dir_save(path, "metrics.jsonl", &text, NULL), 0);
    buffer_free(&text);
    return path;
}

static void test_the_baseline_stays_the_run_that_it_is(void **state)
{
    (void)state;
    struct runs runs = {.baseline = RUNS_NONE};
    struct error err = ERROR_INIT;
    char *paths[3] = {make_run("a", 5), make_run("b", 6), make_run("c", 7)};
    for (int i = 0; i < 3; i++)
        assert_int_equal(runs_add(&runs, paths[i], &err), 0);
    assert_int_equal(runs_add(&runs, paths[1], &err), -1);
    assert_non_null(strstr(err.text, "is drawn already"));
    const int order[] = {RUNS_WATCHED, 0, 1, 2, RUNS_NONE, RUNS_WATCHED, 0, 1, 2};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        runs_pin_next(&runs);
        assert_int_equal(runs.baseline, order[i]);
    }
    runs_remove(&runs, 0); /* one before it */
    assert_int_equal(runs.baseline, 1);
    assert_int_equal(runs_find(&runs, paths[2]), 1);
    assert_int_equal(runs_find(&runs, paths[0]), -1);
    assert_int_equal(runs_last_step(&runs.list[1]), 7);
    runs_remove(&runs, 1); /* itself */
    assert_int_equal(runs.baseline, RUNS_NONE);
    runs_close(&runs);
    assert_int_equal(runs.count, 0);
    for (int i = 0; i < 3; i++)
        free(paths[i]);
}

static void test_what_has_no_loss_is_refused(void **state)
{
    (void)state;
    struct runs runs = {.baseline = RUNS_NONE};
    struct error err = ERROR_INIT;
    char *empty = make_run("empty", 0);
    assert_int_equal(runs_add(&runs, empty, &err), -1);
    assert_non_null(strstr(err.text, "without a loss so far"));
    assert_int_equal(runs.count, 0);
    free(empty);
}

/* As the formula of smoothing.h has it, from the run's first value on; of no step before that. */
static void test_the_smoothed_loss_at_a_step(void **state)
{
    (void)state;
    struct runs runs = {.baseline = RUNS_NONE};
    char *path = make_run("long", 200);
    assert_int_equal(runs_add(&runs, path, NULL), 0);
    runs_update(&runs, 0, 200);
    const struct job_series *series = runs.list[0].series;
    double weight = smoothing_weight(3);
    struct smoothing smoothing = {.weight = weight};
    for (int s = 1; s <= 200; s++) {
        double expected = smoothing_add(&smoothing, s, loss_of(s));
        assert_true(fabs(job_series_smoothed(series, s, weight) - expected) < 1e-9);
        assert_true(fabs(job_series_smoothed(series, s, 0) - loss_of(s)) < 1e-9);
    }
    assert_true(isnan(job_series_smoothed(series, 0, weight)));
    runs_close(&runs);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_baseline_stays_the_run_that_it_is, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_what_has_no_loss_is_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_the_smoothed_loss_at_a_step, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
