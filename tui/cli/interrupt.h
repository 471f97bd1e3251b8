/* A request to end as a flag that long work looks at between two steps. */
#ifndef SPECTRUM_TUI_CLI_INTERRUPT_H
#define SPECTRUM_TUI_CLI_INTERRUPT_H

#include <signal.h>

/* From now on the signals that ask for an end (base/signals.h) set the flag that this returns; how
 * often and from where they come changes nothing: a batch system sends them to every process of a
 * job, a supervisor hands them on. The first writes a line to standard error that says how the work
 * ends, with `how` ("the step in hand is finished, ..."); NULL: nothing is written.
 *
 * Whoever will not wait for that presses Ctrl-C again: an INT that the terminal sends when
 * INTERRUPT_PAUSE seconds have passed without any of these signals ends the process at once, with
 * status 130. One that a process sends never does. */
enum { INTERRUPT_PAUSE = 3 };
const volatile sig_atomic_t *interrupt_watch(const char *how);

#endif
