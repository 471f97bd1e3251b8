/* What curves are drawn from: bins that keep extremes, the smoothed curve, a run's metrics read a
 * part at a time, the end of its log. */
#include "job_folder.h"

#include "job/metrics.h"
#include "tui/session/job_log.h"
#include "tui/session/job_series.h"
#include "tui/session/smoothing.h"

#include <math.h>
#include <string.h>

/* --- bins --- */

static void bins_keep_extremes(void **state)
{
    (void)state;
    enum { STEPS = 1000000, SPIKE = 617283 };
    struct step_bins bins;
    struct step_bin all = {INFINITY, -INFINITY, 0, 0};
    assert_int_equal(step_bins_init(&bins, 2, NULL), 0);
    for (int64_t step = 0; step < STEPS; step++)
        step_bins_add(&bins, 1, step, step == SPIKE ? 99 : 1 + (double)(step % 7));
    assert_true(bins.used <= STEP_BINS && bins.used > STEP_BINS / 2);
    for (size_t i = 0; i < bins.used; i++) {
        const struct step_bin *bin = step_bins_at(&bins, i, 1);
        bool has = step_bins_first(&bins, i) <= SPIKE && SPIKE <= step_bins_last(&bins, i);
        assert_true(bin->high == (has ? 99 : 7) && bin->low == 1);
        assert_true(step_bins_at(&bins, i, 0)->count == 0);
        all.sum += bin->sum;
        all.count += bin->count;
    }
    assert_int_equal(all.count, STEPS);
    assert_int_equal(step_bins_find(&bins, SPIKE), SPIKE / bins.width);
    step_bins_free(&bins);
}

/* Steps may be any that a file has. */
static void bins_take_absurd_steps(void **state)
{
    (void)state;
    struct step_bins bins;
    assert_int_equal(step_bins_init(&bins, 1, NULL), 0);
    step_bins_add(&bins, 0, 3, 1);
    step_bins_add(&bins, 0, -1, 2);
    step_bins_add(&bins, 0, 5, NAN);
    step_bins_add(&bins, 0, 5, INFINITY);
    assert_int_equal(bins.used, 4);
    step_bins_add(&bins, 0, INT64_C(1) << 53, 2);
    assert_true(step_bins_at(&bins, 0, 0)->count == 1);
    assert_true(step_bins_at(&bins, bins.used - 1, 0)->high == 2);
    step_bins_begin_part(&bins, 100, 50);
    assert_int_equal(bins.width, 1);
    step_bins_add(&bins, 0, 99, 1);
    step_bins_add(&bins, 0, 100 + STEP_BINS, 1);
    assert_int_equal(bins.used, 0);
    step_bins_add(&bins, 0, 101, 4);
    assert_int_equal(bins.used, 2);
    assert_true(step_bins_cover(&bins, 100, 149) && !step_bins_cover(&bins, 99, 120));
    step_bins_free(&bins);
}

/* --- smoothing --- */

/* Values and results of TensorBoard's own loop: last = last w + (1 - w) y, divided by 1 - w^n. */
static void smoothing_is_tensorboards(void **state)
{
    (void)state;
    static const double values[] = {5, 3, 4, 1, 2, 2, 8};
    struct smoothing smoothing = {.weight = 0.6};
    double last = 0;
    for (int i = 0; i < 7; i++) {
        last = last * 0.6 + 0.4 * values[i];
        double expected = last / (1 - pow(0.6, i + 1));
        assert_true(fabs(smoothing_add(&smoothing, 10 + i, values[i]) - expected) < 1e-12);
    }
    /* a point that stands for three steps is three of them */
    struct smoothing one = {.weight = 0.8}, three = {.weight = 0.8};
    smoothing_add(&one, 1, 5);
    smoothing_add(&three, 1, 5);
    smoothing_add(&three, 2, 2);
    smoothing_add(&three, 3, 2);
    assert_true(fabs(smoothing_add(&one, 4, 2) - smoothing_add(&three, 4, 2)) < 1e-12);
    struct smoothing none = {.weight = smoothing_weight(0)};
    smoothing_add(&none, 1, 7);
    assert_true(smoothing_add(&none, 2, 3) == 3);
    assert_true(fabs(smoothing_half_life(smoothing_weight(12)) - 12) < 1e-9);
}

/* --- a run --- */

static void append(const char *job, const char *name, const char *text)
{
    char *path = path_join(job, name, NULL);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    free(path);
}

/* Steps [from, to], of which one has a large norm. */
static void append_steps(const char *job, int from, int to, int spike)
{
    char *path = path_join(job, "metrics.jsonl", NULL);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    for (int step = from; step <= to; step++)
        fprintf(file,
                "{\"step\": %d, \"loss\": %d, \"lr\": 0.5, \"grad_norm\": %d, "
                "\"resident_bytes\": {\"weights\": %d}, \"process_bytes\": 7}\n",
                step, step % 5, step == spike ? 1000 : step % 3, step);
    assert_int_equal(fclose(file), 0);
    free(path);
}

struct run {
    char *job;
    struct job_metrics metrics;
    struct job_series *series;
};

static void open_run(struct run *run)
{
    run->job = make_job();
    assert_int_equal(job_metrics_follow(&run->metrics, run->job, NULL), 0);
    assert_int_equal(job_series_open(&run->series, NULL), 0);
}

static void update(struct run *run)
{
    size_t added;
    assert_int_equal(job_metrics_update(&run->metrics, &added, NULL), 0);
    do
        job_series_update(run->series, &run->metrics, 0);
    while (job_series_is_behind(run->series, &run->metrics));
}

static void close_run(struct run *run)
{
    job_series_close(run->series);
    job_metrics_free(&run->metrics);
    free(run->job);
}

enum { COLUMNS = 100 };

static size_t curve(const struct run *run, enum job_key key, double from, double to,
                    struct job_point out[COLUMNS])
{
    const struct job_window window = {.from = from, .to = to, .columns = COLUMNS, .weight = 0};
    size_t count = job_series_curve(run->series, key, &window, out);
    assert_true(count <= COLUMNS);
    for (size_t i = 0; i < count; i++) {
        assert_true(out[i].x >= from && out[i].x <= to && out[i].low <= out[i].high);
        assert_true(i == 0 || out[i].x > out[i - 1].x);
    }
    return count;
}

static double highest(const struct job_point *points, size_t count)
{
    double high = -INFINITY;
    for (size_t i = 0; i < count; i++)
        high = fmax(high, points[i].high);
    return high;
}

/* Of a device's numbers those that can be are drawn, wherever they stand. */
static void what_cannot_be_is_not_drawn(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"step\": 1, \"loss\": 1, \"device_bytes\": 5, \"device_utilization\": 1}\n",
        "{\"step\": 2, \"loss\": 1, \"device_bytes\": -5, \"device_utilization\": 1.01}\n",
        "{\"step\": 3, \"loss\": 1, \"device_bytes\": \"9\", \"device_utilization\": -0.5}\n",
        "{\"step\": 4, \"\\u006coss\": 1, \"device_bytes\": -7, \"device_utilization\": 7}\n",
        "{\"step\": 5, \"\\u006coss\": 1, \"device_bytes\": 9, \"device_utilization\": 0}\n",
        ("{\"step\": 6, \"loss\": 1, \"process_bytes\": -1, \"resident_bytes\": "
         "{\"weights\": -1}}\n"),
    };
    static const enum job_key keys[] = {JOB_KEY_DEVICE, JOB_KEY_USE};
    static const double expected[2][2] = {{5, 9}, {1, 0}};
    struct run run;
    struct job_point points[COLUMNS];
    open_run(&run);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        append(run.job, "metrics.jsonl", texts[i]);
    update(&run);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(curve(&run, keys[i], 1, 6, points), 2);
        for (int k = 0; k < 2; k++)
            assert_true(points[k].high == expected[i][k] && points[k].low == expected[i][k]);
    }
    assert_int_equal(curve(&run, JOB_KEY_PROCESS, 1, 6, points), 0);
    assert_int_equal(curve(&run, JOB_KEY_RESIDENT, 1, 6, points), 0);
    close_run(&run);
}

static void a_run_is_followed(void **state)
{
    (void)state;
    struct run run;
    struct job_point points[COLUMNS];
    size_t count;
    open_run(&run);
    update(&run);
    assert_int_equal(curve(&run, JOB_KEY_LR, 0, 10, points), 0);
    append_steps(run.job, 1, 4, 3);
    append(run.job, "metrics.jsonl", "{\"step\": 4, \"eval_loss\": 2.5}\n{\"step\": 5, \"lo");
    update(&run);
    assert_int_equal(curve(&run, JOB_KEY_GRAD_NORM, 0, 10, points), 4);
    assert_true(points[2].x == 3 && points[2].high == 1000 && points[3].high == 1);
    assert_int_equal(curve(&run, JOB_KEY_RESIDENT, 0, 10, points), 4);
    assert_true(points[3].high == 4);
    assert_int_equal(curve(&run, JOB_KEY_RESIDENT + 1, 0, 10, points), 0); /* not known */
    assert_true(job_series_last(run.series, JOB_KEY_RESIDENT, 3) == 3);
    assert_true(job_series_last(run.series, JOB_KEY_RESIDENT, 1000) == 4);
    assert_true(isnan(job_series_last(run.series, JOB_KEY_RESIDENT, 0)));
    assert_true(isnan(job_series_last(run.series, JOB_KEY_RESIDENT + 1, 3)));
    const struct job_evaluation *list = job_series_evaluations(run.series, &count);
    assert_true(count == 1 && list[0].step == 4 && list[0].loss == 2.5);
    /* what a resume makes void goes, with all keys */
    append(run.job, "metrics.jsonl",
           "ss\": 9, \"grad_norm\": 8}\n{\"event\": \"resume\", \"step\": 2}\n");
    update(&run);
    assert_int_equal(curve(&run, JOB_KEY_LOSS, 0, 10, points), 2);
    assert_int_equal(curve(&run, JOB_KEY_GRAD_NORM, 0, 10, points), 2);
    assert_int_equal(job_series_events(run.series), 1);
    job_series_evaluations(run.series, &count);
    assert_int_equal(count, 0);
    close_run(&run);
}

/* Of a long run the whole shows the spike of one step, and a part of it every single step. */
static void a_part_of_a_long_run_is_exact(void **state)
{
    (void)state;
    enum { STEPS = 40000, SPIKE = 23456, FROM = 23400 };
    struct run run;
    struct job_point points[COLUMNS];
    open_run(&run);
    append_steps(run.job, 1, STEPS, SPIKE);
    update(&run);
    size_t count = curve(&run, JOB_KEY_GRAD_NORM, 0, STEPS, points);
    assert_true(count == COLUMNS && highest(points, count) == 1000);
    for (int key = JOB_KEY_LOSS; key <= JOB_KEY_GRAD_NORM; key += JOB_KEY_GRAD_NORM) {
        job_series_want(run.series, &run.metrics, FROM, FROM + COLUMNS - 1);
        update(&run);
        count = curve(&run, (enum job_key)key, FROM, FROM + COLUMNS - 1, points);
        assert_int_equal(count, COLUMNS);
        for (int i = 0; i < COLUMNS; i++) {
            int step = FROM + i;
            double value = key == JOB_KEY_LOSS ? step % 5 : step == SPIKE ? 1000 : step % 3;
            assert_true(points[i].x == step && points[i].low == value && points[i].high == value);
        }
    }
    /* the end is followed as it grows */
    job_series_want(run.series, &run.metrics, STEPS - 50, STEPS + 50);
    append_steps(run.job, STEPS + 1, STEPS + 20, STEPS + 7);
    update(&run);
    count = curve(&run, JOB_KEY_GRAD_NORM, STEPS - 50, STEPS + 50, points);
    assert_true(points[count - 1].x == STEPS + 20 && highest(points, count) == 1000);
    size_t line;
    assert_true(job_series_find(&run.metrics, SPIKE, &line));
    assert_int_equal(run.metrics.lines[line].step, SPIKE);
    assert_true(job_series_find(&run.metrics, INT64_MAX, &line));
    assert_int_equal(run.metrics.lines[line].step, STEPS + 20);
    assert_false(job_series_find(&run.metrics, 0, &line));
    close_run(&run);
}

/* --- the log --- */

static void the_log_is_read_from_its_end(void **state)
{
    (void)state;
    struct job_log log;
    char line[LOG_LINE_MAX];
    char *job = make_job();
    assert_int_equal(job_log_open(&log, job, NULL), 0);
    job_log_update(&log);
    assert_int_equal(log.count, 0);
    append(job, "log.txt",
           "data: 1 document\nwarning: few\nstep 1/20  loss 2\nspectrum: no room\n");
    assert_true(job_log_update(&log));
    assert_false(job_log_update(&log));
    assert_int_equal(log.count, 4);
    static const enum job_log_kind kinds[] = {LOG_LINE, LOG_WARNING, LOG_STEP, LOG_ERROR};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(job_log_line(&log, i, line), kinds[i]);
    /* nothing of it reaches the terminal as it is */
    append(job, "log.txt", "\033[2J\007\xff\xe2\x80\xae\tend\nhalf");
    job_log_update(&log);
    assert_int_equal(log.count, 6);
    job_log_line(&log, 4, line);
    assert_true(strstr(line, "end") && !strpbrk(line, "\033\007\t\xff"));
    assert_null(strstr(line, "\xe2\x80\xae"));
    job_log_line(&log, 5, line);
    assert_string_equal(line, "half");
    append(job, "log.txt", " whole\n");
    job_log_update(&log);
    job_log_line(&log, 5, line);
    assert_string_equal(line, "half whole");

    /* more than is kept, at once and bit by bit */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < LOG_KEPT / 50; i++) {
            char text[128];
            snprintf(text, sizeof text,
                     "line %d of many that are longer than what is kept of them\n", i);
            append(job, "log.txt", text);
            if (round == 1 && i % 100 == 0)
                job_log_update(&log);
        }
        job_log_update(&log);
        assert_true(log.cut && log.length <= LOG_KEPT);
        assert_int_equal(job_log_line(&log, 0, line), LOG_LINE);
        assert_true(strncmp(line, "line ", 5) == 0); /* not the rest of one */
        job_log_line(&log, log.count - 1, line);
        assert_non_null(strstr(line, "of many that are longer"));
    }
    job_log_close(&log);
    free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_keep_extremes),
        cmocka_unit_test(bins_take_absurd_steps),
        cmocka_unit_test(smoothing_is_tensorboards),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_not_drawn, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_run_is_followed, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_part_of_a_long_run_is_exact, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_log_is_read_from_its_end, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
