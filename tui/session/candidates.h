/* What a field of the form could hold, as a short list to choose from: the files that begin as what
 * was typed does, or what runs were started with before. */
#ifndef SPECTRUM_TUI_SESSION_CANDIDATES_H
#define SPECTRUM_TUI_SESSION_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>

enum { CANDIDATES_MAX = 200 };

struct candidates {
    char *items[CANDIDATES_MAX]; /* newly allocated; freed by candidates_free() */
    size_t count, cursor;
    bool more; /* there are more than that */
};

/* Entries of the folder that the path names up to its last "/", in their byte order, folders with a
 * "/" behind them; hidden ones only where a dot was typed. "~" is the home folder. False: none. */
bool candidates_of_path(struct candidates *out, const char *path);
/* What runs were started with in this field (form_keep.h), the newest first. False: none. */
bool candidates_of_history(struct candidates *out, size_t field);

void candidates_move(struct candidates *candidates, int by); /* round and round */
void candidates_free(struct candidates *candidates);

#endif
