/* Who runs a job, and so in which state it is: the file `lock`.
 *
 *     {"host": "node7", "pid": 4242, "boot_id": "5ab...", "start_time": 1234567, "worker": 4243}
 *
 * A lock is alive where its process is: one with the same number that was started at the same tick
 * of the same boot of the same host. So a reused process number or a reboot is not taken for a
 * running job. Another host's lock can be told alive or dead only there. The holder may die before
 * the worker does; that one is seen by metrics.jsonl, which its writer keeps locked
 * (metrics_writer.h).
 *
 *     job_lock_take() -> job_lock_name_worker() -> result.json is written -> job_lock_release()
 *
 * No process keeps the file open, so a lock is seen on shared file systems, too, and one that was
 * left is taken over by the next job_lock_take(). */
#ifndef SPECTRUM_JOB_LOCK_H
#define SPECTRUM_JOB_LOCK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* How long a folder without a lock is taken for one whose supervisor will come: for others than the
 * one who started it, who sees the process itself (launch.h). */
enum { JOB_START_SECONDS = 10 };

enum job_state {
    JOB_STARTING, /* no lock and no result yet, and its folder is young */
    JOB_RUNNING,
    JOB_WAITING, /* its process is there, and begins when others have completed (job_after.h) */
    JOB_PAUSED,
    JOB_ENDED,     /* result.json says how */
    JOB_DIED,      /* nobody runs it (its lock's process is gone, or none came), and nothing says
                      how it ended */
    JOB_ELSEWHERE, /* another host has the lock: only that one can tell whether it lives */
};

const char *job_state_name(enum job_state state); /* "running", ... */
enum job_state job_state(const char *path);

/* Takes the lock for this process and removes an old result.json and old requests. A lock whose
 * process is dead is taken over; one that lives, or is another host's, and a worker that outlived
 * its supervisor, are errors that name who it is. */
int job_lock_take(const char *path, struct error *err);

/* 0 where job_lock_take() would succeed now, else its error. */
int job_lock_check(const char *path, struct error *err);

/* Adds the supervised process to the lock that this process holds. */
void job_lock_name_worker(const char *path, int64_t pid);
bool job_lock_names_worker(const char *path);

/* Without a result.json (a full disk) the lock stays: the job has then died, not ended. */
void job_lock_release(const char *path);

/* Does the process that started this one hold the lock? Then it is our supervisor. */
bool job_lock_is_parents(const char *path);

#endif
