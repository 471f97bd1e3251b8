/* What a plan is made of, for the files of this folder alone.
 *
 *     plan_choice.c    what a row is, what a percentage selects, what trains
 *     plan_history.c   the steps: opening one, going back and on
 *     plan_names.c     from names to rows and parts of rows
 *     plan.c           the plan's life, and what users change
 *
 * Each uses those before it. What all of them keep true:
 *
 *   1. history[now] is the plan, history[0..last] are its steps, and (now, last] can be redone.
 *   2. A change by a user is one step: begin_step() copies what is, the change is made to the copy,
 *      and where it fails, plan_undo() takes the step back.
 *   3. Rows that are an embedding or a head have no flag of their own: the two switches after the
 *      rows' flags say whether they train (plan_end()).
 *   4. `selected` is true only while the rows' flags are what percent and scope select.
 */
#ifndef SPECTRUM_PLAN_PLAN_STATE_H
#define SPECTRUM_PLAN_PLAN_STATE_H

#include "plan/plan.h"
#include "plan/ranking.h"

enum { UNDO_MAX = 1000 };

/* All that a step of undo brings back. `flags` has one byte of plan_parts a row of the scan, one
 * for the embedding, one for the head, and one a module of the model, for those that no row covers.
 */
struct snapshot {
    unsigned char *flags;
    double percent;
    bool selected; /* the flags are what percent and scope select, with nothing done by hand */
    enum plan_scope scope;
};

struct plan {
    const struct scan *scan;
    const struct model *model;
    bool tied;
    size_t row_count;
    struct ranking ranking;
    struct snapshot history[UNDO_MAX];
    size_t now, last; /* history[now] is the plan; (now, last] can be redone */
};

static inline unsigned char *plan_flags(const struct plan *plan)
{
    return plan->history[plan->now].flags;
}

static inline size_t plan_flag_count(const struct plan *plan)
{
    return plan->row_count + 2 + (plan->model ? plan->model->parameter_count : 0);
}

/* The flag of a module that no row covers. */
static inline unsigned char *plan_module_flag(const struct plan *plan,
                                              const struct parameter *parameter)
{
    return plan_flags(plan) + plan->row_count + 2 + (parameter - plan->model->parameters);
}

/* plan_choice.c: the end that a tensor's or module's name speaks of; is there a head (or an
 * embedding) that trains; and the current snapshot's rows as its percentage and scope say. */
enum plan_end plan_end_named(const struct plan *plan, const char *name);
bool plan_end_trains(const struct plan *plan, bool head);
void plan_select_rows(struct plan *plan);

/* plan_history.c: opens a new step, a copy of what is, which the caller then changes. */
int plan_begin_step(struct plan *plan, struct error *err);

#endif
