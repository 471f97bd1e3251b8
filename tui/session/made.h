/* What was made of a run so far: its evaluations, exports and texts, each a job of its own
 * (tui/session/finish.h), the newest first, with what came of it in one line.
 *
 *     the index's jobs in folders of "made"  --made_update()-->  rows     made_free()
 *
 * Born as {0}. Of a run that has none, or whose jobs were deleted, there are no rows. */
#ifndef SPECTRUM_TUI_SESSION_MADE_H
#define SPECTRUM_TUI_SESSION_MADE_H

#include <stdbool.h>
#include <stddef.h>

struct made_row {
    char *path;     /* of the job's folder */
    char what[160]; /* "evaluation on problems.jsonl" */
    char text[320]; /* its result, or its state; printable, in one line */
    bool lives;
};

struct made {
    struct made_row *rows;
    size_t count, capacity;
    double looked_at; /* the clock's seconds; 0: never */
};

/* Reads them anew, where that was not done a moment ago or `now`; true: something changed. */
bool made_update(struct made *made, const char *run, bool now);
void made_free(struct made *made);

#endif
