/* The rules of a step that need no model: at which learning rate it is taken, what comes after it,
 * and whether its loss lets it be taken at all. All are arithmetic on steps' numbers and losses. */
#ifndef SPECTRUM_TRAIN_STEP_RULES_H
#define SPECTRUM_TRAIN_STEP_RULES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- the learning rate ---
 *
 * Its course over a run is a linear warm-up, then one of the shapes that transformers calls
 * "cosine", "linear" and "constant" (with warm-up), step for step. With warm-up w, n steps and the
 * first step being 0:
 *
 *     step < w     peak * step / w                                     (0 in the first step)
 *     cosine       floor + (peak - floor) * (1 + cos(pi * (step - w) / (n - w))) / 2
 *     linear       floor + (peak - floor) * (n - step) / (n - w)
 *     constant     peak
 *
 * A run that has ended can go on: each time it does adds a part of steps of its own, m of them from
 * step f on, with the same shapes from the part's rate down over its steps and without a warm-up
 * (step - f for step - w, m for n - w). The last part that has begun is what counts.
 */

enum schedule_kind { SCHEDULE_COSINE, SCHEDULE_LINEAR, SCHEDULE_CONSTANT, SCHEDULE_KINDS };

struct schedule_part {
    int64_t from, steps; /* the steps before it, and its own */
    double rate;         /* of its first step */
    enum schedule_kind kind;
};

struct schedule {
    enum schedule_kind kind;
    double peak;           /* the learning rate after the warm-up */
    int64_t warmup, steps; /* of the run as it was begun; warmup < steps */
    double floor;          /* what cosine and linear fall to; of a lower rate that one */
    const struct schedule_part *parts; /* borrowed; `from` rises */
    size_t part_count;
};

/* "cosine", "linear", "constant", by their enum; a NULL ends them. */
extern const char *const schedule_names[];
const char *schedule_name(enum schedule_kind kind);
/* 0, or ERROR_USAGE with the list of names. */
int schedule_by_name(enum schedule_kind *out, const char *name, struct error *err);

/* The learning rate of optimiser step `step`. */
double schedule_rate(const struct schedule *schedule, int64_t step);

/* --- what comes every so many steps ---
 *
 * Evaluations, samples and checkpoints: after each step that is a multiple of `every`, and after the
 * last one; every 0: after that alone.
 */

bool step_is_due(int64_t step, int64_t every, int64_t last);

/* After how many of the steps from + 1 to `last`. */
int64_t step_due_count(int64_t from, int64_t last, int64_t every);

/* After how many of them both of two come, each with an `every` of its own. */
int64_t step_due_both(int64_t from, int64_t last, int64_t a, int64_t b);

/* --- the loss-spike guard ---
 *
 * A step whose loss stands far above those before it is left out, so that one broken batch does not
 * throw the weights. "Far" is a z-score over the last n = SPIKE_WINDOW losses that were not left
 * out, from SPIKE_LEAST of them on:
 *
 *     z = (loss - mean) / deviation,    deviation^2 = sum of (loss_i - mean)^2 / (n - 1)
 *
 * After SPIKE_IN_A_ROW steps left out one after another the losses are believed, and the window
 * starts over: the level has changed.
 */

enum { SPIKE_WINDOW = 64, SPIKE_LEAST = 16, SPIKE_IN_A_ROW = 8 };

/* {0} at first; part of a run's state. */
struct spike_window {
    double losses[SPIKE_WINDOW]; /* a ring, the next goes to count % SPIKE_WINDOW */
    int count;                   /* since it began; from 2 SPIKE_WINDOW on it goes round */
    int left_out;                /* in a row */
};

/* Is this loss to be left out, where `limit` > 0 standard deviations are too far? If not, it joins
 * the window. *z is its score, NaN where there are too few to tell. */
bool spike_found(struct spike_window *window, double limit, double loss, double *z);

#endif
