/* A plan's life, what users change of it, and what it comes to. */
#include "plan/plan_state.h"

#include "base/memory.h"
#include "base/regex.h"
#include "base/sys.h"
#include "base/text.h"
#include "model/family.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    plan->ranked = 1; /* a snapshot that says 0 was never selected */
    plan->history[0] = (struct snapshot){.flags = array_alloc(plan_flag_count(plan), 1, err),
                                         .base = {.percent = NAN},
                                         .time = (int64_t)sys.time(NULL)};
    plan->rankings_used = 2;
    for (size_t i = 0; i < scan->count; i++)
        if (scan->rows[i].loaded && scan->rows[i].loaded_parts > 1)
            plan->rankings_used = 4;
    int status = 0;
    for (int i = 0; status == 0 && i < plan->rankings_used; i++)
        status = ranking_init(&plan->rankings[i], scan, i & 1, i & 2, err);
    if (status != 0 || loaded_rows_init(&plan->loaded, scan, plan->rankings[0].unit, err) != 0 ||
        !plan->history[0].flags) {
        plan_free(plan);
        return -1;
    }
    plan_flags(plan)[scan->count] = plan_flags(plan)[scan->count + 1] = 1;
    *out = plan;
    return 0;
}

/* Snapshots up to the last one, also those after `now` that redo would bring back. */
void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i <= plan->last; i++)
        plan_snapshot_free(&plan->history[i]);
    for (int i = 0; i < plan->rankings_used; i++)
        ranking_free(&plan->rankings[i]);
    loaded_rows_free(&plan->loaded);
    free(plan);
}

/* A base of rows alone: what the scan does not list, and only names can say, is frozen. */
static int begin_base(struct plan *plan, enum plan_base_kind kind, struct error *err)
{
    size_t listed = plan->row_count + 2;
    if (plan_begin_step(plan, err) != 0)
        return -1;
    memset(plan_flags(plan) + listed, 0, plan_flag_count(plan) - listed);
    if (plan_set_base(plan, kind, NULL, err) == 0)
        return 0;
    plan_cancel_step(plan);
    return -1;
}

void plan_select_of_file(struct plan *plan)
{
    plan->of_file = true;
}

int plan_select(struct plan *plan, double percent, enum plan_scope scope, struct error *err)
{
    struct plan_order order = plan_base(plan).order;
    return plan_select_by(plan, percent, scope, &order, err);
}

/* A new base; edits by hand stay over it. */
int plan_select_by(struct plan *plan, double percent, enum plan_scope scope,
                   const struct plan_order *order, struct error *err)
{
    if (!(percent >= 0 && percent <= 100))
        return error_set_kind(err, ERROR_USAGE, "a percentage must be from 0 to 100");
    if (begin_base(plan, PLAN_PERCENT, err) != 0)
        return -1;
    plan->history[plan->now].base.percent = percent;
    plan->history[plan->now].base.scope = scope;
    plan->history[plan->now].base.order = *order;
    plan_select_rows(plan, &plan->history[plan->now]);
    return 0;
}

int plan_select_all(struct plan *plan, bool train, struct error *err)
{
    if (begin_base(plan, train ? PLAN_ALL : PLAN_NOTHING, err) != 0)
        return -1;
    plan_select_rows(plan, &plan->history[plan->now]);
    return 0;
}

int plan_select_with_ends(struct plan *plan, double percent, enum plan_scope scope, bool embeddings,
                          bool head, struct error *err)
{
    if (plan_select_by(plan, percent, scope, &(struct plan_order){.kind = ORDER_METRIC}, err) != 0)
        return -1;
    plan_flags(plan)[plan->row_count] = embeddings;
    plan_flags(plan)[plan->row_count + 1] = head;
    return 0;
}

/* --- by hand --- */

/* An edit says of a row what it does whatever the base says, that one too which agrees with it now.
 * Embedding and head have their switches, listed in the scan or not, and no base that could say
 * otherwise. */
static void set_row(struct plan *plan, size_t row, bool train)
{
    enum plan_end end = plan_end(plan, row);
    if (end != PLAN_NO_END)
        plan_flags(plan)[plan->row_count + (end == PLAN_HEAD)] = train;
    else
        plan_set_flags(plan, plan_flags(plan), row, PLAN_MODULE,
                       train ? HAND_TRAINS : HAND_FREEZES);
}

/* Does turning a row's edit around take it back to what the base says? */
static bool is_taken_back(const struct plan *plan, size_t row, bool train)
{
    unsigned char flag = plan_flags(plan)[row];
    return plan_end(plan, row) == PLAN_NO_END && flag & BY_HAND &&
           (flag & PLAN_MODULE) == (train ? PLAN_MODULE : 0);
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
        *matched += !ranking_find(plan_ranking(plan), plan->scan, name, strlen(name));
    }
    return 0;
}

/* What a scan does not score has no switch here, but a plan file can name it. */
static int refuse_pattern(const struct plan *plan, struct regex *regex, const char *pattern,
                          struct error *err)
{
    const struct parameter *first = NULL;
    size_t count = 0;
    for (size_t i = 0; plan->model && i < plan->model->parameter_count; i++) {
        char name[1024];
        parameter_short_name(&plan->model->parameters[i], name, sizeof name);
        int found = regex_search(regex, name, err);
        if (found < 0)
            return -1;
        if (found > 0 && count++ == 0)
            first = &plan->model->parameters[i];
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

/* 1, 0, or -1. Of a tensor of several rows its name is asked; a pattern that finds one of its rows
 * alone asks for what no engine does. */
static int finds_row(const struct plan *plan, struct regex *regex, size_t row, struct error *err)
{
    const struct scan_row *is = &plan->scan->rows[row];
    char name[1024];
    if (!is->tensor)
        return regex_search(regex, is->module, err);
    snprintf(name, sizeof name, "%.*s", (int)module_name_length(is->tensor), is->tensor);
    int found = regex_search(regex, name, err);
    int alone = found == 0 ? regex_search(regex, is->module, err) : 0;
    if (alone > 0)
        return error_set(err,
                         "%.200s is a part of %.200s, which trains or freezes as one tensor: a "
                         "pattern that finds that name does it",
                         is->module, name);
    return alone < 0 ? -1 : found;
}

/* One step for all that the pattern finds, rows and switches; nothing found is an error, and no
 * step. */
int plan_set_matching(struct plan *plan, const char *pattern, bool train, size_t *matched,
                      struct error *err)
{
    struct regex *regex = regex_of_names(pattern, err);
    int status = -1;
    *matched = 0;
    if (!regex) {
        if (err)
            err->kind = ERROR_USAGE;
        return -1;
    }
    if (plan_begin_step(plan, err) != 0)
        goto out;
    for (size_t i = 0; i < plan->row_count; i++) {
        int found = finds_row(plan, regex, i, err);
        if (found < 0)
            goto undo;
        if (found == 0 || plan_unit(plan, i) != i)
            continue;
        set_row(plan, i, train);
        ++*matched;
    }
    if (set_switches(plan, regex, train, matched, err) != 0)
        goto undo;
    if (*matched > 0)
        status = 0;
    else
        refuse_pattern(plan, regex, pattern, err);
undo:
    if (status != 0)
        plan_cancel_step(plan);
out:
    regex_free(regex);
    return status;
}

/* Several at once all become what not all of them are. A single one that goes back to what its base
 * says is no longer an edit. */
int plan_toggle(struct plan *plan, const size_t *rows, size_t count, struct error *err)
{
    if (plan_begin_step(plan, err) != 0)
        return -1;
    bool all = true;
    for (size_t i = 0; i < count; i++)
        all &= plan_row(plan, rows[i]);
    if (count == 1 && is_taken_back(plan, rows[0], !all))
        plan_set_flags(plan, plan_flags(plan), rows[0], PLAN_MODULE, 0);
    else
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

int plan_drop_edits(struct plan *plan, struct error *err)
{
    if (plan_begin_step(plan, err) != 0)
        return -1;
    for (size_t i = 0; i < plan->row_count; i++)
        plan_flags(plan)[i] &= PLAN_MODULE;
    return 0;
}

/* --- what it is made of --- */

struct plan_base plan_base(const struct plan *plan)
{
    return plan->history[plan->now].base;
}

double plan_percent(const struct plan *plan)
{
    return plan->history[plan->now].base.percent;
}

enum plan_edit plan_edit(const struct plan *plan, size_t row)
{
    unsigned char flag = plan_flags(plan)[row];
    return flag & HAND_TRAINS    ? PLAN_EDIT_TRAIN
           : flag & HAND_FREEZES ? PLAN_EDIT_FREEZE
                                 : PLAN_NO_EDIT;
}

/* An edit that says what the base says anyway is counted apart: it shows nowhere and is still
 * one. */
struct plan_edits plan_edits(const struct plan *plan)
{
    struct plan_edits edits = {0};
    for (size_t i = 0; i < plan->row_count; i++) {
        unsigned char flag = plan_unit(plan, i) == i ? plan_flags(plan)[i] : 0;
        bool other = plan_flag_parts(flag) != (flag & PLAN_MODULE);
        edits.trained += other && flag & HAND_TRAINS;
        edits.frozen += other && flag & HAND_FREEZES;
        edits.agreeing += !other && flag & BY_HAND;
    }
    return edits;
}

const struct scan *plan_scan(const struct plan *plan)
{
    return plan->scan;
}

const struct model *plan_model(const struct plan *plan)
{
    return plan->model;
}

bool plan_trains_unlisted(const struct plan *plan, const struct parameter *parameter)
{
    return *plan_module_flag(plan, parameter) != 0;
}

/* Three who know, the best first: the model itself; a scan that says what the model has, which comes to
 * the same; and rows alone, without their biases. */
struct plan_counts plan_counts(const struct plan *plan)
{
    struct plan_counts counts = {.modules_total = plan_ranking(plan)->count,
                                 .known = true,
                                 .whole = plan->scan->of.end_count > 0};
    bool described = plan->scan->of.known;
    for (size_t i = 0; i < plan->row_count; i++) {
        const struct scan_row *row = &plan->scan->rows[i];
        unsigned parts = plan_parts(plan, i);
        int64_t values = row->tensor ? row->tensor_parameters : row->parameters;
        if (plan_unit(plan, i) != i)
            continue;
        counts.modules += parts != 0;
        counts.parameters_total += values;
        counts.known &= values > 0;
        if (described && plan_end(plan, i) != PLAN_NO_END)
            continue; /* counted with the ends */
        counts.parameters += parts & PLAN_WEIGHT || (parts && !described) ? values : 0;
        counts.parameters += described && parts & PLAN_BIAS ? row->bias : 0;
    }
    const struct scan_model *of = &plan->scan->of;
    for (size_t i = 0; described && i < of->end_count; i++)
        counts.parameters += plan_trains(plan, of->ends[i].tensor) ? of->ends[i].parameters : 0;
    if (described)
        counts.parameters_total = of->parameters;
    if (!plan->model)
        return counts;
    counts.known = true;
    counts.parameters = counts.parameters_total = 0;
    for (size_t i = 0; i < plan->model->parameter_count; i++) {
        const struct parameter *parameter = &plan->model->parameters[i];
        if (parameter_is_tied_copy(plan->model, parameter))
            continue;
        counts.parameters_total += parameter->numel;
        counts.parameters += plan_trains(plan, parameter->name) ? parameter->numel : 0;
    }
    return counts;
}

bool plan_begins_another(const struct plan *plan, const char *name)
{
    return ranking_begins_another(plan_ranking(plan), plan->scan, name);
}

const size_t *plan_loaded_rows(const struct plan *plan, size_t row, size_t *count)
{
    const char *loaded = plan->scan->rows[row].loaded;
    *count = 0;
    return loaded ? loaded_rows_parts(&plan->loaded, plan->scan, loaded, count) : NULL;
}

/* --- what else is asked of it --- */

/* A vector (a norm), a stack of experts and a tensor that is not a module's weight cannot have an
 * adapter, and a module whose bias alone trains gets none. In a scan without shapes norms show by their names alone. */
bool plan_takes_adapter(const struct plan *plan, size_t row)
{
    const struct scan_row *is = &plan->scan->rows[row];
    const char *dot = strrchr(is->module, '.'), *last = dot ? dot + 1 : is->module;
    bool norm = strstr(last, "norm") || strncmp(last, "ln_", 3) == 0;
    bool matrix = is->parameters > 0 ? is->rows > 1 : !norm;
    const struct family *family =
        plan->scan->of.known ? family_by_type(plan->scan->of.architecture) : NULL;
    if (family && !family_takes_adapter(family, is->module))
        return false;
    return plan_end(plan, row) == PLAN_NO_END && plan_parts(plan, row) & PLAN_WEIGHT && matrix &&
           !is->bare && !(is->tensor && is->expert_type) && !text_ends_with(is->module, ".bias") &&
           (!is->loaded || text_ends_with(is->loaded, ".weight"));
}
