#include "tui/session/job_facts.h"

#include "base/folder.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/requests.h"
#include "tui/session/job_actions.h"
#include "tui/session/wording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When job.json was written, as the last sitting began; where there is none, its folder. */
static int64_t began(const char *path)
{
    struct stat info;
    char *file = path_join(path, "job.json", NULL);
    int64_t at = -1;
    if ((file && sys.stat(file, &info) == 0) || sys.stat(path, &info) == 0)
        at = info.st_mtim.tv_sec;
    free(file);
    return at;
}

/* --- a row --- */

/* Rows where the job counts those; else the last step of the metrics, of as many as job.json
 * says. */
static void take_progress(struct job_facts *facts, const struct job_follow *job)
{
    double steps;
    facts->done = facts->total = -1;
    if (job_follow_rows(job, &facts->done, &facts->total))
        return;
    if (facts->kind->rows)
        return;
    facts->done = job_metrics_last_step(&job->metrics);
    if (job_follow_number(job, "steps", &steps) && steps >= 0 && steps < 1e15)
        facts->total = (int64_t)steps;
    if (facts->done < 0 && facts->total >= 0 && job->state != JOB_WAITING)
        facts->done = 0; /* it knows how many there are, and has taken none */
}

/* Of a run in its metrics; of an evaluation that is a job of its own it is the result, which is there
 * when the job has ended. */
static double last_evaluation(const struct job_follow *job)
{
    const char *format = "";
    double loss = NAN;
    if (!job_kind_of(job->job)->output)
        return job_follow_last(job, "eval_loss");
    bool there = job->state == JOB_ENDED && job_dir_has(job->path, "output.json");
    cJSON *output = there ? job_dir_read(job->path, "output.json", NULL) : NULL;
    if (json_get_string(output, "format", &format) && strcmp(format, "spectrum.evaluation") == 0)
        json_get_double(output, "loss", &loss);
    cJSON_Delete(output);
    return loss;
}

/* Everything that a row of a list shows, copied: the job's files are closed after that. */
void job_facts_take(struct job_facts *facts, const struct job_follow *job)
{
    const char *word = NULL, *method = "", *tool = "", *log = "";
    char text[ERROR_TEXT_MAX];
    facts->kind = job_kind_of(job->job);
    facts->state = job->state;
    facts->lives = job_follow_lives(job);
    if (job->state == JOB_ENDED)
        json_get_string(job->result, "status", &word);
    else if (job->asked & 1u << JOB_REQUEST_STOP)
        word = "stopping";
    else if (job->asked & 1u << JOB_REQUEST_PAUSE)
        word = "pausing";
    utf8_copy(facts->word, sizeof facts->word, word ? word : job_state_name(job->state));
    facts->phase[0] = '\0';
    if (job->state == JOB_RUNNING && job_follow_phase(job, text, sizeof text))
        utf8_copy(facts->phase, sizeof facts->phase, text);
    job_follow_describe(job, text, sizeof text);
    utf8_copy(facts->text, sizeof facts->text, text);
    json_get_string(job->job, "method", &method);
    path_put_last(job->path, facts->name, sizeof facts->name);
    job_follow_model(job, facts->model, sizeof facts->model);
    utf8_copy(facts->method, sizeof facts->method, method);
    json_get_string(job->job, "tool", &tool);
    json_get_string(job->job, "log", &log);
    utf8_copy(facts->tool, sizeof facts->tool, tool);
    path_put_short(log, (int)sizeof facts->log, facts->log, sizeof facts->log);
    job_follow_engine(job, facts->engine, sizeof facts->engine);
    take_progress(facts, job);
    facts->left = job_left(job);
    facts->loss = job_follow_last(job, "loss");
    facts->evaluation = last_evaluation(job);
    facts->actions = job_actions(job);
    facts->pauses = job_follow_pauses(job);
    facts->began = began(job->path);
}

/* For the title line; jobs that cannot be read do not live. */
size_t job_facts_living(size_t *paused)
{
    char **paths;
    size_t count, living = 0;
    *paused = 0;
    if (job_index_list(&paths, &count, NULL) != 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        enum job_state state = job_state(paths[i]);
        *paused += state == JOB_PAUSED;
        living += state == JOB_STARTING || state == JOB_RUNNING || state == JOB_WAITING ||
                  state == JOB_PAUSED;
    }
    job_index_free(paths, count);
    return living;
}
