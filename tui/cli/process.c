#include "tui/cli/process.h"

#include "base/process.h"
#include "tui/cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The lowest free number is the one that open() gives. Where there is no /dev/null, the root folder
 * takes the number: neither reading nor writing works with it, and nothing else gets it. */
static void open_standard_streams(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) < 0 &&
            open("/", O_RDONLY | O_DIRECTORY) < 0)
            abort();
}

void process_begin(void)
{
    const char *job = getenv("SPECTRUM_JOB");
    sigset_t ends;
    open_standard_streams();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    if (job && job[0]) {
        interrupt_watch(NULL); /* a job's supervisor holds back what comes until here */
    } else {
        signals_of_an_end(&ends);
        sigprocmask(SIG_UNBLOCK, &ends, NULL);
    }
}

bool process_reader_leaves(int milliseconds)
{
    struct pollfd output = {.fd = STDOUT_FILENO, .events = 0};
    return poll(&output, 1, milliseconds) == 1 && (output.revents & (POLLERR | POLLHUP));
}

int process_end(struct error *err)
{
    bool flushed = fflush(stdout) == 0;
    int why = flushed ? 0 : errno;
    if (flushed && !ferror(stdout))
        return 0;
    if (why == EPIPE || process_reader_leaves(0)) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    if (why)
        return error_set_errno(err, why, "cannot write to standard output");
    return error_set(err, "cannot write to standard output");
}
