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

/* A piece that is never broken, "signal 44 of 192": two blanks after the one before it, or on the
 * next line where it does not fit. */
void flow_item(struct flow *flow, struct style style, const char *text);

/* A sentence, broken between words. Returns the rows that it takes; where the area has fewer, the
 * last ends in an ellipsis. */
int flow_words(struct area area, struct style style, const char *text);
int flow_words_rows(const char *text, int columns); /* without drawing */

#endif
