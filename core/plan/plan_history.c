/* The steps that led to a plan: opening one, going back and on, forgetting them. */
#include "plan/plan_state.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Opens a new step: a copy of what is, which the caller then changes. What could be redone is gone
 * from here on, and of more than UNDO_MAX steps the oldest. */
int plan_begin_step(struct plan *plan, struct error *err)
{
    unsigned char *copy = array_alloc(plan_flag_count(plan), 1, err);
    if (!copy)
        return -1;
    memcpy(copy, plan_flags(plan), plan_flag_count(plan));
    double percent = plan->history[plan->now].percent;
    while (plan->last > plan->now)
        free(plan->history[plan->last--].flags);
    if (plan->now + 1 == UNDO_MAX) {
        free(plan->history[0].flags);
        memmove(plan->history, plan->history + 1, (UNDO_MAX - 1) * sizeof *plan->history);
        plan->now--;
    }
    plan->last = ++plan->now;
    plan->history[plan->now] = (struct snapshot){.flags = copy, .percent = percent};
    return 0;
}

void plan_settle(struct plan *plan)
{
    for (size_t i = 0; i <= plan->last; i++)
        if (i != plan->now)
            free(plan->history[i].flags);
    plan->history[0] = plan->history[plan->now];
    plan->now = plan->last = 0;
}

bool plan_undo(struct plan *plan)
{
    if (plan->now == 0)
        return false;
    plan->now--;
    return true;
}

bool plan_redo(struct plan *plan)
{
    if (plan->now == plan->last)
        return false;
    plan->now++;
    return true;
}
