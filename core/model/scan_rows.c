/* Which modules of a model a scan has rows for. */
#include "base/memory.h"
#include "base/regex.h"
#include "model/scan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 1, 0, or -1. A model without numbered blocks counts as one block. */
static int is_selected(const struct module *module, struct regex *pattern, bool has_blocks,
                       struct error *err)
{
    if (pattern) {
        char name[1024];
        module_short_name(module, name, sizeof name);
        return regex_search(pattern, name, err);
    }
    return (module->layer >= 0 || !has_blocks) && module->tensor->rank == 2;
}

static bool has_block_weights(const struct model *model)
{
    for (size_t i = 0; i < model->module_count; i++)
        if (model->modules[i].layer >= 0 && model->modules[i].tensor->rank == 2)
            return true;
    return false;
}

/* Where a module stands in the order in which PyTorch walks a model, and the reference with it: the
 * embedding, the blocks by number, the final norm, the head. Files often have block 10 before 2. */
static int walk_order(const struct module *module)
{
    if (module->layer >= 0)
        return module->layer;
    switch (module->role) {
    case ROLE_EMBEDDING:
        return -1;
    case ROLE_HEAD:
        return INT_MAX;
    default:
        return INT_MAX - 1;
    }
}

/* Inside a block by type (the attention before the MLP, as descriptors list them), then by file. */
static int compare_modules(const void *a, const void *b)
{
    const struct module *x = *(const struct module *const *)a,
                        *y = *(const struct module *const *)b;
    int i = walk_order(x), j = walk_order(y);
    if (i != j)
        return i < j ? -1 : 1;
    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Scans call "a.weight" by "a"; a tensor that is called just that would be there twice. */
static int add_row(struct scan *scan, const struct model *model, const struct module *module,
                   struct error *err)
{
    char name[1024];
    module_short_name(module, name, sizeof name);
    if (strcmp(name, module->name) != 0 && model_find(model, name))
        return error_set(err, "%s: %s and %s would have one name in a scan",
                         checkpoint_path(model->checkpoint), name, module->name);
    struct scan_row *row = &scan->rows[scan->count++];
    row->module = string_copy(name, err);
    row->type = string_copy(module->type, err);
    row->rows = module->rows;
    row->cols = module->cols;
    row->parameters = module->parameters;
    snprintf(row->dtype, sizeof row->dtype, "%.15s", module->tensor->dtype_name);
    return row->module && row->type ? 0 : -1;
}

static int add_rows(struct scan *scan, const struct module **of, const struct model *model,
                    const char *pattern, struct error *err)
{
    struct regex *regex = pattern ? regex_new(pattern, err) : NULL;
    if (pattern && !regex) {
        if (err)
            err->kind = ERROR_USAGE;
        return -1;
    }
    int status = 0;
    bool has_blocks = has_block_weights(model);
    size_t count = 0;
    for (size_t i = 0; status == 0 && i < model->module_count; i++) {
        int selected = is_selected(&model->modules[i], regex, has_blocks, err);
        status = selected < 0 ? -1 : 0;
        if (selected > 0)
            of[count++] = &model->modules[i];
    }
    qsort(of, count, sizeof *of, compare_modules);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = add_row(scan, model, of[i], err);
    regex_free(regex);
    if (status == 0 && scan->count == 0)
        status = error_set(err, "%s: no module %s%.200s", checkpoint_path(model->checkpoint),
                           pattern ? "matches " : "has two ",
                           pattern ? pattern : "dimensions; name some with --modules");
    return status;
}

int scan_for_model(struct scan **out, const struct module ***modules, const struct model *model,
                   const char *pattern, struct error *err)
{
    struct scan *scan = array_alloc(1, sizeof *scan, err);
    const struct module **of = array_alloc(model->module_count, sizeof *of, err);
    int status = -1;
    if (scan && of) {
        scan->rows = array_alloc(model->module_count, sizeof *scan->rows, err);
        scan->model = string_copy(checkpoint_path(model->checkpoint), err);
        if (scan->rows && scan->model)
            status = add_rows(scan, of, model, pattern, err);
    }
    if (status != 0) {
        scan_free(scan);
        scan = NULL;
    }
    if (status == 0 && modules)
        *modules = of;
    else
        free(of);
    *out = scan;
    return status;
}
