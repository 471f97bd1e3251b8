/* The heat map's state, and how it looks. model.c moves over it, model_plan.c chooses what trains;
 * both change this struct, and model_draw() shows it.
 *
 * What is chosen is not here but in the session's plan, as the form, the status line and the
 * spectrum's screen show it, too.
 */
#ifndef SPECTRUM_TUI_SCREEN_MODEL_DRAW_H
#define SPECTRUM_TUI_SCREEN_MODEL_DRAW_H

#include "tui/app/app.h"
#include "tui/screen/spectrum.h"

/* The cursor is always on the map, though the place may have no matrix: layers of one model differ.
 */
struct model_view {
    int layer, type;    /* the cursor */
    enum metric metric; /* what colours the cells */
    bool over_all;      /* one colour scale for all types, else one for each */
    bool marking;       /* a range is being marked, from here to the cursor: */
    int mark_layer, mark_type;
    struct spectrum_values preview; /* of the cursor's matrix, for large windows */
};

void model_draw(struct app *app, void *state, struct area area);

#endif
