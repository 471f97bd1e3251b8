/* How far a command is that takes its time, on standard error: "evaluating 7 of 20 batches, 12 s
 * left". On a terminal one line that is rewritten, at most ten times a second; elsewhere a line every
 * ten seconds, so that a short command says nothing.
 *
 *     progress_line_open() -> work_tell(&line.watch, ...) ... -> progress_line_clear(), as often as
 *     something else is to be printed, and at the end
 */
#ifndef SPECTRUM_TUI_CLI_PROGRESS_LINE_H
#define SPECTRUM_TUI_CLI_PROGRESS_LINE_H

#include "base/work.h"

#include <stdbool.h>

struct progress_line {
    struct work_watch watch; /* of this line, which must stay where it is */
    bool terminal, shown;
    enum work_phase phase; /* that was told last */
    double began, printed; /* when that phase began, and when a line was printed last */
    uint64_t first;        /* what of it was done then */
};

void progress_line_open(struct progress_line *line);
void progress_line_clear(struct progress_line *line);

#endif
