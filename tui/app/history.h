/* What was typed at the prompt before, in this sitting and those before it.
 *
 *     history_load(&history)                   once, before the first entry is asked for
 *     history_add(&history, "top", "30")       a command's, a search's or an argument's line
 *     history_find(&history, "top", from, -1)  the one before `from` of that kind
 *     history_free(&history)
 *
 * An entry is a kind, the name that the request has at the prompt, and a text. They lie in
 * $XDG_STATE_HOME/spectrum/history/prompt, a line each ("kind text"), for this user's eyes alone; each is
 * appended when it is made, so that several screens may write and a kill loses none, and who loads more
 * than twice HISTORY_MAX of them keeps the last HISTORY_MAX. Where nothing can be read or written, the
 * sitting has its own, and nobody is told: nothing is lost that was asked for.
 */
#ifndef SPECTRUM_TUI_APP_HISTORY_H
#define SPECTRUM_TUI_APP_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

enum { HISTORY_MAX = 500 };

struct history {
    char **lines; /* oldest first */
    size_t count, capacity;
    bool loaded;
};

void history_load(struct history *history);
void history_free(struct history *history);

/* An empty text, and one that the last of its kind is, add nothing. */
void history_add(struct history *history, const char *kind, const char *text);

/* The text of the nearest entry of a kind before (`step` -1) or after (1) a place; *at becomes its place.
 * NULL: there is none, and *at stays. history->count is the place after the newest. */
const char *history_find(const struct history *history, const char *kind, size_t *at, int step);

#endif
