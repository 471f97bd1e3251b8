/* The kinds of jobs there are, a row each: what job.json's "command" names. Who lists, steers or
 * resumes jobs asks the row what one of its kind can do, and in which words that is said.
 *
 * A new kind is a row of job_kinds[] (job_kind.c), a sub-command of that name whose worker writes
 * job.json with it, and takes the requests (requests.h) that the row promises.
 */
#ifndef SPECTRUM_JOB_JOB_KIND_H
#define SPECTRUM_JOB_JOB_KIND_H

#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct job_kind {
    const char *command;      /* the sub-command, which stands in job.json; "" where not known */
    const char *noun;         /* what it is called: "training run" */
    const char *unit;         /* a request is taken after the current one: "step" */
    const char *kept;         /* of one that is stopped: "with a checkpoint" */
    bool pauses, checkpoints; /* does it take these requests; every job can be stopped */
    bool resumes;             /* can one that has ended be started again by its job.json */
    bool varies;              /* ... from an earlier checkpoint, or to a later end */
    bool steps;               /* how far it is, is a step of "steps" */
    bool rows;                /* ... or "done" of "total" matrices in its metrics */
    bool samples;             /* its model writes texts on the way */
    bool weights;             /* it leaves checkpoints that are models: exports and more */
    bool output;              /* it leaves its result in output.json (tui/cli/made_job.h) */
    const char *files[4];     /* options that name files which it would write; NULL ends them */
};

/* All of them, and how many. */
const struct job_kind *job_kinds(size_t *count);

/* The row of that command; NULL where there is none. */
const struct job_kind *job_kind_find(const char *command);

/* The kind of a job by its job.json. Never NULL: where that is not there yet (NULL), or names what
 * this version does not know, it is a job that takes every request, for its worker to take or not,
 * and that cannot be started again. */
const struct job_kind *job_kind_of(const cJSON *job);

#endif
