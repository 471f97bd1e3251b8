/* A scan seen from a terminal: a bar there, lines elsewhere, on standard error; INT and TERM stop
 * it. Where the scan is a job, its folder is told, too. */
#ifndef SPECTRUM_TUI_CLI_SCAN_PROGRESS_H
#define SPECTRUM_TUI_CLI_SCAN_PROGRESS_H

#include "spectra/scan.h"
#include "tui/cli/scan_job.h"

#include <signal.h>

struct scan_progress {
    const volatile sig_atomic_t *interrupted;
    struct scan_job *job; /* NULL: no job */
    bool terminal, bar;   /* bar: the cursor stands behind one */
    double shown_at;
    size_t cached;
    char device[24]; /* " on cuda:0" while that computes, nothing for the CPU */
};

/* Watches the signals from now on. `job` is borrowed. */
void scan_progress_begin(struct scan_progress *progress, struct scan_job *job);
struct scan_observer scan_progress_observer(struct scan_progress *progress);
/* Leaves the line of an unfinished bar, so that a message can follow. */
void scan_progress_end(struct scan_progress *progress);

#endif
