#include "model/modules.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- look-up --- */

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct module *const *)a)->name,
                  (*(const struct module *const *)b)->name);
}

/* The look-up order, in which a name that two tensors came to shows ("blk.0." and "blk.00."). */
static int index_names(struct model *model, struct error *err)
{
    model->by_name = array_alloc(model->module_count, sizeof *model->by_name, err);
    if (!model->by_name)
        return -1;
    for (size_t i = 0; i < model->module_count; i++)
        model->by_name[i] = &model->modules[i];
    qsort(model->by_name, model->module_count, sizeof *model->by_name, compare_names);
    for (size_t i = 1; i < model->module_count; i++)
        if (compare_names(&model->by_name[i - 1], &model->by_name[i]) == 0)
            return error_set(err, "%s: tensors %s and %s are both the module %s",
                             checkpoint_path(model->checkpoint),
                             model->by_name[i - 1]->tensor->name, model->by_name[i]->tensor->name,
                             model->by_name[i]->name);
    return 0;
}

static int compare_roles(const void *a, const void *b)
{
    const struct module *x = *(const struct module *const *)a,
                        *y = *(const struct module *const *)b;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    return (int)x->bias - (int)y->bias;
}

static int index_roles(struct model *model, struct error *err)
{
    model->by_role = array_alloc(model->module_count, sizeof *model->by_role, err);
    if (!model->by_role)
        return -1;
    for (size_t i = 0; i < model->module_count; i++)
        model->by_role[i] = &model->modules[i];
    qsort(model->by_role, model->module_count, sizeof *model->by_role, compare_roles);
    return 0;
}

int model_index(struct model *model, struct error *err)
{
    return index_names(model, err) == 0 ? index_roles(model, err) : -1;
}

const struct module *model_find(const struct model *model, const char *name)
{
    const struct module key = {.name = (char *)(uintptr_t)name},
                        *wanted = &key; /* not written to */
    const struct module **found = bsearch(&wanted, model->by_name, model->module_count,
                                          sizeof *model->by_name, compare_names);
    return found ? *found : NULL;
}

const struct module *model_role(const struct model *model, enum module_role role, int layer,
                                bool bias)
{
    const struct module key = {.layer = layer, .role = role, .bias = bias}, *wanted = &key;
    const struct module **found = bsearch(&wanted, model->by_role, model->module_count,
                                          sizeof *model->by_role, compare_roles);
    return found ? *found : NULL;
}

/* --- questions --- */

const char *model_notes(const struct model *model)
{
    return buffer_string(&model->notes);
}

bool module_is_tied_copy(const struct model *model, const struct module *module)
{
    return module->role == ROLE_HEAD && model->config.tied;
}

bool module_is_used(const struct model *model, const struct module *module)
{
    return module->role != ROLE_OTHER && !module_is_tied_copy(model, module);
}

int64_t model_parameters(const struct model *model)
{
    int64_t sum = 0;
    for (size_t i = 0; i < model->module_count; i++)
        if (!module_is_tied_copy(model, &model->modules[i]))
            sum += model->modules[i].parameters;
    return sum;
}

/* The length of a name without ".weight", unless it is just that. */
size_t module_name_length(const char *name)
{
    size_t length = strlen(name), ending = strlen(".weight");
    return length > ending && text_ends_with(name, ".weight") ? length - ending : length;
}

void module_short_name(const struct module *module, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)module_name_length(module->name), module->name);
}
