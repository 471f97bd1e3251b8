/* What a word that was begun may become: what Tab proposes.
 *
 *     struct candidates list = {0};
 *     candidates_add(&list, "stable-rank", typed), ... or candidates_add_paths(&list, typed)
 *     candidates_complete(&list, typed, more, sizeof more)  what to add to it
 *     candidates_input(&list, input)                        while it is open: Tab chooses, Enter takes
 *     candidates_free(&list)
 *
 * Only words that begin as the typed one are added, each once, in alphabetical order; at most
 * CANDIDATES_MAX. Where memory runs out there are fewer.
 */
#ifndef SPECTRUM_TUI_SESSION_CANDIDATES_H
#define SPECTRUM_TUI_SESSION_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>

enum { CANDIDATES_MAX = 2000 };

struct candidates {
    char **words; /* whole words, sorted */
    size_t count, capacity;
    size_t chosen; /* while it is open, which is: while there are any */
};

void candidates_free(struct candidates *list);

void candidates_add(struct candidates *list, const char *word, const char *typed);

/* Puts a word after the others, whatever was typed: a history is in its own order. */
void candidates_append(struct candidates *list, const char *word);

/* Entries of the folder that a path as typed names; folders end in "/". "~" is read as a shell does,
 * and stays as typed; hidden entries are there where a dot was typed, and names that a terminal must not
 * get never. */
void candidates_add_paths(struct candidates *list, const char *typed);

/* What all of them have after what was typed, whole characters, into out: "" where that is nothing, or
 * would not fit. */
void candidates_common(const struct candidates *list, const char *typed, char *out, size_t size);

/* Tab, as in a shell: what all have in common into `more`, as above; where that is nothing, several stay,
 * to be chosen from, and else the list is emptied. */
void candidates_complete(struct candidates *list, const char *typed, char *more, size_t size);

/* The keys of an open list: Tab, Down, Shift-Tab and Up choose, Enter takes (words[chosen]; the caller
 * uses and frees it), Esc closes. Any other closes it, too, and means what it means, as all do while it
 * is not open. */
enum choice { CHOICE_OTHER, CHOICE_CLOSED, CHOICE_MOVED, CHOICE_TAKEN };
enum choice candidates_input(struct candidates *list, int input);

/* A candidate in a list of them: of a path its last part, "data/" of "~/runs/data/". */
const char *candidate_name(const char *word);

#endif
