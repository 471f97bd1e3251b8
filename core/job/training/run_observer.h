/* The trainer's observer (train/trainer.h): writes metrics.jsonl and proof.json for whoever follows,
 * tells the view, and takes the requests of whoever steers (job/requests.h).
 *
 *     trainer_run() --on_step, on_evaluation, ...--> run_lines, run_proof, training_view
 *                   <--stop, checkpoint, continue--  run_should_stop(), requests/
 *
 * The struct borrows all its parts; it has nothing to free.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_OBSERVER_H
#define SPECTRUM_JOB_TRAINING_RUN_OBSERVER_H

#include "job/training/run_lines.h"
#include "job/training/run_proof.h"
#include "job/training/run_setup.h"

struct run_observer {
    struct run_sitting *sitting;
    const struct tokenizer *tokenizer;
    const struct run_setup *setup; /* its trainer may be another one after --reselect */
    struct run_lines *lines;
    struct run_proof *proof;
    bool paused; /* after a checkpoint that was asked for in a pause, the pause continues */
};

/* Its callbacks, for trainer_run(); `observer` must outlive it. */
struct train_observer run_observer_callbacks(struct run_observer *observer);

#endif
