/* What a row of the scan is to a plan, what a percentage selects of them, and what then trains. */
#include "plan/plan_state.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Is the name the tensor's, or its module's? */
static bool names_tensor(const char *name, const char *tensor)
{
    size_t length = strlen(name);
    const char *tail = strncmp(tensor, name, length) == 0 ? tensor + length : "?";
    return !*tail || strcmp(tail, ".weight") == 0;
}

/* By the scan's own list of ends; of a scan that has none, by transformers' names. */
enum plan_end plan_end_named(const struct plan *plan, const char *name)
{
    const struct scan_model *of = &plan->scan->of;
    for (size_t i = 0; i < of->end_count; i++)
        if (names_tensor(name, of->ends[i].tensor) ||
            (of->ends[i].file && names_tensor(name, of->ends[i].file)))
            return of->ends[i].head ? PLAN_HEAD : PLAN_EMBEDDING;
    return names_tensor(name, "model.embed_tokens.weight") ? PLAN_EMBEDDING
           : names_tensor(name, "lm_head.weight")          ? PLAN_HEAD
                                                           : PLAN_NO_END;
}

enum plan_end plan_end(const struct plan *plan, size_t row)
{
    const struct scan_row *is = &plan->scan->rows[row];
    return plan_end_named(plan, is->tensor ? is->tensor : is->module);
}

size_t plan_unit(const struct plan *plan, size_t row)
{
    return plan_ranking(plan)->unit[row];
}

/* By whose types rows are listed now. */
static const struct ranking *ranking_now(const struct plan *plan)
{
    return &plan->rankings[plan->history[plan->now].base.scope == PLAN_TOGETHER];
}

size_t plan_rank(const struct plan *plan, size_t row, size_t *of)
{
    const struct ranking *ranking = ranking_now(plan);
    *of = ranking->own_count[row];
    return ranking->own_rank[row];
}

static const size_t *type_rows(const struct ranking *ranking, size_t n, size_t *count)
{
    if (n >= ranking->types)
        return NULL;
    *count = ranking->start[n + 1] - ranking->start[n];
    return ranking->member + ranking->start[n];
}

const size_t *plan_type_rows(const struct plan *plan, size_t n, size_t *count)
{
    return type_rows(ranking_now(plan), n, count);
}

void plan_type_name(const struct plan *plan, size_t n, char *out, size_t size)
{
    const struct type_name *name = &ranking_now(plan)->name[n];
    snprintf(out, size, "%.*s", (int)name->length, name->text);
}

/* --- what a percentage selects --- */

/* In which ranking: a score that can be compared with those of other types is a median's; and what
 * is one tensor in the loaded model is chosen whole, unless the plan is for the file's. */
static const struct ranking *selecting(const struct plan *plan, enum plan_scope scope)
{
    return &plan->rankings[(scope != PLAN_BY_TYPE) + (plan->of_file ? 0 : plan->rankings_used - 2)];
}

/* The n-th list of units, falling by score, of which a percentage selects the best: a type's, or the
 * one of all; NULL after the last. */
static const size_t *list_of(const struct ranking *ranking, enum plan_scope scope, size_t n,
                             size_t *count)
{
    if (scope != PLAN_GLOBAL)
        return type_rows(ranking, n, count);
    *count = ranking->count;
    return n == 0 ? ranking->ranked : NULL;
}

/* Such a list selects the best int(size * percent / 100); fewer where the rest has no score. */
struct group {
    size_t size, selectable;
};

static bool is_selectable(const struct plan *plan, const struct ranking *ranking, size_t unit)
{
    return plan_end(plan, unit) == PLAN_NO_END &&
           (!isnan(ranking->score[unit]) || ranking->pending[unit]);
}

static struct group group_of(const struct plan *plan, const struct ranking *ranking,
                             const size_t *rows, size_t count)
{
    struct group group = {0, 0};
    for (size_t k = 0; k < count; k++) {
        group.size += plan_end(plan, rows[k]) == PLAN_NO_END;
        group.selectable += is_selectable(plan, ranking, rows[k]);
    }
    return group;
}

static size_t selected_of(const struct group *group, double percent)
{
    size_t best = (size_t)((double)group->size * percent / 100);
    return best < group->selectable ? best : group->selectable;
}

/* The best of one type, down to the share; what may not be chosen does not count. */
static void select_best(const struct plan *plan, const struct snapshot *snapshot,
                        const struct ranking *ranking, const size_t *rows, size_t count)
{
    struct group group = group_of(plan, ranking, rows, count);
    size_t left = selected_of(&group, snapshot->base.percent);
    for (size_t k = 0; k < count && left > 0; k++) {
        if (!is_selectable(plan, ranking, rows[k]))
            continue;
        for (size_t row = rows[k]; row != SIZE_MAX; row = ranking->next[row])
            if (plan_unit(plan, row) == row)
                plan_set_flags(plan, snapshot->flags, row, BY_HAND, PLAN_MODULE);
        left--;
    }
}

/* The whole percentage nearest to `from`, above or below it and not past `last`, that selects another
 * number of the group; NaN: none does. */
static double next_of(const struct group *group, double from, double last, bool more)
{
    double step = more ? 1 : -1, percent = more ? floor(from) + 1 : ceil(from) - 1;
    size_t now = selected_of(group, from);
    for (; more ? percent <= last : percent >= last; percent += step)
        if (selected_of(group, percent) != now)
            return percent;
    return NAN;
}

/* The nearest percentage in that direction at which any type's selection changes; NaN: there is
 * none. */
double plan_next_percent(const struct plan *plan, double from, enum plan_scope scope, bool more)
{
    const struct ranking *ranking = selecting(plan, scope);
    size_t count;
    const size_t *rows;
    double next = NAN, last = more ? 100 : 0;
    for (size_t n = 0; (rows = list_of(ranking, scope, n, &count)); n++) {
        struct group group = group_of(plan, ranking, rows, count);
        double at = next_of(&group, from, last, more);
        if (!isnan(at))
            next = last = at;
    }
    return next;
}

void plan_rank_by(struct plan *plan, const struct plan_order *order)
{
    if (plan_order_is_same(&plan->order, order))
        return;
    plan->order = *order;
    for (int i = 0; i < plan->rankings_used; i++)
        ranking_refresh(&plan->rankings[i], plan->scan, order);
}

/* Of a percentage what it selects, of nothing and all just that; names were set when they were
 * read. */
void plan_select_rows(struct plan *plan, struct snapshot *snapshot)
{
    size_t count;
    const size_t *rows;
    plan_rank_by(plan, &snapshot->base.order);
    snapshot->ranked = plan->ranked;
    if (snapshot->base.kind == PLAN_NAMES)
        return;
    for (size_t i = 0; i < plan->row_count; i++)
        snapshot->flags[i] = (unsigned char)((snapshot->flags[i] & BY_HAND) |
                                             (snapshot->base.kind == PLAN_ALL ? PLAN_MODULE : 0));
    if (snapshot->base.kind != PLAN_PERCENT)
        return;
    const struct ranking *ranking = selecting(plan, snapshot->base.scope);
    for (size_t n = 0; (rows = list_of(ranking, snapshot->base.scope, n, &count)); n++)
        select_best(plan, snapshot, ranking, rows, count);
}

/* Where the two are tied, freezing either freezes the one tensor; what is not in the model does not
 * train. A scan that does not say is taken to have both, as the reference does. */
bool plan_end_trains(const struct plan *plan, bool head)
{
    const unsigned char *switches = plan_flags(plan) + plan->row_count;
    const struct scan_model *of = &plan->scan->of;
    bool there = !of->known;
    for (size_t i = 0; i < of->end_count; i++)
        there |= plan->tied || of->ends[i].head == head;
    return there && (plan->tied ? switches[0] && switches[1] : switches[head]);
}

bool plan_embeddings(const struct plan *plan)
{
    return plan_end_trains(plan, false);
}

bool plan_head(const struct plan *plan)
{
    return plan_end_trains(plan, true);
}

unsigned plan_parts(const struct plan *plan, size_t row)
{
    enum plan_end end = plan_end(plan, row);
    if (end != PLAN_NO_END)
        return plan_end_trains(plan, end == PLAN_HEAD) ? PLAN_MODULE : 0;
    return plan_flag_parts(plan_flags(plan)[row]);
}

bool plan_row(const struct plan *plan, size_t row)
{
    return plan_parts(plan, row) != 0;
}
