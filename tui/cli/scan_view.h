/* A scan seen from outside: as a bar or lines on standard error, as a job in its folder, and what
 * it has no score for.
 *
 * `spectrum scan` and `spectrum plan` make one on the stack: scan_view_begin(), then for a command
 * that may be a job scan_view_join(), scan_view_observer() for scan_run(), scan_view_end() when the
 * scan is over, scan_view_leave() when its result is written.
 *
 * A job's metrics.jsonl gets {"event": "scan", "total": N, "fingerprint": ..} and then a line a
 * row: {"event": "row", "module": .., "done": n, "total": N, "seconds": s, "cached": false, "snr":
 * ..} with the members of a scan file's modules. What computes is {"event": "device", "device":
 * "cuda:0", "name": .., "memory_bytes": .., "free_bytes": ..}, at the start with "devices": [..],
 * what else could, in the same members; later the CPU, with "reason", and with "module" where it
 * takes that one alone. The requests `first`, `pause`, `resume` and `stop` in its folder are
 * carried out. `spectrum jobs` lists it until it is complete: its result is then in the cache.
 */
#ifndef SPECTRUM_TUI_CLI_SCAN_VIEW_H
#define SPECTRUM_TUI_CLI_SCAN_VIEW_H

#include "job/job_progress.h"
#include "job/metrics_writer.h"
#include "plan/plan.h"
#include "spectra/scan.h"

#include <signal.h>

struct scan_view {
    const volatile sig_atomic_t *interrupted;
    bool terminal, bar; /* bar: the cursor stands after one, on its line */
    double shown_at;    /* seconds of the scan */
    size_t cached;      /* rows so far that the cache had */
    char device[24];    /* " on cuda:0" while that computes, nothing for the CPU */

    /* The job that this process is; NULL: none, and what follows is not used. */
    const char *job;
    struct job_metrics_writer writer;
    struct job_progress_writer progress;
    const struct scan *scan;
    int argc;
    char **argv; /* as they go into job.json */
    bool paused;
    unsigned odd;         /* what in requests/ was said to be none */
    bool device_said;     /* and with it, which others there are */
    struct error failure; /* the directory cannot be written any more: the scan stops */
};

/* Watches the signals from now on; `how` says what becomes of the matrices in hand then. */
void scan_view_begin(struct scan_view *view, const char *how);

/* Looks whether this process is a job ($SPECTRUM_JOB); the arguments go into job.json, and the
 * model as they name it until it is open. scan_view_leave() ends it in any case; `complete`: it is
 * done, and leaves the list of jobs. */
int scan_view_join(struct scan_view *view, const char *model, int argc, char **argv,
                   struct error *err);
void scan_view_leave(struct scan_view *view, bool complete);

/* What scan_run() tells and asks; the view must stay where it is. */
struct scan_observer scan_view_observer(struct scan_view *view);

/* Leaves the line of an unfinished bar, so that a message can follow. */
void scan_view_end(struct scan_view *view);

/* What a scan has no score for, and scores that a rule decides, said where people look: on standard
 * error a line for each row whose score is NaN, with the reason, at most ten, and how many more
 * there are; where more than three have one reason they share a line. With a plan (or NULL), those
 * that it trains come first, and say so. Then a line for each kind of tensor that the scan left
 * out, and one for the scores of empty noise sets. */
void scan_view_unscored(const struct scan *scan, const struct plan *plan);

#endif
