#include "tui/session/job_facts.h"

#include "base/folder.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_index.h"

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

/* The last part of a path, and of a path that ends with "/" the one before. */
static void put_last(char *out, size_t size, const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t from = length;
    while (from > 0 && path[from - 1] != '/')
        from--;
    char last[4096];
    snprintf(last, sizeof last, "%.*s", (int)(length - from), path + from);
    utf8_copy(out, size, last);
}

/* --- what is left --- */

/* Of the lines of one sitting so far: the clock of the first and of the last of them, and the mean
 * of what the steps themselves took. */
struct pace {
    int64_t from, to;       /* steps */
    double began, ended;    /* sitting_s; NaN: not known */
    double computing;       /* sum of step_s, */
    int64_t steps_computed; /* of so many */
};

/* A clock that goes back is another sitting's, as is all before a resume. */
static void take_line(struct pace *pace, const struct job_line *line, const cJSON *json)
{
    const char *event = "";
    double clock = NAN, step = NAN;
    if (line->kind == JOB_LINE_EVENT) {
        if (json_get_string(json, "event", &event) && strcmp(event, "resume") == 0)
            pace->ended = NAN;
        return;
    }
    if (line->kind != JOB_LINE_TRAINING || line->step < 0)
        return;
    json_get_double(json, "sitting_s", &clock);
    if (!(clock >= pace->ended)) {
        pace->began = clock;
        pace->from = line->step;
    }
    pace->ended = clock;
    pace->to = line->step;
    if (json_get_double(json, "step_s", &step) && step >= 0) {
        pace->computing += step;
        pace->steps_computed++;
    }
}

/* Seconds a step; where lines have no clock, as in files of other programs, the steps alone. */
static double step_seconds(const struct job_metrics *metrics)
{
    enum { RECENT = 20, LINES_MOST = 256 };
    struct pace pace = {.began = NAN, .ended = NAN};
    size_t at = metrics->count, seen = 0;
    for (int steps = 0; at > 0 && steps <= RECENT && seen < LINES_MOST; seen++)
        steps += metrics->lines[--at].kind == JOB_LINE_TRAINING;
    for (; at < metrics->count; at++) {
        const struct job_line *line = &metrics->lines[at];
        if (line->kind != JOB_LINE_TRAINING && line->kind != JOB_LINE_EVENT)
            continue;
        cJSON *json = job_metrics_json(metrics, at);
        take_line(&pace, line, json);
        cJSON_Delete(json);
    }
    if (pace.ended > pace.began && pace.to > pace.from)
        return (pace.ended - pace.began) / (double)(pace.to - pace.from);
    return pace.steps_computed > 0 ? pace.computing / (double)pace.steps_computed : NAN;
}

double job_facts_seconds_left(const struct job_follow *job)
{
    double total = NAN, done = (double)job_metrics_last_step(&job->metrics);
    if (!job_follow_lives(job) || !job_kind_of(job->job)->steps ||
        !job_follow_number(job, "steps", &total) || !(done >= 0 && total >= done))
        return NAN;
    double left = (total - done) * step_seconds(&job->metrics);
    return isfinite(left) ? left : NAN;
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
}

/* Everything that a row of a list shows, copied: the job's files are closed after that. */
void job_facts_take(struct job_facts *facts, const struct job_follow *job)
{
    const char *word = NULL, *model = "", *method = "";
    char text[ERROR_TEXT_MAX];
    facts->kind = job_kind_of(job->job);
    facts->state = job->state;
    facts->lives = job_follow_lives(job);
    if (job->state == JOB_ENDED)
        json_get_string(job->result, "status", &word);
    utf8_copy(facts->word, sizeof facts->word, word ? word : job_state_name(job->state));
    facts->phase[0] = '\0';
    if (job->state == JOB_RUNNING && job_follow_phase(job, text, sizeof text))
        utf8_copy(facts->phase, sizeof facts->phase, text);
    job_follow_describe(job, text, sizeof text);
    utf8_copy(facts->text, sizeof facts->text, text);
    json_get_string(job->job, "model", &model);
    json_get_string(job->job, "method", &method);
    put_last(facts->name, sizeof facts->name, job->path);
    put_last(facts->model, sizeof facts->model, model);
    utf8_copy(facts->method, sizeof facts->method, method);
    take_progress(facts, job);
    facts->seconds_left = job_facts_seconds_left(job);
    facts->loss = job_follow_last(job, "loss");
    facts->evaluation = job_follow_last(job, "eval_loss");
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
