/* What a row of the scan is to a plan, what a percentage selects of them, and what then trains. */
#include "plan/plan_state.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

/* Is the name the tensor's, or its module's? */
static bool names_tensor(const char *name, const char *tensor)
{
    size_t length = strlen(name);
    const char *tail = strncmp(tensor, name, length) == 0 ? tensor + length : "?";
    return !*tail || strcmp(tail, ".weight") == 0;
}

enum plan_end plan_end_named(const struct plan *plan, const char *name)
{
    const struct scan_model *of = &plan->scan->of;
    for (size_t i = 0; i < of->end_count; i++)
        if (names_tensor(name, of->ends[i].tensor))
            return of->ends[i].head ? PLAN_HEAD : PLAN_EMBEDDING;
    return names_tensor(name, "model.embed_tokens.weight") ? PLAN_EMBEDDING
           : names_tensor(name, "lm_head.weight")          ? PLAN_HEAD
                                                           : PLAN_NO_END;
}

enum plan_end plan_end(const struct plan *plan, size_t row)
{
    return plan_end_named(plan, plan->scan->rows[row].module);
}

size_t plan_rank(const struct plan *plan, size_t row, size_t *of)
{
    plan_type_rows(plan, plan->ranking.type[row], of);
    return plan->ranking.rank[row];
}

const size_t *plan_type_rows(const struct plan *plan, size_t n, size_t *count)
{
    if (n >= plan->ranking.types)
        return NULL;
    const size_t *start = plan->ranking.start;
    *count = start[n + 1] - start[n];
    return plan->ranking.member + start[n];
}

/* A list of rows of which a percentage selects the best int(size * percent / 100); fewer where the
 * rest has no score. */
struct group {
    size_t size, selectable;
};

static bool is_selectable(const struct plan *plan, size_t row)
{
    const struct scan_row *at = &plan->scan->rows[row];
    return plan_end(plan, row) == PLAN_NO_END && !(at->known && isnan(at->snr));
}

static struct group group_of(const struct plan *plan, const size_t *rows, size_t count)
{
    struct group group = {0, 0};
    for (size_t k = 0; k < count; k++) {
        group.size += plan_end(plan, rows[k]) == PLAN_NO_END;
        group.selectable += is_selectable(plan, rows[k]);
    }
    return group;
}

static size_t selected_of(const struct group *group, double percent)
{
    size_t best = (size_t)((double)group->size * percent / 100);
    return best < group->selectable ? best : group->selectable;
}

/* The list falls by SNR. */
static void select_best(const struct plan *plan, const struct snapshot *snapshot,
                        const size_t *rows, size_t count)
{
    struct group group = group_of(plan, rows, count);
    size_t left = selected_of(&group, snapshot->base.percent);
    for (size_t k = 0; k < count && left > 0; k++) {
        if (!is_selectable(plan, rows[k]))
            continue;
        snapshot->flags[rows[k]] |= PLAN_MODULE;
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

double plan_next_percent(const struct plan *plan, double from, enum plan_scope scope, bool more)
{
    size_t count = plan->row_count;
    const size_t *rows = plan->ranking.ranked;
    double next = NAN, last = more ? 100 : 0;
    for (size_t type = 0;
         scope == PLAN_BY_TYPE ? (rows = plan_type_rows(plan, type, &count)) != NULL : type == 0;
         type++) {
        struct group group = group_of(plan, rows, count);
        double at = next_of(&group, from, last, more);
        if (!isnan(at))
            next = last = at;
    }
    return next;
}

/* Of a percentage what it selects, of nothing and all just that; names were set when they were
 * read. */
void plan_select_rows(const struct plan *plan, struct snapshot *snapshot)
{
    size_t count;
    const size_t *rows;
    snapshot->ranked = plan->ranked;
    if (snapshot->base.kind == PLAN_NAMES)
        return;
    for (size_t i = 0; i < plan->row_count; i++)
        snapshot->flags[i] = (unsigned char)((snapshot->flags[i] & BY_HAND) |
                                             (snapshot->base.kind == PLAN_ALL ? PLAN_MODULE : 0));
    if (snapshot->base.kind == PLAN_PERCENT && snapshot->base.scope == PLAN_GLOBAL)
        select_best(plan, snapshot, plan->ranking.ranked, plan->row_count);
    else if (snapshot->base.kind == PLAN_PERCENT)
        for (size_t type = 0; (rows = plan_type_rows(plan, type, &count)); type++)
            select_best(plan, snapshot, rows, count);
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
