#include "tui/session/grid.h"

#include "base/memory.h"
#include "model/parameters.h"
#include "tui/widget/heatmap.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- places --- */

/* The order in which a block computes; types that are not known come after, in the scan's order. */
static int type_order(const char *name)
{
    static const char *const known[] = {"q_proj",       "k_proj",   "v_proj",    "qkv_proj",
                                        "o_proj",       "gate",     "gate_proj", "up_proj",
                                        "gate_up_proj", "down_proj"};
    const char *last = strrchr(name, '.');
    last = last ? last + 1 : name;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], last) == 0)
            return (int)i;
    return 100;
}

static int type_find(const struct grid *grid, const char *name)
{
    for (int i = 0; i < grid->types; i++)
        if (strcmp(grid->type[i].name, name) == 0)
            return i;
    return -1;
}

/* What a row's place on the map is called: folded, experts of all numbers share theirs; where they
 * are open, these experts alone have places, each its own. NULL: none. */
static const char *place_name(const struct scan_row *row, const char *open)
{
    if (open)
        return row->expert_type && strcmp(row->expert_type, open) == 0 ? row->type : NULL;
    return row->expert_type ? row->expert_type : row->type;
}

/* Puts a type in front of the first that comes later; opened experts stay in their own order. */
static void add_type(struct grid *grid, const struct scan_row *row, const char *open)
{
    const char *name = place_name(row, open);
    int at = grid->types++;
    for (; !open && at > 0 && type_order(grid->type[at - 1].name) > type_order(name); at--)
        grid->type[at] = grid->type[at - 1];
    grid->type[at] = (struct grid_type){.name = name, .folds = !open && row->expert_type};
    if (open)
        snprintf(grid->type[at].label, sizeof grid->type[at].label, "e%" PRId64, row->expert);
    else
        heat_label(name, grid->type[at].label, sizeof grid->type[at].label);
}

/* How many layers there are, and which types. A scan is a file and may say anything: what the map
 * cannot show is an error, not a gap. */
static int find_types(struct grid *grid, const struct scan *scan, const char *open,
                      struct error *err)
{
    for (size_t i = 0; i < scan->count; i++) {
        int layer = module_layer(scan->rows[i].module);
        const char *name = place_name(&scan->rows[i], open);
        if (layer < 0 || !name)
            continue;
        if (layer >= GRID_LAYERS_MAX)
            return error_set(err, "block %d: more than %d blocks cannot be shown", layer,
                             GRID_LAYERS_MAX);
        if (layer >= grid->layers)
            grid->layers = layer + 1;
        if (type_find(grid, name) >= 0)
            continue;
        if (grid->types == GRID_TYPES_MAX)
            return error_set(err, "more than %d %s cannot be shown", GRID_TYPES_MAX,
                             open ? "experts" : "module types");
        add_type(grid, &scan->rows[i], open);
    }
    return grid->types > 0 ? 0 : error_set(err, "no module of the scan is in a numbered block");
}

static int compare_places(const void *a, const void *b)
{
    const struct grid_place *x = a, *y = b;
    if (x->cell != y->cell)
        return x->cell < y->cell ? -1 : 1;
    if (x->expert != y->expert)
        return x->expert < y->expert ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The rows cell by cell, in each by their expert's number. */
static int place_rows(struct grid *grid, const struct scan *scan, const char *open,
                      struct error *err)
{
    size_t cells = (size_t)grid->types * (size_t)grid->layers, count = 0;
    grid->place = array_alloc(scan->count, sizeof *grid->place, err);
    grid->start = array_alloc(cells + 1, sizeof *grid->start, err);
    if (!grid->place || !grid->start)
        return -1;
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_row *row = &scan->rows[i];
        int layer = module_layer(row->module);
        const char *name = place_name(row, open);
        int type = layer >= 0 && name ? type_find(grid, name) : -1;
        if (type >= 0)
            grid->place[count++] =
                (struct grid_place){(size_t)type * (size_t)grid->layers + (size_t)layer,
                                    row->expert_type ? row->expert : 0, i};
    }
    qsort(grid->place, count, sizeof *grid->place, compare_places);
    for (size_t i = 0, cell = 0; cell <= cells; cell++) {
        while (i < count && grid->place[i].cell < cell)
            i++;
        grid->start[cell] = i;
    }
    return 0;
}

int grid_make(struct grid *grid, const struct scan *scan, const char *open, struct error *err)
{
    *grid = (struct grid){.type = array_alloc(GRID_TYPES_MAX, sizeof *grid->type, err)};
    if (!grid->type || find_types(grid, scan, open, err) != 0)
        return -1;
    grid->open = open;
    return place_rows(grid, scan, open, err);
}

void grid_free(struct grid *grid)
{
    free(grid->type);
    free(grid->place);
    free(grid->start);
    *grid = (struct grid){0};
}

/* --- cells --- */

static bool has_cell(const struct grid *grid, int layer, int type)
{
    return layer >= 0 && type >= 0 && layer < grid->layers && type < grid->types;
}

const struct grid_place *grid_cell(const struct grid *grid, int layer, int type, size_t *count)
{
    if (!has_cell(grid, layer, type)) {
        *count = 0;
        return NULL;
    }
    size_t cell = (size_t)type * (size_t)grid->layers + (size_t)layer;
    *count = grid->start[cell + 1] - grid->start[cell];
    return grid->place + grid->start[cell];
}

/* Of a folded cell the expert that is shown, or the next that there is. Two rows of one type and layer
 * (of several towers) are otherwise one cell's, which shows the last. */
size_t grid_row(const struct grid *grid, int layer, int type)
{
    size_t count, i = 0;
    const struct grid_place *place = grid_cell(grid, layer, type, &count);
    if (count == 0)
        return SIZE_MAX;
    while (i + 1 < count && (!grid->type[type].folds || place[i].expert < grid->expert))
        i++;
    return place[i].row;
}

/* Of several rows in one cell each has that cell. */
bool grid_find(const struct grid *grid, size_t row, int *layer, int *type)
{
    size_t all = grid->layers ? grid->start[(size_t)grid->types * (size_t)grid->layers] : 0;
    for (size_t i = 0; i < all; i++) {
        if (grid->place[i].row != row)
            continue;
        *layer = (int)(grid->place[i].cell % (size_t)grid->layers);
        *type = (int)(grid->place[i].cell / (size_t)grid->layers);
        return true;
    }
    return false;
}

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double grid_value(const struct grid *grid, const struct scan *scan, int layer, int type,
                  enum metric metric)
{
    double few[64], median = NAN;
    size_t count, known = 0;
    const struct grid_place *place = grid_cell(grid, layer, type, &count);
    if (count > 0 && !grid->type[type].folds)
        return metric_value(&scan->rows[grid_row(grid, layer, type)], metric);
    double *values = count > 64 ? array_alloc(count, sizeof *values, NULL) : few;
    for (size_t i = 0; values && i < count; i++) {
        double value = metric_value(&scan->rows[place[i].row], metric);
        if (!isnan(value))
            values[known++] = value;
    }
    if (known > 0) {
        qsort(values, known, sizeof *values, compare_reals);
        double low = values[(known - 1) / 2], high = values[known / 2];
        median = low == high ? low : (low + high) / 2; /* infinite ones, too */
    }
    if (values != few)
        free(values);
    return median;
}
