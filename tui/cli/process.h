/* What the process is given by whoever started it, put right before and behind everything else. */
#ifndef SPECTRUM_TUI_CLI_PROCESS_H
#define SPECTRUM_TUI_CLI_PROCESS_H

#include "base/error.h"

#include <stdbool.h>

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

#endif
