/* Runs of other tools as jobs: a worker that follows such a run's log (tracker/tracker.h) and writes
 * what comes as metrics.jsonl of a job's folder, so that screens, overlays, lists and `spectrum jobs`
 * have it as any other run.
 *
 *     attached_start(): finds the log, and the one job that follows it, or starts that
 *       -> `spectrum attach LOG --run=NAME`, the worker: attached_work()
 *
 * There is one job a run, in $XDG_STATE_HOME/spectrum/attached, however many watch; it only reads
 * what the other tool wrote, so that tool does not notice. It ends when the log says that the run has
 * ended ("completed"), when it was asked to ("stopped"), and when nothing was written for
 * ATTACHED_SILENCE ("stale"); attaching again begins anew with all of the log.
 */
#ifndef SPECTRUM_JOB_ATTACHED_H
#define SPECTRUM_JOB_ATTACHED_H

#include "base/error.h"
#include "tracker/tracker.h"

#include <signal.h>

/* Seconds without a line after which a run is called silent, and after which it is left. */
enum { ATTACHED_QUIET = 60, ATTACHED_SILENCE = 3600 };

/* The run that was found: its log, and how many others the path means besides. */
struct attached_run {
    struct tracker_log log; /* log.format NULL: none */
    size_t others;
};
void attached_run_free(struct attached_run *found);

/* The job's folder, newly allocated: of the log that `path` means, or, with `run`, of that of them
 * (tracker_choose()). *found is the caller's to free; NULL and an error where there is none, or the
 * job does not start. */
char *attached_start(const char *path, const char *run, const char *program,
                     struct attached_run *found, struct error *err);

/* A job by its name (job_find()), or the one that follows the log that the name is the path of: then
 * *found is set, and the caller's to free. `found` and `run` may be NULL. */
char *attached_find(const char *name, const char *run, const char *program,
                    struct attached_run *found, struct error *err);

/* The runs that attached_find() would choose from: 1; 0: the name is a job's; -1: it is neither. */
int attached_list(struct tracker_list *out, const char *name, struct error *err);

/* Waits until the job has read its log to the end once, or has ended; ten seconds at most. */
void attached_wait(const char *job);

/* The worker's work, in the job's folder, until one of the three ends or a signal (*stop) comes; its
 * result.json is written. `say` gets what is to be known besides: what of the log is damaged. */
int attached_work(const char *job, const char *path, const char *run, int argc, char **argv,
                  const volatile sig_atomic_t *stop, void (*say)(const char *line),
                  struct error *err);

#endif
