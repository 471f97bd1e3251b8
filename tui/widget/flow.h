/* Running text that is broken at the area's edge, in changing styles. */
#ifndef SPECTRUM_TUI_WIDGET_FLOW_H
#define SPECTRUM_TUI_WIDGET_FLOW_H

#include "tui/canvas/canvas.h"

struct flow {
    struct area area;
    int x, y; /* where the next character goes; y may be above the area (scrolled) or below it */
};

/* Line ends begin a new line; other controls are shown as '?'. */
void flow_put(struct flow *flow, struct style style, const char *text, size_t length);

#endif
