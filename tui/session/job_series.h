/* What of a run is drawn over its steps: the loss, and what else stands in each line of its
 * metrics, as curves of any part of it.
 *
 *     lines that job/metrics.h keeps --the loss, at once-------> bins --> job_series_curve()
 *     metrics.jsonl, a part a tick  --all other keys-----------> bins
 *
 * Memory is bounded (step_bins.h): one set of bins has the whole run, and where these are wider
 * than what is looked at deserves, a second one has that part of it (job_series_want()). The losses
 * are in memory, so their bins are always complete; other keys are read from the file by
 * job_series_update(), which never takes longer than it is told, so a curve of a long run comes
 * bit by bit, and the screen stays awake. What is drawn costs the same for ten steps and for
 * ten million.
 *
 * job_series_open() -> job_series_update() with each tick, job_series_want(), job_series_curve()
 * -> job_series_close().
 */
#ifndef SPECTRUM_TUI_SESSION_JOB_SERIES_H
#define SPECTRUM_TUI_SESSION_JOB_SERIES_H

#include "base/memory.h"
#include "job/metrics.h"
#include "tui/session/step_bins.h"

enum job_key {
    JOB_KEY_LOSS,
    JOB_KEY_LR,
    JOB_KEY_GRAD_NORM,
    JOB_KEY_SPEED,    /* tokens_per_s */
    JOB_KEY_PROCESS,  /* process_bytes */
    JOB_KEY_DEVICE,   /* device_bytes */
    JOB_KEY_USE,      /* device_utilization */
    JOB_KEY_RESIDENT, /* resident_bytes, by category */
    JOB_KEYS = JOB_KEY_RESIDENT + MEMORY_CATEGORIES
};

/* What kind of number a value is, and so what it may be: bytes are not below 0, a share is from 0
 * to 1. */
enum job_number { JOB_NUMBER_ANY, JOB_NUMBER_BYTES, JOB_NUMBER_SHARE };

/* The value; NaN where it is none of its kind. */
double job_number_check(enum job_number kind, double value);

struct job_evaluation {
    double step, loss;
};

struct job_series;
int job_series_open(struct job_series **out, struct error *err);
void job_series_close(struct job_series *series);

/* Takes in what the metrics have more than at the last call, and reads on in the file for about so
 * many seconds (negative: not at all, who does so has losses alone); true: something came. Lines
 * that no longer count (a resume) begin it all again. */
bool job_series_update(struct job_series *series, const struct job_metrics *metrics,
                       double seconds);

/* Is there more to read of the file now? */
bool job_series_is_behind(const struct job_series *series, const struct job_metrics *metrics);

/* The steps that will be drawn, from <= to. */
void job_series_want(struct job_series *series, const struct job_metrics *metrics, int64_t from,
                     int64_t to);

/* Part of a curve, and how fine it is to be. */
struct job_window {
    double from, to;  /* steps, from < to */
    bool logarithmic; /* columns are of the logarithm of the step; then from > 0 */
    int columns;      /* no two points in one of these */
    double weight;    /* of the smoothing (smoothing.h); 0: none */
};
/* What a column has: the lowest and the highest value, and the smoothed one after the last of them,
 * which knows what came before the window, too. */
struct job_point {
    double x, low, high, smooth;
};
/* Points from the left, at most `columns`, which out has room for; returns how many. */
size_t job_series_curve(const struct job_series *series, enum job_key key,
                        const struct job_window *window, struct job_point *out);

/* What a key had last up to a step, for what does not stand in every line; NaN: nothing yet. */
double job_series_last(const struct job_series *series, enum job_key key, int64_t step);

/* The smoothed loss after the last value up to a step; NaN: there is none. */
double job_series_smoothed(const struct job_series *series, int64_t step, double weight);

/* All evaluations, by step, at most JOB_EVALUATIONS_MAX, the newest; the series'. */
enum { JOB_EVALUATIONS_MAX = 1 << 16 };
const struct job_evaluation *job_series_evaluations(const struct job_series *series, size_t *count);

/* How many events the lines have so far: a checkpoint is one, so more of them are a reason to look
 * at what there is. */
size_t job_series_events(const struct job_series *series);

/* The line of training of a step, or of the nearest one before it, by its place in
 * metrics->lines; false: there is none. */
bool job_series_find(const struct job_metrics *metrics, int64_t step, size_t *line);

#endif
