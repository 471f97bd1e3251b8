/* `spectrum jobs --json --watch`: a line of JSON for each job, and then one for each that changes.
 *
 *     {"job": "/home/u/runs/first", "state": "running", ..., "step": 31, ...}
 *     {"job": "/home/u/runs/first", "state": "gone"}        it is no longer in the list
 */
#ifndef SPECTRUM_TUI_CLI_JOBS_WATCH_H
#define SPECTRUM_TUI_CLI_JOBS_WATCH_H

#include "base/error.h"

/* Prints until the user (ERROR_INTERRUPTED) or standard output's reader leaves. */
int jobs_watch(struct error *err);

#endif
