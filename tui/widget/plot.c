#include "tui/widget/plot.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LABEL_WIDTH = 8, TICKS_MAX = 16 };

/* Both ranges, from what will be drawn: a point without a y, or without a logarithm of it, does not
 * count for x either, nor does one outside a range of x that was given for y. Marks widen a range
 * that there is, and do not make one. */
static bool axes_make(const struct plot *plot, struct axis *x, struct axis *y)
{
    bool given_x = plot->x_range.low < plot->x_range.high;
    bool given_y = plot->y_range.low < plot->y_range.high;
    *x = (struct axis){NAN, NAN, plot->log_x, 0};
    *y = (struct axis){NAN, NAN, plot->log_y, 0};
    bool from_zero = false;
    for (size_t s = 0; s < plot->series_count; s++) {
        const struct plot_series *series = &plot->series[s];
        from_zero = from_zero || ((series->shape == PLOT_BARS || series->shape == PLOT_AREA) &&
                                  series->count > 0);
        for (size_t i = 0; i < series->count; i++) {
            if (isnan(series->y[i]) || (plot->log_y && !(series->y[i] > 0)) ||
                (given_x &&
                 !(series->x[i] >= plot->x_range.low && series->x[i] <= plot->x_range.high)))
                continue;
            axis_include(x, series->x[i]);
            axis_include(y, series->y[i]);
            if (series->top)
                axis_include(y, series->top[i]);
        }
    }
    for (size_t i = 0; i < plot->mark_count && !isnan(x->low); i++)
        axis_include(plot->marks[i].vertical ? x : y, plot->marks[i].at);
    if (from_zero && !plot->log_y)
        axis_include(y, 0);
    if (!axis_finish(x) || !axis_finish(y))
        return false;
    if (plot->round_y)
        axis_round(y);
    if (given_x)
        *x = (struct axis){plot->x_range.low, plot->x_range.high, plot->log_x, 0};
    if (given_y)
        *y = (struct axis){plot->y_range.low, plot->y_range.high, plot->log_y, 0};
    return true;
}

/* --- dots --- */

/* The dots of a plot: 2 x 4 a cell in braille, 1 x 1 in ASCII. A cell is of the curve that came
 * last, `looks` by its number; 0: of none. */
struct raster {
    struct area area;
    int across, down; /* dots a cell */
    uint8_t *bits, *owners;
    struct plot_look looks[32];
    size_t count; /* looks */
};

/* Whatever is drawn next is this one's. Of more curves than there is room for the last share. */
static uint8_t raster_begin(struct raster *raster, const struct plot_look *look)
{
    enum { MOST = sizeof raster->looks / sizeof *raster->looks };
    raster->count += raster->count < MOST - 1;
    raster->looks[raster->count] = *look;
    return (uint8_t)raster->count;
}

/* Dot (x, y), y from below, of the curve that was begun last. Braille patterns number the dots of a
 * cell 1 2 3 7 down the left column and 4 5 6 8 down the right one, a bit each from U+2800 on. */
static void raster_set(struct raster *raster, int x, int y)
{
    static const uint8_t braille[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    int height = raster->area.height * raster->down;
    int column = x / raster->across, row = (height - 1 - y) / raster->down;
    if (x < 0 || y < 0 || column >= raster->area.width || y >= height)
        return;
    size_t at = (size_t)row * (size_t)raster->area.width + (size_t)column;
    if (raster->looks[raster->count].alone && raster->owners[at] != raster->count)
        raster->bits[at] = 0;
    raster->bits[at] |= braille[(height - 1 - y) % raster->down][x % raster->across];
    raster->owners[at] = (uint8_t)raster->count;
}

/* A dot a step along the longer side, the other side rounded. */
static void raster_line(struct raster *raster, int x0, int y0, int x1, int y1)
{
    int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
    for (int i = 0; i <= steps; i++) {
        double t = steps ? (double)i / steps : 0;
        raster_set(raster, (int)lround(x0 + (x1 - x0) * t), (int)lround(y0 + (y1 - y0) * t));
    }
}

/* Where colours do not tell curves apart their signs do; NULL: the cell's dots. */
static const char *look_sign(const struct theme *theme, bool ascii, const struct plot_look *look)
{
    if (ascii && look->ascii)
        return look->ascii;
    if (ascii)
        return look->role == THEME_SERIES ? "*" : look->role == THEME_THRESHOLD ? "." : "o";
    if (!theme_is_mono(theme))
        return NULL;
    if (look->sign)
        return look->sign[0] ? look->sign : NULL;
    return look->role == THEME_SERIES ? NULL : look->role == THEME_THRESHOLD ? "·" : "○";
}

static struct style look_style(const struct theme *theme, const struct plot_look *look)
{
    struct style style = theme_style(theme, look->role);
    style.attributes |= look->attributes;
    return style;
}

/* The dots of a cell as a braille pattern, or where colour does not tell curves apart as a sign. */
static void raster_show(const struct raster *raster, const struct theme *theme)
{
    for (int y = 0; y < raster->area.height; y++)
        for (int x = 0; x < raster->area.width; x++) {
            size_t at = (size_t)y * (size_t)raster->area.width + (size_t)x;
            const struct plot_look *look = &raster->looks[raster->owners[at]];
            char dots[5] = "";
            if (!raster->bits[at])
                continue;
            const char *sign = look_sign(theme, raster->across == 1, look);
            utf8_encode(0x2800 + raster->bits[at], dots);
            area_put(raster->area, x, y, look_style(theme, look), sign ? sign : dots);
        }
}

/* --- curves --- */

/* What points are drawn by. */
struct scales {
    struct axis x, y;
};

/* From `y` (bars: from the axis) up to the value, as wide as to the next one's beginning. */
static void blocks_draw(struct raster *raster, const struct plot_series *series,
                        const struct scales *scales)
{
    for (size_t i = 0; i < series->count; i++) {
        double value = series->top ? series->top[i] : series->y[i];
        int left = axis_dot(&scales->x, series->x[i]), top = axis_dot(&scales->y, value);
        int next = i + 1 < series->count ? axis_dot(&scales->x, series->x[i + 1]) : left + 1;
        int bottom = series->top ? axis_dot(&scales->y, series->y[i]) : 0;
        if (left < 0 || top < 0 || !(value > 0) || (series->top && !(value > series->y[i])))
            continue;
        for (int column = left; column < (next > left ? next : left + 1); column++)
            raster_line(raster, column, bottom < 0 ? 0 : bottom, column, top);
    }
}

/* A band's point covers the dots [low, high] of its column; a line is a band whose points cover one
 * dot. Two neighbours are joined from where the ranges are nearest to one another. A gap where one
 * is unknown or outside. */
static void band_draw(struct raster *raster, const struct plot_series *series,
                      const struct scales *scales)
{
    int last = -1, last_low = 0, last_high = 0;
    for (size_t i = 0; i < series->count; i++) {
        int at = axis_dot(&scales->x, series->x[i]), low = axis_dot(&scales->y, series->y[i]);
        int high = series->top ? axis_dot(&scales->y, series->top[i]) : low;
        if (at < 0 || low < 0 || high < 0) {
            last = -1;
            continue;
        }
        if (series->shape != PLOT_POINTS && last >= 0) {
            int from = low > last_high ? last_high : high < last_low ? last_low : -1;
            int to = low > last_high ? low : high;
            if (from < 0) /* they overlap */
                from = to = low > last_low ? low : last_low;
            raster_line(raster, last, from, at, to);
        }
        raster_line(raster, at, low, at, high);
        last = at;
        last_low = low;
        last_high = high;
    }
}

/* Dotted lines across the whole plot. */
static void marks_draw(struct raster *raster, const struct plot *plot, const struct scales *scales)
{
    for (size_t i = 0; i < plot->mark_count; i++) {
        const struct plot_mark *mark = &plot->marks[i];
        int dot = axis_dot(mark->vertical ? &scales->x : &scales->y, mark->at);
        int length = mark->vertical ? scales->y.dots : scales->x.dots;
        raster_begin(raster, &(struct plot_look){.role = mark->role});
        for (int k = 0; dot >= 0 && k < length; k += raster->across == 1 ? 1 : 2)
            raster_set(raster, mark->vertical ? dot : k, mark->vertical ? k : dot);
    }
}

/* The line of the cross-hair, in the cells that no curve has. */
static void cross_draw(const struct raster *raster, const struct theme *theme,
                       const struct plot *plot, const struct axis *x)
{
    int dot = plot->crossed ? axis_dot(x, plot->cross) : -1, column = dot / raster->across;
    for (int y = 0; dot >= 0 && y < raster->area.height; y++)
        if (!raster->bits[(size_t)y * (size_t)raster->area.width + (size_t)column])
            area_put(raster->area, column, y, theme_style(theme, THEME_ACCENT), "│");
}

/* Over all that is there. */
static void signs_draw(const struct raster *raster, const struct theme *theme,
                       const struct plot_series *series, const struct scales *scales)
{
    bool ascii = raster->across == 1;
    for (size_t i = 0; i < series->count; i++) {
        int x = axis_dot(&scales->x, series->x[i]), y = axis_dot(&scales->y, series->y[i]);
        if (x >= 0 && y >= 0)
            area_put(raster->area, x / raster->across, raster->area.height - 1 - y / raster->down,
                     look_style(theme, &series->look),
                     ascii ? series->look.ascii : series->look.sign);
    }
}

/* Marks first, so that curves are drawn over them, and signs last. */
static void curves_draw(struct raster *raster, const struct theme *theme, const struct plot *plot,
                        const struct scales *scales)
{
    marks_draw(raster, plot, scales);
    for (size_t s = 0; s < plot->series_count; s++) {
        const struct plot_series *series = &plot->series[s];
        if (series->shape == PLOT_SIGNS)
            continue;
        raster_begin(raster, &series->look);
        if (series->shape == PLOT_BARS || series->shape == PLOT_AREA)
            blocks_draw(raster, series, scales);
        else
            band_draw(raster, series, scales);
    }
    raster_show(raster, theme);
    cross_draw(raster, theme, plot, &scales->x);
    for (size_t s = 0; s < plot->series_count; s++)
        if (plot->series[s].shape == PLOT_SIGNS)
            signs_draw(raster, theme, &plot->series[s], scales);
}

/* --- axes and names --- */

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
        area_put(area, 0, row, dim, "       "); /* of a number that has this row, too */
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

/* What stands before a name: the sign, or full dots; in colour a sign for curve or mark is enough.
 */
static const char *legend_sign(struct area area, const struct theme *theme,
                               const struct plot_series *series, const struct plot_look *look,
                               const char *in_color)
{
    if (series && series->shape == PLOT_SIGNS)
        return area.canvas->ascii ? look->ascii : look->sign;
    const char *sign = look_sign(theme, area.canvas->ascii, look);
    return sign ? sign : theme_is_mono(theme) ? "⣿" : in_color;
}

/* Names of curves and marks, in their colours and signs, in the upper right corner; those that the
 * title leaves room for, as the title goes first. */
static void names_draw(struct area area, const struct theme *theme, const struct plot *plot)
{
    int x = area.width, least = text_columns(plot->y_title);
    for (size_t i = plot->mark_count + plot->series_count; i-- > 0;) {
        const struct plot_series *series = i < plot->series_count ? &plot->series[i] : NULL;
        const struct plot_mark *mark = series ? NULL : &plot->marks[i - plot->series_count];
        struct plot_look look = series ? series->look : (struct plot_look){.role = mark->role};
        char text[96], number[16] = "";
        if (!(series ? series->name : mark->name))
            continue;
        if (mark)
            plot_number(mark->at, number, sizeof number);
        snprintf(text, sizeof text, "  %s %s%s%s",
                 legend_sign(area, theme, series, &look, mark ? "·" : "●"),
                 series ? series->name : mark->name, mark ? " " : "", number);
        if (x - text_columns(text) < least)
            continue;
        x -= text_columns(text);
        area_put(area, x, 0, look_style(theme, &look), text);
    }
    area_label(area, 0, 0, x, theme_style(theme, THEME_DIM), plot->y_title);
}

struct plot_span plot_across(int width)
{
    return (struct plot_span){LABEL_WIDTH, width > LABEL_WIDTH ? width - LABEL_WIDTH : 0};
}

/* Names in the first row, the axes at the left and in the last two, and between them the dots.
 * Where there is no room for dots the title is all. */
void plot_draw(struct area area, const struct theme *theme, const struct plot *plot)
{
    bool ascii = area.canvas->ascii;
    int axis_rows = plot->x_title ? 2 : 0;
    struct area inner =
        area_part(area, LABEL_WIDTH, 1, area.width - LABEL_WIDTH, area.height - 1 - axis_rows);
    struct raster raster = {.area = inner, .across = ascii ? 1 : 2, .down = ascii ? 1 : 4};
    struct scales scales;
    if (inner.width < 2 || inner.height < (plot->x_title ? 2 : 1)) {
        area_label(area, 0, 0, area.width, theme_style(theme, THEME_DIM), plot->y_title);
        return;
    }
    names_draw(area_part(area, 0, 0, area.width, 1), theme, plot);
    if (!axes_make(plot, &scales.x, &scales.y)) {
        area_put(inner, 1, inner.height / 2, theme_style(theme, THEME_DIM), "nothing to show yet");
        return;
    }
    scales.x.dots = inner.width * raster.across;
    scales.y.dots = inner.height * raster.down;
    y_axis_draw(area_part(area, 0, 1, area.width, inner.height), theme, &scales.y, raster.down);
    if (plot->x_title)
        x_axis_draw(area_part(area, 0, area.height - 2, area.width, 2), theme, &scales.x,
                    plot->x_title, raster.across);
    size_t cells = (size_t)inner.width * (size_t)inner.height; /* without memory: axes alone */
    raster.bits = array_alloc(cells, 1, NULL);
    raster.owners = array_alloc(cells, 1, NULL);
    if (raster.bits && raster.owners)
        curves_draw(&raster, theme, plot, &scales);
    free(raster.bits);
    free(raster.owners);
}
