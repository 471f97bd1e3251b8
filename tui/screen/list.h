/* A cursor in a list that is longer than the window. */
#ifndef SPECTRUM_TUI_SCREEN_LIST_H
#define SPECTRUM_TUI_SCREEN_LIST_H

#include "tui/keys/keys.h"

struct list {
    int cursor, count;
};

/* Moves for the requests that move; false: it is another request. */
bool list_move(struct list *list, enum request request, int page);

/* The first line that is drawn of `visible`. */
int list_first(const struct list *list, int visible);

#endif
