#include "plan/plan.h"

#include "base/memory.h"
#include "base/regex.h"
#include "base/text.h"
#include "plan/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNDO_MAX = 1000 };

/* All that a step of undo brings back: `flags` has one byte of plan_parts a row, then embedding and
 * head. */
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
    plan->history[0].flags = array_alloc(scan->count + 2, 1, err);
    plan->history[0].percent = NAN;
    if (ranking_init(&plan->ranking, scan, err) != 0 || !plan->history[0].flags) {
        plan_free(plan);
        return -1;
    }
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
    ranking_free(&plan->ranking);
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

/* Trains the best int(count * percent / 100) of the rows in a list that falls by SNR. */
static void select_best(struct plan *plan, const size_t *rows, size_t count, double percent)
{
    size_t size = 0;
    for (size_t k = 0; k < count; k++)
        size += !is_switch(&plan->scan->rows[rows[k]]);
    size_t left = (size_t)((double)size * percent / 100);
    for (size_t k = 0; k < count && left > 0; k++) {
        if (is_switch(&plan->scan->rows[rows[k]]))
            continue;
        flags_of(plan)[rows[k]] = PLAN_MODULE;
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
    unsigned char *flags = flags_of(plan);
    if (is_embedding(&plan->scan->rows[row]))
        flags[plan->row_count] = train;
    else if (is_head(&plan->scan->rows[row]))
        flags[plan->row_count + 1] = train;
    else
        flags[row] = train ? PLAN_MODULE : 0;
}

static int set_switches(struct plan *plan, struct regex *regex, bool train, size_t *matched,
                        struct error *err)
{
    static const char *const names[] = {"model.embed_tokens", "lm_head"};
    for (size_t i = 0; i < 2; i++) {
        int found = regex_search(regex, names[i], err);
        if (found < 0)
            return -1;
        if (found == 0)
            continue;
        flags_of(plan)[plan->row_count + i] = train;
        *matched += !ranking_find(&plan->ranking, plan->scan, names[i], strlen(names[i]));
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
    regex_free(regex);
    if (status == 0 && *matched == 0)
        status = error_set(err, "the pattern \"%.200s\" matches no module", pattern);
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

unsigned plan_parts(const struct plan *plan, size_t row)
{
    if (is_embedding(&plan->scan->rows[row]))
        return plan_embeddings(plan) ? PLAN_MODULE : 0;
    if (is_head(&plan->scan->rows[row]))
        return plan_head(plan) ? PLAN_MODULE : 0;
    return flags_of(plan)[row];
}

bool plan_row(const struct plan *plan, size_t row)
{
    return plan_parts(plan, row) != 0;
}

double plan_percent(const struct plan *plan)
{
    return plan->history[plan->now].percent;
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

static bool names_stem(const char *name, const char *stem)
{
    size_t length = strlen(stem);
    return strncmp(name, stem, length) == 0 &&
           (name[length] == '\0' || strcmp(name + length, ".weight") == 0);
}

/* A bias is there only where the model has it, as far as the model is known. */
static bool is_there(const struct plan *plan, const char *name, unsigned parts)
{
    return !plan->model || parts != PLAN_BIAS || model_find(plan->model, name);
}

static int set_name(struct plan *plan, const char *name, struct error *err)
{
    unsigned char *flags = flags_of(plan);
    unsigned parts;
    const struct scan_row *row = row_of(plan, name, &parts);
    bool embedding = names_stem(name, "model.embed_tokens");
    if (embedding || names_stem(name, "lm_head"))
        flags[plan->row_count + !embedding] = 1;
    else if (row && is_there(plan, name, parts))
        flags[row - plan->scan->rows] |= (unsigned char)parts;
    else
        return error_set(err, "\"%.200s\" is no module of this %s", name,
                         plan->model ? "model" : "scan");
    return 0;
}

int plan_set_names(struct plan *plan, const char *const *names, size_t count, struct error *err)
{
    if (begin_step(plan, err) != 0)
        return -1;
    unsigned char *flags = flags_of(plan);
    memset(flags, 0, plan->row_count + 2);
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
    if (strcmp(tensor, "model.embed_tokens.weight") == 0)
        return plan_embeddings(plan);
    if (strcmp(tensor, "lm_head.weight") == 0)
        return plan_head(plan);
    unsigned parts;
    const struct scan_row *row = row_of(plan, tensor, &parts);
    return row && (plan_parts(plan, (size_t)(row - plan->scan->rows)) & parts);
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
        if (module_is_tied_copy(plan->model, module))
            continue;
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
