/* How a job looks while it runs; shared with watch.c, which steers it. */
#ifndef SPECTRUM_TUI_SCREEN_WATCH_DRAW_H
#define SPECTRUM_TUI_SCREEN_WATCH_DRAW_H

#include "base/hash.h"
#include "tui/app/app.h"

struct watch_view {
    bool logarithmic; /* the loss axis */
    bool stop_asked;  /* stopping is asked twice */
    /* And so is resuming what may be somebody else's wish: the key of what was shown, or "". */
    char trust_asked[DIGEST_TEXT_SIZE];
};

void watch_draw(struct app *app, void *state, struct area area);

#endif
