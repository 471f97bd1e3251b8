/* Requests: taken once, none lost, none kept from before, and those that are read in a pause. */
#include "job_folder.h"

#include "base/folder.h"
#include "base/sys.h"
#include "job/job_dir.h"
#include "job/lock.h"
#include "job/requests.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    assert_int_equal(job_request_put(job, JOB_REQUEST_STOP, NULL, &err), 0);
    assert_int_equal(job_pause(job, NULL, NULL), JOB_STOP);
    assert_false(job_dir_has(job, "requests/paused"));
    buffer_free(&text);
    free(job);
}

/* Asks a second time in the moment in which the first request is taken. */
static const char *asked_job;

static int ask_meanwhile(const char *from, const char *to)
{
    sys.rename = rename;
    int status = rename(from, to);
    assert_int_equal(job_request_put(asked_job, JOB_REQUEST_FIRST, "second", NULL), 0);
    return status;
}

static void test_a_request_that_comes_meanwhile_is_kept(void **state)
{
    (void)state;
    struct buffer text = BUFFER_INIT;
    char *job = make_job();
    assert_int_equal(job_request_put(job, JOB_REQUEST_FIRST, "first", NULL), 0);
    asked_job = job;
    sys.rename = ask_meanwhile;
    assert_true(job_request_take(job, JOB_REQUEST_FIRST, &text));
    assert_string_equal(text.data, "first");
    buffer_clear(&text);
    assert_true(job_request_take(job, JOB_REQUEST_FIRST, &text));
    assert_string_equal(text.data, "second");
    assert_false(job_request_take(job, JOB_REQUEST_FIRST, NULL));
    buffer_free(&text);
    free(job);
}

/* A folder, a link and what else has a request's name ask for nothing, are said once each, and keep
 * no other request from being taken; nor does a folder where one is moved to. */
static void test_what_is_no_request_stands_in_no_way(void **state)
{
    (void)state;
    struct buffer text = BUFFER_INIT;
    unsigned said = 0;
    char line[512], *job = make_job(), *pause = path_join(job, "requests/pause", NULL);
    char *taken = path_join(job, "requests/taken", NULL),
         *mark = path_join(job, "requests/waiting", NULL);
    char *resume = path_join(job, "requests/resume", NULL);
    assert_false(job_requests_odd(job, &said, line, sizeof line));
    assert_int_equal(mkdir(pause, 0777) | mkdir(taken, 0777) | mkdir(mark, 0777), 0);
    assert_int_equal(symlink("/etc/passwd", resume), 0);
    assert_false(job_request_take(job, JOB_REQUEST_PAUSE, NULL));
    assert_false(job_request_take(job, JOB_REQUEST_RESUME, NULL));
    assert_false(job_request_waits(job, JOB_REQUEST_PAUSE));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(job_request_put(job, JOB_REQUEST_STOP, NULL, NULL), 0);
        assert_true(job_request_waits(job, JOB_REQUEST_STOP));
        assert_true(job_request_take(job, JOB_REQUEST_STOP, NULL));
        assert_false(job_request_take(job, JOB_REQUEST_STOP, NULL));
        assert_int_equal(job_request_put(job, JOB_REQUEST_FIRST, "m.3.q", NULL), 0);
        assert_true(job_request_take(job, JOB_REQUEST_FIRST, &text));
        assert_string_equal(buffer_string(&text), "m.3.q");
        assert_false(job_request_take(job, JOB_REQUEST_FIRST, &text));
    }
    const char *const odd[] = {"requests/pause is not", "requests/resume is not",
                               "requests/waiting is not"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_true(job_requests_odd(job, &said, line, sizeof line));
        assert_non_null(strstr(line, odd[i]));
    }
    assert_false(job_requests_odd(job, &said, line, sizeof line));
    buffer_free(&text);
    rmdir(pause);
    rmdir(taken);
    rmdir(mark);
    unlink(resume);
    free(resume);
    free(mark);
    free(taken);
    free(pause);
    free(job);
}

/* While the job is paused: first a checkpoint is asked for, then to continue. */
struct callback {
    const char *job;
    int asked;
};

static bool ask(void *context)
{
    struct callback *callback = context;
    enum job_request next = callback->asked++ == 0 ? JOB_REQUEST_CHECKPOINT : JOB_REQUEST_RESUME;
    assert_true(job_dir_has(callback->job, "requests/paused"));
    assert_int_equal(job_request_put(callback->job, next, NULL, NULL), 0);
    return false;
}

static void test_paused_job_writes_checkpoints(void **state)
{
    (void)state;
    char *job = make_job();
    struct callback callback = {.job = job};
    /* This one came before the pause, and says nothing about it. */
    assert_int_equal(job_request_put(job, JOB_REQUEST_RESUME, NULL, NULL), 0);
    assert_int_equal(job_pause(job, ask, &callback), JOB_CHECKPOINT);
    assert_true(job_dir_has(job, "requests/paused"));
    assert_int_equal(job_pause(job, ask, &callback), JOB_CONTINUE);
    assert_false(job_dir_has(job, "requests/paused"));
    assert_int_equal(callback.asked, 2);
    free(job);
}

static void test_old_requests_are_forgotten(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *job = make_job();
    for (int i = JOB_REQUEST_PAUSE; i <= JOB_REQUEST_FIRST; i++)
        assert_int_equal(job_request_put(job, (enum job_request)i, NULL, &err), 0);
    assert_int_equal(job_lock_take(job, &err), 0);
    for (int i = JOB_REQUEST_PAUSE; i <= JOB_REQUEST_FIRST; i++)
        assert_false(job_request_take(job, (enum job_request)i, NULL));
    free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_are_taken_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_request_that_comes_meanwhile_is_kept, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_no_request_stands_in_no_way, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_paused_job_writes_checkpoints, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_old_requests_are_forgotten, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
