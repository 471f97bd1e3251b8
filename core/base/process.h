/* What a process asks the system about itself, and how it is asked to end: the time, the memory
 * that it has, and the signals of an end, in one list for the worker that heeds them and the
 * supervisor that hands them on. What the system would let it have is in limits.h. */
#ifndef SPECTRUM_BASE_PROCESS_H
#define SPECTRUM_BASE_PROCESS_H

#include <signal.h>
#include <stddef.h>

/* --- signals --- */

/* What a user, a batch system or a service manager sends to let a process end in order: INT, TERM,
 * HUP, and the warnings USR1, USR2 and XCPU, which would kill it otherwise. */
void signals_of_an_end(sigset_t *out);

/* `handler` gets them from now on, each with all others held back, and none is blocked any more.
 * One that the process has inherited as ignored stays so: HUP under nohup, INT after the `&` of a
 * script. TERM alone is handled in any case, as it is what every manager of processes ends one by
 * before it kills it. Calls that wait are interrupted (EINTR). */
void signals_catch_end(void (*handler)(int number, siginfo_t *info, void *context));

/* --- memory --- */

/* Resident set size of this process now, and its peak, in bytes; 0 where /proc does not say. */
size_t process_resident_bytes(void);
size_t process_peak_bytes(void);

/* --- time --- */

/* Seconds that only go forwards, whatever is done to the date: for what takes how long. The zero is
 * arbitrary. */
double clock_seconds(void);

/* The date, for people and logs: "2026-01-31T12:00:00Z" into out (at least 21 bytes). */
void clock_iso8601(char *out, size_t size);

#endif
