/* Plots with axes and numbers: curves, bands, points, bars and areas, drawn in braille dots. Pure
 * functions of their struct; unknown (NaN) points leave a gap, and a later series stands before an
 * earlier one.
 *
 *     y_title            ● evaluation  ● training  · threshold 0.56      names
 *          │⠑⢄
 *        2 ┤  ⠑⠢⢄⣀                    LABEL_WIDTH columns of numbers, then width x height cells,
 *          │      ⠉⠒⠤⢄⣀               each 2 x 4 dots of one colour
 *        1 ┤
 *          └──────┴──────┴──────
 *                10     20  x_title
 *
 * A cell has one colour: where two curves cross in one cell, the later one's. Where colour does not
 * tell curves apart, in a mono theme and in ASCII, a cell is a sign, its curve's (struct plot_look).
 * Signs (PLOT_SIGNS) are drawn after all else, a whole cell each, so that no curve swallows them.
 */
#ifndef SPECTRUM_TUI_WIDGET_PLOT_H
#define SPECTRUM_TUI_WIDGET_PLOT_H

#include "tui/theme/theme.h"
#include "tui/widget/plot_axis.h"

enum plot_shape {
    PLOT_LINE,
    PLOT_POINTS,
    PLOT_BARS,  /* from the axis up to y, as wide as to the next x */
    PLOT_BAND,  /* at each x a line from y up to `top`, joined to the next one's */
    PLOT_AREA,  /* from y up to `top`, as wide as to the next x */
    PLOT_SIGNS, /* a sign, at each point */
};

/* What a curve is drawn with. A sign that is NULL: of the curves that a plot may have (theme.h) the
 * first is dots without colour, too, and '*' in ASCII, the others have signs. */
struct plot_look {
    enum theme_role role;
    const char *sign;    /* in a mono theme; "": dots there, too; of PLOT_SIGNS always */
    const char *ascii;   /* where there is no UTF-8 */
    unsigned attributes; /* enum attribute bits beside those of the role */
    bool alone;          /* what earlier series drew into its cells goes */
};

struct plot_series {
    const char *name; /* NULL: not named */
    enum plot_shape shape;
    struct plot_look look;
    size_t count;
    const double *x, *y; /* y NaN: a gap */
    const double *top;   /* of a band or an area; else NULL */
};

/* A straight line across the plot with a name: a threshold. */
struct plot_mark {
    const char *name;
    double at;
    bool vertical; /* at an x; else at a y */
    enum theme_role role;
};

/* Of an axis: its ends; {0, 0}: the lowest and the highest value of all series and marks (with bars
 * and areas also 0). */
struct plot_range {
    double low, high;
};

struct plot {
    const char *x_title; /* NULL: no x axis; the rows are the curves' */
    const char *y_title;
    const struct plot_series *series;
    size_t series_count;
    const struct plot_mark *marks;
    size_t mark_count;
    bool log_x, log_y; /* values that are not positive are left out then */
    struct plot_range x_range, y_range;
    bool round_y; /* the y axis ends at round numbers (axis_round()) */
    bool crossed; /* a line at the x of a cross-hair, where no curve is */
    double cross;
};

void plot_draw(struct area area, const struct theme *theme, const struct plot *plot);

/* Cells of an area of this size that are between the axes: {first column, columns}; an x is at a
 * column of these. For who turns columns into values, and for how many dots of detail a curve can
 * show: at most 2 a cell. */
struct plot_span {
    int first, columns;
};
struct plot_span plot_across(int width);

#endif
