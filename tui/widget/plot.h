/* Plots with axes and numbers: curves, points and bars, drawn in braille dots (ASCII where the
 * terminal has no UTF-8; in a mono theme all but the first series as signs). Pure functions of
 * their struct; unknown (NaN) points leave a gap, and a later series stands before an earlier one.
 *
 *     y_title            ● evaluation  ● training  · threshold 0.56      names
 *          │⠑⢄
 *        2 ┤  ⠑⠢⢄⣀                    LABEL_WIDTH columns of numbers, then width x height cells,
 *          │      ⠉⠒⠤⢄⣀               each 2 x 4 dots of one colour
 *        1 ┤
 *          └──────┴──────┴──────
 *                10     20  x_title
 *
 * An axis goes from the lowest to the highest value of all series and marks (bars also from 0). A
 * cell has one colour: where two curves cross in one cell, the later one's.
 */
#ifndef SPECTRUM_TUI_WIDGET_PLOT_H
#define SPECTRUM_TUI_WIDGET_PLOT_H

#include "tui/theme/theme.h"

enum plot_shape { PLOT_LINE, PLOT_POINTS, PLOT_BARS };

struct plot_series {
    const char *name; /* NULL: not named */
    enum plot_shape shape;
    enum theme_role role;
    size_t count;
    const double *x, *y; /* y NaN: a gap */
};

/* A straight line across the plot with a name: a threshold. */
struct plot_mark {
    const char *name;
    double at;
    bool vertical; /* at an x; else at a y */
    enum theme_role role;
};

struct plot {
    const char *x_title, *y_title;
    const struct plot_series *series;
    size_t series_count;
    const struct plot_mark *marks;
    size_t mark_count;
    bool log_x, log_y; /* values that are not positive are left out then */
};

void plot_draw(struct area area, const struct theme *theme, const struct plot *plot);

/* Round tick values within [low, high]: 1, 2 or 5 times a power of ten apart (powers of ten, and
 * what lies between them, on a logarithmic axis). Returns how many, at most `capacity`. */
size_t plot_ticks(double low, double high, bool logarithmic, size_t wanted, double *out,
                  size_t capacity);

/* A number in at most 7 columns: "0.0012", "12.5k", "3e-07". */
void plot_number(double value, char *out, size_t size);

#endif
