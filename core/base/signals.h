/* The signals that ask a process for its end, in one list for the worker that obeys them and the
 * supervisor that hands them on. */
#ifndef SPECTRUM_BASE_SIGNALS_H
#define SPECTRUM_BASE_SIGNALS_H

#include <signal.h>

/* What a user, a batch system or a service manager sends to let a process end in order: INT, TERM,
 * HUP, and the warnings USR1, USR2 and XCPU, which would kill it otherwise. */
void signals_of_an_end(sigset_t *out);

/* `handler` gets them from now on, each with all others held back, and none is blocked any more.
 * One that the process has inherited as ignored stays so: HUP under nohup, INT behind the `&` of a
 * script. TERM alone is handled in any case, as it is what every manager of processes ends one by
 * before it kills it. Calls that wait are interrupted (EINTR). */
void signals_catch_end(void (*handler)(int number, siginfo_t *info, void *context));

#endif
