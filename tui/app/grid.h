/* Where a scan's rows lie in the heat map: layers along x, module types along y. */
#ifndef SPECTRUM_TUI_APP_GRID_H
#define SPECTRUM_TUI_APP_GRID_H

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

/* Borrows the scan's names. Rows outside the blocks (embedding, head) have no place. */
int grid_make(struct grid *grid, const struct scan *scan, struct error *err);
void grid_free(struct grid *grid);

size_t grid_row(const struct grid *grid, int layer, int type); /* SIZE_MAX outside */
bool grid_find(const struct grid *grid, size_t row, int *layer, int *type);

/* The block that a module's name says, "model.layers.7.mlp.down_proj": 7; -1: none. */
int module_layer(const char *name);

#endif
