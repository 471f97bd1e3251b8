/* What a method with a plan costs to train: the memory plan of the trainer itself, without taking
 * the memory, and how many parameters train. */
#ifndef SPECTRUM_TUI_APP_COST_H
#define SPECTRUM_TUI_APP_COST_H

#include "base/memory.h"
#include "job/training.h"
#include "plan/plan.h"
#include "tui/app/settings.h"

struct cost {
    bool known; /* the memory is */
    uint64_t bytes[MEMORY_CATEGORIES], total;
    int64_t recomputed;        /* blocks computed anew in the backward pass, for the memory limit */
    bool over_limit;           /* it takes more than the limit even so */
    char why[ERROR_TEXT_MAX];  /* it is not known */
    struct training_disk disk; /* with `known`, as the run would find it */
    /* as the trainer counts them; all 0 where only a scan is open */
    size_t adapted;                                 /* matrices that get adapters */
    int64_t trained_parameters, adapter_parameters; /* of the model's tensors, of adapters */
    int64_t parameters;                             /* of all the model's tensors */
};

void cost_estimate(struct cost *cost, const struct plan *plan, const struct settings *settings);

#endif
