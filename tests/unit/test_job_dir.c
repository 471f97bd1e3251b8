/* Job directories: what is appended is read back, broken lines and dead locks do no harm. */
#include "test.h"

#include "base/file.h"
#include "job/job_dir.h"
#include "job/lock.h"
#include "job/metrics.h"
#include "job/requests.h"
#include "job/survival.h"

#include <string.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/spectrum-job-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    return setenv("XDG_STATE_HOME", folder, 1);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static char *make_job(void)
{
    struct error err = ERROR_INIT;
    char *path = path_join(folder, "job", &err);
    assert_int_equal(job_dir_create(path, &err), 0);
    return path;
}

static void append(const char *job, const char *text)
{
    char *path = path_join(job, "metrics.jsonl", NULL);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static void test_metrics_follow_a_growing_file(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    size_t added = 9;
    char *job = make_job();
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(added, 0);
    append(job, "{\"step\": 1, \"loss\": 2.5}\n{\"step\": 2, \"lo");
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(added, 1);
    append(job, "ss\": 2.25}\n");
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(added, 1);
    assert_int_equal(job_metrics_last_step(&metrics), 2);
    job_metrics_free(&metrics);
    free(job);
}

static void test_metrics_after_resume(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct job_metrics metrics;
    struct job_metrics_writer writer;
    struct buffer line = BUFFER_INIT;
    size_t added;
    double loss = 0;
    char *job = make_job();
    append(job, "{\"step\": 1, \"loss\": 5}\n{\"step\": 2, \"loss\": 4}\n"
                "{\"step\": 2, \"eval_loss\": 4.5}\n{\"step\": 3, \"loss\": 3}\n{\"step\": 4, \"l");
    assert_int_equal(job_metrics_open(&writer, job, &err), 0);
    buffer_text(&line, "{\"event\": \"resume\", \"step\": 2}");
    assert_int_equal(job_metrics_append(&writer, &line, &err), 0);
    buffer_clear(&line);
    buffer_text(&line, "{\"step\": 3, \"loss\": 3.5}");
    assert_int_equal(job_metrics_append(&writer, &line, &err), 0);
    job_metrics_close(&writer);
    buffer_free(&line);
    assert_int_equal(job_metrics_follow(&metrics, job, &err), 0);
    assert_int_equal(job_metrics_update(&metrics, &added, &err), 0);
    assert_int_equal(metrics.skipped, 1);
    /* steps 1, 2, evaluation of 2, the event, the new step 3 */
    assert_int_equal(metrics.count, 5);
    assert_true(json_get_double(job_metrics_last(&metrics, "loss"), "loss", &loss));
    assert_true(loss == 3.5);
    assert_true(json_get_double(job_metrics_last(&metrics, "eval_loss"), "eval_loss", &loss));
    assert_true(loss == 4.5);
    job_metrics_free(&metrics);
    free(job);
}

static void test_requests_are_taken_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    char *job = make_job();
    assert_false(job_request_take(job, JOB_REQUEST_FIRST, NULL));
    assert_int_equal(job_request_put(job, JOB_REQUEST_FIRST, "model.layers.3.mlp.up_proj", &err),
                     0);
    assert_true(job_request_take(job, JOB_REQUEST_FIRST, &text));
    assert_string_equal(buffer_string(&text), "model.layers.3.mlp.up_proj");
    assert_false(job_request_take(job, JOB_REQUEST_FIRST, NULL));
    assert_int_equal(job_request_put(job, JOB_REQUEST_RESUME, NULL, &err), 0);
    assert_true(job_pause(job, NULL, NULL));
    assert_int_equal(job_request_put(job, JOB_REQUEST_STOP, NULL, &err), 0);
    assert_false(job_pause(job, NULL, NULL));
    buffer_free(&text);
    free(job);
}

static void write_lock(const char *job, const char *text)
{
    struct buffer lock = BUFFER_INIT;
    buffer_text(&lock, text);
    assert_int_equal(job_dir_save(job, "lock", &lock, NULL), 0);
    buffer_free(&lock);
}

static void test_states(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *job = make_job();
    assert_int_equal(job_state(job), JOB_STARTING);
    assert_int_equal(job_lock_take(job, &err), 0);
    assert_int_equal(job_state(job), JOB_RUNNING);
    assert_int_equal(job_lock_take(job, &err), -1);
    assert_non_null(strstr(err.text, "is run by process"));
    struct job_result result = {.status = "completed", .message = "done", .last_step = 7};
    assert_int_equal(job_result_write(job, &result, &err), 0);
    job_lock_release(job);
    assert_int_equal(job_state(job), JOB_ENDED);

    write_lock(job,
               "{\"host\": \"another.host\", \"pid\": 1, \"boot_id\": \"x\", \"start_time\": 1}");
    assert_int_equal(job_state(job), JOB_ELSEWHERE);
    assert_int_equal(job_lock_take(job, &err), -1);
    free(job);
}

static void test_reused_pid_is_dead(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *job = make_job(), host[256] = "", text[512];
    gethostname(host, sizeof host - 1);
    /* Our own process number, but of a boot before this one. */
    snprintf(text, sizeof text,
             "{\"host\": \"%s\", \"pid\": %d, \"boot_id\": \"before\", \"start_time\": 1}", host,
             (int)getpid());
    write_lock(job, text);
    assert_int_equal(job_state(job), JOB_DIED);
    assert_int_equal(job_lock_take(job, &err), 0);
    assert_int_equal(job_state(job), JOB_RUNNING);
    free(job);
}

static void test_index(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char **paths = NULL, *job = make_job();
    size_t count = 0;
    assert_int_equal(job_index_list(&paths, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_non_null(strstr(paths[0], "/job"));
    job_index_free(paths, count);
    struct buffer text = BUFFER_INIT;
    buffer_text(&text, "{}");
    assert_int_equal(job_dir_save(job, "job.json", &text, &err), 0);
    assert_int_equal(job_dir_create(job, &err), -1);
    assert_non_null(strstr(err.text, "holds a job already"));
    buffer_free(&text);
    free(job);
}

static void write_config(const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/etc/systemd", folder);
    assert_int_equal(folder_make(path, NULL), 0);
    snprintf(path, sizeof path, "%s/etc/systemd/logind.conf", folder);
    assert_int_equal(file_save(path, text, strlen(text), NULL), 0);
}

static void test_what_ends_jobs_is_said_beforehand(void **state)
{
    (void)state;
    char said[256];
    unsetenv("SLURM_JOB_ID");
    assert_false(job_survival_warning(folder, said, sizeof said));
    write_config("[Login]\n#KillUserProcesses=yes\n");
    assert_false(job_survival_warning(folder, said, sizeof said));
    write_config("[Login]\nKillUserProcesses=yes\n");
    assert_true(job_survival_warning(folder, said, sizeof said));
    assert_non_null(strstr(said, "enable-linger"));
    setenv("SLURM_JOB_ID", "1234", 1);
    assert_true(job_survival_warning(folder, said, sizeof said));
    assert_non_null(strstr(said, "1234"));
    unsetenv("SLURM_JOB_ID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_metrics_follow_a_growing_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_metrics_after_resume, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_requests_are_taken_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_states, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_reused_pid_is_dead, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_index, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_ends_jobs_is_said_beforehand, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
