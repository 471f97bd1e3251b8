/* The job of a model's scan: where it lies, and how it begins. */
#ifndef SPECTRUM_TUI_APP_SCAN_LAUNCH_H
#define SPECTRUM_TUI_APP_SCAN_LAUNCH_H

#include "model/score_table.h"

#include <stdbool.h>

/* Its directory, newly allocated: the same for every window that has the model open. */
char *scan_launch_path(const struct scan *scan, struct error *err);

/* Starts it in that directory on a device, unless it runs, which *joined says. `goes_on`: what it
 * told so far stays, for those who read it still. */
int scan_launch(const char *job, const struct scan *scan, const char *device, bool goes_on,
                bool *joined, struct error *err);

#endif
