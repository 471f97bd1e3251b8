/* The library's rows: what is read of a job and of a model, when it is read again, and how much of
 * it at once; the best evaluation, a piece at a time. */
#include "job_folder.h"

#include "base/sys.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/lock.h"
#include "spectra/cache.h"
#include "tui/session/job_left.h"
#include "tui/session/library.h"
#include "tui/session/scan_launch.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

static void put(const char *path, const char *name, const char *text)
{
    char *file = path_join(path, name, NULL);
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    fputs(text, stream);
    fclose(stream);
    free(file);
}

/* --- the best evaluation --- */

static void test_a_resume_takes_evaluations_back(void **state)
{
    (void)state;
    char *job = make_job();
    struct job_best best = {0};
    assert_true(job_best_read(&best, job, 1 << 20)); /* there are no metrics yet */
    assert_true(isnan(job_best_loss(&best)));
    put(job, "metrics.jsonl",
        "{\"step\": 1, \"eval_loss\": 3}\n{\"step\": 2, \"loss\": 0.1}\n"
        "{\"step\": 2, \"eval_loss\": 2}\n{\"step\": 3, \"eval_loss\": 1}\n"
        "{\"step\": 4, \"eval_loss\": 4}\nnonsense \"eval_loss\"\n");
    assert_true(job_best_read(&best, job, 1 << 20));
    assert_true(job_best_loss(&best) == 1);
    assert_true(job_best_last(&best) == 4);
    char *metrics = path_join(job, "metrics.jsonl", NULL);
    FILE *stream = fopen(metrics, "a");
    fputs("{\"event\": \"resume\", \"step\": 2}\n{\"step\": 3, \"eval_loss\": 2.5}\n", stream);
    fclose(stream);
    assert_true(job_best_read(&best, job, 1 << 20));
    assert_true(job_best_loss(&best) == 2);
    assert_true(job_best_last(&best) == 2.5);
    put(job, "metrics.jsonl", "{\"step\": 0, \"eval_loss\": 7}\n"); /* another, shorter one */
    assert_true(job_best_read(&best, job, 1 << 20));
    assert_true(job_best_loss(&best) == 7);
    assert_true(job_best_last(&best) == 7); /* of the model as it was */
    /* another run in a folder of that name: a longer file */
    char *kept = path_join(job, "kept", NULL);
    assert_int_equal(rename(metrics, kept), 0);
    put(job, "metrics.jsonl", "{\"step\": 0, \"eval_loss\": 8}\n{\"step\": 1, \"loss\": 8}\n");
    assert_true(job_best_read(&best, job, 1 << 20));
    assert_true(job_best_loss(&best) == 8);
    job_best_free(&best);
    free(kept);
    free(metrics);
    free(job);
}

static void test_it_is_read_a_piece_at_a_time(void **state)
{
    (void)state;
    enum { PIECE = 4096, LINES = 2000 };
    char *job = make_job(), *metrics = path_join(job, "metrics.jsonl", NULL);
    struct job_best best = {0};
    FILE *stream = fopen(metrics, "w");
    for (int i = 1; i <= LINES; i++)
        fprintf(stream, "{\"step\": %d, \"eval_loss\": %d}\n", i, LINES - i + 5);
    fclose(stream);
    int pieces = 1;
    while (!job_best_read(&best, job, PIECE)) {
        assert_true(best.offset <= (uint64_t)pieces * PIECE);
        pieces++;
    }
    assert_true(pieces > 5);
    assert_true(job_best_loss(&best) == 5);
    job_best_free(&best);
    free(metrics);
    free(job);
}

/* --- rows --- */

/* Opens of files are counted, and among them those of files in jobs' folders. */
static struct sys_table real;
static int opens, opens_of_jobs;

static int count_open(const char *path, int flags, mode_t mode)
{
    opens++;
    opens_of_jobs += strstr(path, "/runs/") != NULL;
    return real.open(path, flags, mode);
}

static struct library_row *row_of(struct library *library, const char *path)
{
    for (size_t i = 0; i < library->count; i++)
        if (strcmp(library->rows[i].path, path) == 0)
            return &library->rows[i];
    fail_msg("%s is not listed", path);
    return NULL;
}

static char *make_listed(void)
{
    char *job = make_job();
    put(job, "job.json",
        "{\"command\": \"train\", \"method\": \"lora\", \"model\": \"/m/base\\u0007\", "
        "\"steps\": 60}");
    put(job, "result.json", "{\"status\": \"stopped\", \"last_step\": 31}");
    put(job, "metrics.jsonl",
        "{\"step\": 31, \"loss\": 2.5, \"step_s\": 1}\n{\"step\": 31, \"eval_loss\": 2.25}\n");
    assert_int_equal(job_index_add(job, NULL), 0);
    return job;
}

static void test_a_row_is_read_once_until_it_changes(void **state)
{
    (void)state;
    struct library library = {0};
    char *job = make_listed();
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(library_read(&library, NULL), 0);
    struct library_row *row = row_of(&library, job);
    assert_string_equal(row->job.word, ""); /* nothing is read to list it */
    assert_true(library_tick(&library, NULL, 0, 10));
    assert_string_equal(row->job.word, "stopped");
    assert_string_equal(row->job.model, "base?");
    assert_string_equal(row->job.method, "lora");
    assert_int_equal(row->job.done, 31);
    assert_int_equal(row->job.total, 60);
    assert_true(isnan(row->job.left.seconds)); /* it does not live */
    assert_true(row->job.evaluation == 2.25 && row->job.best == 2.25);
    assert_int_equal(library.pending, 0);

    real = sys;
    sys.open = count_open;
    opens = 0;
    assert_false(library_tick(&library, NULL, 0, 10));
    assert_int_equal(opens, 0);
    row->marked = true;
    assert_int_equal(library_read(&library, NULL), 0); /* what is known stays */
    row = row_of(&library, job);
    assert_true(row->marked);
    assert_string_equal(row->job.word, "stopped");
    opens = 0;
    assert_false(library_tick(&library, NULL, 0, 10));
    assert_int_equal(opens, 0);
    sys = real;

    struct buffer text = BUFFER_INIT;
    buffer_text(&text, "{\"status\": \"completed\", \"last_step\": 60}");
    assert_int_equal(job_dir_save(job, "result.json", &text, NULL), 0);
    buffer_free(&text);
    assert_true(library_tick(&library, NULL, 0, 10));
    assert_string_equal(row->job.word, "completed");
    library_free(&library);
    free(job);
}

static void test_no_time_reads_nothing(void **state)
{
    (void)state;
    struct library library = {0};
    char *job = make_listed();
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(library_read(&library, NULL), 0);
    size_t wanted = 0;
    assert_false(library_tick(&library, &wanted, 1, 0));
    assert_int_equal(library.pending, 1);
    library_free(&library);
    free(job);
}

/* Thousands of jobs are listed without a look into any; what is visible is read first, and alone
 * where there is no time for more. */
static void test_many_jobs_are_listed_unread(void **state)
{
    (void)state;
    enum { JOBS = 300 };
    struct library library = {0};
    char path[96], *index = path_join(folder, "spectrum/jobs", NULL);
    assert_int_equal(folder_make(index, NULL), 0);
    for (int i = 0; i < JOBS; i++) {
        char name[16];
        snprintf(path, sizeof path, "%s/runs/%d/requests", folder, i);
        assert_int_equal(folder_make(path, NULL), 0);
        *strrchr(path, '/') = '\0';
        put(path, "job.json", "{\"command\": \"train\"}");
        put(path, "result.json", "{\"status\": \"completed\"}");
        snprintf(name, sizeof name, "%d", i);
        put(index, name, path);
    }
    assert_int_equal(chdir(index), 0);
    real = sys;
    sys.open = count_open;
    opens_of_jobs = 0;
    assert_int_equal(library_read(&library, NULL), 0);
    assert_int_equal(library.count, JOBS);
    assert_int_equal(opens_of_jobs, 0);
    sys = real;
    size_t wanted = JOBS - 1;
    library_tick(&library, &wanted, 1, 1e-5);
    assert_string_equal(library.rows[wanted].job.word, "completed");
    library_free(&library);
    free(index);
}

/* A folder with the names of a model and bytes that are none is listed, and not known. */
static void test_what_is_no_model_is_not_known(void **state)
{
    (void)state;
    struct library library = {0};
    char *model = path_join(folder, "model", NULL);
    assert_int_equal(folder_make(model, NULL), 0);
    put(model, "config.json", "{\"model_type\": \"llama\"}");
    put(model, "model.safetensors", "no");
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(library_read(&library, NULL), 0);
    assert_int_equal(library.models, 1);
    library_tick(&library, NULL, 0, 10);
    assert_true(isnan(library.rows[0].model.parameters));
    assert_int_equal(library.rows[0].model.scanned, SCANNED_UNKNOWN);
    assert_int_equal(library.rows[0].model.plans, -1);
    library_free(&library);
    free(model);
}

/* What a scan's job does while the library is open: it writes in its own folder alone. */
static void test_a_scan_that_ends_is_seen(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(data, "SPECTRUM_TEST_DATA");
    struct library library = {0};
    struct checkpoint *checkpoint;
    char content[33], record[128];
    char *target = path_join(data, "../../demo/model", NULL), *model = path_join(folder, "m", NULL);
    assert_int_equal(symlink(target, model), 0);
    assert_int_equal(checkpoint_open(&checkpoint, model, NULL), 0);
    assert_int_equal(spectra_fingerprint(checkpoint, content, NULL), 0);
    struct scan scan = {.model = (char *)checkpoint_path(checkpoint)};
    char *job = scan_launch_path(&scan, NULL);
    assert_int_equal(folder_make(job, NULL), 0);
    snprintf(record, sizeof record, "{\"fingerprint\": \"%s\"}", content);
    put(job, "job.json", record);
    put(job, "metrics.jsonl", "");
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(library_read(&library, NULL), 0);
    library_tick(&library, NULL, 0, 10);
    assert_int_equal(library.rows[0].model.scanned, SCANNED_PART);
    put(job, "result.json", "{\"status\": \"completed\"}");
    assert_true(library_tick(&library, NULL, 0, 10));
    assert_int_equal(library.rows[0].model.scanned, SCANNED_ALL);
    library_free(&library);
    checkpoint_close(checkpoint);
    free(job);
    free(model);
    free(target);
}

/* A folder with PyTorch's weights is a model; a split GGUF model is one, too: its first part. */
static void test_each_model_is_listed_once(void **state)
{
    (void)state;
    struct library library = {0};
    char *model = path_join(folder, "model", NULL);
    assert_int_equal(folder_make(model, NULL), 0);
    put(model, "config.json", "{\"model_type\": \"llama\"}");
    put(model, "pytorch_model.bin", "no");
    put(folder, "m-00001-of-00003.gguf", "no");
    put(folder, "m-00002-of-00003.gguf", "no");
    put(folder, "m-00003-of-00003.gguf", "no");
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(library_read(&library, NULL), 0);
    assert_int_equal(library.models, 2);
    for (size_t i = 0; i < 2; i++)
        assert_null(strstr(library.rows[i].path, "-00002-of-"));
    library_free(&library);
    free(model);
}

/* --- what is left --- */

static bool left_at_least; /* what left_of() was told last */

/* Of a job of 1000 steps that lives and has these lines. */
static double left_of(const char *job, const char *lines)
{
    struct job_follow *follow;
    put(job, "metrics.jsonl", lines);
    assert_int_equal(job_follow_open_end(&follow, job, NULL), 0);
    struct job_left left = job_left(follow);
    job_follow_close(follow);
    left_at_least = left.least;
    return left.seconds;
}

/* Steps of a tenth of a second, of which each tenth is followed by an evaluation of ten seconds, up to
 * step 100: twenty intervals with two evaluations. */
static void put_steps(struct buffer *lines)
{
    for (int step = 1; step <= 100; step++) {
        buffer_format(lines, "{\"step\": %d, \"loss\": 2, \"step_s\": 0.1, \"sitting_s\": %.1f}\n",
                      step, 5 + 0.1 * step + 10 * (double)((step - 1) / 10));
        if (step % 10 == 0)
            buffer_format(lines,
                          "{\"step\": %d, \"eval_loss\": 2}\n{\"event\": \"checkpoint\", "
                          "\"step\": %d}\n",
                          step, step);
    }
}

static void check_left(double found, double expected)
{
    if (!(fabs(found - expected) < 1e-6))
        fail_msg("%g s are left, not %g", found, expected);
}

static void test_what_is_left_counts_what_lies_between_steps(void **state)
{
    (void)state;
    char *job = make_job();
    struct buffer lines = BUFFER_INIT;
    put(job, "job.json", "{\"command\": \"train\", \"steps\": 1000, \"eval_every\": 10}");
    assert_int_equal(job_lock_take(job, NULL), 0);
    assert_true(isnan(left_of(job, "")));
    put_steps(&lines);
    check_left(left_of(job, buffer_string(&lines)), 900 * 0.1 + 90 * 10);

    /* another sitting: no step of the first is in it, also where its clock does not go back */
    put(job, "job.json", "{\"command\": \"train\", \"steps\": 1000, \"eval_every\": 1001}");
    const double last = 10; /* an evaluation comes after the last step */
    buffer_text(&lines, "{\"event\": \"resume\", \"step\": 100}\n"
                        "{\"step\": 101, \"loss\": 2, \"step_s\": 0.1, \"sitting_s\": 1000}\n");
    check_left(left_of(job, buffer_string(&lines)), 899 * 0.1 + last);
    buffer_text(&lines, "{\"step\": 103, \"loss\": 2, \"step_s\": 0.1, \"sitting_s\": 1008}\n");
    check_left(left_of(job, buffer_string(&lines)), 897 * 4 + last);
    buffer_text(&lines, "{\"step\": 104, \"loss\": 2, \"step_s\": 0.1, \"sitting_s\": 3}\n"
                        "{\"step\": 105, \"loss\": 2, \"step_s\": 0.1, \"sitting_s\": 5}\n");
    check_left(left_of(job, buffer_string(&lines)), 895 * 2 + last);

    /* lines without a clock; numbers that are none */
    check_left(left_of(job, "{\"step\": 1, \"loss\": 2, \"step_s\": 1}\n"
                            "{\"step\": 2, \"loss\": 2, \"step_s\": 2}\n"),
               998 * 1.5);
    check_left(left_of(job, "{\"step\": 1, \"loss\": 2, \"step_s\": 1, \"sitting_s\": \"x\"}\n"
                            "{\"step\": 2, \"loss\": 2, \"step_s\": -2, \"sitting_s\": -4}\n"),
               998);
    assert_true(isnan(left_of(job, "{\"step\": 1, \"loss\": 2, \"step_s\": 1e308}\n"
                                   "{\"step\": 2, \"loss\": 2, \"step_s\": 1e308}\n")));
    assert_true(isnan(left_of(job, "{\"step\": 2000, \"loss\": 2, \"step_s\": 1}\n")));
    buffer_free(&lines);
    free(job);
}

/* Steps of a tenth of a second to step 130; evaluations of seven seconds with samples of two at 50
 * and 100, of which the first was the best so far and is saved, in four seconds, and the checkpoint
 * that is due at 100. None of them is among the last steps. */
static void put_rare(struct buffer *lines)
{
    double clock = 0;
    for (int step = 1; step <= 130; step++) {
        clock += 0.1;
        buffer_format(lines, "{\"step\": %d, \"loss\": 2, \"step_s\": 0.1, \"sitting_s\": %.1f}\n",
                      step, clock);
        if (step % 50 != 0)
            continue;
        clock += 13;
        buffer_format(lines,
                      "{\"step\": %d, \"eval_loss\": 2, \"seconds\": 7}\n"
                      "{\"event\": \"sample\", \"step\": %d, \"text\": \"t\", \"seconds\": 2}\n"
                      "{\"event\": \"checkpoint\", \"step\": %d, \"seconds\": 4}\n",
                      step, step, step);
    }
}

static void test_what_is_left_counts_what_is_to_come(void **state)
{
    (void)state;
    char *job = make_job();
    struct buffer lines = BUFFER_INIT;
    put(job, "job.json",
        "{\"command\": \"train\", \"steps\": 210, \"eval_every\": 50, \"save_every\": 100}");
    assert_int_equal(job_lock_take(job, NULL), 0);
    /* a save will come, however long it takes; and evaluations, where there is data for them */
    static const char unsaved[] = "{\"step\": 40, \"loss\": 2, \"step_s\": 0.1}\n";
    static const char saved[] = "{\"step\": 40, \"loss\": 2, \"step_s\": 0.1}\n"
                                "{\"event\": \"checkpoint\", \"step\": 40, \"seconds\": 4}\n";
    check_left(left_of(job, unsaved), 170 * 0.1);
    assert_true(left_at_least);
    check_left(left_of(job, saved), 170 * 0.1 + 3 * 4);
    assert_false(left_at_least);
    put(job, "job.json",
        "{\"command\": \"train\", \"steps\": 210, \"eval_every\": 50, \"save_every\": 100, "
        "\"eval_split\": 0.1}");
    left_of(job, saved);
    assert_true(left_at_least);
    put_rare(&lines);
    /* evaluations at 150, 200 and 210, due saves at 200 and 210, and one at 150 as at 50 */
    check_left(left_of(job, buffer_string(&lines)), 80 * 0.1 + 3 * (7 + 2) + 3 * 4);
    assert_false(left_at_least);

    /* the evaluation of a step that is there is still to come until its line is */
    for (int step = 131; step <= 150; step++)
        buffer_format(&lines, "{\"step\": %d, \"loss\": 2, \"step_s\": 0.1, \"sitting_s\": %.1f}\n",
                      step, 26 + 0.1 * step);
    check_left(left_of(job, buffer_string(&lines)), 60 * 0.1 + 3 * (7 + 2) + 2 * 4);
    buffer_text(&lines,
                "{\"step\": 150, \"eval_loss\": 2, \"seconds\": 4}\n"
                "{\"event\": \"sample\", \"step\": 150, \"text\": \"t\", \"seconds\": 2}\n");
    check_left(left_of(job, buffer_string(&lines)), 60 * 0.1 + 2 * (6 + 2) + 2 * 4);

    /* a pause moves the end on with every second */
    put(job, "requests/paused", "");
    assert_true(isnan(left_of(job, buffer_string(&lines))));
    buffer_free(&lines);
    free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_resume_takes_evaluations_back, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_it_is_read_a_piece_at_a_time, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_row_is_read_once_until_it_changes, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_no_time_reads_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_many_jobs_are_listed_unread, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_scan_that_ends_is_seen, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_no_model_is_not_known, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_left_counts_what_lies_between_steps,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_left_counts_what_is_to_come, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_each_model_is_listed_once, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
