#include "tui/widget/plot.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "tui/widget/axis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LABEL_WIDTH = 8, TICKS_MAX = 16 };

/* The dots of a plot: 2 x 4 a cell in braille, 1 x 1 in ASCII; a cell has one colour. */
struct raster {
    struct area area;
    int across, down; /* dots a cell */
    uint8_t *bits;
    uint8_t *roles;
};

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
    x.dots = inner.width * raster.across;
    y.dots = inner.height * raster.down;
    y_axis_draw(area_part(area, 0, 1, area.width, inner.height), theme, &y, raster.down);
    x_axis_draw(area_part(area, 0, area.height - 2, area.width, 2), theme, &x, plot->x_title,
                raster.across);
    size_t cells = (size_t)inner.width * (size_t)inner.height;
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
