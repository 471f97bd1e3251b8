/* --reselect N: every N steps the weights that have trained are scanned as they are now, and what
 * trains is chosen again by the new scores.
 *
 * It happens after the checkpoint of that step: everything is read back from there, so a run that
 * is resumed from it does the same. Scores of what never trained are those of the base.
 *
 *     train to the next multiple of N -> save -> rescore -> plan_select() -> another trainer, with
 *     the state of the last one -> plan.yaml, an event, a proof that is due
 *
 * The struct borrows its parts; it has nothing to free.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_RESELECT_H
#define SPECTRUM_JOB_TRAINING_RUN_RESELECT_H

#include "job/training/run_observer.h"

struct run_reselect {
    struct run_choice *choice;
    struct run_setup *setup;
    struct run_lines *lines;
    struct run_proof *proof;
    int64_t last; /* the step after which the choice was made last; 0: the first one stands */
};

/* An interval that the run is too short for is an error. */
int run_reselect_check(const struct run_setup *setup, struct error *err);

/* The next step after which the choice is made; INT64_MAX: none. The last step of a run is not
 * one. */
int64_t run_reselect_next(const struct run_reselect *reselect);

/* Is it to be made before the next step? So it is where a run was stopped between the checkpoint
 * and the choice. */
bool run_reselect_is_due(const struct run_reselect *reselect);

int run_reselect_choose(struct run_reselect *reselect, const struct train_observer *observer,
                        struct error *err);

#endif
