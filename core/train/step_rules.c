/* The learning rate of a step, what comes after it, and which step is left out for its loss. Of step s after the warm-up
 * of w, of n in all, with the part p = (s - w) / (n - w) that is done:
 *
 *     warm-up   peak s / w
 *     cosine    floor + (peak - floor) (1 + cos(pi p)) / 2
 *     linear    floor + (peak - floor) (1 - p)
 *     constant  peak
 */
#include "train/step_rules.h"

#include <math.h>
#include <string.h>

/* --- the learning rate --- */

const char *const schedule_names[] = {"cosine", "linear", "constant", NULL};

const char *schedule_name(enum schedule_kind kind)
{
    return schedule_names[kind];
}

/* An unknown name is answered with all that there are. */
int schedule_by_name(enum schedule_kind *out, const char *name, struct error *err)
{
    for (int i = 0; i < SCHEDULE_KINDS; i++) {
        if (strcmp(name, schedule_names[i]) == 0) {
            *out = (enum schedule_kind)i;
            return 0;
        }
    }
    return error_set_kind(err, ERROR_USAGE,
                          "\"%.40s\" is not a schedule: there are cosine, linear and constant",
                          name);
}

/* From `peak` to `floor` over `steps` steps, of which `done` were taken. */
static double fall(enum schedule_kind kind, double peak, double floor, int64_t done, int64_t steps)
{
    double left = steps > 0 ? fmax(0, 1 - (double)done / (double)steps) : 0;
    floor = fmin(floor, peak);
    switch (kind) {
    case SCHEDULE_COSINE:
        return floor + (peak - floor) * 0.5 * (1 + cos(acos(-1) * (1 - left)));
    case SCHEDULE_LINEAR:
        return floor + (peak - floor) * left;
    default:
        return peak;
    }
}

/* The last part that has begun decides: parts are what `resume --more` has added, in order. */
double schedule_rate(const struct schedule *schedule, int64_t step)
{
    for (size_t i = schedule->part_count; i-- > 0;) {
        const struct schedule_part *part = &schedule->parts[i];
        if (step >= part->from)
            return fall(part->kind, part->rate, schedule->floor, step - part->from, part->steps);
    }
    if (step < schedule->warmup)
        return schedule->peak * (double)step / (double)schedule->warmup;
    return fall(schedule->kind, schedule->peak, schedule->floor, step - schedule->warmup,
                schedule->steps - schedule->warmup);
}

/* --- what comes every so many steps --- */

bool step_is_due(int64_t step, int64_t every, int64_t last)
{
    return step == last || (every > 0 && step % every == 0);
}

int64_t step_due_count(int64_t from, int64_t last, int64_t every)
{
    if (from >= last)
        return 0;
    return every > 0 ? last / every - from / every + (last % every != 0) : 1;
}

/* The least common multiple of two; 0: it is above `most`, or one of them is 0. */
static int64_t common_multiple(int64_t a, int64_t b, int64_t most)
{
    int64_t x = a, y = b;
    if (a <= 0 || b <= 0)
        return 0;
    while (y != 0) { /* the greatest common divisor */
        int64_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x <= most / b ? a / x * b : 0;
}

int64_t step_due_both(int64_t from, int64_t last, int64_t a, int64_t b)
{
    return step_due_count(from, last, common_multiple(a, b, last));
}

/* --- which loss is left out --- */

/* z of step_rules.h. Where all losses so far are equal nothing can be said but which side it is on:
 * a larger one is infinitely far. */
static double score(const struct spike_window *window, double loss)
{
    int n = window->count < SPIKE_WINDOW ? window->count : SPIKE_WINDOW;
    double mean = 0, squares = 0;
    if (n < SPIKE_LEAST)
        return NAN;
    for (int i = 0; i < n; i++)
        mean += window->losses[i] / n;
    for (int i = 0; i < n; i++)
        squares += (window->losses[i] - mean) * (window->losses[i] - mean);
    double deviation = sqrt(squares / (n - 1));
    return deviation > 0 ? (loss - mean) / deviation : loss > mean ? INFINITY : 0;
}

bool spike_found(struct spike_window *window, double limit, double loss, double *z)
{
    *z = score(window, loss);
    if (*z > limit && window->left_out < SPIKE_IN_A_ROW) {
        window->left_out++;
        return true;
    }
    if (*z > limit)
        *window = (struct spike_window){0};
    window->left_out = 0;
    window->losses[window->count % SPIKE_WINDOW] = loss;
    window->count++;
    if (window->count == 2 * SPIKE_WINDOW) /* the place in the ring is the same */
        window->count = SPIKE_WINDOW;
    return false;
}
