/* Names: which rows, parts of rows and unlisted tensors they mean. */
#include "plan/plan_state.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

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
    else if (there)
        flags[row - plan->scan->rows] |= (unsigned char)parts;
    else if (row || !set_unlisted(plan, name))
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
    if (row)
        return plan_parts(plan, (size_t)(row - plan->scan->rows)) & parts;
    const struct parameter *parameter = plan->model ? model_find(plan->model, tensor) : NULL;
    return parameter && *plan_module_flag(plan, parameter);
}
