/* Which of a run's states is meant: the last, one of a step, or that of the best evaluation; and
 * which stay when there are more than are to be kept. */
#ifndef SPECTRUM_TRAIN_STATE_CHOICE_H
#define SPECTRUM_TRAIN_STATE_CHOICE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct state_choice {
    int64_t step; /* 0: the last */
    bool best;    /* the one with the lowest evaluation loss; then no step */
    bool quickly; /* only what is read of it is checked, not masters and the optimiser's state */
};

/* Its folder, newly allocated; NULL and an error that lists what there is. */
char *state_choose(const char *run, const struct state_choice *choice, struct error *err);

/* The latest complete state folder of a run, newly allocated; NULL where there is none (*err is
 * then set). */
char *state_latest(const char *run, struct error *err);

/* Removes leftovers, and of the states up to `step` all but the latest `keep` that were due, the
 * best, and those that were left. */
void state_prune(const char *run, int64_t step, int64_t keep, int64_t best);

#endif
