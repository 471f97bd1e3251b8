/* Another program that is asked: what it says, and every way in which it may say nothing. */
#include "test_folder.h"

#include "base/process.h"
#include "base/run_command.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct command_answer answer;
static struct error err;

/* Asks a shell script, which is what stands for programs here. */
static int ask(const char *script, double seconds, size_t cap)
{
    char *argv[] = {"/bin/sh", "-c", (char *)(uintptr_t)script, NULL};
    struct command_run run = {.argv = argv, .seconds = seconds, .cap = cap};
    err = (struct error)ERROR_INIT;
    return run_command(&answer, &run, &err);
}

static void expect_words(const char *words)
{
    char said[64];
    command_last_words(&answer, said, sizeof said);
    assert_string_equal(said, words);
}

static void both_outputs_and_the_status_come(void **state)
{
    (void)state;
    assert_int_equal(ask("echo out; echo why >&2; echo >&2; exit 7", 10, 100), 0);
    assert_string_equal(buffer_string(&answer.out), "out\n");
    assert_int_equal(answer.status, 7);
    expect_words("why");
    command_answer_free(&answer);

    assert_int_equal(ask("printf 'a\\033[2Jb\\n'; kill -9 $$", 10, 100), 0);
    assert_int_equal(answer.status, 128 + 9);
    expect_words("a?[2Jb");
    command_answer_free(&answer);

    assert_int_equal(ask("test \"$(cat)\" = '' && test ! -t 0", 10, 100), 0);
    assert_int_equal(answer.status, 0);
    expect_words("");
    command_answer_free(&answer);
}

/* As much as it may say, one byte more, and without an end; on standard error more is dropped. */
static void what_it_says_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(ask("printf 12345678", 10, 8), 0);
    assert_string_equal(buffer_string(&answer.out), "12345678");
    command_answer_free(&answer);
    assert_int_equal(ask("printf 123456789", 10, 8), -1);
    assert_non_null(strstr(err.text, "more than 8 bytes"));
    command_answer_free(&answer);
    assert_int_equal(ask("while :; do echo yes; done", 10, 100000), -1);
    assert_non_null(strstr(err.text, "more than 100000 bytes"));
    command_answer_free(&answer);
    assert_int_equal(
        ask("i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done >&2; echo ok", 20, 1000), 0);
    assert_string_equal(buffer_string(&answer.out), "ok\n");
    assert_int_equal(answer.err.length, 1000);
    command_answer_free(&answer);
}

/* One that hangs is killed with what it started: the file that its child would make is not made. */
static void one_that_hangs_is_killed_with_its_children(void **state)
{
    (void)state;
    char script[256], file[128];
    snprintf(file, sizeof file, "%s/late", folder);
    snprintf(script, sizeof script, "(trap '' TERM; sleep 1; echo >'%s') & wait", file);
    double begin = clock_seconds();
    assert_int_equal(ask(script, 0.2, 100), -1);
    assert_true(clock_seconds() - begin < 5);
    assert_non_null(strstr(err.text, "did not answer within 0.2 seconds"));
    command_answer_free(&answer);
    sleep(2);
    assert_int_not_equal(access(file, F_OK), 0);
}

/* A grandchild that keeps the outputs open is not waited for. */
static void a_daemon_that_it_leaves_is_not_waited_for(void **state)
{
    (void)state;
    double begin = clock_seconds();
    assert_int_equal(ask("sleep 30 & echo here", 20, 100), 0);
    assert_true(clock_seconds() - begin < 10);
    assert_string_equal(buffer_string(&answer.out), "here\n");
    command_answer_free(&answer);
}

static void outputs_that_are_closed_early_do_not_end_it(void **state)
{
    (void)state;
    assert_int_equal(ask("exec >&- 2>&-; sleep 0.3; exit 3", 10, 100), 0);
    assert_int_equal(answer.status, 3);
    command_answer_free(&answer);
}

static void a_wish_to_end_ends_it(void **state)
{
    (void)state;
    volatile sig_atomic_t interrupted = 1;
    char *argv[] = {"/bin/sleep", "30", NULL};
    struct command_run run = {.argv = argv, .seconds = 20, .cap = 10, .interrupted = &interrupted};
    assert_int_equal(run_command(&answer, &run, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    command_answer_free(&answer);
}

static int failing_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *files,
                         const posix_spawnattr_t *attributes, char *const arguments[],
                         char *const environment[])
{
    (void)pid, (void)program, (void)files, (void)attributes, (void)arguments, (void)environment;
    return EAGAIN;
}

static int pipes_left;
static int (*real_pipe2)(int ends[2], int flags);
static int failing_pipe2(int ends[2], int flags)
{
    if (pipes_left-- > 0)
        return real_pipe2(ends, flags);
    errno = EMFILE;
    return -1;
}

static void what_the_system_refuses_is_said(void **state)
{
    (void)state;
    struct sys_table usual = sys;
    char *argv[] = {"/nowhere/program", NULL};
    struct command_run run = {.argv = argv, .seconds = 10, .cap = 100};
    assert_int_equal(run_command(&answer, &run, &err), -1);
    assert_string_equal(err.text, "cannot start /nowhere/program: No such file or directory");
    command_answer_free(&answer);
    sys.spawn = failing_spawn;
    assert_int_equal(ask("exit 0", 10, 100), -1);
    assert_non_null(strstr(err.text, "cannot start /bin/sh"));
    command_answer_free(&answer);
    sys = usual;
    real_pipe2 = usual.pipe2;
    sys.pipe2 = failing_pipe2;
    for (int i = 0; i < 2; i++) {
        pipes_left = i;
        assert_int_equal(ask("exit 0", 10, 100), -1);
        assert_non_null(strstr(err.text, "cannot ask /bin/sh"));
        command_answer_free(&answer);
    }
    sys = usual;
}

/* Only absolute folders of $PATH, only what can be run; a path as it is. */
static void programs_are_found_by_name(void **state)
{
    (void)state;
    char path[512], file[128], other[128];
    snprintf(file, sizeof file, "%s/tool", folder);
    snprintf(other, sizeof other, "%s/none", folder);
    mkdir(other, 0700);
    FILE *out = fopen(file, "w");
    fputs("#!/bin/sh\n", out);
    fclose(out);
    assert_int_equal(chdir(folder), 0);
    snprintf(path, sizeof path, ".::%s:%s", other, folder);
    setenv("PATH", path, 1);
    assert_null(command_find("tool", &err)); /* it cannot be run yet */
    assert_string_equal(err.text, "there is no tool on $PATH");
    chmod(file, 0700);
    char *found = command_find("tool", &err);
    assert_string_equal(found, file);
    free(found);
    found = command_find("./tool", &err);
    assert_string_equal(found, "./tool");
    free(found);
    assert_null(command_find("./none", &err));
    assert_string_equal(err.text, "./none is not a program that can be run");
    setenv("PATH", ".:", 1);
    assert_null(command_find("tool", &err));
    unsetenv("PATH");
    assert_null(command_find("tool", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_outputs_and_the_status_come),
        cmocka_unit_test(what_it_says_is_bounded),
        cmocka_unit_test(one_that_hangs_is_killed_with_its_children),
        cmocka_unit_test(a_daemon_that_it_leaves_is_not_waited_for),
        cmocka_unit_test(outputs_that_are_closed_early_do_not_end_it),
        cmocka_unit_test(a_wish_to_end_ends_it),
        cmocka_unit_test(what_the_system_refuses_is_said),
        cmocka_unit_test(programs_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
