#include "tui/session/job_left.h"

#include "job/job_kind.h"
#include "train/step_rules.h"
#include "tui/session/wording.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RECENT_STEPS = 20, LINES_MOST = 256 };                /* by which a step's time is told */
enum { RECENT = 8, PARSED_MOST = 64, LOOKS_MOST = 1 << 18 }; /* and what lies between steps */

enum between { EVALUATION, SAMPLE, SAVE, BETWEEN };

/* What a line tells of; BETWEEN: of none of these. */
static enum between between_of(const struct job_line *line, const cJSON *json)
{
    const char *event = "";
    if (line->kind == JOB_LINE_EVALUATION)
        return EVALUATION;
    json_get_string(json, "event", &event);
    return strcmp(event, "sample") == 0       ? SAMPLE
           : strcmp(event, "checkpoint") == 0 ? SAVE
                                              : BETWEEN;
}

static double number_of(const cJSON *json, const char *key)
{
    double value = NAN;
    json_get_double(json, key, &value);
    return value >= 0 ? value : NAN;
}

static bool is_resume(const cJSON *json)
{
    const char *event = "";
    return json_get_string(json, "event", &event) && strcmp(event, "resume") == 0;
}

/* --- a step --- */

/* Of the lines of one sitting so far: the clock of the first and of the last step among them, what
 * passed between the two without being a step's, and the mean of what the steps themselves took. */
struct pace {
    int64_t from, to;        /* steps */
    double began, ended;     /* sitting_s; NaN: not known */
    double between, waiting; /* seconds; waiting: of lines after `ended` */
    bool gap;                /* a line after `ended` does not say how long it took */
    double computing;        /* sum of step_s, */
    int64_t steps_computed;  /* of so many */
};

static void take_between(struct pace *pace, const struct job_line *line, const cJSON *json)
{
    if (is_resume(json))
        pace->ended = NAN;
    if (between_of(line, json) == BETWEEN)
        return;
    double seconds = number_of(json, "seconds");
    if (isnan(seconds))
        pace->gap = true;
    else
        pace->waiting += seconds;
}

/* A clock that goes back is another sitting's, as is all before a resume. */
static void take_line(struct pace *pace, const struct job_line *line, const cJSON *json)
{
    if (line->kind != JOB_LINE_TRAINING) {
        take_between(pace, line, json);
        return;
    }
    if (line->step < 0)
        return;
    double clock = number_of(json, "sitting_s"), step = number_of(json, "step_s");
    if (!(clock >= pace->ended)) {
        pace->began = clock;
        pace->from = line->step;
        pace->between = 0;
    } else if (pace->gap && clock - step > pace->ended) {
        pace->between += clock - step - pace->ended;
    } else {
        pace->between += fmin(pace->waiting, clock - pace->ended);
    }
    pace->waiting = 0;
    pace->gap = false;
    pace->ended = clock;
    pace->to = line->step;
    if (!isnan(step)) {
        pace->computing += step;
        pace->steps_computed++;
    }
}

/* Where lines have no clock, as in files of other programs, the steps' own times. */
static double step_seconds(const struct job_metrics *metrics)
{
    struct pace pace = {.began = NAN, .ended = NAN};
    size_t at = metrics->count, seen = 0;
    for (int steps = 0; at > 0 && steps <= RECENT_STEPS && seen < LINES_MOST; seen++)
        steps += metrics->lines[--at].kind == JOB_LINE_TRAINING;
    for (; at < metrics->count; at++) {
        const struct job_line *line = &metrics->lines[at];
        if (line->kind == JOB_LINE_GRADIENTS)
            continue;
        cJSON *json = job_metrics_json(metrics, at);
        take_line(&pace, line, json);
        cJSON_Delete(json);
    }
    if (pace.ended > pace.began && pace.to > pace.from)
        return (pace.ended - pace.began - pace.between) / (double)(pace.to - pace.from);
    return pace.steps_computed > 0 ? pace.computing / (double)pace.steps_computed : NAN;
}

/* --- what lies between two steps --- */

/* Of the last ones that there are. */
struct measured {
    double seconds[BETWEEN]; /* of all of them */
    int count[BETWEEN];
    int64_t last[BETWEEN];  /* the newest one's step; -1: there is none */
    int64_t save;           /* the step of the checkpoint that was seen last, from the end on */
    int evaluations, saved; /* at which no checkpoint was due: how many, and saved all the same */
};

/* The line of training next to this one in its sitting, before or after it; false: there is none
 * near it. */
static bool next_step(const struct job_metrics *metrics, size_t at, int by, double *clock,
                      double *step)
{
    enum { NEAR = 8 };
    for (int i = 0; i < NEAR && (by > 0 ? at + 1 < metrics->count : at > 0); i++) {
        at = by > 0 ? at + 1 : at - 1;
        enum job_line_kind kind = metrics->lines[at].kind;
        if (kind != JOB_LINE_TRAINING && kind != JOB_LINE_EVENT)
            continue;
        cJSON *json = job_metrics_json(metrics, at);
        bool another = is_resume(json);
        if (another || kind == JOB_LINE_EVENT) {
            cJSON_Delete(json);
            if (another)
                return false;
            continue;
        }
        *clock = number_of(json, "sitting_s");
        *step = number_of(json, "step_s");
        cJSON_Delete(json);
        return true;
    }
    return false;
}

/* What passed between the steps around a line; NaN: not known. */
static double gap_around(const struct job_metrics *metrics, size_t at)
{
    double before, after, step, unused;
    bool both =
        next_step(metrics, at, -1, &before, &unused) && next_step(metrics, at, 1, &after, &step);
    double gap = both ? after - step - before : NAN;
    return gap >= 0 ? gap : NAN;
}

static void measure_line(struct measured *out, const struct job_metrics *metrics, size_t at,
                         int64_t save_every)
{
    const struct job_line *line = &metrics->lines[at];
    cJSON *json = job_metrics_json(metrics, at);
    enum between kind = between_of(line, json);
    double seconds = number_of(json, "seconds");
    cJSON_Delete(json);
    if (kind == BETWEEN)
        return;
    if (out->last[kind] < 0)
        out->last[kind] = line->step;
    if (isnan(seconds) && kind == EVALUATION && out->count[kind] < RECENT)
        seconds = gap_around(metrics, at);
    if (!isnan(seconds) && out->count[kind] < RECENT) {
        out->seconds[kind] += seconds;
        out->count[kind]++;
    }
    if (kind == SAVE)
        out->save = line->step;
    if (kind == EVALUATION && (save_every <= 0 || line->step % save_every != 0)) {
        out->evaluations++;
        out->saved += out->save == line->step;
    }
}

static struct measured measure(const struct job_metrics *metrics, int64_t save_every)
{
    struct measured out = {.last = {-1, -1, -1}, .save = -1};
    int parsed = 0;
    for (size_t i = 0; i < metrics->count && i < LOOKS_MOST && parsed < PARSED_MOST; i++) {
        size_t at = metrics->count - 1 - i;
        enum job_line_kind kind = metrics->lines[at].kind;
        if ((kind != JOB_LINE_EVALUATION && kind != JOB_LINE_EVENT) || metrics->lines[at].step < 0)
            continue;
        measure_line(&out, metrics, at, save_every);
        parsed++;
    }
    return out;
}

/* --- how long all of it takes --- */

/* Without data for it nothing is evaluated, whatever "eval_every" is. */
static bool evaluates(const cJSON *job)
{
    double split = 0;
    json_get_double(job, "eval_split", &split);
    return split > 0 || cJSON_GetArraySize(json_get(job, "eval_data_fingerprints")) > 0;
}

/* Where the last step's own are not there yet, they come, too. *least: one will come of
 * which there was none yet. Samples may not be wanted; where they are, each is beside an
 * evaluation. */
static double between_seconds(const struct job_follow *job, int64_t done, int64_t total,
                              bool *least)
{
    int64_t eval_every = 0, save_every = 0;
    json_get_int64(job->job, "eval_every", &eval_every);
    json_get_int64(job->job, "save_every", &save_every);
    struct measured measured = measure(&job->metrics, save_every);
    double evaluations = (double)step_due_count(done, total, eval_every);
    double both = (double)step_due_both(done, total, eval_every, save_every);
    double share = measured.evaluations > 0 ? (double)measured.saved / measured.evaluations : 0;
    double counts[BETWEEN] = {evaluations, evaluations,
                              (double)step_due_count(done, total, save_every) +
                                  share * (evaluations - both)};
    double seconds = 0;
    for (int kind = 0; kind < BETWEEN; kind++) {
        int64_t every = kind == SAVE ? save_every : eval_every;
        bool due = done > 0 && step_is_due(done, every, total) && measured.last[kind] < done;
        if (measured.count[kind] > 0)
            seconds += (counts[kind] + due) * measured.seconds[kind] / measured.count[kind];
        else if (measured.last[kind] < 0 && counts[kind] > 0)
            *least |= kind == SAVE || (kind == EVALUATION && evaluates(job->job));
    }
    return seconds;
}

struct job_left job_left(const struct job_follow *job)
{
    const struct job_left unknown = {.seconds = NAN};
    struct job_left left = {.least = false};
    double steps = NAN;
    int64_t done = job_metrics_last_step(&job->metrics), total;
    if (!job_follow_lives(job) || job_follow_pauses(job) || !job_kind_of(job->job)->steps ||
        !job_follow_number(job, "steps", &steps) || !(steps >= 1 && steps <= 9e15))
        return unknown;
    total = (int64_t)steps;
    if (done < 0 || done > total)
        return unknown;
    left.seconds = between_seconds(job, done, total, &left.least);
    if (done < total)
        left.seconds += (double)(total - done) * step_seconds(&job->metrics);
    return isfinite(left.seconds) ? left : unknown;
}

void job_left_put(const struct job_left *left, const char *least, char *out, size_t size)
{
    char seconds[32];
    seconds_put(left->seconds, seconds, sizeof seconds);
    snprintf(out, size, "%s%s", left->least ? least : "", seconds);
}
