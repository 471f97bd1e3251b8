/* A run beyond its end: `spectrum resume RUN --more N` adds N steps after the checkpoint that it
 * continues from, where the run then ends. What was added is part of the run from then on: job.json
 * has it under "continued", in its order, and every later sitting takes the same rates from it.
 *
 *     "continued": [{"from": 100, "steps": 50, "lr": 2e-06, "schedule": "constant"}]
 *
 *     run_more_open() -> the trainer has the parts (train/step_rules.h) -> run_more_close()
 *
 * A run that goes back to a checkpoint before a part began, and is continued from there, is without
 * that part.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_MORE_H
#define SPECTRUM_JOB_TRAINING_RUN_MORE_H

#include "job/training/run_view.h"

struct run_more {
    struct schedule_part *parts;
    size_t count;
    bool added; /* the last one was asked for in this sitting */
};

/* Of a sitting whose state was chosen: what job.json has, and what was asked for. */
int run_more_open(struct run_more *more, const struct run_sitting *sitting, struct error *err);
void run_more_close(struct run_more *more);

/* Adds the member "continued", unless there are no parts. */
void run_more_put(struct json_writer *json, const struct schedule_part *parts, size_t count);

#endif
