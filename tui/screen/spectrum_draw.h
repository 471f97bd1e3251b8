/* The singular values of a matrix as a plot, beside pure noise and the threshold. */
#ifndef SPECTRUM_TUI_SCREEN_SPECTRUM_DRAW_H
#define SPECTRUM_TUI_SCREEN_SPECTRUM_DRAW_H

#include "tui/screen/spectrum_values.h"
#include "tui/theme/theme.h"

struct spectrum_look {
    bool histogram; /* else scree: value by rank */
    bool logarithmic;
};

void spectrum_draw(struct area area, const struct theme *theme, const struct scan_row *row,
                   const struct spectrum_values *values, struct spectrum_look look);

#endif
