/* Which matrices of a model are scored.
 *
 * By default these are the 2-D weights of the numbered blocks, as the reference has them, and their
 * experts' matrices that lie together in one tensor, which the reference does not see; a pattern
 * chooses any modules by name.
 */
#include "model/score_rows.h"

#include "base/memory.h"
#include "base/regex.h"
#include "base/text.h"
#include "model/fused.h"
#include "model/score_model.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Why a matrix has a row and no score. */
bool scan_row_refusal(const struct matrix_part *part, char *out, size_t size)
{
    const struct tensor_info *tensor = part->parameter->tensor;
    if (tensor->dtype == DTYPE_UNSUPPORTED)
        snprintf(out, size, "the type %s cannot be read%s%s", tensor->dtype_name,
                 tensor->refusal || scan_is_coded(part->parameter) ? ": " : "",
                 tensor->refusal                  ? tensor->refusal
                 : scan_is_coded(part->parameter) ? "a quantiser's codes"
                                                  : "");
    else if (tensor->rank > 2 && part->expert < 0)
        snprintf(out, size, "it has %d dimensions", tensor->rank);
    else
        return false;
    return true;
}

/* Two dimensions, or a stack of such; of codes that cannot be read a stack is an omission, as its
 * many rows would say one thing. */
static bool has_matrices(const struct model *model, const struct parameter *parameter)
{
    if (scan_is_orphan(model, parameter))
        return false;
    if (parameter->tensor->rank == 2)
        return !scan_is_stack_of_biases(parameter);
    return parameter->tensor->dtype != DTYPE_UNSUPPORTED && parameter_is_stack(model, parameter);
}

static bool has_block_weights(const struct model *model)
{
    for (size_t i = 0; i < model->parameter_count; i++)
        if (model->parameters[i].layer >= 0 && has_matrices(model, &model->parameters[i]))
            return true;
    return false;
}

/* Where a module stands in the order in which PyTorch walks a model, and the reference with it: the
 * embedding, the blocks by number, the final norm, the head. Files often have block 10 before 2. */
static int walk_order(const struct parameter *parameter)
{
    if (parameter->layer >= 0)
        return parameter->layer;
    switch (parameter->role) {
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
    const struct parameter *x = *(const struct parameter *const *)a,
                           *y = *(const struct parameter *const *)b;
    int i = walk_order(x), j = walk_order(y);
    if (i != j)
        return i < j ? -1 : 1;
    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* --- rows --- */

enum { NAME_SIZE = 1200 };

/* What the parts of a tensor are called: "x.3", "x.3.gate", "x.q"; a whole one "x". */
static void put_part_name(char out[NAME_SIZE], const char *of, const struct matrix_part *part)
{
    int length = snprintf(out, NAME_SIZE, "%.*s", (int)module_name_length(of), of);
    if (part->expert >= 0 && length < NAME_SIZE)
        length += snprintf(out + length, (size_t)(NAME_SIZE - length), ".%" PRId64, part->expert);
    if (part->projection && length < NAME_SIZE)
        snprintf(out + length, (size_t)(NAME_SIZE - length), ".%s", part->projection);
}

/* Scans call "a.weight" by "a"; a tensor that is called just that would be there twice, or would
 * seem to be what a row of another is. */
static int check_name(const struct model *model, const struct matrix_part *part, const char *name,
                      struct error *err)
{
    const char *own = part->parameter->name;
    char longer[NAME_SIZE + 8];
    const struct parameter *other = strcmp(name, own) != 0 ? model_find(model, name) : NULL;
    snprintf(longer, sizeof longer, "%s.weight", name);
    if (!other && matrix_part_is_of_several(part))
        other = model_find(model, longer);
    return other ? error_set(err, "%s: %s and %s would have one name in a scan",
                             checkpoint_path(model->checkpoint), other->name, own)
                 : 0;
}

/* What the scan's file must say of a row so that a plan can be made without the model: its names in
 * the file and once loaded, its tensor where it is one of several in that. */
static int add_row(struct scan *scan, const struct model *model, const struct matrix_part *part,
                   struct error *err)
{
    const struct parameter *parameter = part->parameter;
    char name[NAME_SIZE], type[NAME_SIZE];
    put_part_name(name, parameter->name, part);
    put_part_name(type, parameter->type, part);
    if (check_name(model, part, name, err) != 0)
        return -1;
    struct scan_row *row = &scan->rows[scan->count++];
    row->module = string_copy(name, err);
    row->type = string_copy(type, err);
    row->rows = part->rows;
    row->cols = part->cols;
    row->parameters = part->rows * part->cols;
    snprintf(row->dtype, sizeof row->dtype, "%.15s", parameter->tensor->dtype_name);
    if (matrix_part_is_of_several(part)) {
        row->tensor = string_copy(parameter->name, err);
        row->tensor_parameters = parameter->numel;
    }
    row->loaded = parameter->loaded ? string_copy(parameter->loaded, err) : NULL;
    row->loaded_parts = parameter->loaded_parts;
    if (scan_copy_file_name(&row->file, parameter, err) != 0 || (parameter->loaded && !row->loaded))
        return -1;
    if (!row->module || !row->type || (matrix_part_is_of_several(part) && !row->tensor))
        return -1;
    return scan_row_find_expert(row, part->expert, err);
}

/* --- which --- */

/* What is asked for, ready to be asked of every name. */
struct selection {
    const struct model *model;
    struct regex *pattern; /* NULL: the default */
    bool has_blocks;       /* false: a model without numbered blocks counts as one block */
    bool split_fused;
};

/* 1, 0, or -1: all matrices of a parameter. */
static int takes_parameter(const struct selection *of, const struct parameter *parameter,
                           struct error *err)
{
    char name[NAME_SIZE];
    if (!of->pattern)
        return (parameter->layer >= 0 || !of->has_blocks) && has_matrices(of->model, parameter);
    parameter_short_name(parameter, name, sizeof name);
    return regex_search(of->pattern, name, err);
}

/* 1, 0, or -1: this one of several, by its own name. */
static int takes_part(const struct selection *of, const struct matrix_part *part, struct error *err)
{
    char name[NAME_SIZE];
    if (!of->pattern || !matrix_part_is_of_several(part))
        return 0;
    put_part_name(name, part->parameter->name, part);
    return regex_search(of->pattern, name, err);
}

struct part_list {
    struct matrix_part *items;
    size_t count, capacity;
};

/* A scan's file has at most as many rows (score_read.c), so that what is written can be read. */
static int add_part(struct part_list *list, const struct selection *of,
                    const struct matrix_part *part, struct error *err)
{
    if (list->count == SCAN_ROWS_MAX)
        return error_set(err, "%s: more than %d matrices; --modules chooses some",
                         checkpoint_path(of->model->checkpoint), SCAN_ROWS_MAX);
    if (array_reserve((void **)&list->items, &list->capacity, list->count + 1, sizeof *list->items,
                      err) != 0)
        return -1;
    list->items[list->count++] = *part;
    return 0;
}

/* A matrix of a parameter, or the projections in it; `taken`: it is asked for by the parameter's
 * name. */
static int add_matrix(struct part_list *list, const struct selection *of,
                      const struct matrix_part *matrix, bool taken, struct error *err)
{
    struct matrix_part apart[FUSED_MAX];
    int whole = taken ? 1 : takes_part(of, matrix, err), count = 0;
    if (whole < 0)
        return -1;
    /* a matrix that is not asked for may still have a projection that is, if it can be told */
    if (of->split_fused && (whole > 0 || of->pattern) &&
        fused_parts(apart, &count, of->model, matrix, whole > 0 ? err : NULL) != 0 && whole > 0)
        return -1;
    if (count == 0)
        return whole ? add_part(list, of, matrix, err) : 0;
    for (int i = 0; i < count; i++) {
        int one = whole ? 1 : takes_part(of, &apart[i], err);
        if (one < 0 || (one > 0 && add_part(list, of, &apart[i], err) != 0))
            return -1;
    }
    return 0;
}

/* A stack of experts is as many matrices. */
static int add_parts(struct part_list *list, const struct selection *of,
                     const struct parameter *parameter, struct error *err)
{
    int taken = takes_parameter(of, parameter, err);
    int64_t count = parameter_matrices(of->model, parameter);
    int status = taken < 0 ? -1 : 0;
    for (int64_t n = 0; status == 0 && n < count; n++) {
        struct matrix_part matrix = matrix_part(of->model, parameter, n);
        status = add_matrix(list, of, &matrix, taken > 0, err);
    }
    return status;
}

/* The parts that are asked for, in the order of their computation. */
static int list_parts(struct part_list *list, const struct selection *of, struct error *err)
{
    const struct model *model = of->model;
    const struct parameter **order = array_alloc(model->parameter_count, sizeof *order, err);
    int status = order ? 0 : -1;
    for (size_t i = 0; order && i < model->parameter_count; i++)
        order[i] = &model->parameters[i];
    if (order && model->parameter_count > 0)
        qsort(order, model->parameter_count, sizeof *order, compare_modules);
    for (size_t i = 0; status == 0 && i < model->parameter_count; i++)
        if (!order[i]->buffer && !scan_is_beside_codes(model, order[i]) &&
            !scan_is_orphan(model, order[i]))
            status = add_parts(list, of, order[i], err);
    free(order);
    return status;
}

/* --- all of it --- */

/* A pattern that matches nothing is an error with the pattern; so is a model that has no matrix. */
static int make_rows(struct scan *scan, struct part_list *list, const struct model *model,
                     const struct scan_choice *choice, struct error *err)
{
    const char *pattern = choice ? choice->modules : NULL;
    struct selection of = {model, pattern ? regex_of_names(pattern, err) : NULL,
                           has_block_weights(model), choice && choice->split_fused};
    if (pattern && !of.pattern) {
        if (err)
            err->kind = ERROR_USAGE;
        return -1;
    }
    int status = list_parts(list, &of, err);
    regex_free(of.pattern);
    if (status == 0 && list->count == 0)
        return error_set(err, "%s: no module %s%.200s", checkpoint_path(model->checkpoint),
                         pattern ? "matches " : "has two ",
                         pattern ? pattern : "dimensions; `spectrum scan --modules` names some");
    if (status == 0)
        scan->rows = array_alloc(list->count, sizeof *scan->rows, err);
    status = scan->rows ? status : -1;
    for (size_t i = 0; status == 0 && i < list->count; i++)
        status = add_row(scan, model, &list->items[i], err);
    return status == 0 ? scan_describe(scan, list->items, model, pattern == NULL, err) : -1;
}

/* *parts, if it is wanted, says of each row where its matrix is; free() it. */
int scan_for_model(struct scan **out, struct matrix_part **parts, const struct model *model,
                   const struct scan_choice *choice, struct error *err)
{
    struct scan *scan = array_alloc(1, sizeof *scan, err);
    struct part_list list = {0};
    int status = -1;
    if (scan)
        scan->model = string_copy(checkpoint_path(model->checkpoint), err);
    if (scan && scan->model)
        status = make_rows(scan, &list, model, choice, err);
    if (status == 0 && checkpoint_identity(model->checkpoint, scan->files, NULL) != 0)
        scan->files[0] = '\0';
    if (status != 0) {
        scan_free(scan);
        scan = NULL;
    }
    if (status == 0 && parts)
        *parts = list.items;
    else
        free(list.items);
    *out = scan;
    return status;
}

/* The rows that a scan would have, those already known which cannot be scored: for who looks
 * first. */
int scan_outlook(struct scan **out, const struct model *model, struct error *err)
{
    struct matrix_part *parts = NULL;
    int status = scan_for_model(out, &parts, model, NULL, err);
    for (size_t i = 0; status == 0 && i < (*out)->count; i++) {
        struct scan_row *row = &(*out)->rows[i];
        if (!scan_row_refusal(&parts[i], row->reason, sizeof row->reason))
            continue;
        row->known = true;
        row->snr = NAN;
    }
    free(parts);
    return status;
}
