#include "tui/widget/plot.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- axes: the range, where a value lies on it, its round numbers --- */

struct axis {
    double low, high; /* NaN until a value was included */
    bool logarithmic;
    int dots; /* resolution */
};

/* Four digits, with k, M or G so that it fits the axis; tiny and huge ones as powers of ten. */
void plot_number(double value, char *out, size_t size)
{
    double magnitude = fabs(value);
    if (!isfinite(value))
        snprintf(out, size, "n/a");
    else if (magnitude >= 1e12 || (magnitude < 1e-3 && magnitude > 0))
        snprintf(out, size, "%.0e", value);
    else if (magnitude >= 1e9)
        snprintf(out, size, "%.4gG", value / 1e9);
    else if (magnitude >= 1e6)
        snprintf(out, size, "%.4gM", value / 1e6);
    else if (magnitude >= 1e4)
        snprintf(out, size, "%.4gk", value / 1e3);
    else
        snprintf(out, size, "%.4g", value);
}

/* 1, 2 and 5 times each power of ten where the axis spans three of them at most; else the powers
 * alone, so many apart that about `wanted` are left. */
static size_t ticks_logarithmic(double low, double high, size_t wanted, double *out,
                                size_t capacity)
{
    static const double digits[] = {1, 2, 5};
    double from = floor(log10(low)), to = ceil(log10(high));
    double stride = fmax(ceil((to - from) / (double)wanted), 1);
    size_t count = 0, fine = to - from <= 3 ? 3 : 1, decades = (size_t)((to - from) / stride) + 1;
    for (size_t n = 0; n < decades; n++)
        for (size_t i = 0; i < fine; i++) {
            double value = digits[i] * pow(10, from + (double)n * stride);
            if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9) && count < capacity)
                out[count++] = value;
        }
    return count;
}

/* The step is the smallest of 1, 2, 5, 10 times a power of ten that gives at most `wanted` of them;
 * multiples of it are counted rather than added up, so that rounding does not grow along the axis.
 */
size_t plot_ticks(double low, double high, bool logarithmic, size_t wanted, double *out,
                  size_t capacity)
{
    size_t count = 0;
    if (!isfinite(low) || !isfinite(high) || high <= low || wanted == 0)
        return 0;
    if (logarithmic)
        return low > 0 ? ticks_logarithmic(low, high, wanted, out, capacity) : 0;
    double rough = (high - low) / (double)wanted, power = pow(10, floor(log10(rough)));
    double step = rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10;
    step *= power;
    if (!(step > 0) || (high - low) / step > 1000)
        return 0;
    for (double i = ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && count < capacity;
         i++)
        out[count++] = i * step + 0.0; /* never -0 */
    /* one number alone does not make a scale */
    return count < 2 && wanted < 8 && capacity > 1
               ? plot_ticks(low, high, logarithmic, wanted + 1, out, capacity)
               : count;
}

/* The dot, from 0 at the low end, of a value: round(t (dots - 1)) with t = (v - low) / (high -
 * low), of logarithms where the axis has them. -1: it is not on the axis. */
static int axis_dot(const struct axis *axis, double value)
{
    double low = axis->low, high = axis->high;
    if (axis->logarithmic) {
        if (!(value > 0))
            return -1;
        value = log(value);
        low = log(low);
        high = log(high);
    }
    double t = (value - low) / (high - low);
    if (!(t >= -1e-9 && t <= 1 + 1e-9))
        return -1;
    return (int)lround(t * (axis->dots - 1));
}

/* Comparisons with NaN are false, so the first value sets both ends. */
static void axis_include(struct axis *axis, double value)
{
    if (!isfinite(value) || (axis->logarithmic && value <= 0))
        return;
    if (!(axis->low <= value))
        axis->low = value;
    if (!(axis->high >= value))
        axis->high = value;
}

/* False where there is nothing to show. A constant gets room around it. */
static bool axis_finish(struct axis *axis)
{
    if (isnan(axis->low))
        return false;
    if (axis->high - axis->low > fabs(axis->high) * 1e-9)
        return true;
    if (axis->logarithmic) {
        axis->low /= 2;
        axis->high *= 2;
        return true;
    }
    double room = axis->high != 0 ? fabs(axis->high) * 0.1 : 1;
    axis->low -= room;
    axis->high += room;
    return true;
}

/* Both ranges, from what will be drawn: a point without a y, or without a logarithm of it, does not
 * count for x either. Marks widen a range that there is, and do not make one. */
static bool axes_make(const struct plot *plot, struct axis *x, struct axis *y)
{
    *x = (struct axis){NAN, NAN, plot->log_x, 0};
    *y = (struct axis){NAN, NAN, plot->log_y, 0};
    bool bars = false;
    for (size_t s = 0; s < plot->series_count; s++) {
        const struct plot_series *series = &plot->series[s];
        bars = bars || (series->shape == PLOT_BARS && series->count > 0);
        for (size_t i = 0; i < series->count; i++) {
            if (isnan(series->y[i]) || (plot->log_y && !(series->y[i] > 0)))
                continue;
            axis_include(x, series->x[i]);
            axis_include(y, series->y[i]);
        }
    }
    for (size_t i = 0; i < plot->mark_count && !isnan(x->low); i++)
        axis_include(plot->marks[i].vertical ? x : y, plot->marks[i].at);
    if (bars && !plot->log_y)
        axis_include(y, 0);
    return axis_finish(x) && axis_finish(y);
}

/* --- the plot --- */

enum { LABEL_WIDTH = 8, TICKS_MAX = 16 };

/* The dots of a plot: 2 x 4 a cell in braille, 1 x 1 in ASCII; a cell has one colour. */
struct raster {
    struct area area;
    int across, down; /* dots a cell */
    uint8_t *bits;
    uint8_t *roles;
};

/* Dot (x, y), y from below. Braille patterns number the dots of a cell 1 2 3 7 down the left column
 * and 4 5 6 8 down the right one, a bit each from U+2800 on. */
static void raster_set(struct raster *raster, int x, int y, enum theme_role role)
{
    static const uint8_t braille[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    int height = raster->area.height * raster->down;
    int column = x / raster->across, row = (height - 1 - y) / raster->down;
    if (x < 0 || y < 0 || column >= raster->area.width || y >= height)
        return;
    size_t at = (size_t)row * (size_t)raster->area.width + (size_t)column;
    raster->bits[at] |= braille[(height - 1 - y) % raster->down][x % raster->across];
    raster->roles[at] = (uint8_t)role;
}

/* A dot a step along the longer side, the other side rounded. */
static void raster_line(struct raster *raster, int x0, int y0, int x1, int y1, enum theme_role role)
{
    int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
    for (int i = 0; i <= steps; i++) {
        double t = steps ? (double)i / steps : 0;
        raster_set(raster, (int)lround(x0 + (x1 - x0) * t), (int)lround(y0 + (y1 - y0) * t), role);
    }
}

/* Where colours do not tell curves apart their glyphs do; NULL: the cell's dots. */
static const char *role_glyph(const struct theme *theme, bool ascii, enum theme_role role)
{
    if (ascii)
        return role == THEME_SERIES ? "*" : role == THEME_THRESHOLD ? "." : "o";
    if (!theme_is_mono(theme) || role == THEME_SERIES)
        return NULL;
    return role == THEME_THRESHOLD ? "·" : "○";
}

/* What stands before a name: the glyph, or full dots; in colour a sign for curve or mark is enough.
 */
static const char *legend_glyph(struct area area, const struct theme *theme, enum theme_role role,
                                const char *in_color)
{
    const char *glyph = role_glyph(theme, area.canvas->ascii, role);
    return glyph ? glyph : theme_is_mono(theme) ? "⣿" : in_color;
}

/* The dots of a cell as a braille pattern, or where colour does not tell curves apart as a sign. */
static void raster_show(const struct raster *raster, const struct theme *theme)
{
    for (int y = 0; y < raster->area.height; y++)
        for (int x = 0; x < raster->area.width; x++) {
            size_t at = (size_t)y * (size_t)raster->area.width + (size_t)x;
            enum theme_role role = (enum theme_role)raster->roles[at];
            const char *glyph = role_glyph(theme, raster->across == 1, role);
            char dots[5] = "";
            if (!raster->bits[at])
                continue;
            utf8_encode(0x2800 + raster->bits[at], dots);
            area_put(raster->area, x, y, theme_style(theme, role), glyph ? glyph : dots);
        }
}

/* From the axis up to the value, as wide as to the next bar's beginning. */
static void bars_draw(struct raster *raster, const struct plot_series *series, const struct axis *x,
                      const struct axis *y)
{
    for (size_t i = 0; i < series->count; i++) {
        int left = axis_dot(x, series->x[i]), top = axis_dot(y, series->y[i]);
        int next = i + 1 < series->count ? axis_dot(x, series->x[i + 1]) : left + 1;
        if (left < 0 || top < 0 || !(series->y[i] > 0))
            continue;
        for (int column = left; column < (next > left ? next : left + 1); column++)
            raster_line(raster, column, 0, column, top, series->role);
    }
}

/* Points, or lines between neighbours; a gap where one is unknown or outside. */
static void series_draw(struct raster *raster, const struct plot_series *series,
                        const struct axis *x, const struct axis *y)
{
    int last_x = -1, last_y = -1;
    if (series->shape == PLOT_BARS) {
        bars_draw(raster, series, x, y);
        return;
    }
    for (size_t i = 0; i < series->count; i++) {
        int dot_x = axis_dot(x, series->x[i]), dot_y = axis_dot(y, series->y[i]);
        if (dot_x < 0 || dot_y < 0) {
            last_x = -1;
            continue;
        }
        if (series->shape == PLOT_LINE && last_x >= 0)
            raster_line(raster, last_x, last_y, dot_x, dot_y, series->role);
        raster_set(raster, dot_x, dot_y, series->role);
        last_x = dot_x;
        last_y = dot_y;
    }
}

/* About a number every three rows. */
static void y_axis_draw(struct area area, const struct theme *theme, const struct axis *y, int down)
{
    double ticks[TICKS_MAX];
    struct style dim = theme_style(theme, THEME_DIM), border = theme_style(theme, THEME_BORDER);
    size_t wanted = (size_t)(area.height / 3 > 1 ? area.height / 3 : 1);
    size_t count = plot_ticks(y->low, y->high, y->logarithmic, wanted, ticks, TICKS_MAX);
    for (int row = 0; row < area.height; row++)
        area_put(area, LABEL_WIDTH - 1, row, border, "│");
    for (size_t i = 0; i < count; i++) {
        char text[16];
        int dot = axis_dot(y, ticks[i]), row = area.height - 1 - dot / down;
        if (dot < 0)
            continue;
        plot_number(ticks[i], text, sizeof text);
        int x = LABEL_WIDTH - 1 - text_columns(text);
        area_put(area, x < 0 ? 0 : x, row, dim, text);
        area_put(area, LABEL_WIDTH - 1, row, border, "┤");
    }
}

/* About a number every twelve columns; one that would touch another, or the title, is left out. */
static void x_axis_draw(struct area area, const struct theme *theme, const struct axis *x,
                        const char *title, int across)
{
    double ticks[TICKS_MAX];
    struct style dim = theme_style(theme, THEME_DIM), border = theme_style(theme, THEME_BORDER);
    int width = area.width - LABEL_WIDTH, busy = 0;
    size_t wanted = (size_t)(width / 12 > 1 ? width / 12 : 1);
    size_t count = plot_ticks(x->low, x->high, x->logarithmic, wanted, ticks, TICKS_MAX);
    for (int i = -1; i < width; i++)
        area_put(area, LABEL_WIDTH + i, 0, border, i < 0 ? "└" : "─");
    int title_columns = text_columns(title);
    for (size_t i = 0; i < count; i++) {
        char text[16];
        int dot = axis_dot(x, ticks[i]);
        plot_number(ticks[i], text, sizeof text);
        int columns = text_columns(text), at = LABEL_WIDTH + dot / across - columns / 2;
        if (dot < 0 || at < busy || at + columns + 1 > area.width - title_columns)
            continue;
        area_put(area, LABEL_WIDTH + dot / across, 0, border, "┴");
        area_put(area, at, 1, dim, text);
        busy = at + columns + 1;
    }
    area_put_right(area, 1, 0, dim, title);
}

/* Dotted lines across the whole plot. */
static void marks_draw(struct raster *raster, const struct plot *plot, const struct axis *x,
                       const struct axis *y)
{
    for (size_t i = 0; i < plot->mark_count; i++) {
        const struct plot_mark *mark = &plot->marks[i];
        int dot = axis_dot(mark->vertical ? x : y, mark->at);
        int length = mark->vertical ? y->dots : x->dots;
        for (int k = 0; dot >= 0 && k < length; k += raster->across == 1 ? 1 : 2)
            raster_set(raster, mark->vertical ? dot : k, mark->vertical ? k : dot, mark->role);
    }
}

/* Names of curves and marks, in their colours and glyphs, in the upper right corner. */
static void names_draw(struct area area, const struct theme *theme, const struct plot *plot)
{
    int x = area.width;
    for (size_t i = plot->mark_count; i-- > 0;) {
        char text[96], number[16];
        plot_number(plot->marks[i].at, number, sizeof number);
        snprintf(text, sizeof text, "  %s %s %s",
                 legend_glyph(area, theme, plot->marks[i].role, "·"), plot->marks[i].name, number);
        x -= text_columns(text);
        if (x >= 0)
            area_put(area, x, 0, theme_style(theme, plot->marks[i].role), text);
    }
    for (size_t i = plot->series_count; i-- > 0;) {
        char text[96];
        if (!plot->series[i].name)
            continue;
        snprintf(text, sizeof text, "  %s %s", legend_glyph(area, theme, plot->series[i].role, "●"),
                 plot->series[i].name);
        x -= text_columns(text);
        if (x >= 0)
            area_put(area, x, 0, theme_style(theme, plot->series[i].role), text);
    }
    area_label(area, 0, 0, x - 1, theme_style(theme, THEME_DIM), plot->y_title);
}

/* Names in the first row, the axes at the left and in the last two, and between them the dots:
 * marks first, so that curves are drawn over them. Where there is no room for dots the names are
 * all. */
void plot_draw(struct area area, const struct theme *theme, const struct plot *plot)
{
    bool ascii = area.canvas->ascii;
    struct area inner = area_part(area, LABEL_WIDTH, 1, area.width - LABEL_WIDTH, area.height - 3);
    struct raster raster = {inner, ascii ? 1 : 2, ascii ? 1 : 4, NULL, NULL};
    struct axis x, y;
    names_draw(area_part(area, 0, 0, area.width, 1), theme, plot);
    if (inner.width < 2 || inner.height < 2)
        return;
    if (!axes_make(plot, &x, &y)) {
        area_put(inner, 1, inner.height / 2, theme_style(theme, THEME_DIM), "nothing to show yet");
        return;
    }
    /* 2 x 4 dots a cell, or one where there is only ASCII */
    x.dots = inner.width * raster.across;
    y.dots = inner.height * raster.down;
    y_axis_draw(area_part(area, 0, 1, area.width, inner.height), theme, &y, raster.down);
    x_axis_draw(area_part(area, 0, area.height - 2, area.width, 2), theme, &x, plot->x_title,
                raster.across);
    size_t cells = (size_t)inner.width * (size_t)inner.height; /* without memory: axes alone */
    raster.bits = array_alloc(cells, 1, NULL);
    raster.roles = array_alloc(cells, 1, NULL);
    if (raster.bits && raster.roles) {
        marks_draw(&raster, plot, &x, &y);
        for (size_t s = 0; s < plot->series_count; s++)
            series_draw(&raster, &plot->series[s], &x, &y);
        raster_show(&raster, theme);
    }
    free(raster.bits);
    free(raster.roles);
}
