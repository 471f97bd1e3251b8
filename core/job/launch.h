/* Starting a sub-command as a job: in its own session, under a small supervisor that outlives the
 * window, holds the lock, restarts nothing, and writes result.json whatever ends the job.
 *
 *     a screen or `spectrum train --detach`     job_launch(), job_wait_for_data()
 *       | posix_spawn, new session
 *       v
 *     `spectrum supervise RUN -- train ...`     job_supervise(): lock, wait, result.json
 *       | posix_spawn
 *       v
 *     `spectrum train ...`, the worker          job_end_with_supervisor()
 *
 * Three processes, as each may end without the others: the window is closed, and the job continues;
 * the worker is killed, and the supervisor says so; the supervisor is killed, and the kernel sends
 * the worker TERM, which saves and ends. Nothing here is an object: the job's folder has all the
 * state, and whoever starts one keeps nothing.
 */
#ifndef SPECTRUM_JOB_LAUNCH_H
#define SPECTRUM_JOB_LAUNCH_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Starts `program supervise PATH -- ARGUMENTS...` by posix_spawn in a new session, with messages to
 * log.txt, and returns when the supervisor has started the worker, however long that takes, with an
 * error when it has ended and started none.
 * `program`: this executable, "/proc/self/exe". Arguments end with NULL and begin with the
 * sub-command's name. */
int job_launch(const char *path, const char *program, char *const arguments[], struct error *err);

/* The same for a job of which there is one for everybody, in a folder that is named after what it
 * works at: of those who want it at one moment the first starts it, unless it runs, which *joined
 * says. What an earlier sitting left in the folder goes first, so that nobody takes it for the new
 * one's; `goes_on` keeps the metrics, which others read on from where they are. */
int job_launch_one(const char *path, const char *program, char *const arguments[], bool goes_on,
                   bool *joined, struct error *err);

/* The supervisor's work: takes the lock, runs the arguments with SPECTRUM_JOB set to the job's
 * path, passes the signals that ask for an end on (HUP is ignored), waits, writes result.json
 * (unless the worker wrote one), releases the lock. Returns 0 where the job ended well or was
 * stopped. */
int job_supervise(const char *path, const char *program, char *const arguments[],
                  struct error *err);

/* For whoever started a training run and waits, so that what fails at once is said at once: returns
 * when its data has been read or it waits for another job, with an error where it has failed, and
 * after JOB_START_SECONDS in any case. Reading may take hours, in which the job continues. */
int job_wait_for_data(const char *path, struct error *err);

/* For a worker: where its parent is the job's supervisor, lets the system send TERM when that dies
 * (without it nobody sees the worker), and returns its process number, which getppid() gives as
 * long as it lives; else 0. */
pid_t job_end_with_supervisor(const char *path);

/* From where, and how far, a job is resumed. {0}: from its last checkpoint to its end. */
struct job_restart {
    int64_t step;         /* of the checkpoint; 0: the last */
    int64_t more;         /* of a run: it ends so many steps after that checkpoint; 0: at its end */
    double rate;          /* of those steps; 0: of the last step before them */
    const char *schedule; /* of those steps; NULL: "constant" */
};

/* Resumes an ended or dead job: the arguments of job.json, with what `restart` says in the worker's
 * environment. Arguments that are neither train nor scan, that
 * name files to write, or that ask for no work (--help, --dry-run) are refused: the folder may be
 * someone else's. So is a job that the user has to be asked about (job/trust.h), unless what he was
 * shown and trusts has the key `trusted`; NULL: nothing has. */
int job_relaunch(const char *path, const char *program, const struct job_restart *restart,
                 const char *trusted, struct error *err);

/* For the worker: is it a resume, and which? `schedule` points into the environment. */
bool job_restart_read(struct job_restart *restart);

/* For whoever resumed a training run and waits: returns when it has gone back to its
 * checkpoint, with an error where it has failed, and after JOB_START_SECONDS in any case. `taken`:
 * what job_metrics_size() was before. */
int job_wait_for_resume(const char *path, uint64_t taken, struct error *err);
uint64_t job_metrics_size(const char *path);

/* The logout check, before a job is started: what ends it here although it outlives its window. A
 * system may kill a user's processes at logout (systemd-logind's KillUserProcesses), and a batch
 * allocation may be over. True, with a line for the user that says what helps in `out`, where
 * something of that kind is known. `root` is the folder under which etc/systemd/logind.conf and
 * var/lib/systemd/linger lie: "" for the machine's own. */
bool job_logout_warning(const char *root, char *out, size_t size);

#endif
