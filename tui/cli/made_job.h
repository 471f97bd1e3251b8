/* A sub-command as a job: `export`, `eval` and `generate` do their work in a terminal, or in the
 * folder that $SPECTRUM_JOB names, where screens and `spectrum jobs` follow it (job/job_dir.h).
 *
 *     made_job_join() -> the work, told to made_job_watch() -> made_job_put() -> made_job_leave()
 *
 * In a terminal all of these do what a command without them would: nothing is told, the result is
 * printed. As a job
 *
 * 1. job.json says what it is, progress.json how far, and output.json has what --json prints;
 * 2. a request to stop ends it as Ctrl-C does: it is looked for while the work tells how far it is;
 * 3. result.json says how it ended, with the error's message.
 *
 * What it works at says nothing of steps, so metrics.jsonl stays empty; it is opened for its lock,
 * which shows a worker that outlived its supervisor.
 */
#ifndef SPECTRUM_TUI_CLI_MADE_JOB_H
#define SPECTRUM_TUI_CLI_MADE_JOB_H

#include "base/json_writer.h"
#include "job/job_progress.h"
#include "job/metrics_writer.h"

/* Must stay where it is while it is joined. */
struct made_job {
    const char *path;        /* the job's folder; NULL: it is none */
    struct work_watch watch; /* tells the progress, and looks for a request to stop */
    double looked_at;        /* when it was looked for last */
    unsigned odd;            /* what in requests/ was said to be none */
    struct job_metrics_writer writer;
    struct job_progress_writer progress;
};

/* `command` is a row of the table of kinds, `source` the run or model that it works at. */
int made_job_join(struct made_job *job, const char *command, const char *source, int argc,
                  char **argv, struct error *err);

/* For whoever works; NULL where nobody waits. */
const struct work_watch *made_job_watch(const struct made_job *job);

/* The result, JSON whose last json_end() was called: into output.json, or printed. Its buffer is
 * freed. */
int made_job_put(const struct made_job *job, struct json_writer *json, struct error *err);

/* `status`: of the work; `err`: why it failed. */
void made_job_leave(struct made_job *job, int status, const struct error *err);

#endif
