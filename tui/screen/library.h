/* What there is to open: models in the Hugging Face cache and below the current folder, and jobs.
 */
#ifndef SPECTRUM_TUI_SCREEN_LIBRARY_H
#define SPECTRUM_TUI_SCREEN_LIBRARY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { LIBRARY_MAX = 1000 };

struct library_entry {
    bool job;
    char *path;  /* what to open */
    char *title; /* what to show; printable */
    char *detail;
};

struct library {
    struct library_entry *entries; /* models, then jobs, the newest first */
    size_t count, models;
};

/* Folders that cannot be read are passed over. */
int library_read(struct library *library, struct error *err);
void library_free(struct library *library);

#endif
