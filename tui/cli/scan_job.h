/* A scan that runs as a job: tells its directory what it finds, does what is asked there.
 *
 * metrics.jsonl gets {"event": "scan", "total": N, "fingerprint": ..} and then a line a row:
 * {"event": "row", "module": .., "done": n, "total": N, "seconds": s, "cached": false, "snr": ..}
 * with the members of a scan file's modules. The requests `first`, `pause`, `resume` and `stop` are
 * obeyed. `spectrum jobs` lists it until it is complete: its result is then in the cache.
 * What computes is {"event": "device", "device": "cuda:0", "name": .., "memory_bytes": ..,
 * "free_bytes": ..}, at the start with "devices": [..], what else could, in the same members; later
 * the CPU, with "reason", and with "module" where it takes that one alone.
 */
#ifndef SPECTRUM_TUI_CLI_SCAN_JOB_H
#define SPECTRUM_TUI_CLI_SCAN_JOB_H

#include "compute/backend.h"
#include "job/metrics.h"
#include "model/score_table.h"

struct scan_job {
    const char *path; /* NULL: not a job; the functions below do nothing then */
    struct job_metrics_writer writer;
    const struct scan *scan;
    int argc;
    char **argv;
    bool paused;
    bool device_said;     /* and with it, which others there are */
    struct error failure; /* the directory cannot be written any more: the scan stops */
};

/* Looks whether this process is a job ($SPECTRUM_JOB); the arguments go into job.json, and the
 * model as they name it until it is open. */
int scan_job_open(struct scan_job *job, const char *model, int argc, char **argv,
                  struct error *err);
void scan_job_close(struct scan_job *job, bool complete);

void scan_job_start(struct scan_job *job, const struct scan *scan);
void scan_job_device(struct scan_job *job, const struct device_info *device,
                     const struct scan_row *row, const char *why);
void scan_job_row(struct scan_job *job, const struct scan_row *row, size_t done, size_t total,
                  double seconds, bool cached);
bool scan_job_should_stop(struct scan_job *job);
bool scan_job_should_wait(struct scan_job *job);
int64_t scan_job_wanted(struct scan_job *job); /* a row's index, or -1 */

#endif
