#include "tui/app/watchdog.h"

#include "base/process.h"
#include "base/sys.h"
#include "tui/canvas/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t child; /* its process id, for the handler; 0: it has ended */

static void pass_on(int number, siginfo_t *info, void *context)
{
    int kept = errno;
    (void)info;
    (void)context;
    if (child > 0)
        sys.kill((pid_t)child, number);
    errno = kept;
}

/* The child says why it failed through a pipe: its error as it is, which is smaller than a pipe's
 * buffer, so writing never waits for the parent. Does not return. */
static void run_child(int (*run)(void *context, struct error *err), void *context, int pipe_end)
{
    struct error err = ERROR_INIT;
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* without its parent it would leave the terminal as it is */
    int status = run(context, &err);
    if (status != 0 && sys.write(pipe_end, &err, sizeof err) != (ssize_t)sizeof err)
        status = -1;
    _exit(status == 0 ? 0 : 1);
}

/* Makes an end of the child an error of the caller's. A child that ended as it should has closed
 * the terminal itself, with an error or without; any other left it as it was. */
static int report_end(int how, int pipe_end, struct error *err)
{
    struct error said;
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
        return 0;
    if (WIFEXITED(how) && sys.read(pipe_end, &said, sizeof said) == (ssize_t)sizeof said) {
        if (err)
            *err = said;
        return -1;
    }
    terminal_restore();
    if (WIFEXITED(how))
        return error_set(err, "the full screen ended with status %d; jobs go on", WEXITSTATUS(how));
    return error_set(err,
                     "the full screen was ended by signal %d (%s); the terminal is restored, jobs "
                     "go on",
                     WTERMSIG(how), strsignal(WTERMSIG(how)));
}

int watchdog_run(int (*run)(void *context, struct error *err), void *context, struct error *err)
{
    int ends[2];
    sigset_t signals;
    if (sys.pipe2(ends, O_CLOEXEC) != 0) /* jobs that the screen starts must not hold it */
        return error_set_errno(err, errno, "no pipe for the full screen");
    signals_of_an_end(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* until each of the two catches them */
    pid_t pid = sys.fork();
    if (pid < 0)
        return error_set_errno(err, errno, "cannot start the full screen");
    if (pid == 0) {
        sys.close(ends[0]);
        run_child(run, context, ends[1]);
    }
    child = pid;
    sys.close(ends[1]);
    signal(SIGQUIT, SIG_IGN);
    signals_catch_end(pass_on);
    int how = W_EXITCODE(1, 0); /* it stays where the system does not say how */
    while (sys.waitpid(pid, &how, 0) < 0 && errno == EINTR)
        continue;
    child = 0;
    int status = report_end(how, ends[0], err);
    sys.close(ends[0]);
    return status;
}
