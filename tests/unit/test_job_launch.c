/* Who runs a job, and what starts one: locks of dead processes and of other hosts, a worker without its
 * supervisor, starts that are slow or never come, and a folder that came from elsewhere. */
#include "job_folder.h"

#include "base/file_writer.h"
#include "base/sys.h"
#include "job/job_dir.h"
#include "job/launch.h"
#include "job/lock.h"
#include "job/metrics_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/* A worker whose supervisor was killed still writes: nobody else may. */
static void test_worker_without_supervisor(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct job_metrics_writer writer, second;
    char *job = make_job();
    char host[256] = "", text[512];
    gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text,
             "{\"host\": \"%s\", \"pid\": 1, \"boot_id\": \"before\", \"start_time\": 1, "
             "\"worker\": 4711}",
             host);
    write_lock(job, text);
    assert_int_equal(job_metrics_open(&writer, job, &err), 0);
    assert_int_equal(job_lock_take(job, &err), -1);
    assert_non_null(strstr(err.text, "process 4711 still writes"));
    assert_int_equal(job_metrics_open(&second, job, &err), -1);
    assert_non_null(strstr(err.text, "another process writes"));
    job_metrics_close(&writer);
    assert_int_equal(job_lock_take(job, &err), 0);
    free(job);
}

static void test_start_that_never_came(void **state)
{
    (void)state;
    char *job = make_job();
    const struct timespec old[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    const struct timespec later = {.tv_sec = time(NULL) + 3600}, set_back[] = {later, later};
    assert_int_equal(job_state(job), JOB_STARTING);
    assert_int_equal(utimensat(AT_FDCWD, job, old, 0), 0);
    assert_int_equal(job_state(job), JOB_DIED);
    assert_int_equal(utimensat(AT_FDCWD, job, set_back, 0), 0); /* made before the clock was */
    assert_int_equal(job_state(job), JOB_DIED);
    free(job);
}

static int (*real_rename)(const char *from, const char *to);

static int rename_no_result(const char *from, const char *to)
{
    if (!strstr(to, "result.json"))
        return real_rename(from, to);
    errno = ENOSPC;
    return -1;
}

/* On a full disk nothing can say how the job ended; that somebody ran it is not forgotten then. */
static void test_full_disk_keeps_the_lock(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *job = make_job(), *const nothing[] = {(char *)"nothing", NULL};
    real_rename = sys.rename;
    sys.rename = rename_no_result;
    assert_int_equal(job_supervise(job, "/bin/true", nothing, &err), -1);
    sys.rename = real_rename;
    unsetenv("SPECTRUM_JOB");
    assert_non_null(strstr(err.text, "No space left"));
    assert_false(job_dir_has(job, "result.json"));
    assert_true(job_dir_has(job, "lock"));
    free(job);
}

/* Of a resume whose worker cannot be started the result stays, with the reason. */
static void test_a_worker_that_is_none_leaves_the_result(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    char *job = make_job(), *const nothing[] = {(char *)"nothing", NULL};
    buffer_text(&text, "{\"status\": \"completed\", \"last_step\": 9}");
    assert_int_equal(job_dir_save(job, "result.json", &text, &err), 0);
    setenv("SPECTRUM_JOB_RESUME", "1", 1);
    assert_int_equal(job_supervise(job, "/nowhere/program", nothing, &err), -1);
    unsetenv("SPECTRUM_JOB_RESUME");
    unsetenv("SPECTRUM_JOB");
    cJSON *result = job_dir_read(job, "result.json", &err);
    const char *how = "", *why = "";
    assert_true(json_get_string(result, "status", &how));
    assert_true(json_get_string(result, "refused", &why));
    assert_string_equal(how, "completed");
    assert_non_null(strstr(why, "/nowhere/program"));
    assert_int_equal(job_state(job), JOB_ENDED);
    cJSON_Delete(result);
    buffer_free(&text);
    free(job);
}

static void refuse_relaunch(const char *job, const char *json, const char *says)
{
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    buffer_text(&text, json);
    assert_int_equal(job_dir_save(job, "job.json", &text, NULL), 0);
    assert_int_equal(job_relaunch(job, "/bin/true", &(struct job_restart){0}, NULL, &err), -1);
    if (!strstr(err.text, says))
        fail_msg("%s: it says \"%s\"", json, err.text);
    assert_false(job_dir_has(job, "log.txt")); /* nothing was started */
    buffer_free(&text);
}

static void test_foreign_job_chooses_no_command(void **state)
{
    (void)state;
    char *job = make_job();
    refuse_relaunch(job, "{\"command\": \"train\"}", "no \"arguments\"");
    refuse_relaunch(job, "{\"command\": \"plan\", \"arguments\": [\"plan\", \"x\", \"-o\", \"y\"]}",
                    "only a training run or a scan");
    refuse_relaunch(job, "{\"command\": \"train\", \"arguments\": [\"export\", \"x\"]}",
                    "only a training run or a scan");
    refuse_relaunch(job, "{\"command\": \"scan\", \"arguments\": [\"scan\", \"x\", \"--o=y\"]}",
                    "write a file");
    refuse_relaunch(job, "{\"command\": \"scan\", \"arguments\": [\"scan\", \"--spectra\", \"y\"]}",
                    "write a file");
    free(job);
}

/* A supervisor that is slow is waited for as long as it lives: here longer than anyone believes in
 * a folder without a lock. What ends without a result is said to have. */
static void test_a_slow_start_is_waited_for(void **state)
{
    static const char *const scripts[] = {
        "#!/bin/sh\nexit 3\n",
        "#!/bin/sh\nsleep 11\necho '{}' >\"$2/result.json\"\n",
    };
    struct error err = ERROR_INIT;
    char *job = make_job(), *program = path_join(folder, "program", NULL);
    char *arguments[] = {"train", NULL};
    (void)state;
    for (int i = 0; i < 2; i++) {
        err = (struct error)ERROR_INIT;
        assert_int_equal(file_save(program, scripts[i], strlen(scripts[i]), &err), 0);
        assert_int_equal(chmod(program, 0700), 0);
        assert_int_equal(job_launch(job, program, arguments, &err), i == 1 ? 0 : -1);
        assert_true(i == 1 || strstr(err.text, "log.txt says why"));
    }
    free(program);
    free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_states, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_reused_pid_is_dead, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_worker_without_supervisor, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_start_that_never_came, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_full_disk_keeps_the_lock, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_worker_that_is_none_leaves_the_result, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_foreign_job_chooses_no_command, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_slow_start_is_waited_for, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
