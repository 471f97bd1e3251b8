/* The loss of a run's first step in this program's own trainer: what an engine's must equal, before
 * its second step. Which tensors train is proved by proof.json; that the same model was computed, by
 * this alone. */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_FIRST_LOSS_H
#define SPECTRUM_JOB_ENGINES_ENGINE_FIRST_LOSS_H

#include "job/training/training.h"

struct engine_first_loss {
    bool known;
    double loss;
    double tolerance; /* relative: another order of sums, and of bf16 another rounding */
    char why[200];    /* it is not known: the model is not computed here, or too large for it */
};

/* A forward pass over the first step's rows, in the run's own precision. What cannot be computed here
 * is no error. */
int engine_first_loss_find(struct engine_first_loss *out, const struct training_parts *parts,
                           struct error *err);

#endif
