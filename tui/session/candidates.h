/* What a word that was begun may become: what Tab proposes.
 *
 *     struct candidates list = {0};
 *     candidates_add(&list, "stable-rank", typed), ... or candidates_add_paths(&list, typed)
 *     candidates_common(&list, typed, more, sizeof more)    what to add to it
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
};

void candidates_free(struct candidates *list);

void candidates_add(struct candidates *list, const char *word, const char *typed);

/* Puts a word behind the others, whatever was typed: a history is in its own order. */
void candidates_append(struct candidates *list, const char *word);

/* Entries of the folder that a path as typed names; folders end in "/". "~" is read as a shell does,
 * and stays as typed; hidden entries are there where a dot was typed, and names that a terminal must not
 * get never. */
void candidates_add_paths(struct candidates *list, const char *typed);

/* What all of them have after what was typed, whole characters, into out: "" where that is nothing, or
 * would not fit. */
void candidates_common(const struct candidates *list, const char *typed, char *out, size_t size);

/* A candidate in a list of them: of a path its last part, "data/" of "~/runs/data/". */
const char *candidate_name(const char *word);

#endif
