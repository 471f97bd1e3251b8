/* A plot's axis: its range, where a value lies on it, its round numbers. Used by plot.c. */
#ifndef SPECTRUM_TUI_WIDGET_AXIS_H
#define SPECTRUM_TUI_WIDGET_AXIS_H

#include "tui/widget/plot.h"

struct axis {
    double low, high; /* NaN until a value was included */
    bool logarithmic;
    int dots; /* resolution */
};

/* The axes that show all of a plot; false where there is nothing to show. */
bool axes_make(const struct plot *plot, struct axis *x, struct axis *y);

/* Position of a value in dots; -1 outside or unknown. */
int axis_dot(const struct axis *axis, double value);

#endif
