/* Starting a sub-command as a job: in its own session, under a small supervisor that outlives the
 * window, holds the lock, restarts nothing, and writes result.json whatever ends the job. */
#ifndef SPECTRUM_JOB_LAUNCH_H
#define SPECTRUM_JOB_LAUNCH_H

#include "base/error.h"

/* Starts `program supervise PATH -- ARGUMENTS...` by posix_spawn in a new session, with messages to
 * log.txt, and returns when the supervisor has the lock (or an error with the log's last line).
 * `program`: this executable, "/proc/self/exe". Arguments end with NULL and begin with the
 * sub-command's name. */
int job_launch(const char *path, const char *program, char *const arguments[], struct error *err);

/* The supervisor's work: takes the lock, runs the arguments with SPECTRUM_JOB set to the job's
 * path, passes INT and TERM on, waits, writes result.json (unless the worker wrote one),
 * releases the lock. Returns 0 where the job ended well or was stopped. */
int job_supervise(const char *path, const char *program, char *const arguments[],
                  struct error *err);

/* Starts an ended or dead job again from its last checkpoint: the arguments of job.json, with
 * SPECTRUM_JOB_RESUME=1 in the worker's environment. */
int job_relaunch(const char *path, const char *program, struct error *err);

#endif
