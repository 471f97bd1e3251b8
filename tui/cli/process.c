#include "tui/cli/process.h"

#include "base/process.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- a request to end --- */

/* A handler may come at any time, so what it touches is this, and it calls nothing but what POSIX
 * lets a handler call. */
static volatile sig_atomic_t interrupted;
static atomic_llong last; /* milliseconds, when one of them came; 0: none so far */
static char line[512];    /* for the first; complete before there is a handler */

/* What cannot be written is not: the reader may be gone with whatever sent the signal. */
static void say(const char *text)
{
    ssize_t ignored = sys.write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

/* The monotonic clock may be read in a handler. */
static long long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1;
}

/* The first sets the flag and says how the work ends. A later one ends the process only where
 * somebody must have typed it: an INT that the kernel sent for the terminal (SI_KERNEL), after a
 * pause. A batch system's burst of signals, and a supervisor that hands them on, never do. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    static const char leaving[] = "\nspectrum: ended at once; what was saved before is kept\n";
    int kept = errno;
    (void)context;
    long long now = milliseconds(), before = atomic_exchange(&last, now);
    __atomic_store_n(&interrupted, 1, __ATOMIC_RELAXED); /* other threads than this one look */
    if (before == 0) {
        say(line);
    } else if (number == SIGINT && info->si_code == SI_KERNEL &&
               now - before >= 1000 * INTERRUPT_PAUSE) {
        say(leaving);
        _exit(130);
    }
    errno = kept;
}

/* The line is made here, as a signal's handler cannot format one. */
const volatile sig_atomic_t *interrupt_watch(const char *how)
{
    bool terminal = isatty(STDERR_FILENO);
    line[0] = '\0';
    if (how && terminal)
        snprintf(line, sizeof line,
                 "\nspectrum: stopping: %s; Ctrl-C once more, %d seconds or more after the last, "
                 "ends it at once\n",
                 how, INTERRUPT_PAUSE);
    else if (how)
        snprintf(line, sizeof line, "spectrum: stopping: %s\n", how);
    signals_catch_end(on_signal);
    return &interrupted;
}

/* --- begin and end --- */

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

/* Output that did not arrive is a failure, but where the reader has left: then the program ends as
 * others do, by SIGPIPE. */
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

/* --- threads --- */

void threads_spin_briefly(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY"))
        return;
    setenv("GOMP_SPINCOUNT", "10000", 1);              /* GCC's runtime: about 10 microseconds */
    setenv("KMP_BLOCKTIME", "0", 0);                   /* LLVM's */
    char *file = sys.realpath("/proc/self/exe", NULL); /* whose name shows among the processes */
    sys.execv(file ? file : "/proc/self/exe", argv);
    free(file); /* it did not work: the program goes on as it is */
}
