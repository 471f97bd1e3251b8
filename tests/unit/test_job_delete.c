/* Deleting a job takes what spectrum wrote and nothing else, whatever lies there, and whatever the
 * system refuses in the middle. */
#include "job_folder.h"

#include "base/sys.h"
#include "base/text.h"
#include "job/job_delete.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, const char *name, const char *text)
{
    char *file = path_join(path, name, NULL);
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    fputs(text, stream);
    fclose(stream);
    free(file);
}

static void make(const char *path, const char *name)
{
    char *inside = path_join(path, name, NULL);
    assert_int_equal(folder_make(inside, NULL), 0);
    free(inside);
}

/* A run with one of everything, which has ended, and its entry in the index. */
static char *make_ended(void)
{
    char *path = make_job();
    put(path, "job.json", "{\"format\": \"spectrum.job\", \"command\": \"train\", \"init\": true}");
    put(path, "result.json", "{\"status\": \"stopped\", \"last_step\": 4}");
    static const char *const names[] = {
        "plan.yaml",
        "proof.json",
        "metrics.jsonl",
        "log.txt",
        ".log.txt.0123456789abcdef.tmp",
        "chat_template.jinja",
        "requests/pause",
        "requests/taken",
        "checkpoints/left.json",
        "checkpoints/step-00000004/weights.safetensors",
        "checkpoints/step-00000004/optimizer.safetensors",
        "checkpoints/step-00000004/state.json",
        "checkpoints/.step-00000005.0123456789abcdef.tmp/state.json",
        "base/model.safetensors",
        "base/config.json",
        "base/.spectrum-unfinished",
        ".progress.json.tmp",
        "requests/waiting",
        "base/additional_chat_templates/tools.jinja"};
    make(path, "checkpoints/step-00000004");
    make(path, "checkpoints/.step-00000005.0123456789abcdef.tmp");
    make(path, "base/additional_chat_templates");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put(path, names[i], "0123456789");
    assert_int_equal(job_index_add(path, NULL), 0);
    return path;
}

static bool is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static size_t indexed(void)
{
    char *jobs = path_join(folder, "spectrum/jobs", NULL);
    DIR *open = opendir(jobs);
    size_t count = 0;
    struct dirent *entry;
    while (open && folder_read(open, jobs, &entry, NULL) > 0)
        count++;
    if (open)
        closedir(open);
    free(jobs);
    return count;
}

/* It is refused with words that name `what`, and nothing is gone. */
static void assert_refused(const char *path, const char *what)
{
    struct error err = ERROR_INIT;
    struct job_deletion deletion;
    assert_int_equal(job_delete(path, &err), -1);
    if (!strstr(err.text, what))
        fail_msg("\"%s\" does not say \"%s\"", err.text, what);
    assert_int_equal(job_delete_look(&deletion, path, NULL), -1);
    job_deletion_free(&deletion);
    assert_true(job_dir_has(path, "checkpoints/step-00000004/weights.safetensors"));
    assert_true(job_dir_has(path, "metrics.jsonl"));
    assert_int_equal(indexed(), 1);
}

static void test_all_of_it_goes(void **state)
{
    (void)state;
    struct job_deletion deletion;
    char *path = make_ended();
    assert_int_equal(job_delete_look(&deletion, path, NULL), 0);
    assert_int_equal(deletion.files, 21);
    assert_true(deletion.bytes > 160);
    job_deletion_free(&deletion);
    assert_int_equal(indexed(), 1);
    assert_int_equal(job_delete(path, NULL), 0);
    assert_false(is_there(path));
    assert_int_equal(indexed(), 0);
    free(path);
}

static void test_a_start_that_left_only_requests_goes(void **state)
{
    (void)state;
    char *path = make_job();
    put(path, "result.json", "{\"status\": \"failed\"}");
    assert_int_equal(job_delete(path, NULL), 0);
    assert_false(is_there(path));
    free(path);
}

static void test_foreign_files_stop_it_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {
        "notes.txt",
        "checkpoints/step-00000004/notes.txt",
        "checkpoints/README",
        "requests/later",
        "base/adapter_model.safetensors",
        "progress",
        "notes.json.0123456789abcdef.tmp",
        ".notes.txt.0123456789abcdef.tmp",
    };
    char *path = make_ended();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *foreign = path_join(path, names[i], NULL);
        put(path, names[i], "mine");
        assert_refused(path, names[i]);
        assert_int_equal(unlink(foreign), 0);
        free(foreign);
    }
    make(path, "export");
    assert_refused(path, "export is not what spectrum wrote there");
    put(path, "notes.txt", "mine");
    assert_refused(path, "and 1 more");
    free(path);
}

/* A run that begins from a model makes none: one that lies there is the user's. */
static void test_a_model_that_no_run_made_stops_it(void **state)
{
    (void)state;
    char *path = make_ended(), *mark = path_join(path, "base/.spectrum-unfinished", NULL);
    put(path, "job.json",
        "{\"format\": \"spectrum.job\", \"command\": \"train\", \"init\": false}");
    assert_int_equal(unlink(mark), 0);
    assert_refused(path, "base is not what spectrum wrote there");
    put(path, "job.json",
        "{\"format\": \"spectrum.job\", \"command\": \"train\", \"start\": {\"run\": \"/r\"}}");
    assert_int_equal(job_delete(path, NULL), 0);
    assert_false(is_there(path));
    free(mark);
    free(path);
}

static void test_a_file_of_ours_that_is_a_folder_stops_it(void **state)
{
    (void)state;
    char *path = make_ended(), *log = path_join(path, "log.txt", NULL);
    assert_int_equal(unlink(log), 0);
    make(path, "log.txt");
    assert_refused(path, "log.txt");
    free(log);
    free(path);
}

static void test_nothing_goes_through_a_link(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *path = make_ended(), *link = path_join(folder, "link", NULL);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(job_delete(link, &err), -1);
    assert_non_null(strstr(err.text, "is a link"));
    char *slash = path_join(link, "", NULL);
    assert_int_equal(job_delete(slash, &err), -1);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink(folder, link), 0);
    char *through = path_join(link, "job", NULL);
    assert_int_equal(job_delete(through, &err), -1);
    assert_non_null(strstr(err.text, "is a link"));

    char *log = path_join(path, "log.txt", NULL), *other = path_join(folder, "other", NULL);
    put(folder, "other", "mine");
    assert_int_equal(unlink(log), 0);
    assert_int_equal(symlink(other, log), 0);
    assert_refused(path, "log.txt, a link,");
    assert_int_equal(unlink(log), 0);

    char *checkpoints = path_join(path, "checkpoints", NULL),
         *moved = path_join(folder, "far", NULL);
    assert_int_equal(rename(checkpoints, moved), 0);
    assert_int_equal(symlink(moved, checkpoints), 0);
    assert_refused(path, "checkpoints, a link,");
    assert_true(is_there(other));
    char *all[] = {path, link, slash, through, log, other, checkpoints, moved};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void test_what_lives_or_is_no_job_stays(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *path = make_ended();
    assert_int_equal(job_lock_take(path, NULL), 0);
    assert_refused(path, "is running: stop it");
    put(path, "lock",
        "{\"host\": \"elsewhere\", \"pid\": 1, \"boot_id\": \"b\", \"start_time\": 1}");
    assert_refused(path, "on another machine");
    put(path, "lock", "");
    put(path, "job.json", "{\"command\": \"make\"}");
    assert_refused(path, "not a job's folder");
    put(path, "job.json", "{");
    assert_refused(path, "may be no job");

    char *model = path_join(folder, "model", NULL);
    make(folder, "model");
    put(model, "config.json", "{}");
    put(model, "model.safetensors", "");
    assert_int_equal(job_delete(model, &err), -1);
    assert_non_null(strstr(err.text, "not a job's folder"));
    assert_true(job_dir_has(model, "model.safetensors"));
    free(model);
    free(path);
}

static struct sys_table real;

/* What ends with `special` is mounted there, or may not be written to. */
static const char *special;

static int mounted_lstat(const char *path, struct stat *out)
{
    int status = real.lstat(path, out);
    if (status == 0 && text_ends_with(path, special))
        out->st_dev++;
    return status;
}

static int read_only(const char *path, int mode)
{
    errno = EROFS;
    return (mode & W_OK) && text_ends_with(path, special) ? -1 : real.access(path, mode);
}

static void test_what_would_stop_in_the_middle_does_not_begin(void **state)
{
    (void)state;
    static const char *const mounts[] = {"/job", "/checkpoints", "/step-00000004", "/base"};
    static const char *const closed[] = {"/job", "/checkpoints", "/step-00000004", "/requests"};
    char *path = make_ended();
    sys.lstat = mounted_lstat;
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        special = mounts[i];
        assert_refused(path, "is on another file system");
    }
    sys = real;
    sys.access = read_only;
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        special = closed[i];
        assert_refused(path, "cannot delete anything in");
    }
    sys = real;
    assert_int_equal(job_delete(path, NULL), 0);
    free(path);
}

/* A supervisor that starts the job opens its log when all is gone, once; then somebody's notes come.
 */
static const char *comes;

static int late_rmdir(const char *path)
{
    if (comes && text_ends_with(path, "/job")) {
        put(path, comes, "");
        comes = NULL;
    }
    return real.rmdir(path);
}

static void test_a_start_at_the_same_moment_leaves_nothing(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    sys.rmdir = late_rmdir;
    for (int i = 0; i < 2; i++) {
        char *path = make_ended();
        comes = i == 0 ? "log.txt" : "notes.txt";
        assert_int_equal(job_delete(path, &err), i == 0 ? 0 : -1);
        assert_true(is_there(path) == (i == 1));
        assert_true(job_dir_has(path, "notes.txt") == (i == 1));
        free(path);
    }
    assert_non_null(strstr(err.text, "cannot delete folder"));
    sys = real;
}

/* --- each call refused once --- */

static int left;     /* calls of the kind before the one that is refused; below 0: none is */
static bool refused; /* it was */

static bool is_refused(void)
{
    bool now = left == 0;
    if (now)
        errno = EIO;
    left--;
    refused = refused || now;
    return now;
}

static int no_open(const char *path, int flags, mode_t mode)
{
    return is_refused() ? -1 : real.open(path, flags, mode);
}
static int no_lstat(const char *path, struct stat *out)
{
    return is_refused() ? -1 : real.lstat(path, out);
}
static int no_access(const char *path, int mode)
{
    return is_refused() ? -1 : real.access(path, mode);
}
static DIR *no_opendir(const char *path)
{
    return is_refused() ? NULL : real.opendir(path);
}
static struct dirent *no_readdir(DIR *open)
{
    return is_refused() ? NULL : real.readdir(open);
}
static int no_unlink(const char *path)
{
    return is_refused() ? -1 : real.unlink(path);
}
static int no_rmdir(const char *path)
{
    return is_refused() ? -1 : real.rmdir(path);
}
static char *no_realpath(const char *path, char *out)
{
    return is_refused() ? NULL : real.realpath(path, out);
}

/* It succeeds, or says what was refused and can be done again, but for the empty folder at the very
 * end; a file beside the job is never touched. */
static void try_refused(int nth)
{
    struct error err = ERROR_INIT;
    left = -1;
    char *path = make_ended();
    left = nth;
    int status = job_delete(path, &err);
    left = -1;
    assert_true(status == 0 || err.text[0]);
    /* what lost its result a moment ago is taken for one that starts (lock.h) */
    const struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    utimensat(AT_FDCWD, path, long_ago, 0);
    if (status != 0 && !folder_is_empty(path) && job_delete(path, &err) != 0)
        fail_msg("call %d: %s", nth, err.text);
    if (status != 0 && is_there(path))
        assert_int_equal(rmdir(path), 0);
    assert_false(is_there(path));
    assert_true(job_dir_has(folder, "beside"));
    free(path);
}

static void refuse_kind(int kind)
{
    sys = real;
    switch (kind) {
    case 0:
        sys.open = no_open;
        break;
    case 1:
        sys.lstat = no_lstat;
        break;
    case 2:
        sys.access = no_access;
        break;
    case 3:
        sys.opendir = no_opendir;
        break;
    case 4:
        sys.readdir = no_readdir;
        break;
    case 5:
        sys.unlink = no_unlink;
        break;
    case 6:
        sys.rmdir = no_rmdir;
        break;
    default:
        sys.realpath = no_realpath;
        break;
    }
}

static void test_each_call_is_refused_once(void **state)
{
    (void)state;
    enum { KINDS = 8, MOST = 500 };
    put(folder, "beside", "mine");
    for (int kind = 0; kind < KINDS; kind++) {
        int nth = 0;
        refused = true;
        while (refused && nth < MOST) {
            refused = false;
            refuse_kind(kind);
            try_refused(nth++);
        }
        assert_in_range(nth, 2, MOST - 1); /* the last one was not refused any more */
    }
    sys = real;
}

int main(void)
{
    real = sys;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_of_it_goes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_start_that_left_only_requests_goes, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_foreign_files_stop_it_by_name, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_model_that_no_run_made_stops_it, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_file_of_ours_that_is_a_folder_stops_it, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_nothing_goes_through_a_link, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_what_lives_or_is_no_job_stays, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_what_would_stop_in_the_middle_does_not_begin,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_start_at_the_same_moment_leaves_nothing, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_each_call_is_refused_once, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
