/* How long a training run still takes: its steps, and what lies between them.
 *
 *     left = (steps to come) * (seconds a step, of the last ones)
 *          + sum over evaluations, samples and saves of (how many come) * (seconds of one, of the last ones)
 *
 * How many come follows from the run's "eval_every" and "save_every", and both come after the last
 * step. An evaluation that is the best so far is saved, too, which nobody knows before: as many are
 * counted as were among the last ones. Lines say of each how long it took ("seconds"); of one that
 * does not say it, what passed between the two steps around it is taken; of what never came so far
 * nothing is counted. */
#ifndef SPECTRUM_TUI_SESSION_JOB_LEFT_H
#define SPECTRUM_TUI_SESSION_JOB_LEFT_H

#include "tui/session/job_follow.h"

/* seconds, NaN: not known, as of a run that pauses, whose end moves on with every second, and of what
 * counts no steps: a scan's rows take times of their own, and those that were cached none.
 * `least`: it takes longer, as saves or evaluations will come of which there was none so far. */
struct job_left {
    double seconds;
    bool least;
};
struct job_left job_left(const struct job_follow *job);

/* "12 s", with `least` before it where it takes longer: "at least 12 s". */
void job_left_put(const struct job_left *left, const char *least, char *out, size_t size);

#endif
