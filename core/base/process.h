/* This process: the signals that ask for its end, in one list for the worker that heeds them and
 * the supervisor that hands them on, and the memory that it has. What the system would let it have
 * is in limits.h.
 */
#ifndef SPECTRUM_BASE_PROCESS_H
#define SPECTRUM_BASE_PROCESS_H

#include <signal.h>
#include <stddef.h>

/* What a user, a batch system or a service manager sends to let a process end in order: INT, TERM,
 * HUP, and the warnings USR1, USR2 and XCPU, which would kill it otherwise. */
void signals_of_an_end(sigset_t *out);

/* `handler` gets them from now on, each with all others held back, and none is blocked any more.
 * One that the process has inherited as ignored stays so: HUP under nohup, INT after the `&` of a
 * script. TERM alone is handled in any case, as it is what every manager of processes ends one by
 * before it kills it. Calls that wait are interrupted (EINTR). */
void signals_catch_end(void (*handler)(int number, siginfo_t *info, void *context));

/* Resident set size of this process now, and its peak, in bytes; 0 where /proc does not say. */
size_t process_resident_bytes(void);
size_t process_peak_bytes(void);

#endif
