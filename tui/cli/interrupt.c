#include "tui/cli/interrupt.h"

#include "base/process.h"
#include "base/sys.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

static void on_signal(int number, siginfo_t *info, void *context)
{
    static const char leaving[] = "\nspectrum: ended at once; what was saved before is kept\n";
    int kept = errno;
    (void)context;
    long long now = milliseconds(), before = atomic_exchange(&last, now);
    interrupted = 1;
    if (before == 0) {
        say(line);
    } else if (number == SIGINT && info->si_code == SI_KERNEL &&
               now - before >= 1000 * INTERRUPT_PAUSE) {
        say(leaving);
        _exit(130);
    }
    errno = kept;
}

const volatile sig_atomic_t *interrupt_watch(const char *how)
{
    bool terminal = isatty(STDERR_FILENO);
    line[0] = '\0';
    if (how && terminal)
        snprintf(line, sizeof line,
                 "\nspectrum: stopping: %s; Ctrl-C once more, %d seconds or more behind the last, "
                 "ends it at once\n",
                 how, INTERRUPT_PAUSE);
    else if (how)
        snprintf(line, sizeof line, "spectrum: stopping: %s\n", how);
    signals_catch_end(on_signal);
    return &interrupted;
}
