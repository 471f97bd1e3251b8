/* The heat map's two questions: where a scan's row lies in it, and which number colours it.
 *
 * A grid is types x layers cells. A row's layer is the number in its module's name, its type is
 * the rest of the name, as the scan says it; rows without a number (embeddings, head) have no
 * place:
 *
 *                            layer 0   layer 1   layer 2
 *     self_attn.q_proj          3         10        17       the row of each cell
 *     mlp.experts.down_proj   4 5 6    11 12 13      -       one an expert: a folded type
 *
 * Experts of one projection share a cell, of which one expert is shown at a time, and the median of
 * all is its value. Opened, they are all that is on the map, a type each.
 *
 * A grid is made when a model is opened, as a scan has all of its rows from the start, and only
 * their scores come later, and again when experts are opened or folded (grid_make()); grid_free()
 * gives it back.
 */
#ifndef SPECTRUM_TUI_SESSION_GRID_H
#define SPECTRUM_TUI_SESSION_GRID_H

#include "model/score_metric.h"

enum { GRID_TYPES_MAX = 512, GRID_LAYERS_MAX = 4096 };

struct grid_type {
    const char *name; /* the scan's own */
    char label[32];   /* short, for the map's left edge */
    bool folds;       /* its cells have a row an expert */
};

/* A row in its cell: type * layers + layer. */
struct grid_place {
    size_t cell;
    int64_t expert; /* 0 for what is none */
    size_t row;     /* an index into the scan */
};

struct grid {
    int layers, types;
    struct grid_type *type;   /* [types]: attention, then the MLP, then others as they come */
    struct grid_place *place; /* cell by cell, in each by the expert's number */
    size_t *start;            /* [types * layers + 1] the first place of each cell */
    const char *open; /* the experts that are open, by the type that they fold to; or NULL */
    int64_t expert;   /* which expert folded cells show; the caller's to set */
};

/* Borrows the scan's names, and `open`: the type whose experts are all that is on the map; NULL: all
 * are folded. Rows outside the blocks (embedding, head) have no place. An error where no row has
 * one, or where there are more types or layers than the map can show. */
int grid_make(struct grid *grid, const struct scan *scan, const char *open, struct error *err);
void grid_free(struct grid *grid);

/* The row that a cell shows; SIZE_MAX: it has none, or is outside. */
size_t grid_row(const struct grid *grid, int layer, int type);

/* All rows of a cell; NULL and 0 outside. */
const struct grid_place *grid_cell(const struct grid *grid, int layer, int type, size_t *count);

/* The cell that has a row. */
bool grid_find(const struct grid *grid, size_t row, int *layer, int *type);

/* A cell's: the median of its rows' that are known. NaN: none is. */
double grid_value(const struct grid *grid, const struct scan *scan, int layer, int type,
                  enum metric metric);

#endif
