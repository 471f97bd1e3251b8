/* A run that begins where another one ended: `spectrum train RUN`, or RUN/checkpoints/step-N, in
 * the place of a model.
 *
 * What the other run trained is written out once, as `spectrum export` would (job/export/export.h),
 * into this run's base/: a whole model, adapters added to its weights. From there on nothing is
 * read of the other run, which may move, go on or go, and this run resumes, evaluates and exports
 * as any other that has a base of its own. job.json says where it came from:
 *
 *     "start": {"run": "/home/u/runs/first", "step": 100, "sha256": "<of its state.json>"}
 *
 * The optimiser begins afresh, and so do the learning rate's course and the steps.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_START_H
#define SPECTRUM_JOB_TRAINING_RUN_START_H

#include "base/json.h"
#include "job/training/run_view.h"

/* Does the run have its base already, whole? */
bool run_start_is_made(const char *run);

/* Writes the base of a request whose model is a run (source_is_run()) to the folder `out`, and
 * makes what job.json says of it: the caller's. An error leaves nothing in `out`. */
int run_start_make(cJSON **start, const struct run_sitting *sitting, const char *out,
                   struct error *err);

#endif
