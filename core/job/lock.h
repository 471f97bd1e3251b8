/* Who runs a job: the file `lock` (host, pid, boot id, start time of the process), so that a reused
 * process number or a reboot is not taken for a running job. */
#ifndef SPECTRUM_JOB_LOCK_H
#define SPECTRUM_JOB_LOCK_H

#include "base/error.h"

#include <stdbool.h>

enum job_state {
    JOB_STARTING, /* no lock and no result yet */
    JOB_RUNNING,
    JOB_PAUSED,
    JOB_ENDED,     /* result.json says how */
    JOB_DIED,      /* its lock is there, its process is not, and nothing says how it ended */
    JOB_ELSEWHERE, /* another host has the lock: only that one can tell whether it lives */
};

const char *job_state_name(enum job_state state); /* "running", ... */
enum job_state job_state(const char *path);

/* Takes the lock for this process and removes an old result.json. A lock whose process is dead is
 * taken over; one that lives, or is another host's, is an error that names its holder. */
int job_lock_take(const char *path, struct error *err);
void job_lock_release(const char *path);

/* Does the process that started this one hold the lock? Then it is our supervisor. */
bool job_lock_is_parents(const char *path);

#endif
