/* Names: which rows, parts of rows and unlisted tensors they mean. */
#include "plan/plan_state.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* By a tensor's name, of which the scan has several rows, the one that stands for it: "x" and, where
 * it is a weight, "x.weight"; its bias is called "x.bias", or "x_bias" beside one that is called just
 * "x". */
static const struct scan_row *tensor_of(const struct plan *plan, const char *name, unsigned *parts)
{
    static const char *const tails[] = {".weight", ".bias", "_bias"};
    static const unsigned means[] = {PLAN_WEIGHT, PLAN_BIAS, PLAN_BIAS};
    size_t length = strlen(name);
    const struct scan_row *row = ranking_find_tensor(plan_ranking(plan), plan->scan, name, length);
    *parts = PLAN_MODULE;
    for (size_t i = 0; !row && i < sizeof tails / sizeof *tails; i++) {
        if (!text_ends_with(name, tails[i]))
            continue;
        row = ranking_find_tensor(plan_ranking(plan), plan->scan, name, length - strlen(tails[i]));
        if (row && row->bare != (i == 2))
            row = NULL;
        *parts = means[i];
    }
    return row;
}

/* A name to the row that it speaks of, and to the parts of it that it means: "x" to both parts of
 * x, "x.weight" and "x.bias" to one, unless the scan has a row of just that name. */
static const struct scan_row *row_of(const struct plan *plan, const char *name, unsigned *parts)
{
    static const char weight[] = ".weight", bias[] = ".bias";
    size_t length = strlen(name);
    const struct scan_row *row = ranking_find(plan_ranking(plan), plan->scan, name, length);
    *parts = PLAN_MODULE;
    if (!row && plan_ranking(plan)->tensors > 0)
        row = tensor_of(plan, name, parts);
    if (row)
        return row;
    *parts = PLAN_MODULE;
    bool of_weight = text_ends_with(name, weight);
    if (!of_weight && !text_ends_with(name, bias))
        return NULL;
    *parts = of_weight ? PLAN_WEIGHT : PLAN_BIAS;
    length -= (of_weight ? sizeof weight : sizeof bias) - 1;
    return ranking_find(plan_ranking(plan), plan->scan, name, length);
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

/* The name of a row's weight, its bias or both, as the loaded model has them. An expert's bias
 * beside a bare tensor is "..._bias". */
void plan_put_parts(struct buffer *out, const struct plan *plan, size_t row, unsigned parts)
{
    const struct scan_row *is = &plan->scan->rows[row];
    if (is->tensor)
        buffer_append(out, is->tensor, module_name_length(is->tensor));
    else
        buffer_text(out, is->module);
    if (parts == PLAN_BIAS)
        buffer_text(out, is->tensor && is->bare ? "_bias" : ".bias");
    else if (parts == PLAN_WEIGHT)
        buffer_text(out, ".weight");
}

/* An expert alone, say. */
static int refuse_part(const struct scan_row *row, struct error *err)
{
    return error_set(err,
                     "\"%.200s\" is a part of a tensor, which trains or freezes as one: name "
                     "\"%.200s\"",
                     row->module, row->tensor);
}

/* By another name of a tensor, its file's or the loaded model's, or of its module: of a loaded tensor
 * that several are parts of, all of them. */
static bool set_alias(struct plan *plan, const char *name)
{
    size_t length = strlen(name), count;
    unsigned parts = PLAN_WEIGHT;
    const struct row_alias *found = loaded_rows_aliases(&plan->loaded, name, length, "", &count);
    if (!found) {
        parts = PLAN_MODULE;
        found = loaded_rows_aliases(&plan->loaded, name, length, ".weight", &count);
    }
    if (!found && text_ends_with(name, ".bias")) {
        parts = PLAN_BIAS;
        found = loaded_rows_aliases(&plan->loaded, name, length - 5, ".weight", &count);
    }
    for (size_t i = 0; found && i < count; i++)
        plan_set_flags(plan, plan_flags(plan), found[i].row, 0xFF, parts);
    return found != NULL;
}

int plan_set_name(struct plan *plan, const char *name, struct error *err)
{
    unsigned char *flags = plan_flags(plan);
    unsigned parts;
    const struct scan_row *row = row_of(plan, name, &parts);
    enum plan_end end = plan_end_named(plan, name);
    /* A bias is there only where the model has it, as far as that is known. */
    bool there =
        row && (parts != PLAN_BIAS || (plan->model ? model_find(plan->model, name) != NULL
                                                   : !plan->scan->of.known || row->bias > 0));
    if (end != PLAN_NO_END)
        flags[plan->row_count + (end == PLAN_HEAD)] = 1;
    else if (row && row->tensor && ranking_find(plan_ranking(plan), plan->scan, name, strlen(name)))
        return refuse_part(row, err);
    else if (there)
        plan_set_flags(plan, flags, (size_t)(row - plan->scan->rows), 0xFF, parts);
    else if (row || !(set_alias(plan, name) || set_unlisted(plan, name)))
        return error_set(err, "\"%.200s\" is not a module of this %s", name,
                         plan->model ? "model" : "scan");
    return 0;
}

/* Both layers go: a list says of every module what it does. */
int plan_set_names(struct plan *plan, const char *const *names, size_t count, const char *source,
                   struct error *err)
{
    if (plan_begin_step(plan, err) != 0)
        return -1;
    unsigned char *flags = plan_flags(plan);
    memset(flags, 0, plan_flag_count(plan));
    if (plan_set_base(plan, PLAN_NAMES, source, err) != 0)
        goto fail;
    for (size_t i = 0; i < count; i++) {
        if (plan_set_name(plan, names[i], err) != 0)
            goto fail;
    }
    /* One name is enough for the tensor that both are. */
    if (plan->tied)
        flags[plan->row_count] = flags[plan->row_count + 1] =
            flags[plan->row_count] | flags[plan->row_count + 1];
    return 0;
fail:
    plan_cancel_step(plan);
    return -1;
}

bool plan_trains(const struct plan *plan, const char *tensor)
{
    enum plan_end end = plan_end_named(plan, tensor);
    if (end != PLAN_NO_END)
        return end == PLAN_HEAD ? plan_head(plan) : plan_embeddings(plan);
    unsigned parts;
    const struct scan_row *row = row_of(plan, tensor, &parts);
    if (row && row->tensor && row->bare && parts == PLAN_MODULE)
        parts = PLAN_WEIGHT; /* the tensor has its module's name */
    if (row)
        return plan_parts(plan, (size_t)(row - plan->scan->rows)) & parts;
    const struct parameter *parameter = plan->model ? model_find(plan->model, tensor) : NULL;
    return parameter && *plan_module_flag(plan, parameter);
}
