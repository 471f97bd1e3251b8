#include "tui/cli/made_job.h"

#include "base/process.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/launch.h"
#include "job/requests.h"
#include "tui/cli/output.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* A stop becomes the signal that ends the command in a terminal, too, so the work has one way to
 * end. Requests are files: they are looked for a few times a second, however often work is told. */
static void tell(void *context, enum work_phase phase, uint64_t done, uint64_t total)
{
    static const double pause = 0.2;
    struct made_job *job = context;
    double now = clock_seconds();
    work_tell(&job->progress.watch, phase, done, total);
    if (now - job->looked_at < pause)
        return;
    job->looked_at = now;
    char line[512];
    while (job_requests_odd(job->path, &job->odd, line, sizeof line))
        message_print("warning: %s", line);
    if (job_request_take(job->path, JOB_REQUEST_STOP, NULL))
        raise(SIGTERM);
}

/* The job.json of a sub-command that is a job: its words, so that it can be listed and
 * understood. */
static int describe(const char *path, const char *command, const char *source, int argc,
                    char **argv, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_begin(&json, "spectrum.job");
    json_text(&json, "command", command);
    json_text(&json, "model", source);
    job_put_arguments(&json, argc, argv);
    json_end(&json);
    return job_dir_save_json(path, "job.json", &json, err);
}

/* Without $SPECTRUM_JOB there is no job, and all calls on it do nothing. */
int made_job_join(struct made_job *job, const char *command, const char *source, int argc,
                  char **argv, struct error *err)
{
    const char *path = getenv("SPECTRUM_JOB");
    struct error unlisted = ERROR_INIT;
    *job = (struct made_job){.path = NULL};
    if (!path || !path[0])
        return 0;
    job_end_with_supervisor(path);
    if (job_metrics_open(&job->writer, path, err) != 0)
        return -1;
    job->path = path;
    job->watch = (struct work_watch){job, tell};
    job_progress_open(&job->progress, path);
    work_tell(&job->progress.watch, WORK_LOADING, 0, 0);
    if (describe(path, command, source, argc, argv, err) != 0)
        return -1;
    if (job_index_add(path, &unlisted) != 0)
        fprintf(stderr, "%s\n", unlisted.text);
    return 0;
}

const struct work_watch *made_job_watch(const struct made_job *job)
{
    return job->path ? &job->watch : NULL;
}

int made_job_put(const struct made_job *job, struct json_writer *json, struct error *err)
{
    if (!job->path)
        return output_json(json, err);
    return job_dir_save_json(job->path, "output.json", json, err);
}

/* Where result.json cannot be written, the supervisor says what it saw. */
void made_job_leave(struct made_job *job, int status, const struct error *err)
{
    if (!job->path)
        return;
    bool stopped = status != 0 && err->kind == ERROR_INTERRUPTED;
    const struct job_result result = {.status = status == 0 ? "completed"
                                                : stopped   ? "stopped"
                                                            : "failed",
                                      .message = status == 0 ? "completed"
                                                 : stopped   ? "stopped"
                                                             : err->text,
                                      .last_step = -1};
    job_progress_close(&job->progress);
    job_result_write(job->path, &result, NULL);
    job_metrics_close(&job->writer);
    job->path = NULL;
}
