#include "plan/plan.h"

#include "base/memory.h"
#include "base/regex.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNDO_MAX = 1000 };

/* All that a step of undo brings back: `flags` has one byte a row, then embedding and head. */
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
    size_t *ranked; /* rows by falling SNR, file order on ties */
    struct snapshot history[UNDO_MAX];
    size_t now, last; /* history[now] is the plan; (now, last] can be redone */
};

static unsigned char *flags_of(const struct plan *plan)
{
    return plan->history[plan->now].flags;
}

static bool is_embedding(const struct scan_row *row)
{
    return strcmp(row->module, "model.embed_tokens") == 0;
}

static bool is_head(const struct scan_row *row)
{
    return strcmp(row->module, "lm_head") == 0;
}

/* Falling SNR; NaN and unknown last; stable. */
static int compare_rows(const void *a, const void *b, void *rows_pointer)
{
    const struct scan_row *rows = rows_pointer;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    bool x = rows[i].known && !isnan(rows[i].snr), y = rows[j].known && !isnan(rows[j].snr);
    if (x != y)
        return x ? -1 : 1;
    if (x && rows[i].snr != rows[j].snr)
        return rows[i].snr > rows[j].snr ? -1 : 1;
    return i < j ? -1 : 1;
}

static void rank_rows(struct plan *plan)
{
    for (size_t i = 0; i < plan->row_count; i++)
        plan->ranked[i] = i;
    qsort_r(plan->ranked, plan->row_count, sizeof *plan->ranked, compare_rows, plan->scan->rows);
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
    plan->tied = model && model->architecture && model->config.tied;
    plan->row_count = scan->count;
    plan->ranked = array_alloc(scan->count, sizeof *plan->ranked, err);
    plan->history[0].flags = array_alloc(scan->count + 2, 1, err);
    plan->history[0].percent = NAN;
    if (!plan->ranked || !plan->history[0].flags) {
        plan_free(plan);
        return -1;
    }
    rank_rows(plan);
    flags_of(plan)[scan->count] = flags_of(plan)[scan->count + 1] = 1;
    *out = plan;
    return 0;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i <= plan->last; i++)
        free(plan->history[i].flags);
    free(plan->ranked);
    free(plan);
}

/* Opens a new step: a copy of what is, which the caller then changes. */
static int begin_step(struct plan *plan, struct error *err)
{
    unsigned char *copy = array_alloc(plan->row_count + 2, 1, err);
    if (!copy)
        return -1;
    memcpy(copy, flags_of(plan), plan->row_count + 2);
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

static bool is_switch(const struct scan_row *row)
{
    return is_embedding(row) || is_head(row);
}

static bool same_group(const struct scan_row *a, const struct scan_row *b, enum plan_scope scope)
{
    return !is_switch(a) && !is_switch(b) &&
           (scope == PLAN_GLOBAL || strcmp(a->type, b->type) == 0);
}

/* Trains the best int(len * percent / 100) of the group that a row belongs to. */
static void select_group(struct plan *plan, const struct scan_row *of, enum plan_scope scope,
                         double percent)
{
    const struct scan_row *rows = plan->scan->rows;
    size_t size = 0, taken = 0;
    for (size_t i = 0; i < plan->row_count; i++)
        size += same_group(of, &rows[i], scope);
    size_t keep = (size_t)((double)size * percent / 100);
    for (size_t k = 0; k < plan->row_count && taken < keep; k++) {
        if (!same_group(of, &rows[plan->ranked[k]], scope))
            continue;
        flags_of(plan)[plan->ranked[k]] = 1;
        taken++;
    }
}

/* Is this the first row of its group in file order? */
static bool opens_group(const struct plan *plan, size_t row, enum plan_scope scope)
{
    const struct scan_row *rows = plan->scan->rows;
    for (size_t i = 0; i < row; i++)
        if (same_group(&rows[i], &rows[row], scope))
            return false;
    return !is_switch(&rows[row]);
}

/* What the current snapshot's percentage and scope say, by the present ranks. */
static void select_all(struct plan *plan)
{
    const struct snapshot *now = &plan->history[plan->now];
    memset(now->flags, 0, plan->row_count);
    for (size_t i = 0; i < plan->row_count; i++)
        if (opens_group(plan, i, now->scope))
            select_group(plan, &plan->scan->rows[i], now->scope, now->percent);
}

int plan_select(struct plan *plan, double percent, enum plan_scope scope, struct error *err)
{
    if (!(percent >= 0 && percent <= 100))
        return error_set_kind(err, ERROR_USAGE, "a percentage must be from 0 to 100");
    if (begin_step(plan, err) != 0)
        return -1;
    plan->history[plan->now].percent = percent;
    plan->history[plan->now].selected = true;
    plan->history[plan->now].scope = scope;
    select_all(plan);
    return 0;
}

void plan_refresh(struct plan *plan)
{
    rank_rows(plan);
    if (plan->history[plan->now].selected)
        select_all(plan);
}

int plan_set_matching(struct plan *plan, const char *pattern, bool train, size_t *matched,
                      struct error *err)
{
    struct regex *regex = regex_new(pattern, err);
    *matched = 0;
    if (!regex)
        return -1;
    int status = begin_step(plan, err);
    for (size_t i = 0; status == 0 && i < plan->row_count; i++) {
        if (!regex_search(regex, plan->scan->rows[i].module))
            continue;
        flags_of(plan)[i] = train;
        ++*matched;
    }
    regex_free(regex);
    if (status == 0 && *matched == 0)
        return error_set(err, "the pattern \"%.200s\" matches no module", pattern);
    return status;
}

int plan_toggle(struct plan *plan, const size_t *rows, size_t count, struct error *err)
{
    if (begin_step(plan, err) != 0)
        return -1;
    bool all = true;
    for (size_t i = 0; i < count; i++)
        all &= flags_of(plan)[rows[i]] != 0;
    for (size_t i = 0; i < count; i++)
        flags_of(plan)[rows[i]] = !all;
    return 0;
}

int plan_set_embeddings(struct plan *plan, bool train, struct error *err)
{
    if (begin_step(plan, err) != 0)
        return -1;
    flags_of(plan)[plan->row_count] = train;
    return 0;
}

int plan_set_head(struct plan *plan, bool train, struct error *err)
{
    if (begin_step(plan, err) != 0)
        return -1;
    flags_of(plan)[plan->row_count + 1] = train;
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

bool plan_embeddings(const struct plan *plan)
{
    const unsigned char *switches = flags_of(plan) + plan->row_count;
    return switches[0] && (!plan->tied || switches[1]);
}

bool plan_head(const struct plan *plan)
{
    const unsigned char *switches = flags_of(plan) + plan->row_count;
    return switches[1] && (!plan->tied || switches[0]);
}

bool plan_row(const struct plan *plan, size_t row)
{
    if (is_embedding(&plan->scan->rows[row]))
        return plan_embeddings(plan);
    if (is_head(&plan->scan->rows[row]))
        return plan_head(plan);
    return flags_of(plan)[row] != 0;
}

double plan_percent(const struct plan *plan)
{
    return plan->history[plan->now].percent;
}

size_t plan_rank(const struct plan *plan, size_t row, size_t *of)
{
    const char *type = plan->scan->rows[row].type;
    size_t rank = 0;
    *of = 0;
    for (size_t k = 0; k < plan->row_count; k++) {
        if (strcmp(plan->scan->rows[plan->ranked[k]].type, type) != 0)
            continue;
        ++*of;
        if (plan->ranked[k] == row)
            rank = *of;
    }
    return rank;
}

size_t plan_by_rank(const struct plan *plan, const char *type, size_t rank)
{
    for (size_t k = 0; k < plan->row_count; k++)
        if (strcmp(plan->scan->rows[plan->ranked[k]].type, type) == 0 && --rank == 0)
            return plan->ranked[k];
    return SIZE_MAX;
}

/* "name.weight" or "name.bias" to the row of "name"; rows of single tensors match whole. */
static const struct scan_row *row_of_tensor(const struct scan *scan, const char *tensor)
{
    const struct scan_row *row = scan_find(scan, tensor);
    size_t length = strlen(tensor), tail = strlen(".bias");
    if (row || length <= tail || length > 1023 || strcmp(tensor + length - tail, ".bias") != 0)
        return row;
    char stem[1024];
    memcpy(stem, tensor, length - tail);
    stem[length - tail] = '\0';
    return scan_find(scan, stem);
}

static bool names_stem(const char *name, const char *stem)
{
    size_t length = strlen(stem);
    return strncmp(name, stem, length) == 0 &&
           (name[length] == '\0' || strcmp(name + length, ".weight") == 0);
}

int plan_set_names(struct plan *plan, const char *const *names, size_t count, struct error *err)
{
    if (begin_step(plan, err) != 0)
        return -1;
    unsigned char *flags = flags_of(plan);
    memset(flags, 0, plan->row_count + 2);
    for (size_t i = 0; i < count; i++) {
        const struct scan_row *row = row_of_tensor(plan->scan, names[i]);
        bool embedding = names_stem(names[i], "model.embed_tokens");
        if (embedding || names_stem(names[i], "lm_head")) {
            flags[plan->row_count + !embedding] = 1;
        } else if (row) {
            flags[row - plan->scan->rows] = 1;
        } else {
            plan_undo(plan);
            return error_set(err, "\"%.200s\" is no module of this scan", names[i]);
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
    if (strcmp(tensor, "model.embed_tokens.weight") == 0)
        return plan_embeddings(plan);
    if (strcmp(tensor, "lm_head.weight") == 0)
        return plan_head(plan);
    const struct scan_row *row = row_of_tensor(plan->scan, tensor);
    return row && plan_row(plan, (size_t)(row - plan->scan->rows));
}

struct plan_counts plan_counts(const struct plan *plan)
{
    struct plan_counts counts = {.modules_total = plan->row_count, .known = true};
    for (size_t i = 0; i < plan->row_count; i++) {
        const struct scan_row *row = &plan->scan->rows[i];
        counts.modules += plan_row(plan, i);
        counts.parameters += plan_row(plan, i) ? row->parameters : 0;
        counts.parameters_total += row->parameters;
        counts.known &= row->parameters > 0;
    }
    if (!plan->model)
        return counts;
    counts.known = true;
    counts.parameters = counts.parameters_total = 0;
    for (size_t i = 0; i < plan->model->module_count; i++) {
        const struct module *module = &plan->model->modules[i];
        counts.parameters_total += module->parameters;
        counts.parameters += plan_trains(plan, module->name) ? module->parameters : 0;
    }
    return counts;
}

const struct scan *plan_scan(const struct plan *plan)
{
    return plan->scan;
}

const struct model *plan_model(const struct plan *plan)
{
    return plan->model;
}
