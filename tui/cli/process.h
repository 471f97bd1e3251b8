/* What the process is given by whoever started it, put right before and after everything else:
 * standard streams, signals, and how threads wait.
 *
 *     main: threads_spin_briefly() (a command that computes), process_begin(), the command,
 *           process_end()
 *
 * and while a command works, interrupt_watch() gives it the flag that it looks at between two
 * steps.
 */
#ifndef SPECTRUM_TUI_CLI_PROCESS_H
#define SPECTRUM_TUI_CLI_PROCESS_H

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>

/* --- begin and end --- */

/* Before any file is opened. Standard streams that are closed are opened on /dev/null, so that no
 * file gets their numbers and what is said with them. A reader that is gone and a file that would
 * be larger than it may be are errors of the call that writes (EPIPE, EFBIG), not deaths; a
 * signal that asks for an end and was inherited as blocked comes through, and how a child ended can
 * be asked, although its parent's shell ignores CHLD. */
void process_begin(void);

/* Sleeps so long, unless standard output's reader goes meanwhile: then it is true at once. For who
 * waits for something to say. */
bool process_reader_leaves(int milliseconds);

/* The last: writes out standard output. 0, or an error where that fails. Where its reader is gone
 * (`spectrum plan ... | head`), the process ends here without a word, by SIGPIPE as other
 * tools do, so that a shell shows status 141. */
int process_end(struct error *err);

/* --- a request to end, as a flag that long work looks at between two steps --- */

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

/* --- threads on machines that others use, too --- */

/* Threads of OpenMP spin for work before they sleep; where other programs want the same cores, a
 * spinning thread keeps the one from running that it waits for (measured: steps 5 to 15 times
 * slower beside one busy program). The runtime reads how long to spin when it is loaded, so the
 * program starts itself once more with a short spin in its environment. Does nothing where the
 * user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY. Same process, same arguments. */
void threads_spin_briefly(char **argv);

#endif
