#include "plan/plan_kept.h"

#include "base/file.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "plan/plan_read.h"
#include "plan/plan_state.h"
#include "plan/plan_write.h"

#include <stdlib.h>
#include <string.h>

static const char *const scope_names[] = {
    [PLAN_BY_TYPE] = "type", [PLAN_GLOBAL] = "global", [PLAN_TOGETHER] = "together"};
enum { SCOPES = sizeof scope_names / sizeof *scope_names };
static const char *const base_names[] = {[PLAN_NOTHING] = "nothing",
                                         [PLAN_PERCENT] = "percent",
                                         [PLAN_NAMES] = "names",
                                         [PLAN_ALL] = "all"};

/* --- writing --- */

/* The base of names: of each row the module or the part of it, then what no row covers. The two
 * ends have their switches. */
static void put_names(struct json_writer *json, const struct plan *plan,
                      const struct snapshot *snapshot)
{
    const unsigned char *unlisted = snapshot->flags + plan->row_count + 2;
    struct buffer name = BUFFER_INIT;
    json_list(json, "names");
    for (size_t i = 0; i < plan->row_count; i++) {
        unsigned parts = snapshot->flags[i] & PLAN_MODULE;
        if (parts == 0 || plan_unit(plan, i) != i)
            continue;
        buffer_clear(&name);
        plan_put_parts(&name, plan, i, parts);
        json_text(json, NULL, buffer_string(&name));
    }
    for (size_t i = 0; plan->model && i < plan->model->parameter_count; i++)
        if (unlisted[i])
            json_text(json, NULL, plan->model->parameters[i].name);
    json_end(json);
    json->out->failed |= name.failed;
    buffer_free(&name);
}

static void put_edits(struct json_writer *json, const char *key, const struct plan *plan,
                      const struct snapshot *snapshot, unsigned edit)
{
    json_list(json, key);
    for (size_t i = 0; i < plan->row_count; i++)
        if (snapshot->flags[i] & edit && plan_unit(plan, i) == i)
            json_text(json, NULL, plan->scan->rows[i].module);
    json_end(json);
}

/* By SNR nothing is said. */
static void put_order(struct json_writer *json, const struct plan_order *order)
{
    if (plan_order_is_snr(order))
        return;
    json_text(json, "by", plan_order_name(order));
    if (order->kind == ORDER_RANDOM)
        json_integer(json, "seed", (int64_t)order->seed);
}

/* `before`: the step before, whose base need not be said again; NULL: there is none. */
static void put_step(struct json_writer *json, const struct plan *plan,
                     const struct snapshot *snapshot, const struct snapshot *before)
{
    const struct plan_base *base = &snapshot->base;
    size_t listed = plan->row_count + 2, all = plan_flag_count(plan);
    bool same = before && plan_is_same_base(base, &before->base) &&
                memcmp(snapshot->flags + listed, before->flags + listed, all - listed) == 0;
    for (size_t i = 0; same && base->kind == PLAN_NAMES && i < plan->row_count; i++)
        same = ((snapshot->flags[i] ^ before->flags[i]) & PLAN_MODULE) == 0;
    json_object(json, NULL);
    json_integer(json, "time", snapshot->time);
    if (!same)
        json_text(json, "base", base_names[base->kind]);
    if (!same && base->kind == PLAN_PERCENT) {
        json_real(json, "percent", base->percent);
        json_text(json, "scope", scope_names[base->scope]);
        put_order(json, &base->order);
    }
    if (!same && base->kind == PLAN_NAMES && base->source)
        json_text(json, "source", base->source);
    if (!same && base->kind == PLAN_NAMES)
        put_names(json, plan, snapshot);
    json_flag(json, "embeddings", snapshot->flags[plan->row_count]);
    json_flag(json, "head", snapshot->flags[plan->row_count + 1]);
    put_edits(json, "train", plan, snapshot, HAND_TRAINS);
    put_edits(json, "freeze", plan, snapshot, HAND_FREEZES);
    json_end(json);
}

/* As many steps as may be kept, around the one that the plan is in; where they are too long, half
 * of those before it are left out, then half of the rest, and at last those after it. */
static void put_steps(struct json_writer *json, const struct plan *plan)
{
    size_t now = plan->now, ahead = PLAN_STEPS_KEPT / 2;
    size_t last = plan->last < now + ahead ? plan->last : now + ahead;
    size_t first = last + 1 > PLAN_STEPS_KEPT ? last + 1 - PLAN_STEPS_KEPT : 0;
    struct buffer text = BUFFER_INIT;
    for (;;) {
        struct json_writer steps = {.out = &text};
        buffer_clear(&text);
        json_list(&steps, NULL);
        json_layout(&steps, JSON_ROWS_CLOSED);
        for (size_t i = first; i <= last; i++)
            put_step(&steps, plan, &plan->history[i], i > first ? &plan->history[i - 1] : NULL);
        json_end(&steps);
        if (text.length <= PLAN_STEPS_BYTES || text.failed || (first == now && last == now))
            break;
        if (first < now)
            first = (first + now + 1) / 2;
        else
            last = now;
    }
    json_count(json, "now", now - first);
    json_raw(json, "steps", buffer_string(&text));
    json->out->failed |= text.failed; /* steps that are cut short are none */
    buffer_free(&text);
}

/* Readers that know no steps select, by SNR, by what stands at the top, where that is all there is to
 * it. */
void plan_put_kept(struct buffer *out, const struct plan *plan, const char *source)
{
    struct json_writer json = {.out = out};
    struct plan_base base = plan_base(plan);
    struct plan_edits edits = plan_edits(plan);
    json_begin(&json, "spectrum.plan");
    json_text(&json, "model", source);
    json_count(&json, "scanned", plan->row_count);
    if (base.kind == PLAN_PERCENT && plan_order_is_snr(&base.order) &&
        edits.trained + edits.frozen + edits.agreeing == 0) {
        json_real(&json, "percent", base.percent);
        json_text(&json, "scope", scope_names[base.scope]);
        json_flag(&json, "embeddings", plan_embeddings(plan));
        json_flag(&json, "head", plan_head(plan));
    }
    plan_put_tensors(&json, plan);
    put_steps(&json, plan);
    json_end(&json);
    json_finish(&json, NULL);
}

/* --- reading --- */

static int find_name(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    return -1;
}

/* Files name it as the command line does. */
static int read_scope(const cJSON *object, enum plan_scope *out, struct error *err)
{
    const char *name = "";
    int found = json_get_string(object, "scope", &name) ? find_name(name, scope_names, SCOPES) : -1;
    if (found < 0)
        return error_set(err,
                         "beside \"percent\" a \"scope\" (type, global or together) was expected");
    *out = (enum plan_scope)found;
    return 0;
}

static int read_switches(const cJSON *object, bool *embeddings, bool *head, struct error *err)
{
    if (json_get_bool(object, "embeddings", embeddings) && json_get_bool(object, "head", head))
        return 0;
    return error_set(err, "\"embeddings\" and \"head\", true or false, were expected");
}

/* The names of a list, borrowed from it; NULL where one is none. */
static const char **list_names(const cJSON *list, size_t *count, const char *key, struct error *err)
{
    const cJSON *item;
    size_t size = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    const char **names = array_alloc(size, sizeof *names, err);
    *count = 0;
    if (names && !cJSON_IsArray(list)) {
        free(names);
        error_set(err, "a list \"%s\" was expected", key);
        return NULL;
    }
    for (item = names ? list->child : NULL; item; item = item->next) {
        if (!cJSON_IsString(item)) {
            free(names);
            error_set(err, "\"%s\" has an entry that is not a name", key);
            return NULL;
        }
        names[(*count)++] = item->valuestring;
    }
    return names;
}

static int read_order(const cJSON *of, struct plan_order *out, struct error *err)
{
    const char *name = plan_order_names[0];
    int64_t seed = 0;
    json_get_string(of, "by", &name);
    json_get_int64(of, "seed", &seed);
    int number = find_name(name, plan_order_names, ORDER_COUNT);
    if (number < 0 || seed < 0)
        return error_set(err, "\"by\" is \"%.40s\", which is nothing to rank by", name);
    *out = plan_order_numbered(number, (uint64_t)seed);
    return 0;
}

/* The base of the step that was opened last, whose flags are those of the step before. */
static int read_base(struct plan *plan, const cJSON *step, const char *name, struct error *err)
{
    struct snapshot *now = &plan->history[plan->now];
    size_t listed = plan->row_count + 2, count = 0;
    const char *source = NULL;
    int kind = find_name(name, base_names, sizeof base_names / sizeof *base_names);
    if (kind < 0)
        return error_set(err, "\"base\" is \"%.40s\": percent, names, all or nothing was expected",
                         name);
    for (size_t i = 0; i < plan->row_count; i++)
        now->flags[i] &= BY_HAND;
    memset(now->flags + listed, 0, plan_flag_count(plan) - listed);
    json_get_string(step, "source", &source);
    if (plan_set_base(plan, (enum plan_base_kind)kind, source, err) != 0)
        return -1;
    now->ranked = 0;
    if (kind == PLAN_PERCENT) {
        struct plan_base *base = &now->base;
        if (!json_get_double(step, "percent", &base->percent) ||
            !(base->percent >= 0 && base->percent <= 100))
            return error_set(err, "a \"percent\" from 0 to 100 was expected");
        return read_scope(step, &base->scope, err) == 0 ? read_order(step, &base->order, err) : -1;
    }
    if (kind != PLAN_NAMES)
        return 0;
    const char **names = list_names(json_get(step, "names"), &count, "names", err);
    int status = names ? 0 : -1;
    for (size_t i = 0; i < count && status == 0; i++)
        status = plan_set_name(plan, names[i], err);
    free(names);
    return status;
}

/* Names of modules; one that is not a row, or is an end or named twice, makes the file another
 * plan's. */
static int read_edits(struct plan *plan, const cJSON *step, const char *key, unsigned edit,
                      struct error *err)
{
    size_t count;
    const char **names = list_names(json_get(step, key), &count, key, err);
    int status = names ? 0 : -1;
    for (size_t i = 0; i < count && status == 0; i++) {
        const struct scan_row *row =
            ranking_find(plan_ranking(plan), plan->scan, names[i], strlen(names[i]));
        size_t at = row ? (size_t)(row - plan->scan->rows) : 0;
        if (!row || plan_end(plan, at) != PLAN_NO_END)
            status = error_set(err, "\"%.200s\" in \"%s\" is not a module that is scored here",
                               names[i], key);
        else if (plan_flags(plan)[at] & BY_HAND)
            status = error_set(err, "\"%.200s\" is edited twice", names[i]);
        else
            plan_set_flags(plan, plan_flags(plan), at, PLAN_MODULE, edit);
    }
    free(names);
    return status;
}

/* A step is read as a change: begun, filled, or taken back whole where it is not right. */
static int read_step(struct plan *plan, const cJSON *step, bool first, struct error *err)
{
    const char *base = NULL;
    bool embeddings, head;
    if (plan_begin_step(plan, err) != 0)
        return -1;
    struct snapshot *now = &plan->history[plan->now];
    if (json_need_int64(step, "time", &now->time, 0, (int64_t)1 << 40, "a step", err) != 0 ||
        read_switches(step, &embeddings, &head, err) != 0)
        goto fail;
    if (!json_get_string(step, "base", &base) && first) {
        error_set(err, "the first step has no \"base\"");
        goto fail;
    }
    if (base && read_base(plan, step, base, err) != 0)
        goto fail;
    for (size_t i = 0; i < plan->row_count; i++)
        now->flags[i] &= PLAN_MODULE;
    if (read_edits(plan, step, "train", HAND_TRAINS, err) != 0 ||
        read_edits(plan, step, "freeze", HAND_FREEZES, err) != 0)
        goto fail;
    now->flags[plan->row_count] = embeddings;
    now->flags[plan->row_count + 1] = head;
    return 0;
fail:
    plan_cancel_step(plan);
    return -1;
}

/* Made as steps that follow the plan's own, which then give way to them: an error takes back what
 * was made. */
static int read_steps(struct plan *plan, const cJSON *root, const cJSON *steps, struct error *err)
{
    enum { MOST = UNDO_MAX / 2 };
    struct snapshot made[MOST];
    int64_t now = -1;
    size_t count = 0;
    const cJSON *step = steps->child;
    plan_settle(plan);
    for (; step && count < MOST; step = step->next, count++)
        if (read_step(plan, step, count == 0, err) != 0)
            goto fail;
    if (step) {
        error_set(err, "it has more than %d steps", MOST);
        goto fail;
    }
    if (!json_get_int64(root, "now", &now) || now < 0 || (uint64_t)now >= count) {
        error_set(err, "\"now\" is not one of its %zu steps", count);
        goto fail;
    }
    memcpy(made, plan->history + 1, count * sizeof *made);
    plan->now = plan->last = 0;
    plan_take_steps(plan, made, count, (size_t)now);
    return 0;
fail:
    while (plan->now > 0)
        plan_cancel_step(plan);
    return -1;
}

/* What was kept before there were steps. */
static int read_selection(struct plan *plan, const cJSON *root, struct error *err)
{
    double percent;
    size_t count;
    if (json_get_double(root, "percent", &percent)) {
        enum plan_scope scope = PLAN_BY_TYPE;
        bool embeddings, head;
        if (read_scope(root, &scope, err) != 0 || read_switches(root, &embeddings, &head, err) != 0)
            return -1;
        return plan_select_with_ends(plan, percent, scope, embeddings, head, err);
    }
    const char **names = list_names(json_get(root, "train"), &count, "train", err);
    int status = names ? plan_set_names(plan, names, count, NULL, err) : -1;
    free(names);
    return status;
}

/* A plan over another number of matrices belongs to another model, or to another scan of this
 * one. */
static int read_root(struct plan *plan, const cJSON *root, struct error *err)
{
    const cJSON *steps = json_get(root, "steps");
    const char *format = "";
    int64_t version = 0, scanned = -1;
    if (!json_get_string(root, "format", &format) || strcmp(format, "spectrum.plan") != 0)
        return error_set(err, "not a plan: \"format\": \"spectrum.plan\" was expected");
    if (!json_get_int64(root, "version", &version) || version != 1)
        return error_set(err, "spectrum.plan version %lld; this program reads version 1",
                         (long long)version);
    if (!json_get_int64(root, "scanned", &scanned) || scanned < 0)
        return error_set(err, "it does not say over how many matrices it was made");
    if ((uint64_t)scanned != plan->row_count)
        return error_set(err, "it was made over %lld matrices, here are %zu", (long long)scanned,
                         plan->row_count);
    if (!steps)
        return read_selection(plan, root, err);
    return cJSON_IsArray(steps) ? read_steps(plan, root, steps, err)
                                : error_set(err, "a list \"steps\" was expected");
}

/* On an error the plan is as far as it came: its caller throws it away. */
int plan_read_kept(struct plan *plan, const char *path, struct error *err)
{
    cJSON *root = json_read_file(path, PLAN_FILE_MAX, JSON_STRICT, err);
    int status = -1;
    if (!root)
        return -1;
    status = read_root(plan, root, err);
    cJSON_Delete(root);
    return status == 0 ? 0 : error_prefix(err, "%s", path);
}
