#include "tui/session/grid.h"

#include "base/memory.h"
#include "tui/widget/heatmap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- places --- */

/* The first part of the name that is a number of at most six digits. */
int module_layer(const char *name)
{
    for (const char *at = strchr(name, '.'); at; at = strchr(at + 1, '.')) {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits > 0 && digits < 7 && (at[digits + 1] == '.' || at[digits + 1] == '\0'))
            return atoi(at + 1);
    }
    return -1;
}

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

/* In two passes over the rows: first the map's size, then each row's place. */
int grid_make(struct grid *grid, const struct scan *scan, struct error *err)
{
    *grid = (struct grid){.type = array_alloc(GRID_TYPES_MAX, sizeof *grid->type, err)};
    if (!grid->type)
        return -1;
    /* How many layers there are, and which types, each in front of the first that comes later. A
     * scan is a file and may say anything: what the map cannot show is an error, not a gap. */
    for (size_t i = 0; i < scan->count; i++) {
        int layer = module_layer(scan->rows[i].module);
        if (layer < 0)
            continue;
        if (layer >= GRID_LAYERS_MAX)
            return error_set(err, "block %d: more than %d blocks cannot be shown", layer,
                             GRID_LAYERS_MAX);
        if (layer >= grid->layers)
            grid->layers = layer + 1;
        if (type_find(grid, scan->rows[i].type) >= 0)
            continue;
        if (grid->types == GRID_TYPES_MAX)
            return error_set(err, "more than %d module types cannot be shown", GRID_TYPES_MAX);
        const char *name = scan->rows[i].type;
        int at = grid->types++;
        for (; at > 0 && type_order(grid->type[at - 1].name) > type_order(name); at--)
            grid->type[at] = grid->type[at - 1];
        grid->type[at].name = name;
        heat_label(name, grid->type[at].label, sizeof grid->type[at].label);
    }
    if (grid->types == 0)
        return error_set(err, "no module of the scan is in a numbered block");
    size_t cells = (size_t)grid->types * (size_t)grid->layers;
    grid->rows = array_alloc(cells, sizeof *grid->rows, err);
    if (!grid->rows)
        return -1;
    for (size_t i = 0; i < cells; i++)
        grid->rows[i] = SIZE_MAX;
    for (size_t i = 0; i < scan->count; i++) {
        int layer = module_layer(scan->rows[i].module), type = type_find(grid, scan->rows[i].type);
        if (layer >= 0 && type >= 0)
            grid->rows[(size_t)type * (size_t)grid->layers + (size_t)layer] = i;
    }
    return 0;
}

void grid_free(struct grid *grid)
{
    free(grid->type);
    free(grid->rows);
    *grid = (struct grid){0};
}

size_t grid_row(const struct grid *grid, int layer, int type)
{
    if (layer < 0 || type < 0 || layer >= grid->layers || type >= grid->types)
        return SIZE_MAX;
    return grid->rows[(size_t)type * (size_t)grid->layers + (size_t)layer];
}

bool grid_find(const struct grid *grid, size_t row, int *layer, int *type)
{
    for (*type = 0; *type < grid->types; ++*type)
        for (*layer = 0; *layer < grid->layers; ++*layer)
            if (grid_row(grid, *layer, *type) == row)
                return true;
    return false;
}

/* --- numbers --- */

static const struct {
    const char *name, *title;
} metrics[METRIC_COUNT] = {
    [METRIC_SNR] = {"snr", "SNR"},
    [METRIC_MP] = {"mp", "mp SNR"},
    [METRIC_GAVISH_DONOHO] = {"gavish-donoho", "gavish-donoho SNR"},
    [METRIC_FROBENIUS] = {"frobenius", "Frobenius norm"},
    [METRIC_SIGMA_MAX] = {"sigma-max", "sigma max"},
    [METRIC_STABLE_RANK] = {"stable-rank", "stable rank"},
    [METRIC_EFFECTIVE_RANK] = {"effective-rank", "effective rank"},
    [METRIC_SPIKES] = {"spikes", "spikes"},
};

const char *metric_name(enum metric metric)
{
    return metrics[metric].name;
}

const char *metric_title(enum metric metric)
{
    return metrics[metric].title;
}

/* A beginning that two names have is neither's. */
bool metric_find(enum metric *out, const char *name)
{
    size_t length = strlen(name);
    int found = METRIC_COUNT;
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (strncmp(metrics[i].name, name, length) != 0)
            continue;
        if (found < METRIC_COUNT)
            return false;
        found = i;
    }
    if (found < METRIC_COUNT)
        *out = (enum metric)found;
    return found < METRIC_COUNT;
}

/* A row that is known has its SNR; the other numbers are those of a detailed scan, which a
 * published scan file is not. */
double metric_value(const struct scan_row *row, enum metric metric)
{
    if (!row->known || (metric != METRIC_SNR && !row->detailed))
        return NAN;
    switch (metric) {
    case METRIC_MP:
        return row->snr_mp;
    case METRIC_GAVISH_DONOHO:
        return row->snr_gavish_donoho;
    case METRIC_FROBENIUS:
        return row->frobenius;
    case METRIC_SIGMA_MAX:
        return row->sigma_max;
    case METRIC_STABLE_RANK:
        return row->stable_rank;
    case METRIC_EFFECTIVE_RANK:
        return row->effective_rank;
    case METRIC_SPIKES:
        return row->spikes >= 0 ? (double)row->spikes : NAN;
    default:
        return row->snr;
    }
}

/* Only scores have one: what the estimator makes of noise of this shape. */
double metric_null(const struct scan_row *row, enum metric metric)
{
    if (!row->known || !row->detailed)
        return NAN;
    switch (metric) {
    case METRIC_SNR:
        return row->null_snr;
    case METRIC_MP:
        return row->null_snr_mp;
    case METRIC_GAVISH_DONOHO:
        return row->null_snr_gavish_donoho;
    default:
        return NAN;
    }
}

bool metric_is_logarithmic(enum metric metric)
{
    return metric != METRIC_SPIKES;
}
