/* How the training form looks; shared with train.c, which takes what is typed. */
#ifndef SPECTRUM_TUI_SCREEN_TRAIN_DRAW_H
#define SPECTRUM_TUI_SCREEN_TRAIN_DRAW_H

#include "tui/app/app.h"

struct train_view {
    size_t field; /* the one that is typed into */
    bool fresh;   /* just arrived: typing replaces what is there */
};

void train_draw(struct app *app, void *state, struct area area);

#endif
