/* The heat map's state, shared by what changes it (model.c) and what draws it (model_draw.c, and
 * model_cell.c for the matrix under the cursor). */
#ifndef SPECTRUM_TUI_SCREEN_MODEL_H
#define SPECTRUM_TUI_SCREEN_MODEL_H

#include "tui/app/app.h"
#include "tui/app/metric.h"
#include "tui/screen/spectrum_values.h"

struct model_view {
    int layer, type;    /* the cursor */
    enum metric metric; /* what colours the cells */
    bool over_all;      /* one colour scale for all types, else one for each */
    bool marking;       /* a range is being marked, from here to the cursor: */
    int mark_layer, mark_type;
    struct spectrum_values preview; /* of the cursor's matrix, for large windows */
};

void model_draw(struct app *app, void *state, struct area area);

/* The cursor's matrix, explained in so many lines. */
enum { MODEL_CELL_ROWS = 6 };
void model_draw_cell(struct app *app, const struct model_view *view, struct area area);

#endif
