/* Which signals of an end a process hears, as it has inherited them. */
#include "test.h"

#include "base/process.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t heard;

static void hear(int number, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    heard = number;
}

/* In a child, whose dispositions are its own: with `number` ignored or blocked before, is it heard?
 */
static bool is_heard(int number, bool ignored, bool blocked)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        sigset_t all;
        sigfillset(&all);
        signal(number, ignored ? SIG_IGN : SIG_DFL);
        if (blocked)
            sigprocmask(SIG_BLOCK, &all, NULL);
        signals_catch_end(hear);
        raise(number);
        raise(number); /* the handler stays */
        _exit(heard == number ? 0 : 1);
    }
    int how;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how) == 0;
}

static void all_are_heard_and_what_was_ignored_stays(void **state)
{
    (void)state;
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
    sigset_t ends;
    signals_of_an_end(&ends);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_true(sigismember(&ends, numbers[i]));
        assert_true(is_heard(numbers[i], false, false));
        assert_true(is_heard(numbers[i], false, true));
        assert_int_equal(is_heard(numbers[i], true, false), numbers[i] == SIGTERM);
        assert_int_equal(is_heard(numbers[i], true, true), numbers[i] == SIGTERM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_heard_and_what_was_ignored_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
