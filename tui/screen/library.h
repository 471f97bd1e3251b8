/* What there is to open: models in the Hugging Face cache and below the current folder, and jobs.
 */
#ifndef SPECTRUM_TUI_SCREEN_LIBRARY_H
#define SPECTRUM_TUI_SCREEN_LIBRARY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Models and scans; jobs are all there. */
enum { LIBRARY_MODELS_MAX = 1000 };

struct library_entry {
    bool job;
    char *path;  /* what to open */
    char *title; /* what to show; printable */
    char *detail;
};

struct library {
    struct library_entry *entries; /* models, then jobs, the newest first */
    size_t count, models, capacity;
    size_t hidden;  /* models and scans beyond LIBRARY_MODELS_MAX */
    char **watched; /* the folders in which it would be seen that something changed */
    size_t watched_count, watched_capacity;
    uint64_t stamp; /* of their times */
};

/* Folders that cannot be read are passed over. */
int library_read(struct library *library, struct error *err);
/* Has something appeared, gone, begun or ended since it was read? One stat() a folder. */
bool library_changed(const struct library *library);
void library_free(struct library *library);

#endif
