#include "model/parameters.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- look-up --- */

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct parameter *const *)a)->name,
                  (*(const struct parameter *const *)b)->name);
}

/* The look-up order, in which a name that two tensors came to shows ("blk.0." and "blk.00."). */
static int index_names(struct model *model, struct error *err)
{
    model->by_name = array_alloc(model->parameter_count, sizeof *model->by_name, err);
    if (!model->by_name)
        return -1;
    for (size_t i = 0; i < model->parameter_count; i++)
        model->by_name[i] = &model->parameters[i];
    qsort(model->by_name, model->parameter_count, sizeof *model->by_name, compare_names);
    for (size_t i = 1; i < model->parameter_count; i++)
        if (compare_names(&model->by_name[i - 1], &model->by_name[i]) == 0)
            return error_set(err, "%s: tensors %s and %s are both the module %s",
                             checkpoint_path(model->checkpoint),
                             model->by_name[i - 1]->tensor->name, model->by_name[i]->tensor->name,
                             model->by_name[i]->name);
    return 0;
}

static int compare_roles(const void *a, const void *b)
{
    const struct parameter *x = *(const struct parameter *const *)a,
                           *y = *(const struct parameter *const *)b;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    return (int)x->bias - (int)y->bias;
}

static int index_roles(struct model *model, struct error *err)
{
    model->by_role = array_alloc(model->parameter_count, sizeof *model->by_role, err);
    if (!model->by_role)
        return -1;
    for (size_t i = 0; i < model->parameter_count; i++)
        model->by_role[i] = &model->parameters[i];
    qsort(model->by_role, model->parameter_count, sizeof *model->by_role, compare_roles);
    return 0;
}

int model_index(struct model *model, struct error *err)
{
    return index_names(model, err) == 0 ? index_roles(model, err) : -1;
}

const struct parameter *model_find(const struct model *model, const char *name)
{
    const struct parameter key = {.name = (char *)(uintptr_t)name},
                           *wanted = &key; /* not written to */
    const struct parameter **found = bsearch(&wanted, model->by_name, model->parameter_count,
                                             sizeof *model->by_name, compare_names);
    return found ? *found : NULL;
}

const struct parameter *model_role(const struct model *model, enum parameter_role role, int layer,
                                   bool bias)
{
    const struct parameter key = {.layer = layer, .role = role, .bias = bias}, *wanted = &key;
    const struct parameter **found = bsearch(&wanted, model->by_role, model->parameter_count,
                                             sizeof *model->by_role, compare_roles);
    return found ? *found : NULL;
}

/* --- questions --- */

const char *model_notes(const struct model *model)
{
    return buffer_string(&model->notes);
}

bool parameter_is_tied_copy(const struct model *model, const struct parameter *parameter)
{
    return parameter->role == ROLE_HEAD && model->config.tied;
}

bool parameter_is_used(const struct model *model, const struct parameter *parameter)
{
    return parameter->role != ROLE_OTHER && !parameter_is_tied_copy(model, parameter);
}

int64_t model_numel(const struct model *model)
{
    int64_t sum = 0;
    for (size_t i = 0; i < model->parameter_count; i++)
        if (!parameter_is_tied_copy(model, &model->parameters[i]))
            sum += model->parameters[i].numel;
    return sum;
}

/* The length of a name without ".weight", unless it is just that. */
size_t module_name_length(const char *name)
{
    size_t length = strlen(name), ending = strlen(".weight");
    return length > ending && text_ends_with(name, ".weight") ? length - ending : length;
}

void parameter_short_name(const struct parameter *parameter, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)module_name_length(parameter->name), parameter->name);
}
