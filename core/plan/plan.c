#include "plan/plan.h"

#include "base/memory.h"
#include "base/regex.h"
#include "base/text.h"
#include "plan/plan_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

int plan_new(struct plan **out, const struct scan *scan, const struct model *model,
             struct error *err)
{
    *out = NULL;
    struct plan *plan = array_alloc(1, sizeof *plan, err);
    if (!plan)
        return -1;
    plan->scan = scan;
    plan->model = model;
    plan->tied = scan->of.tied;
    plan->row_count = scan->count;
    plan->history[0].flags = array_alloc(plan_flag_count(plan), 1, err);
    plan->history[0].percent = NAN;
    if (ranking_init(&plan->ranking, scan, err) != 0 || !plan->history[0].flags) {
        plan_free(plan);
        return -1;
    }
    plan_flags(plan)[scan->count] = plan_flags(plan)[scan->count + 1] = 1;
    *out = plan;
    return 0;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i <= plan->last; i++)
        free(plan->history[i].flags);
    ranking_free(&plan->ranking);
    free(plan);
}

/* Opens a new step: a copy of what is, which the caller then changes. */
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

/* Trains the best int(count * percent / 100) of the rows in a list that falls by SNR; fewer where
 * the rest has no score. */
static void select_best(struct plan *plan, const size_t *rows, size_t count, double percent)
{
    size_t size = 0;
    for (size_t k = 0; k < count; k++)
        size += plan_end_row(plan, rows[k]) == PLAN_NO_END;
    size_t left = (size_t)((double)size * percent / 100);
    for (size_t k = 0; k < count && left > 0; k++) {
        const struct scan_row *row = &plan->scan->rows[rows[k]];
        if (plan_end_row(plan, rows[k]) != PLAN_NO_END || (row->known && isnan(row->snr)))
            continue;
        plan_flags(plan)[rows[k]] = PLAN_MODULE;
        left--;
    }
}

/* What the current snapshot's percentage and scope say, by the present ranks. */
static void select_all(struct plan *plan)
{
    const struct snapshot *now = &plan->history[plan->now];
    memset(now->flags, 0, plan->row_count);
    if (now->scope == PLAN_GLOBAL) {
        select_best(plan, plan->ranking.ranked, plan->row_count, now->percent);
        return;
    }
    size_t count;
    const size_t *rows;
    for (size_t type = 0; (rows = plan_type_rows(plan, type, &count)); type++)
        select_best(plan, rows, count, now->percent);
}

int plan_select(struct plan *plan, double percent, enum plan_scope scope, struct error *err)
{
    if (!(percent >= 0 && percent <= 100))
        return error_set_kind(err, ERROR_USAGE, "a percentage must be from 0 to 100");
    if (plan_begin_step(plan, err) != 0)
        return -1;
    size_t listed = plan->row_count + 2; /* and nothing else */
    memset(plan_flags(plan) + listed, 0, plan_flag_count(plan) - listed);
    plan->history[plan->now].percent = percent;
    plan->history[plan->now].selected = true;
    plan->history[plan->now].scope = scope;
    select_all(plan);
    return 0;
}

void plan_refresh(struct plan *plan)
{
    ranking_refresh(&plan->ranking, plan->scan);
    if (plan->history[plan->now].selected)
        select_all(plan);
}

/* Embedding and head have their switches, listed in the scan or not. */
static void set_row(struct plan *plan, size_t row, bool train)
{
    unsigned char *flags = plan_flags(plan);
    enum plan_end end = plan_end_row(plan, row);
    if (end != PLAN_NO_END)
        flags[plan->row_count + (end == PLAN_HEAD)] = train;
    else
        flags[row] = train ? PLAN_MODULE : 0;
}

/* Embeddings and heads by their modules' names: those that the scan says, or else the reference's.
 */
static int set_switches(struct plan *plan, struct regex *regex, bool train, size_t *matched,
                        struct error *err)
{
    static const char *const names[] = {"model.embed_tokens.weight", "lm_head.weight"};
    const struct scan_model *of = &plan->scan->of;
    for (size_t i = 0; i < (of->known ? of->end_count : 2); i++) {
        const char *tensor = of->known ? of->ends[i].tensor : names[i];
        char name[1024];
        bool head = of->known ? of->ends[i].head : i == 1;
        size_t length = strlen(tensor) - (text_ends_with(tensor, ".weight") ? 7 : 0);
        snprintf(name, sizeof name, "%.*s", (int)length, tensor);
        int found = regex_search(regex, name, err);
        if (found < 0)
            return -1;
        if (found == 0)
            continue;
        plan_flags(plan)[plan->row_count + head] = train;
        *matched += !ranking_find(&plan->ranking, plan->scan, name, strlen(name));
    }
    return 0;
}

static int set_matching(struct plan *plan, struct regex *regex, bool train, size_t *matched,
                        struct error *err)
{
    for (size_t i = 0; i < plan->row_count; i++) {
        int found = regex_search(regex, plan->scan->rows[i].module, err);
        if (found < 0)
            return -1;
        if (found == 0)
            continue;
        set_row(plan, i, train);
        ++*matched;
    }
    return set_switches(plan, regex, train, matched, err);
}

/* What a scan does not score has no switch here, but a plan file can name it. */
static int refuse_pattern(const struct plan *plan, struct regex *regex, const char *pattern,
                          struct error *err)
{
    const struct module *first = NULL;
    size_t count = 0;
    for (size_t i = 0; plan->model && i < plan->model->module_count; i++) {
        char name[1024];
        module_short_name(&plan->model->modules[i], name, sizeof name);
        int found = regex_search(regex, name, err);
        if (found < 0)
            return -1;
        if (found > 0 && count++ == 0)
            first = &plan->model->modules[i];
    }
    if (count > 0)
        return error_set(err,
                         "the pattern \"%.200s\" matches no scanned module, but %zu tensor%s the "
                         "scan does not score (%.200s%s): norms and biases have no score, and are "
                         "added to the plan file by name",
                         pattern, count, count == 1 ? " that" : "s that", first->name,
                         count == 1 ? "" : " first");
    return error_set(err, "the pattern \"%.200s\" matches no scanned module%s", pattern,
                     plan->model ? ""
                                 : " (norms and biases have no score, and are added to the plan "
                                   "file by name)");
}

int plan_set_matching(struct plan *plan, const char *pattern, bool train, size_t *matched,
                      struct error *err)
{
    struct regex *regex = regex_new(pattern, err);
    *matched = 0;
    if (!regex) {
        if (err)
            err->kind = ERROR_USAGE;
        return -1;
    }
    if (plan_begin_step(plan, err) != 0) {
        regex_free(regex);
        return -1;
    }
    int status = set_matching(plan, regex, train, matched, err);
    if (status == 0 && *matched == 0)
        status = refuse_pattern(plan, regex, pattern, err);
    regex_free(regex);
    if (status != 0)
        plan_undo(plan);
    return status;
}

int plan_toggle(struct plan *plan, const size_t *rows, size_t count, struct error *err)
{
    if (plan_begin_step(plan, err) != 0)
        return -1;
    bool all = true;
    for (size_t i = 0; i < count; i++)
        all &= plan_row(plan, rows[i]);
    for (size_t i = 0; i < count; i++)
        set_row(plan, rows[i], !all);
    return 0;
}

int plan_set_embeddings(struct plan *plan, bool train, struct error *err)
{
    if (plan_begin_step(plan, err) != 0)
        return -1;
    plan_flags(plan)[plan->row_count] = train;
    return 0;
}

int plan_set_head(struct plan *plan, bool train, struct error *err)
{
    if (plan_begin_step(plan, err) != 0)
        return -1;
    plan_flags(plan)[plan->row_count + 1] = train;
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

/* Where the two are tied, freezing either freezes the one tensor; what is not in the model does not
 * train. A scan that does not say is taken to have both, as the reference does. */
static bool end_trains(const struct plan *plan, bool head)
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
    return end_trains(plan, false);
}

bool plan_head(const struct plan *plan)
{
    return end_trains(plan, true);
}

unsigned plan_parts(const struct plan *plan, size_t row)
{
    enum plan_end end = plan_end_row(plan, row);
    if (end != PLAN_NO_END)
        return end_trains(plan, end == PLAN_HEAD) ? PLAN_MODULE : 0;
    return plan_flags(plan)[row];
}

bool plan_row(const struct plan *plan, size_t row)
{
    return plan_parts(plan, row) != 0;
}

double plan_percent(const struct plan *plan)
{
    return plan->history[plan->now].percent;
}

bool plan_selection(const struct plan *plan, double *percent, enum plan_scope *scope)
{
    const struct snapshot *now = &plan->history[plan->now];
    *percent = now->percent;
    *scope = now->scope;
    return now->selected;
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

const struct scan *plan_scan(const struct plan *plan)
{
    return plan->scan;
}

const struct model *plan_model(const struct plan *plan)
{
    return plan->model;
}
