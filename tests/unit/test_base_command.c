/* Another program that is asked something: what it says, how it ended, how long it may take. */
#include "test_folder.h"

#include "base/process.h"
#include "base/run_command.h"
#include "base/sys.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

static struct command_said said;
static struct error err;

/* sh -c SCRIPT, as `command` has the rest. */
static int ask(struct command command, const char *script)
{
    const char *const arguments[] = {"sh", "-c", script, "sh", "a b", "$HOME", NULL};
    command.arguments = arguments;
    if (command.seconds == 0)
        command.seconds = 60;
    if (command.most == 0)
        command.most = 1000;
    err = (struct error)ERROR_INIT;
    return run_command(&said, &command, &err);
}

static int forget(void **state)
{
    (void)state;
    command_said_free(&said);
    return 0;
}

static void both_streams_and_the_status_are_known(void **state)
{
    (void)state;
    assert_int_equal(ask((struct command){0}, "echo out $#; echo \"$1 $2\" >&2; exit 3"), 0);
    assert_string_equal(buffer_string(&said.out), "out 2\n");
    assert_string_equal(buffer_string(&said.err), "a b $HOME\n");
    assert_int_equal(said.status, 3);
    assert_false(said.cut);
}

static void a_signal_is_a_status(void **state)
{
    (void)state;
    assert_int_equal(ask((struct command){0}, "kill -9 $$"), 0);
    assert_int_equal(said.status, 128 + 9);
}

static void it_runs_where_and_with_what_it_is_told(void **state)
{
    (void)state;
    static const char *const without[] = {"SPECTRUM_TEST_GONE", NULL};
    char out[256];
    setenv("SPECTRUM_TEST_GONE", "x", 1);
    setenv("SPECTRUM_TEST_GONE_NOT", "y", 1);
    assert_int_equal(
        ask((struct command){.folder = folder, .without = without},
            "pwd; echo ${SPECTRUM_TEST_GONE-none} $SPECTRUM_TEST_GONE_NOT; cat; echo end"),
        0);
    snprintf(out, sizeof out, "%s\nnone y\nend\n", folder);
    assert_string_equal(buffer_string(&said.out), out);
}

static void signals_are_as_usual_in_it(void **state)
{
    (void)state;
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(ask((struct command){0}, "kill -TERM $$; echo alive"), 0);
    assert_int_equal(said.status, 128 + SIGTERM);
    command_said_free(&said);
    assert_int_equal(ask((struct command){0}, "kill -PIPE $$; echo alive"), 0);
    assert_int_equal(said.status, 128 + SIGPIPE);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void what_is_too_much_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(ask((struct command){.most = 10},
                         "for i in 1 2 3 4 5 6 7 8 9; do head -c 100000 /dev/zero | tr '\\0' x; "
                         "done; echo e >&2"),
                     0);
    assert_int_equal(said.status, 0);
    assert_string_equal(buffer_string(&said.out), "xxxxxxxxxx");
    assert_string_equal(buffer_string(&said.err), "e\n");
    assert_true(said.cut);
}

/* With what it started, though that heeds no TERM. */
static void its_time_is_bounded(void **state)
{
    (void)state;
    double start = clock_seconds();
    assert_int_equal(ask((struct command){.seconds = 0.3, .folder = folder},
                         "trap '' TERM; echo first; (sleep 50; echo x >late) & echo $! >pid; wait"),
                     -1);
    assert_non_null(strstr(err.text, "gave no answer within 0.3 seconds"));
    assert_string_equal(buffer_string(&said.out), "first\n");
    assert_true(clock_seconds() - start < 40);
    command_said_free(&said);
    for (int i = 0; i < 200; i++) { /* until init has taken what was killed */
        assert_int_equal(ask((struct command){.folder = folder}, "kill -0 $(cat pid)"), 0);
        if (said.status != 0)
            return;
        command_said_free(&said);
        usleep(20000);
    }
    fail_msg("its process is still there");
}

/* A server that it leaves behind keeps its streams: nobody waits for that one. */
static void who_stays_behind_is_not_waited_for(void **state)
{
    (void)state;
    double start = clock_seconds();
    assert_int_equal(ask((struct command){0}, "sleep 40 & echo $!"), 0);
    assert_true(clock_seconds() - start < 30);
    kill(atoi(buffer_string(&said.out)), SIGKILL);
}

static void names_are_sought(void **state)
{
    (void)state;
    char path[256], found[256], old[4096];
    snprintf(old, sizeof old, "%s", getenv("PATH"));
    snprintf(path, sizeof path, "%s/tool", folder);
    FILE *file = fopen(path, "w");
    fputs("#!/bin/sh\necho found\n", file);
    fclose(file);
    snprintf(found, sizeof found, "relative:::.:/nowhere:%s", folder);
    setenv("PATH", found, 1);
    assert_false(command_find(found, sizeof found, "tool")); /* nobody may run it */
    chmod(path, 0755);
    assert_true(command_find(found, sizeof found, "tool"));
    assert_string_equal(found, path);
    assert_false(command_find(found, strlen(path), "tool")); /* no room for it */
    assert_true(command_find(found, sizeof found, path));
    assert_false(command_find(found, sizeof found, folder)); /* a folder */
    assert_false(command_find(found, sizeof found, ""));
    assert_int_equal(chdir(folder), 0);
    setenv("PATH", ".:", 1);
    assert_false(command_find(found, sizeof found, "tool"));
    const char *const arguments[] = {"tool", NULL};
    struct command command = {.arguments = arguments, .seconds = 9, .most = 9};
    assert_int_equal(run_command(&said, &command, &err), -1);
    assert_string_equal(err.text, "tool is not found in $PATH");
    unsetenv("PATH");
    assert_true(command_find(found, sizeof found, "sh"));
    setenv("PATH", old, 1);
}

static void the_last_line_says_most(void **state)
{
    (void)state;
    char line[16];
    assert_int_equal(ask((struct command){0}, "printf 'a\\nb\\033c\\n\\n \\n'"), 0);
    command_last_line(&said, line, sizeof line);
    assert_string_equal(line, "b?c");
    command_said_free(&said);
    assert_int_equal(ask((struct command){0}, "echo out; echo 0123456789abcdefghij >&2"), 0);
    command_last_line(&said, line, sizeof line);
    assert_string_equal(line, "0123456789abcde");
    command_said_free(&said);
    assert_int_equal(ask((struct command){0}, ":"), 0);
    command_last_line(&said, line, sizeof line);
    assert_string_equal(line, "");
}

static int no_pipe(int ends[2], int flags)
{
    (void)ends;
    (void)flags;
    errno = EMFILE;
    return -1;
}

static int no_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *files,
                    const posix_spawnattr_t *attributes, char *const arguments[],
                    char *const environment[])
{
    (void)pid, (void)program, (void)files, (void)attributes, (void)arguments, (void)environment;
    return EAGAIN;
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += sys.fcntl(fd, 1 /* F_GETFD */, 0) >= 0;
    return count;
}

static void the_system_may_refuse(void **state)
{
    (void)state;
    struct sys_table real = sys;
    int before = open_descriptors();
    sys.pipe2 = no_pipe;
    assert_int_equal(ask((struct command){0}, ":"), -1);
    assert_non_null(strstr(err.text, "cannot start "));
    sys = real;
    sys.spawn = no_spawn;
    assert_int_equal(ask((struct command){0}, ":"), -1);
    assert_non_null(strstr(err.text, "cannot start "));
    sys = real;
    assert_int_equal(ask((struct command){.folder = "/nowhere"}, ":"), -1);
    assert_non_null(strstr(err.text, "cannot start "));
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(ask((struct command){0}, ":"), 0);
    assert_int_equal(open_descriptors(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_streams_and_the_status_are_known),
        TEST(a_signal_is_a_status),
        TEST(it_runs_where_and_with_what_it_is_told),
        TEST(signals_are_as_usual_in_it),
        TEST(what_is_too_much_is_dropped),
        TEST(its_time_is_bounded),
        TEST(who_stays_behind_is_not_waited_for),
        TEST(names_are_sought),
        TEST(the_last_line_says_most),
        TEST(the_system_may_refuse),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
