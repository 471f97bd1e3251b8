/* A job's folder: whose it may be, that each job gets its own, the index of them, and the logout check. */
#include "job_folder.h"

#include "base/file_writer.h"
#include "base/sys.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/launch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_path_must_be_utf8(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *path = path_join(folder, "r\xe9sum\xe9", NULL);
    assert_int_equal(job_dir_create(path, &err), -1);
    assert_non_null(strstr(err.text, "is not UTF-8"));
    assert_int_not_equal(access(path, F_OK), 0);
    free(path);
}

/* A start that failed leaves a record; the same folder takes a better one. */
static void test_failed_start_blocks_nothing(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    char *job = make_job();
    struct job_result result = {.status = "failed", .message = "no such model", .last_step = -1};
    buffer_text(&text, "{}");
    assert_int_equal(job_dir_save(job, "job.json", &text, &err), 0);
    assert_int_equal(job_result_write(job, &result, &err), 0);
    assert_int_equal(job_dir_create(job, &err), 0);
    result.last_step = 0;
    assert_int_equal(job_result_write(job, &result, &err), 0);
    assert_int_equal(job_dir_create(job, &err), -1);
    buffer_free(&text);
    free(job);
}

static void test_index(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char **paths = NULL, *job = make_job();
    size_t count = 0;
    assert_int_equal(job_index_add(job, &err), 0);
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

/* Runs without --run that begin in one second: the folder is the lock. */
static void test_each_gets_a_folder(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *wanted = path_join(folder, "runs/model-20260101-000000", NULL);
    static const char *const endings[] = {"000000", "000000-2", "000000-3"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *made = job_dir_create_new(wanted, &err);
        assert_non_null(made);
        assert_string_equal(strrchr(made, '-') > made ? strstr(made, "000000") : "", endings[i]);
        assert_true(job_dir_has(made, "requests") && job_dir_has(made, "checkpoints"));
        free(made);
    }
    /* One that two commands name is the first one's. */
    assert_int_equal(job_dir_create(wanted, &err), -1);
    assert_non_null(strstr(err.text, "was made just now by another command"));
    free(wanted);
}

static int mkdirs_left;

static int mkdir_until_full(const char *path, mode_t mode)
{
    if (access(path, F_OK) != 0 && mkdirs_left-- <= 0) {
        errno = ENOSPC;
        return -1;
    }
    return mkdir(path, mode);
}

/* What cannot be made whole is not there. */
static void test_no_half_made_folder_stays(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *run = path_join(folder, "half", NULL), *file = path_join(folder, "file", NULL);
    char *below = path_join(file, "run", NULL);
    int (*mkdir_before)(const char *, mode_t) = sys.mkdir;
    assert_int_equal(file_save(file, "x", 1, &err), 0);
    for (mkdirs_left = 0; mkdirs_left < 3; mkdirs_left++) {
        sys.mkdir = mkdir_until_full;
        int left = mkdirs_left, status = job_dir_create(run, &err);
        sys.mkdir = mkdir_before;
        mkdirs_left = left;
        assert_int_equal(status, -1);
        assert_int_not_equal(access(run, F_OK), 0);
    }
    assert_int_equal(job_dir_create(run, &err), 0);
    assert_null(job_dir_create_new(below, &err));
    assert_non_null(strstr(err.text, "a run without --run goes to"));
    free(below);
    free(file);
    free(run);
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
    assert_false(job_logout_warning(folder, said, sizeof said));
    write_config("[Login]\n#KillUserProcesses=yes\n");
    assert_false(job_logout_warning(folder, said, sizeof said));
    write_config("[Login]\nKillUserProcesses=yes\n");
    assert_true(job_logout_warning(folder, said, sizeof said));
    assert_non_null(strstr(said, "enable-linger"));
    setenv("SLURM_JOB_ID", "1234", 1);
    assert_true(job_logout_warning(folder, said, sizeof said));
    assert_non_null(strstr(said, "1234"));
    unsetenv("SLURM_JOB_ID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_path_must_be_utf8, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_failed_start_blocks_nothing, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_index, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_each_gets_a_folder, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_no_half_made_folder_stays, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_ends_jobs_is_said_beforehand, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
