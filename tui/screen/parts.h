/* Parts that several screens have: a cursor in a list that may be longer than the window, a line of
 * such a list, and memory by category as bars. */
#ifndef SPECTRUM_TUI_SCREEN_PARTS_H
#define SPECTRUM_TUI_SCREEN_PARTS_H

#include "base/memory.h"
#include "tui/app/app.h"

/* The cursor is in [0, count), or 0 where the list is empty. */
struct list {
    int cursor, count;
};

/* Moves for the requests that move; false: it is another request. */
bool list_move(struct list *list, enum request request, int page);

/* The first line that is drawn of `visible`: the cursor is in the middle where it can be. */
int list_first(const struct list *list, int visible);

/* `/` and `n`: to the next line from the cursor on, and round, that has the text which is searched
 * for (app->search, of `/` the argument); where none has it, the message line says so. False: the
 * request is another one. */
bool list_search(struct app *app, struct list *list, enum request request, const char *argument,
                 bool (*has)(const void *context, int line, const char *text), const void *context);

/* The line under the cursor is marked by "▶" and its background; `here` says whether this is it.
 * Draws the mark and the background, and sets the styles for what is put on the line. */
void list_line(struct area area, const struct theme *theme, bool here, struct style *text,
               struct style *dim);

/* "● trains", "○ frozen", or, while its score is to come and decides it, "· not known yet"; the role
 * in which it is shown. */
const char *row_state(const struct session *session, size_t row, enum theme_role *role);

/* A name, bytes and a bar a row, the longest bar 40 columns:
 *
 *     weights       256 MiB ████████████
 *     gradients    64.0 MiB ███
 */
void memory_bars_draw(struct area area, const struct theme *theme,
                      const uint64_t bytes[MEMORY_CATEGORIES]);

#endif
