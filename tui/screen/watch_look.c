#include "tui/screen/watch.h"

#include "base/memory.h"
#include "job/job_kind.h"
#include "train/state_json.h"
#include "tui/session/smoothing.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers --- */

static void read_categories(const cJSON *line, const char *key, double out[MEMORY_CATEGORIES])
{
    const cJSON *object = json_get(line, key);
    for (int i = 0; i < MEMORY_CATEGORIES; i++) {
        double value = NAN;
        json_get_double(object, memory_category_name((enum memory_category)i), &value);
        out[i] = job_number_check(JOB_NUMBER_BYTES, value);
    }
}

/* What a line of metrics calls the numbers. */
static const struct {
    const char *key;
    size_t at; /* in struct watch_numbers, a double */
    enum job_number kind;
    bool device; /* runs on a device alone have it */
} keys[] = {
    {"loss", offsetof(struct watch_numbers, loss), JOB_NUMBER_ANY, false},
    {"lr", offsetof(struct watch_numbers, rate), JOB_NUMBER_ANY, false},
    {"grad_norm", offsetof(struct watch_numbers, norm), JOB_NUMBER_ANY, false},
    {"tokens_per_s", offsetof(struct watch_numbers, speed), JOB_NUMBER_ANY, false},
    {"step_s", offsetof(struct watch_numbers, seconds), JOB_NUMBER_ANY, false},
    {"tokens", offsetof(struct watch_numbers, tokens), JOB_NUMBER_ANY, false},
    {"process_bytes", offsetof(struct watch_numbers, process), JOB_NUMBER_BYTES, false},
    {"device_bytes", offsetof(struct watch_numbers, device), JOB_NUMBER_BYTES, true},
    {"device_total_bytes", offsetof(struct watch_numbers, device_total), JOB_NUMBER_BYTES, true},
    {"device_utilization", offsetof(struct watch_numbers, use), JOB_NUMBER_SHARE, true},
};
enum { KEY_COUNT = sizeof keys / sizeof *keys };

static double *number_at(struct watch_numbers *numbers, size_t i)
{
    return (double *)(void *)((char *)numbers + keys[i].at);
}

/* Of the last lines that have them; those of a device are not sought where no line has one, as that
 * costs a look at thousands of lines. */
static void read_last(const struct watch_view *view, struct watch_numbers *numbers)
{
    const struct job_metrics *metrics = &view->job->metrics;
    numbers->step = job_metrics_last_step(metrics);
    for (size_t i = 0; i < KEY_COUNT; i++)
        *number_at(numbers, i) =
            keys[i].device && !view->has_device && !view->has_use
                ? NAN
                : job_number_check(keys[i].kind, job_follow_last(view->job, keys[i].key));
    read_categories(job_metrics_last_with(metrics, "memory_bytes"), "memory_bytes",
                    numbers->planned);
    read_categories(job_metrics_last_with(metrics, "resident_bytes"), "resident_bytes",
                    numbers->resident);
}

/* Of one line, and what it has not is not known. */
static void read_line(const cJSON *line, struct watch_numbers *numbers)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        double value = NAN;
        json_get_double(line, keys[i].key, &value);
        *number_at(numbers, i) = job_number_check(keys[i].kind, value);
    }
    read_categories(line, "memory_bytes", numbers->planned);
    read_categories(line, "resident_bytes", numbers->resident);
}

/* What of a device any line so far has. */
static void look_for_device(struct watch_view *view)
{
    const struct job_series *series = view->series;
    view->has_device = series && !isnan(job_series_last(series, JOB_KEY_DEVICE, INT64_MAX));
    view->has_use = series && !isnan(job_series_last(series, JOB_KEY_USE, INT64_MAX));
}

/* The last evaluation up to the step. Steps of evaluations rise. */
static void read_evaluation(const struct watch_view *view, double step,
                            struct watch_numbers *numbers)
{
    size_t low = 0, high = 0;
    const struct job_evaluation *list =
        view->series ? job_series_evaluations(view->series, &high) : NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].step <= step)
            low = middle + 1;
        else
            high = middle;
    }
    numbers->evaluation = low > 0 ? list[low - 1].loss : NAN;
    numbers->evaluation_step = low > 0 ? list[low - 1].step : NAN;
}

/* At the cross-hair those of its step, or of the nearest one before it that is known; nothing where
 * the run has not come so far and another one, over it, has: no two runs are read at two steps. */
static void read_numbers(struct watch_view *view)
{
    const struct job_metrics *metrics = &view->job->metrics;
    int64_t cross = view->window.cross;
    double weight = watch_job_window(view, 1).weight;
    size_t at;
    view->numbers = (struct watch_numbers){.step = -1};
    if (!view->window.crossed) {
        read_last(view, &view->numbers);
        read_evaluation(view, INFINITY, &view->numbers);
        view->numbers.smoothed =
            view->series ? job_series_smoothed(view->series, view->numbers.step, weight) : NAN;
        return;
    }
    bool reached = cross <= job_metrics_last_step(metrics);
    bool found = reached && job_series_find(metrics, cross, &at);
    cJSON *line = found ? job_metrics_json(metrics, at) : NULL;
    view->numbers.step = found ? metrics->lines[at].step : -1;
    read_line(line, &view->numbers);
    read_evaluation(view, reached ? (double)cross : -1, &view->numbers);
    view->numbers.smoothed =
        found && view->series ? job_series_smoothed(view->series, cross, weight) : NAN;
    for (int i = 0; found && view->series && i < MEMORY_CATEGORIES; i++) /* not in every line */
        if (isnan(view->numbers.resident[i]))
            view->numbers.resident[i] = job_series_last(
                view->series, (enum job_key)(JOB_KEY_RESIDENT + i), view->window.cross);
    cJSON_Delete(line);
}

/* --- the best checkpoint --- */

/* Looked for again when there were events, as a checkpoint is one. */
static void look_for_best(struct watch_view *view)
{
    struct watch_best *best = &view->best;
    struct evaluated found = {0};
    struct error err = ERROR_INIT;
    size_t events = view->series ? job_series_events(view->series) : 0;
    if (view->best_events == events + 1 || !job_kind_of(view->job->job)->weights)
        return;
    view->best_events = events + 1;
    *best = (struct watch_best){.known = false};
    best->known = state_best(view->job->path, &found, &best->kept, &err) == 0;
    best->step = found.step;
    best->loss = found.loss;
    snprintf(best->why, sizeof best->why, "%s", err.text);
}

/* --- samples --- */

/* The sample of an event's line, the caller's; NULL: it is another event. */
static char *read_sample(const struct job_metrics *metrics, size_t at)
{
    const char *text = NULL;
    cJSON *line = job_metrics_json(metrics, at);
    json_get_string(line, "text", &text);
    char *copy = text ? string_copy(text, NULL) : NULL;
    cJSON_Delete(line);
    return copy;
}

/* The newest one. */
static bool look_for_sample(struct watch_view *view)
{
    const cJSON *line = job_metrics_last_with(&view->job->metrics, "text");
    const char *text = NULL;
    int64_t step = -1;
    json_get_string(line, "text", &text);
    json_get_int64(line, "step", &step);
    bool same =
        text && view->sample && step == view->sample_step && strcmp(text, view->sample) == 0;
    if (view->sample_held || same || (!text && !view->sample))
        return false;
    free(view->sample);
    view->sample = text ? string_copy(text, NULL) : NULL;
    view->sample_step = step;
    return true;
}

/* Events are few, and most of those with a step are samples; a file in which they are not is
 * looked at so far. */
bool watch_sample(struct watch_view *view, bool earlier)
{
    enum { LOOKS = 4096 };
    const struct job_metrics *metrics = &view->job->metrics;
    int looks = 0;
    if (!view->sample)
        return false;
    for (size_t i = 0; i < metrics->count && looks < LOOKS; i++) {
        size_t at = earlier ? metrics->count - 1 - i : i;
        const struct job_line *line = &metrics->lines[at];
        if (line->kind != JOB_LINE_EVENT || line->step < 0 ||
            (earlier ? line->step >= view->sample_step : line->step <= view->sample_step))
            continue;
        char *text = read_sample(metrics, at);
        looks++;
        if (!text)
            continue;
        free(view->sample);
        view->sample = text;
        view->sample_step = line->step;
        view->sample_held = true;
        return true;
    }
    view->sample_held =
        view->sample_held && earlier; /* after the newest it follows the run again */
    return false;
}

/* --- all of it --- */

struct watch_extent watch_extent(const struct watch_view *view)
{
    double total = -1;
    int64_t last = job_metrics_last_step(&view->job->metrics);
    job_follow_number(view->job, "steps", &total);
    for (int i = 0; i < view->runs->count; i++) { /* the longest of those that are drawn */
        int64_t other = runs_last_step(&view->runs->list[i]);
        last = other > last ? other : last;
        total = total >= 1 && (double)other > total ? (double)other : total;
    }
    return (struct watch_extent){last, total >= 1 && total <= 9e15 ? (int64_t)total : -1};
}

/* Unless somebody says otherwise a value counts half after a fiftieth of the steps that are shown.
 */
struct job_window watch_job_window(const struct watch_view *view, int columns)
{
    enum { SHARE = 50 };
    struct watch_steps steps = watch_window_steps(&view->window, watch_extent(view));
    double own = fmax((double)(steps.to - steps.from) / SHARE, 1);
    double half_life = view->half_life >= 0 ? view->half_life : own;
    return (struct job_window){.from = (double)steps.from,
                               .to = (double)steps.to,
                               .logarithmic = view->window.log_x,
                               .columns = columns,
                               .weight = smoothing_weight(half_life)};
}

void watch_end(struct watch_view *view)
{
    job_series_close(view->series);
    job_log_close(&view->log);
    finish_close(&view->finish);
    made_free(&view->made);
    free(view->sample);
    view->series = NULL;
    view->sample = NULL;
}

void watch_begin(struct app *app, struct watch_view *view)
{
    watch_end(view);
    *view = (struct watch_view){
        .job = app->session.run, .runs = &app->session.runs, .half_life = -1, .sample_step = -1};
    job_series_open(&view->series, NULL);
    int own = runs_find(view->runs, view->job->path);
    if (own >= 0)
        runs_remove(view->runs, own);
    if (job_kind_of(view->job->job)->output)
        finish_open(&view->finish, view->job->path, NULL);
}

bool watch_look(struct watch_view *view, double seconds)
{
    bool changed = false;
    struct watch_steps steps = watch_window_steps(&view->window, watch_extent(view));
    if (view->series) {
        job_series_want(view->series, &view->job->metrics, steps.from, steps.to);
        changed = job_series_update(view->series, &view->job->metrics, seconds);
    }
    if (view->log.path)
        changed = job_log_update(&view->log) || changed;
    changed = finish_update(&view->finish) || changed;
    if (view->text == WATCH_TEXT_MADE)
        changed = made_update(&view->made, view->job->path, false) || changed;
    changed = runs_update(view->runs, steps.from, steps.to) || changed;
    look_for_best(view);
    look_for_device(view);
    if (view->window.crossed && view->window.cross > watch_extent(view).last)
        view->window.cross = watch_extent(view).last > 0 ? watch_extent(view).last : 0;
    read_numbers(view);
    return look_for_sample(view) || changed;
}
