/* Files and folders for a while: nobody else can read them, the living keep theirs, and what the
 * dead left goes. */
#include "test_folder.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/sys.h"
#include "base/xdg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

static char *below(const char *name)
{
    char *path = path_join(folder, name, NULL);
    assert_non_null(path);
    return path;
}

static bool is_there(const char *name)
{
    char *path = below(name);
    struct stat info;
    bool there = lstat(path, &info) == 0;
    free(path);
    return there;
}

static void make_file(const char *name)
{
    char *path = below(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    close(fd);
    free(path);
}

/* --- files without a name --- */

static int (*real_open)(const char *path, int flags, mode_t mode);

static int open_as_on_nfs(const char *path, int flags, mode_t mode)
{
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return real_open(path, flags, mode);
}

static void a_nameless_file_is_private_and_leaves_nothing(void **state)
{
    (void)state;
    char read_back[4] = "";
    struct error err = ERROR_INIT;
    struct stat info;
    mode_t mask = umask(0);
    real_open = sys.open;
    for (int way = 0; way < 2; way++) {
        sys.open = way ? open_as_on_nfs : real_open;
        int fd = file_open_nameless(folder, &err);
        sys.open = real_open;
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
        assert_true(folder_is_empty(folder));
        assert_int_equal(file_write(fd, "abc", 3, "it", &err), 0);
        assert_int_equal(file_read_at(fd, read_back, 3, 0, "it", &err), 0);
        assert_string_equal(read_back, "abc");
        close(fd);
    }
    umask(mask);
    char *nowhere = below("nowhere");
    assert_int_equal(file_open_nameless(nowhere, &err), -1);
    assert_int_equal(err.kind, ERROR_FAILED);
    free(nowhere);
}

/* --- what the dead left --- */

static void only_what_the_dead_left_goes(void **state)
{
    (void)state;
    struct file_writer alive;
    struct error err = ERROR_INIT;
    char *path = below("data");
    assert_int_equal(file_writer_open_private(&alive, path, &err), 0);
    make_file(".data.0123456789abcdef.tmp");
    make_file(".other.4711.0.tmp"); /* as versions up to 0.1 called theirs, of any process */
    make_file(".other.4711.0.tmp.weights.tmp");
    make_file("kept");
    make_file(".kept");
    make_file("kept.tmp");
    folder_remove_left(folder);
    assert_false(is_there(".data.0123456789abcdef.tmp"));
    assert_false(is_there(".other.4711.0.tmp"));
    assert_false(is_there(".other.4711.0.tmp.weights.tmp"));
    assert_true(is_there("kept") && is_there(".kept") && is_there("kept.tmp"));
    assert_int_equal(file_writer_put(&alive, "x", 1, &err), 0);
    assert_int_equal(file_writer_commit(&alive, &err), 0); /* it was not taken away */
    assert_true(is_there("data"));
    folder_clear(folder);
    free(path);
}

/* --- folders --- */

static void a_scratch_folder_is_its_runs(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    int lock, other_lock;
    struct stat info;
    setenv("TMPDIR", folder, 1);
    char *scratch = xdg_scratch_folder("init", &lock, &err);
    assert_non_null(scratch);
    assert_int_equal(stat(scratch, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    char *dead = path_join(scratch, "../dead", NULL), *file = path_join(dead, "model", NULL);
    assert_int_equal(mkdir(dead, 0700), 0);
    assert_int_equal(file_save(file, "x", 1, &err), 0);
    char *other = xdg_scratch_folder("init", &other_lock, &err);
    assert_non_null(other);
    assert_int_not_equal(access(dead, F_OK), 0);
    assert_int_equal(access(scratch, F_OK), 0); /* it lives */
    xdg_scratch_remove(other, other_lock);
    xdg_scratch_remove(scratch, lock);
    assert_true(folder_is_empty(folder));
    free(dead);
    free(file);
    unsetenv("TMPDIR");
}

/* In a folder that all may write to, somebody may have made the name before. */
static void a_planted_folder_is_not_used(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char name[64];
    snprintf(name, sizeof name, "spectrum-%ld", (long)geteuid());
    char *planted = below(name), *elsewhere = below("elsewhere");
    setenv("TMPDIR", folder, 1);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    for (int how = 0; how < 3; how++) {
        if (how == 0)
            assert_int_equal(symlink(elsewhere, planted), 0);
        else if (how == 1)
            make_file(name);
        else
            assert_true(mkdir(planted, 0700) == 0 && chmod(planted, 0777) == 0);
        char *made = xdg_temporary_folder("scans", &err);
        assert_non_null(made);
        assert_int_not_equal(strncmp(made + strlen(planted), "/scans", 6), 0);
        assert_true(folder_is_empty(elsewhere));
        rmdir(made);
        *strrchr(made, '/') = '\0';
        rmdir(made);
        free(made);
        remove(planted);
    }
    rmdir(elsewhere);
    free(planted);
    free(elsewhere);
    unsetenv("TMPDIR");
}

/* A home is its user's to make; what this program makes there is whole, or is not there. */
static void no_home_is_made(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *home = below("home"), *taken = below("home/.local");
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", home, 1);
    assert_null(xdg_state_folder("jobs", &err));
    assert_non_null(strstr(err.text, "XDG_STATE_HOME"));
    assert_false(is_there("home"));
    assert_int_equal(mkdir(home, 0700), 0);
    make_file("home/.local"); /* a file, where a folder has to be */
    assert_null(xdg_state_folder("jobs", &err));
    unlink(taken);
    char *state_path = xdg_state_path("jobs", &err);
    assert_non_null(state_path);
    assert_true(folder_is_empty(home)); /* naming it makes nothing */
    free(state_path);
    setenv("XDG_STATE_HOME", "relative", 1); /* is to be ignored */
    state_path = xdg_state_folder("jobs", &err);
    assert_non_null(strstr(state_path, "/home/.local/state/spectrum/jobs"));
    assert_false(is_there("relative"));
    for (int i = 0; i < 4; i++) {
        rmdir(state_path);
        *strrchr(state_path, '/') = '\0';
    }
    free(state_path);
    rmdir(home);
    free(home);
    free(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_nameless_file_is_private_and_leaves_nothing, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(only_what_the_dead_left_goes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_scratch_folder_is_its_runs, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_planted_folder_is_not_used, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(no_home_is_made, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
