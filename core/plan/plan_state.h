/* What a plan is made of; internal to plan/. */
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
    return plan->row_count + 2 + (plan->model ? plan->model->module_count : 0);
}

/* The flag of a module that no row covers. */
static inline unsigned char *plan_module_flag(const struct plan *plan, const struct module *module)
{
    return plan_flags(plan) + plan->row_count + 2 + (module - plan->model->modules);
}

/* Embeddings and heads have switches. Which of them a row, or a tensor by its name or its module's,
 * is: those that the scan says, and in any scan those of the reference, "model.embed_tokens" and
 * "lm_head". */
enum plan_end { PLAN_NO_END, PLAN_EMBEDDING, PLAN_HEAD };
enum plan_end plan_end_named(const struct plan *plan, const char *name);
static inline enum plan_end plan_end_row(const struct plan *plan, size_t row)
{
    return plan_end_named(plan, plan->scan->rows[row].module);
}

/* plan_target.c: does a row train by what stands for it in PEFT, an adapter beside its weight? */
bool plan_takes_adapter(const struct plan *plan, size_t row);

/* Opens a new step: a copy of what is, which the caller then changes. */
int plan_begin_step(struct plan *plan, struct error *err);

#endif
