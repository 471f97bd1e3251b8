/* Running text that is broken between words, in changing styles. */
#ifndef SPECTRUM_TUI_WIDGET_FLOW_H
#define SPECTRUM_TUI_WIDGET_FLOW_H

#include "tui/canvas/canvas.h"

struct flow {
    struct area area;
    int x, y; /* where the next character goes; y may be above the area (scrolled) or below it */
};

/* A word that does not fit goes to the next line, and one longer than a line is broken at the edge;
 * of the blanks at a break one goes. A text's end ends a word. Line ends begin a new line; other
 * controls are shown as '?'. */
void flow_put(struct flow *flow, struct style style, const char *text, size_t length);

/* Where the text went on below the area: an ellipsis at its end. */
void flow_mark_cut(const struct flow *flow, struct style style);

/* A piece that is never broken, "signal 44 of 192": two blanks after the one before it, or on the
 * next line where it does not fit. */
void flow_item(struct flow *flow, struct style style, const char *text);

/* A sentence, broken between words. Returns the rows that it takes; where the area has fewer, the
 * last ends in an ellipsis. */
int flow_words(struct area area, struct style style, const char *text);
int flow_words_rows(const char *text, int columns); /* without drawing */

#endif
