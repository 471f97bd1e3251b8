/* An axis of a plot: from where to where it goes, at which dot a value lies on it, its round
 * numbers.
 *
 *     {NAN, NAN, logarithmic} -> axis_include() ... -> axis_finish() -> dots set -> axis_dot()
 *
 * Pure functions of plain data. Dots are counted from 0 at the low end.
 */
#ifndef SPECTRUM_TUI_WIDGET_PLOT_AXIS_H
#define SPECTRUM_TUI_WIDGET_PLOT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

struct axis {
    double low, high; /* NaN until a value was included */
    bool logarithmic;
    int dots; /* resolution */
};

/* Widens the axis to a value; one that is not finite, or has no logarithm where it is asked for,
 * does not count. */
void axis_include(struct axis *axis, double value);

/* False where there is nothing to show. A constant gets room around it. */
bool axis_finish(struct axis *axis);

/* Both ends out to round numbers, so that the axis stays as it is while values come that are a
 * little beyond the ones before: a screen that is sent over a line changes a dot, not every number.
 * Linear, and logarithmic within a power of ten: to multiples of the distance of about four round
 * numbers; else to 1, 2 or 5 times a power of ten. */
void axis_round(struct axis *axis);

/* The dot of a value: round(t (dots - 1)) with t = (v - low) / (high - low), of logarithms where
 * the axis has them. -1: it is not on the axis. */
int axis_dot(const struct axis *axis, double value);

/* Round values within [low, high]: 1, 2 or 5 times a power of ten apart (on a logarithmic axis that
 * has more than one of them powers of ten, and what lies between them). Returns how many, at most `capacity`. */
size_t plot_ticks(double low, double high, bool logarithmic, size_t wanted, double *out,
                  size_t capacity);

/* A number in at most 7 columns: "0.0012", "12.5k", "3e-07". */
void plot_number(double value, char *out, size_t size);

#endif
