/* The steps that led to a plan: opening one, going back and on, looking at them. */
#include "plan/plan_state.h"

#include "base/memory.h"
#include "base/sys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void plan_snapshot_free(struct snapshot *snapshot)
{
    free(snapshot->flags);
    free((char *)(uintptr_t)snapshot->base.source);
    *snapshot = (struct snapshot){.flags = NULL};
}

/* What could be redone is gone from here on, and of more than UNDO_MAX steps the oldest. */
int plan_begin_step(struct plan *plan, struct error *err)
{
    const struct snapshot *now = &plan->history[plan->now];
    const char *source = now->base.source;
    struct snapshot next = *now;
    next.time = (int64_t)sys.time(NULL);
    next.flags = array_alloc(plan_flag_count(plan), 1, err);
    next.base.source = source ? string_copy(source, err) : NULL;
    if (!next.flags || (source && !next.base.source)) {
        plan_snapshot_free(&next);
        return -1;
    }
    memcpy(next.flags, now->flags, plan_flag_count(plan));
    while (plan->last > plan->now)
        plan_snapshot_free(&plan->history[plan->last--]);
    if (plan->now + 1 == UNDO_MAX) {
        plan_snapshot_free(&plan->history[0]);
        memmove(plan->history, plan->history + 1, (UNDO_MAX - 1) * sizeof *plan->history);
        plan->now--;
    }
    plan->last = ++plan->now;
    plan->history[plan->now] = next;
    return 0;
}

void plan_cancel_step(struct plan *plan)
{
    plan_snapshot_free(&plan->history[plan->now]);
    plan->last = --plan->now;
}

/* The base of the step in the making, whose text is the plan's own copy. */
int plan_set_base(struct plan *plan, enum plan_base_kind kind, const char *source,
                  struct error *err)
{
    struct plan_base *base = &plan->history[plan->now].base;
    char *copy = source ? string_copy(source, err) : NULL;
    if (source && !copy)
        return -1;
    free((char *)(uintptr_t)base->source);
    *base = (struct plan_base){kind, NAN, base->scope, base->order, copy};
    return 0;
}

/* A percentage follows the scores; of a step that one comes back to, too. */
static void bring_up_to_date(struct plan *plan, struct snapshot *snapshot)
{
    if (snapshot->ranked != plan->ranked)
        plan_select_rows(plan, snapshot);
    plan_rank_by(plan, &plan->history[plan->now].base.order); /* in which rows are listed */
}

void plan_refresh(struct plan *plan)
{
    for (int i = 0; i < plan->rankings_used; i++)
        ranking_refresh(&plan->rankings[i], plan->scan, &plan->order);
    plan->ranked++;
    bring_up_to_date(plan, &plan->history[plan->now]);
}

void plan_take_steps(struct plan *plan, const struct snapshot *steps, size_t count, size_t now)
{
    for (size_t i = 0; i <= plan->last; i++)
        plan_snapshot_free(&plan->history[i]);
    memcpy(plan->history, steps, count * sizeof *steps);
    plan->last = count - 1;
    plan->now = now;
    plan_select_rows(plan, &plan->history[now]);
}

void plan_settle(struct plan *plan)
{
    struct snapshot now = plan->history[plan->now];
    for (size_t i = 0; i <= plan->last; i++)
        if (i != plan->now)
            plan_snapshot_free(&plan->history[i]);
    plan->history[0] = now;
    plan->now = plan->last = 0;
}

bool plan_go(struct plan *plan, size_t step)
{
    if (step > plan->last)
        return false;
    plan->now = step;
    bring_up_to_date(plan, &plan->history[step]);
    return true;
}

bool plan_undo(struct plan *plan)
{
    return plan->now > 0 && plan_go(plan, plan->now - 1);
}

bool plan_redo(struct plan *plan)
{
    return plan_go(plan, plan->now + 1);
}

size_t plan_steps(const struct plan *plan, size_t *now)
{
    *now = plan->now;
    return plan->last + 1;
}

bool plan_is_same_base(const struct plan_base *a, const struct plan_base *b)
{
    const char *x = a->source ? a->source : "", *y = b->source ? b->source : "";
    return a->kind == b->kind && strcmp(x, y) == 0 &&
           (a->kind != PLAN_PERCENT || (a->percent == b->percent && a->scope == b->scope &&
                                        plan_order_is_same(&a->order, &b->order)));
}

/* What a step has changed against the one before it: rows that begin or end to train, edits,
 * switches, base. A row whose edit changed counts as edited even where it trains as before. */
struct plan_step plan_step(struct plan *plan, size_t step)
{
    struct snapshot *at = &plan->history[step], *before = step > 0 ? at - 1 : at;
    const unsigned char *ends = at->flags + plan->row_count,
                        *were = before->flags + plan->row_count;
    bring_up_to_date(plan, before);
    bring_up_to_date(plan, at);
    struct plan_step out = {.time = at->time, .base = at->base, .first = SIZE_MAX};
    out.new_base = !plan_is_same_base(&at->base, &before->base);
    for (size_t i = 0; i < plan->row_count; i++) {
        bool trains = plan_flag_parts(at->flags[i]), did = plan_flag_parts(before->flags[i]);
        if (plan_end(plan, i) != PLAN_NO_END || plan_unit(plan, i) != i)
            continue;
        out.modules += trains;
        out.begun += trains && !did;
        out.ended += did && !trains;
        out.edits += (at->flags[i] & BY_HAND) != 0;
        if ((at->flags[i] & BY_HAND) == (before->flags[i] & BY_HAND))
            continue;
        out.first = out.edited++ == 0 ? i : out.first;
        out.trained += (at->flags[i] & HAND_TRAINS) != 0;
        out.frozen += (at->flags[i] & HAND_FREEZES) != 0;
    }
    out.embeddings = ends[0];
    out.head = ends[1];
    out.new_embeddings = ends[0] != were[0];
    out.new_head = ends[1] != were[1];
    return out;
}
