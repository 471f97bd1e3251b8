/* Waiting for other jobs: `spectrum train --after JOB` (docs/training.md).
 *
 * The worker is there, with its lock and its job.json, and marks the job with requests/waiting, so
 * that job_state() says so; it has opened nothing yet. It begins when every one of the jobs has
 * completed. A job that failed, was stopped or killed, or died, ends the wait with ERROR_NOT_STARTED,
 * which names it: what should have come before is not there, and what waited is "not started". One that is paused, or on another machine,
 * is waited for.
 */
#ifndef SPECTRUM_JOB_JOB_AFTER_H
#define SPECTRUM_JOB_JOB_AFTER_H

#include "base/option.h"

/* Jobs by their folders or names (job_find()): is each there, and may it yet complete? */
int job_after_check(const struct option_list *jobs, struct error *err);

/* For the worker of the job `path`: returns when all of them have completed, with -1 and
 * ERROR_INTERRUPTED where should_stop() was true, which is called ten times a second. `say` gets a
 * line for each that has to be waited for. */
int job_after_wait(const char *path, const struct option_list *jobs,
                   bool (*should_stop)(void *context), void (*say)(void *context, const char *job),
                   void *context, struct error *err);

#endif
