#include "plan/plan.h"

#include "base/memory.h"
#include "base/regex.h"
#include "base/text.h"
#include "plan/ranking.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What every function here keeps true:
 *
 *   1. history[now] is the plan, history[0..last] are its steps, and (now, last] can be redone.
 *   2. A change by a user is one step: begin_step() copies what is, the change is made to the copy,
 *      and where it fails, plan_undo() takes the step back.
 *   3. Rows that are an embedding or a head have no flag of their own: the two switches after the
 *      rows' flags say whether they train (plan_end()).
 *   4. `selected` is true only while the rows' flags are what percent and scope select.
 */
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

static unsigned char *plan_flags(const struct plan *plan)
{
    return plan->history[plan->now].flags;
}

static size_t plan_flag_count(const struct plan *plan)
{
    return plan->row_count + 2 + (plan->model ? plan->model->parameter_count : 0);
}

/* The flag of a module that no row covers. */
static unsigned char *plan_module_flag(const struct plan *plan, const struct parameter *parameter)
{
    return plan_flags(plan) + plan->row_count + 2 + (parameter - plan->model->parameters);
}

/* Is the name the tensor's, or its module's? */
static bool names_tensor(const char *name, const char *tensor)
{
    size_t length = strlen(name);
    const char *tail = strncmp(tensor, name, length) == 0 ? tensor + length : "?";
    return !*tail || strcmp(tail, ".weight") == 0;
}

static enum plan_end end_named(const struct plan *plan, const char *name)
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
    return end_named(plan, plan->scan->rows[row].module);
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
static int begin_step(struct plan *plan, struct error *err)
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
        size += plan_end(plan, rows[k]) == PLAN_NO_END;
    size_t left = (size_t)((double)size * percent / 100);
    for (size_t k = 0; k < count && left > 0; k++) {
        const struct scan_row *row = &plan->scan->rows[rows[k]];
        if (plan_end(plan, rows[k]) != PLAN_NO_END || (row->known && isnan(row->snr)))
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
    if (begin_step(plan, err) != 0)
        return -1;
    size_t listed = plan->row_count + 2; /* and nothing else */
    memset(plan_flags(plan) + listed, 0, plan_flag_count(plan) - listed);
    plan->history[plan->now].percent = percent;
    plan->history[plan->now].selected = true;
    plan->history[plan->now].scope = scope;
    select_all(plan);
    return 0;
}

int plan_select_with_ends(struct plan *plan, double percent, enum plan_scope scope, bool embeddings,
                          bool head, struct error *err)
{
    if (plan_select(plan, percent, scope, err) != 0)
        return -1;
    plan_flags(plan)[plan->row_count] = embeddings;
    plan_flags(plan)[plan->row_count + 1] = head;
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
    enum plan_end end = plan_end(plan, row);
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
    if (begin_step(plan, err) != 0) {
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
    if (begin_step(plan, err) != 0)
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
    if (begin_step(plan, err) != 0)
        return -1;
    plan_flags(plan)[plan->row_count] = train;
    return 0;
}

int plan_set_head(struct plan *plan, bool train, struct error *err)
{
    if (begin_step(plan, err) != 0)
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
    enum plan_end end = plan_end(plan, row);
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

/* --- names: which rows, parts of rows and unlisted tensors they mean --- */

/* A name to the row that it speaks of, and to the parts of it that it means: "x" to both parts of
 * x, "x.weight" and "x.bias" to one, unless the scan has a row of just that name. */
static const struct scan_row *row_of(const struct plan *plan, const char *name, unsigned *parts)
{
    static const char weight[] = ".weight", bias[] = ".bias";
    size_t length = strlen(name);
    const struct scan_row *row = ranking_find(&plan->ranking, plan->scan, name, length);
    *parts = PLAN_MODULE;
    if (row)
        return row;
    bool of_weight = text_ends_with(name, weight);
    if (!of_weight && !text_ends_with(name, bias))
        return NULL;
    *parts = of_weight ? PLAN_WEIGHT : PLAN_BIAS;
    length -= (of_weight ? sizeof weight : sizeof bias) - 1;
    return ranking_find(&plan->ranking, plan->scan, name, length);
}

/* A bias is there only where the model has it, as far as that is known. */
static bool is_there(const struct plan *plan, const struct scan_row *row, const char *name,
                     unsigned parts)
{
    if (parts != PLAN_BIAS)
        return true;
    return plan->model ? model_find(plan->model, name) != NULL
                       : !plan->scan->of.known || row->bias > 0;
}

/* A module of the model that the scan does not list, a norm say: by its tensor's name, or by its
 * own for what it has of a weight and a bias. */
static bool set_unlisted(struct plan *plan, const char *name)
{
    static const char *const tails[] = {"", ".weight", ".bias"};
    bool found = false;
    for (size_t i = 0; plan->model && i < sizeof tails / sizeof *tails; i++) {
        char tensor[1024];
        int length = snprintf(tensor, sizeof tensor, "%s%s", name, tails[i]);
        const struct parameter *parameter =
            (size_t)length < sizeof tensor ? model_find(plan->model, tensor) : NULL;
        if (parameter)
            *plan_module_flag(plan, parameter) = 1;
        found |= parameter != NULL;
    }
    return found;
}

static int set_name(struct plan *plan, const char *name, struct error *err)
{
    unsigned char *flags = plan_flags(plan);
    unsigned parts;
    const struct scan_row *row = row_of(plan, name, &parts);
    enum plan_end end = end_named(plan, name);
    if (end != PLAN_NO_END)
        flags[plan->row_count + (end == PLAN_HEAD)] = 1;
    else if (row && is_there(plan, row, name, parts))
        flags[row - plan->scan->rows] |= (unsigned char)parts;
    else if (row || !set_unlisted(plan, name))
        return error_set(err, "\"%.200s\" is not a module of this %s", name,
                         plan->model ? "model" : "scan");
    return 0;
}

int plan_set_names(struct plan *plan, const char *const *names, size_t count, struct error *err)
{
    if (begin_step(plan, err) != 0)
        return -1;
    unsigned char *flags = plan_flags(plan);
    memset(flags, 0, plan_flag_count(plan));
    for (size_t i = 0; i < count; i++) {
        if (set_name(plan, names[i], err) != 0) {
            plan_undo(plan);
            return -1;
        }
    }
    /* One name is enough for the tensor that both are. */
    if (plan->tied)
        flags[plan->row_count] = flags[plan->row_count + 1] =
            flags[plan->row_count] | flags[plan->row_count + 1];
    return 0;
}

bool plan_trains(const struct plan *plan, const char *tensor)
{
    enum plan_end end = end_named(plan, tensor);
    if (end != PLAN_NO_END)
        return end == PLAN_HEAD ? plan_head(plan) : plan_embeddings(plan);
    unsigned parts;
    const struct scan_row *row = row_of(plan, tensor, &parts);
    if (row)
        return plan_parts(plan, (size_t)(row - plan->scan->rows)) & parts;
    const struct parameter *parameter = plan->model ? model_find(plan->model, tensor) : NULL;
    return parameter && *plan_module_flag(plan, parameter);
}

bool plan_trains_unlisted(const struct plan *plan, const struct parameter *parameter)
{
    return *plan_module_flag(plan, parameter) != 0;
}

/* With a scan that says what the model has it is the same as with the model. */
static void count_ends(struct plan_counts *counts, const struct plan *plan)
{
    const struct scan_model *of = &plan->scan->of;
    counts->parameters_total = of->parameters;
    for (size_t i = 0; i < of->end_count; i++) {
        const char *tensor = of->ends[i].tensor;
        counts->parameters += plan_trains(plan, tensor) ? of->ends[i].parameters : 0;
    }
}

struct plan_counts plan_counts(const struct plan *plan)
{
    struct plan_counts counts = {
        .modules_total = plan->row_count, .known = true, .whole = plan->scan->of.end_count > 0};
    bool described = plan->scan->of.known;
    for (size_t i = 0; i < plan->row_count; i++) {
        const struct scan_row *row = &plan->scan->rows[i];
        unsigned parts = plan_parts(plan, i);
        counts.modules += parts != 0;
        counts.parameters_total += row->parameters;
        counts.known &= row->parameters > 0;
        if (described && plan_end(plan, i) != PLAN_NO_END)
            continue; /* counted below */
        counts.parameters += parts & PLAN_WEIGHT || (parts && !described) ? row->parameters : 0;
        counts.parameters += described && parts & PLAN_BIAS ? row->bias : 0;
    }
    if (described)
        count_ends(&counts, plan);
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
    return ranking_begins_another(&plan->ranking, plan->scan, name);
}

/* --- what else is asked of it --- */

/* A vector (a norm) and a tensor that is not a module's weight cannot have an adapter, and a module
 * whose bias alone trains gets none. In a scan without shapes norms show by their names alone. */
bool plan_takes_adapter(const struct plan *plan, size_t row)
{
    const struct scan_row *is = &plan->scan->rows[row];
    const char *dot = strrchr(is->module, '.'), *last = dot ? dot + 1 : is->module;
    bool norm = strstr(last, "norm") || strncmp(last, "ln_", 3) == 0;
    bool matrix = is->parameters > 0 ? is->rows > 1 : !norm;
    return plan_end(plan, row) == PLAN_NO_END && plan_parts(plan, row) & PLAN_WEIGHT && matrix &&
           !is->bare && !text_ends_with(is->module, ".bias");
}
