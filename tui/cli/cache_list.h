/* What `spectrum cache` lists and clears: files of the cache folder, and of the state folder what
 * was kept for the screen, and what nobody needs any more.
 *
 * Removing is the one thing here that cannot be undone, so:
 *
 *   1. A kind's folder is opened once, not through a link, and all in it is looked at and removed
 *      by that descriptor: nobody can put another folder in its place in between.
 *   2. Only plain files of this user are listed (of scans: folders), so only those can be removed.
 *   3. What runs is kept, and so is what may be in the making: a temporary name of the last day.
 *   4. The state folder is cleared only where its kind is named.
 */
#ifndef SPECTRUM_TUI_CLI_CACHE_LIST_H
#define SPECTRUM_TUI_CLI_CACHE_LIST_H

#include "base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The folders that this program makes below $XDG_CACHE_HOME/spectrum, and four of
 * $XDG_STATE_HOME/spectrum, which are cleared by name alone; nothing else is touched. */
enum cache_kind {
    CACHE_DATA,
    CACHE_SPECTRA,
    CACHE_MODELS,
    CACHE_SCANS,
    CACHE_PLANS,
    CACHE_FORMS,
    CACHE_JOBS,
    CACHE_KINDS
};

struct cache_kind_info {
    const char *name, *holds;
    bool state; /* it lies in the state folder */
};
extern const struct cache_kind_info cache_kinds[CACHE_KINDS];

struct cache_entry {
    enum cache_kind kind;
    char *name;
    cJSON *of; /* {"model": .., "data": [..], "more": N} or {"job": ..}; NULL: it is not known */
    uint64_t bytes;
    int64_t age; /* seconds since it was written */
    bool removed, runs;
};

struct cache_list {
    char *folders[2]; /* of the cache, of the state */
    struct cache_entry *items;
    size_t count, capacity;
};

struct cache_choice {
    int kind;           /* -1: all; to clear, all of the cache folder */
    int64_t older_than; /* days */
    bool clear;
};

/* Lists, by kind, the newest first, and clears what is chosen. `say` gets a line for each kind that
 * is passed over. Free it in any case. */
int cache_list_read(struct cache_list *list, const struct cache_choice *choice,
                    void (*say)(const char *line), struct error *err);
void cache_list_free(struct cache_list *list);

#endif
