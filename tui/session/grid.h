/* The heat map's two questions: where a scan's row lies in it, and which number colours it.
 *
 * A grid is types x layers places. A row's layer is the number in its module's name, its type is
 * the rest of the name, as the scan says it; rows without a number (embeddings, head) have no
 * place:
 *
 *                       layer 0   layer 1   layer 2
 *     self_attn.q_proj     3         10        17        rows[type * layers + layer]: an index
 *     mlp.down_proj        6         13      SIZE_MAX    into scan->rows, or SIZE_MAX
 *
 * A grid is made once, when a model is opened (grid_make()), as a scan has all of its rows from the
 * start, and only their scores come later; grid_free() gives it back.
 */
#ifndef SPECTRUM_TUI_SESSION_GRID_H
#define SPECTRUM_TUI_SESSION_GRID_H

#include "model/score_table.h"

enum { GRID_TYPES_MAX = 512, GRID_LAYERS_MAX = 4096 };

struct grid_type {
    const char *name; /* the scan's own */
    char label[32];   /* short, for the map's left edge */
};

struct grid {
    int layers, types;
    struct grid_type *type; /* [types]: attention, then the MLP, then others as they come */
    size_t *rows;           /* [types x layers] index into the scan; SIZE_MAX: no such module */
};

/* Borrows the scan's names. Rows outside the blocks (embedding, head) have no place. An error where
 * no row has one, or where there are more types or layers than the map can show. */
int grid_make(struct grid *grid, const struct scan *scan, struct error *err);
void grid_free(struct grid *grid);

size_t grid_row(const struct grid *grid, int layer, int type); /* SIZE_MAX outside */
bool grid_find(const struct grid *grid, size_t row, int *layer, int *type);

/* The block that a module's name says, "model.layers.7.mlp.down_proj": 7; -1: none. */
int module_layer(const char *name);

/* --- the numbers of a matrix that can colour its cell --- */

enum metric {
    METRIC_SNR, /* of the scan's estimator: what plans rank by */
    METRIC_MP,
    METRIC_GAVISH_DONOHO,
    METRIC_FROBENIUS,
    METRIC_SIGMA_MAX,
    METRIC_STABLE_RANK,
    METRIC_EFFECTIVE_RANK,
    METRIC_SPIKES,
    METRIC_COUNT
};

/* As the prompt takes it: "stable-rank"; and as the screen shows it: "stable rank". */
const char *metric_name(enum metric metric);
const char *metric_title(enum metric metric);

/* Finds a metric by the name that the prompt takes, "stable-rank", or a beginning that no other
 * name has. False: there is none. */
bool metric_find(enum metric *out, const char *name);

/* NaN: not known. */
double metric_value(const struct scan_row *row, enum metric metric);
/* What noise of this shape has in its place; NaN: not known, or the metric has no null model. */
double metric_null(const struct scan_row *row, enum metric metric);

/* True: its colours span orders of magnitude. False: it is a count, and may be 0. */
bool metric_is_logarithmic(enum metric metric);

#endif
