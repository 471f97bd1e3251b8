/* What a plan costs to train: the memory plan of the trainer itself, without taking the memory. */
#ifndef SPECTRUM_TUI_APP_COST_H
#define SPECTRUM_TUI_APP_COST_H

#include "base/memory.h"
#include "plan/plan.h"
#include "tui/app/settings.h"

struct cost {
    bool known;
    uint64_t bytes[MEMORY_CATEGORIES], total;
    char why[ERROR_TEXT_MAX]; /* it is not known */
};

void cost_estimate(struct cost *cost, const struct plan *plan, const struct settings *settings);

#endif
