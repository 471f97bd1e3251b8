/* progress.json: what a run does at the moment, in all of its phases; few writes, none that a full
 * disk makes an error, none that stays; and whatever lies there is read without harm. */
#include "job_folder.h"

#include "base/file_writer.h"
#include "base/process.h"
#include "base/sys.h"
#include "job/job_dir.h"
#include "job/job_progress.h"
#include "job/training/training.h"
#include "tui/session/job_follow.h"

#include <errno.h>
#include <string.h>

static struct sys_table real;
static int written, refused;

static ssize_t no_room(int fd, const void *data, size_t count)
{
    (void)fd, (void)data, (void)count;
    refused++;
    errno = ENOSPC;
    return -1;
}

static int count_renames(const char *from, const char *to)
{
    written += strstr(to, "/progress.json") != NULL;
    return real.rename(from, to);
}

static struct job_progress read_back(const char *job)
{
    struct job_progress progress;
    job_progress_read(&progress, job);
    return progress;
}

static void test_what_is_told_is_read(void **state)
{
    (void)state;
    struct job_progress_writer writer;
    char *job = make_job();
    char *path = path_join(job, "progress.json", NULL);
    assert_int_equal(file_save(path, "{}", 2, NULL), 0);
    free(path);
    job_progress_second = 0;
    job_progress_open(&writer, job);
    assert_false(job_dir_has(job, "progress.json")); /* an earlier sitting's */
    work_tell(&writer.watch, WORK_TOKENIZING, 25, 100);
    struct job_progress progress = read_back(job);
    assert_string_equal(progress.phase, "tokenizing");
    assert_string_equal(progress.unit, "bytes");
    assert_int_equal(progress.done, 25);
    assert_int_equal(progress.total, 100);
    assert_int_equal(progress.step, -1);
    work_tell(&writer.watch, WORK_TRAINING, 50, 400);
    work_tell(&writer.watch, WORK_SAVING, 0, 0);
    progress = read_back(job);
    assert_string_equal(progress.phase, "saving");
    assert_int_equal(progress.total, -1);
    assert_int_equal(progress.step, 50);
    job_progress_close(&writer);
    assert_false(job_dir_has(job, "progress.json"));
    assert_false(job_dir_has(job, ".progress.json.tmp"));
    work_tell(&writer.watch, WORK_SAVING, 0, 0); /* too late */
    assert_false(job_dir_has(job, "progress.json"));
    free(job);
}

/* Told a thousand times as fast as it goes. The test takes no second of it, or is slower than that and
 * then has earned more. */
static void test_few_writes(void **state)
{
    (void)state;
    struct job_progress_writer writer;
    char *job = make_job();
    job_progress_second = 1;
    job_progress_open(&writer, job);
    sys.rename = count_renames;
    written = 0;
    double begun = clock_seconds();
    for (uint64_t i = 0; i < 1000; i++)
        work_tell(&writer.watch, WORK_TRAINING, i, 1000);
    int same = written;
    for (uint64_t i = 0; i < 1000; i++)
        work_tell(&writer.watch, i % 2 ? WORK_EVALUATING : WORK_SAVING, i, 1000);
    double seconds = 1 + clock_seconds() - begun;
    assert_in_range(same, 1, 2 * seconds);
    assert_in_range(written, 4, JOB_PROGRESS_EACH_SECOND * seconds);
    sys = real;
    job_progress_close(&writer);
    free(job);
}

/* What cannot be written is absent, and what lay there is no longer so. */
static void test_a_full_disk(void **state)
{
    (void)state;
    struct job_progress_writer writer;
    char *job = make_job();
    job_progress_second = 0;
    job_progress_open(&writer, job);
    work_tell(&writer.watch, WORK_LOADING, 1, 2);
    sys.write = no_room;
    work_tell(&writer.watch, WORK_TRAINING, 1, 2);
    sys = real;
    assert_int_equal(refused, 1);
    assert_false(job_dir_has(job, "progress.json"));
    assert_false(job_dir_has(job, ".progress.json.tmp"));
    work_tell(&writer.watch, WORK_TRAINING, 2, 2);
    assert_int_equal(read_back(job).done, 2);
    job_progress_close(&writer);
    free(job);
}

static void test_hostile_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *phase;
        int64_t total, step;
    } cases[] = {
        {"", "", -1, -1},
        {"[]", "", -1, -1},
        {"{\"phase\": 7}", "", -1, -1},
        {"{\"phase\": \"evaluating\", \"done\": 8, \"total\": 7}", "evaluating", -1, -1},
        {"{\"phase\": \"evaluating\", \"done\": -1, \"total\": 7}", "evaluating", -1, -1},
        {"{\"phase\": \"evaluating\", \"done\": 1e300, \"total\": 1e301}", "evaluating", -1, -1},
        {"{\"phase\": \"evaluating\", \"done\": 1, \"total\": 7, \"step\": -4}", "evaluating", 7,
         -1},
        {"{\"phase\": \"a\\u001b[2Jb\", \"step\": 3}", "a?[2Jb", -1, 3},
        {"{\"phase\": \"abcdefghijklmnopqrstuvwxyz\"}", "abcdefghijklmnopqrstuvw", -1, -1},
    };
    char *job = make_job(), *path = path_join(job, "progress.json", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(file_save(path, cases[i].text, strlen(cases[i].text), NULL), 0);
        struct job_progress progress;
        assert_int_equal(job_progress_read(&progress, job), cases[i].phase[0] != '\0');
        assert_string_equal(progress.phase, cases[i].phase);
        assert_int_equal(progress.total, cases[i].total);
        assert_int_equal(progress.step, cases[i].step);
    }
    struct buffer large = BUFFER_INIT; /* is not read, however good its beginning */
    buffer_text(&large, "{\"phase\": \"saving\"}");
    for (int i = 0; i < 5000; i++)
        buffer_byte(&large, ' ');
    assert_int_equal(file_save(path, large.data, large.length, NULL), 0);
    assert_string_equal(read_back(job).phase, "");
    buffer_free(&large);
    assert_int_equal(remove(path), 0);
    assert_int_equal(symlink("/proc/self/environ", path), 0);
    assert_string_equal(read_back(job).phase, "");
    free(path);
    free(job);
}

static void test_in_words(void **state)
{
    (void)state;
    static const struct {
        struct job_progress phase;
        const char *words;
    } cases[] = {
        {{.phase = "tokenizing", .unit = "bytes", .done = 4099, .total = 10000}, "tokenizing 40 %"},
        {{.phase = "loading", .unit = "tensors", .done = 3, .total = 20}, "loading weights 3/20"},
        {{.phase = "evaluating", .unit = "batches", .done = 7, .total = 20}, "evaluating 7/20"},
        {{.phase = "training", .unit = "steps", .done = 7, .total = 20}, "training"},
        {{.phase = "saving", .done = -1, .total = -1}, "saving"},
        {{.phase = "queued", .done = -1, .total = -1}, "queued by Slurm"},
        {{.phase = ""}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char words[64];
        struct job_follow follow = {.phase = cases[i].phase};
        assert_int_equal(job_follow_phase(&follow, words, sizeof words), cases[i].words[0] != '\0');
        assert_string_equal(words, cases[i].words);
    }
}

/* job.json may be anybody's: a number that cannot be is left out, and a text is made fit to be shown. */
static void test_engine_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *job, *words;
    } cases[] = {
        {"{\"method\": \"full\"}", ""},
        {"{\"engine\": 7}", ""},
        {"{\"engine\": \"fsdp2\", \"processes\": 2}", "fsdp2 x 2"},
        {"{\"engine\": \"trl\", \"processes\": 8, \"nodes\": 2}", "trl x 16 on 2 nodes"},
        {"{\"engine\": \"trl\"}", "trl"},
        {"{\"engine\": \"trl\", \"processes\": 9e18, \"nodes\": 9e18}", "trl"},
        {"{\"engine\": \"trl\", \"processes\": -2}", "trl"},
        {"{\"engine\": \"a\\u001b[2J, as long as nobody would call one\", \"processes\": 1}",
         "a?[2J, as long a x 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char words[64];
        struct job_follow follow = {.job = cJSON_Parse(cases[i].job)};
        job_follow_engine(&follow, words, sizeof words);
        assert_string_equal(words, cases[i].words);
        cJSON_Delete(follow.job);
    }
}

/* `resume --more` writes job.json anew while screens have the run open. */
static void test_a_run_that_goes_on_for_more_steps_has_more(void **state)
{
    (void)state;
    struct job_follow *follow;
    double steps = 0;
    char *job = make_job(), *path = path_join(job, "job.json", NULL);
    const char before[] = "{\"command\": \"train\", \"steps\": 8}";
    const char after[] = "{\"command\": \"train\", \"steps\": 48}";
    assert_int_equal(file_save(path, before, sizeof before - 1, NULL), 0);
    assert_int_equal(job_follow_open(&follow, job, NULL), 0);
    assert_true(job_follow_number(follow, "steps", &steps));
    assert_true(steps == 8);
    assert_int_equal(file_save(path, after, sizeof after - 1, NULL), 0);
    job_follow_refresh(follow);
    assert_true(job_follow_update(follow));
    assert_true(job_follow_number(follow, "steps", &steps));
    assert_true(steps == 48);
    job_follow_refresh(follow);
    assert_false(job_follow_update(follow));
    job_follow_close(follow);
    free(path);
    free(job);
}

/* --- a run --- */

/* What its file said, in order, a phase once. */
static struct buffer phases;
static char last_phase[24];

static int note_phase(const char *from, const char *to)
{
    int status = real.rename(from, to);
    char *job =
        strstr(to, "/progress.json") ? strndup(to, strlen(to) - strlen("/progress.json")) : NULL;
    struct job_progress progress;
    if (!job)
        return status;
    assert_true(job_progress_read(&progress, job));
    if (strcmp(progress.phase, last_phase) != 0)
        buffer_format(&phases, "%s%s", phases.length ? " " : "", progress.phase);
    snprintf(last_phase, sizeof last_phase, "%s", progress.phase);
    assert_true(progress.step <= 2);
    free(job);
    return status;
}

static int train(const char *run, struct error *err)
{
    const char *tests = getenv("SPECTRUM_TEST_DATA");
    char *model = path_join(tests, "../../demo/model", NULL);
    char *text = path_join(folder, "text.jsonl", NULL);
    struct buffer lines = BUFFER_INIT;
    for (int i = 0; i < 40; i++)
        buffer_format(&lines, "{\"text\": \"What is %d times %d?\"}\n", i, i);
    assert_int_equal(file_save(text, lines.data, lines.length, err), 0);
    buffer_free(&lines);
    const char *data[] = {text};
    static char *const arguments[] = {(char *)"train"};
    struct training_request request;
    const struct training_view view = {.context = NULL};
    training_request_init(&request);
    request.model = model;
    request.run = run;
    request.data = (struct option_list){.items = data, .count = 1};
    request.steps = 2;
    request.eval_every = request.save_every = 2;
    request.seq_len = 64;
    request.batch = request.accumulate = 1;
    request.dtype = WEIGHTS_FP32;
    request.device = "cpu";
    request.sample_tokens = 4;
    request.eval_split = 0.1;
    request.argc = 1;
    request.argv = arguments;
    training_request_fill(&request);
    int status = training_run(&request, false, &view, err);
    free(model);
    free(text);
    return status;
}

static void test_a_run_tells_its_phases(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *job = make_job();
    job_progress_second = 0;
    sys.rename = note_phase;
    if (train(job, &err) != 0)
        fail_msg("%s", err.text);
    sys = real;
    assert_string_equal(buffer_string(&phases),
                        "loading tokenizing scanning loading training evaluating sampling training "
                        "evaluating sampling saving");
    assert_false(job_dir_has(job, "progress.json"));
    assert_false(job_dir_has(job, ".progress.json.tmp"));
    buffer_free(&phases);
    free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_told_is_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_few_writes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_full_disk, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_hostile_files, make_folder, remove_folder),
        cmocka_unit_test(test_in_words),
        cmocka_unit_test(test_engine_in_words),
        cmocka_unit_test_setup_teardown(test_a_run_that_goes_on_for_more_steps_has_more,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_run_tells_its_phases, make_folder, remove_folder),
    };
    real = sys;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
