/* How a job looks while it runs; shared with watch.c, which steers it. */
#ifndef SPECTRUM_TUI_SCREEN_WATCH_DRAW_H
#define SPECTRUM_TUI_SCREEN_WATCH_DRAW_H

#include "tui/app/app.h"

struct watch_view {
    bool logarithmic; /* the loss axis */
    bool stop_asked;  /* stopping is asked twice */
    bool trust_asked; /* and so is resuming what may be somebody else's wish (job/trust.h) */
};

void watch_draw(struct app *app, void *state, struct area area);

#endif
