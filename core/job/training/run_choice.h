/* What of a run's model trains: by a plan file, by percentage from a scan, by a control, or
 * everything; a resume trains what the run has already.
 *
 *     --plan FILE   --top P      --select HOW     --method full, lora
 *     plan_read()   scan_run()   control_plan()          |
 *           \           |             /                  |
 *             struct plan, written to RUN/plan.yaml      |
 *                       \________  method_choose()  _____/
 *                                        |
 *                                struct method_choice
 *
 * run_choice_make() fills it and run_choice_close() frees it, also after an error. With --reselect
 * the choice changes between two trainers (run_reselect.h), and never while one lives: a trainer
 * reads the lists of `choice` and `touched`.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_CHOICE_H
#define SPECTRUM_JOB_TRAINING_RUN_CHOICE_H

#include "job/training/run_base.h"
#include "spectra/scan.h"

struct run_choice {
    struct run_sitting *sitting;
    const struct run_base *base;
    struct scan_result *scanned; /* the plan's scan, with scores; NULL: another made the plan */
    struct scan *outline;        /* the plan's scan, names alone; NULL: there is one with scores */
    struct plan *plan;           /* NULL: everything trains */
    struct method_choice choice; /* [parameter_count] each */
    bool *touched; /* [parameter_count]: trained earlier in the run; NULL without --reselect */
};

/* A choice that trains nothing is an error, and so is one that leaves new tokens untrained. */
int run_choice_make(struct run_choice *choice, const struct run_base *base, struct error *err);
void run_choice_close(struct run_choice *choice);

/* Writes RUN/plan.yaml from the plan; a dry run writes nothing. */
int run_choice_write_plan(const struct run_choice *choice, struct error *err);

#endif
