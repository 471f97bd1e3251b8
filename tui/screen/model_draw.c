/* How the heat map looks: map, embeddings and head, legend, and the cursor's matrix explained. */
#include "base/memory.h"
#include "tui/app/units.h"
#include "tui/screen/memory_bars.h"
#include "tui/screen/model.h"
#include "tui/screen/screens.h"
#include "tui/screen/spectrum_draw.h"
#include "tui/widget/flow.h"
#include "tui/widget/heatmap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LABEL = HEAT_LABEL_COLUMNS + 1,
    FIXED_ROWS = 4,   /* embeddings, head, legend, rule */
    INFO_ROWS = 5,    /* the explanation */
    TWO_COLUMNS = 78, /* columns from which its numbers stand in two */
};

/* Lowest and highest score that a colour scale has to span; NaN where there is none. */
struct range {
    double low, high;
};

static struct range score_range(const struct session *session, int only_type)
{
    struct range range = {NAN, NAN};
    const struct grid *grid = &session->grid;
    int first = only_type < 0 ? 0 : only_type, last = only_type < 0 ? grid->types - 1 : only_type;
    for (int type = first; type <= last; type++)
        for (int layer = 0; layer < grid->layers; layer++) {
            size_t row = grid_row(grid, layer, type);
            const struct scan_row *at = row == SIZE_MAX ? NULL : &session->scan->rows[row];
            if (!at || !at->known || !isfinite(at->snr) || !(at->snr > 0))
                continue;
            range.low = range.low <= at->snr ? range.low : at->snr;
            range.high = range.high >= at->snr ? range.high : at->snr;
        }
    return range;
}

static double heat_value(double snr, struct range range)
{
    if (!(snr > 0))
        return 0;
    return range.high > range.low ? log(snr / range.low) / log(range.high / range.low) : 0.5;
}

static struct heat_cell make_cell(const struct session *session, size_t row, struct range range)
{
    struct heat_cell cell = {HEAT_ABSENT, 0, false, false};
    if (row == SIZE_MAX)
        return cell;
    const struct scan_row *at = &session->scan->rows[row];
    cell.trained = plan_row(session->plan, row);
    cell.kind = !at->known       ? HEAT_UNKNOWN
                : isnan(at->snr) ? HEAT_NAN
                : isinf(at->snr) ? HEAT_INFINITE
                                 : HEAT_VALUE;
    cell.value = cell.kind == HEAT_VALUE ? heat_value(at->snr, range) : 0;
    return cell;
}

static bool is_between(int value, int a, int b)
{
    return a < b ? value >= a && value <= b : value >= b && value <= a;
}

static void draw_map(struct app *app, const struct model_view *view, struct area area)
{
    const struct grid *grid = &app->session.grid;
    size_t count = (size_t)grid->types * (size_t)grid->layers;
    struct heat_cell *cells = array_alloc(count, sizeof *cells, NULL);
    const char **labels = array_alloc((size_t)grid->types, sizeof *labels, NULL);
    struct range all = score_range(&app->session, -1);
    for (int type = 0; cells && labels && type < grid->types; type++) {
        struct range range = view->over_all ? all : score_range(&app->session, type);
        labels[type] = grid->type[type].label;
        for (int layer = 0; layer < grid->layers; layer++) {
            struct heat_cell *cell = &cells[(size_t)type * (size_t)grid->layers + (size_t)layer];
            *cell = make_cell(&app->session, grid_row(grid, layer, type), range);
            cell->marked = view->marking && is_between(layer, view->mark_layer, view->layer) &&
                           is_between(type, view->mark_type, view->type);
        }
    }
    struct heat_map map = {grid->layers, grid->types, cells, labels, view->layer, view->type};
    if (cells && labels)
        heat_draw(area, &app->theme, &map);
    free(cells);
    free(labels);
}

static int map_rows(const struct app *app, int width, int height)
{
    const struct grid *grid = &app->session.grid;
    struct heat_map map = {.layers = grid->layers, .types = grid->types};
    return heat_layout(width, height, &map).rows;
}

/* One line for the embeddings or the head: they have no score, and train unless they are frozen. */
static void draw_switch(struct app *app, struct area area, bool head)
{
    const struct session *session = &app->session;
    const struct model *model = session->model;
    const struct module *module =
        model ? model_role(model, head ? ROLE_HEAD : ROLE_EMBEDDING, -1, false) : NULL;
    bool on = head ? plan_head(session->plan) : plan_embeddings(session->plan);
    bool tied = model && model->architecture && model->config.tied;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    area_put(area, 0, 0, theme_style(&app->theme, THEME_TEXT), head ? "head" : "embed");
    int x =
        LABEL + area_put(area, LABEL, 0, theme_style(&app->theme, on ? THEME_ACCENT : THEME_DIM),
                         on ? "● always on" : "○ frozen");
    if (head && tied)
        area_put(area, x + 2, 0, dim, "tied: one tensor with the embeddings");
    else if (module) {
        char count[32], text[128];
        count_put((double)module->parameters, count, sizeof count);
        snprintf(text, sizeof text, "%lld × %lld  %s  %s parameters  (%s freezes it)",
                 (long long)module->rows, (long long)module->cols, module->tensor->dtype_name,
                 count, head ? "H" : "e");
        area_label(area, x + 2, 0, area.width - x - 2, dim, text);
    }
}

static void draw_legend(struct app *app, const struct model_view *view, struct area area)
{
    const struct grid *grid = &app->session.grid;
    struct range range = score_range(&app->session, view->over_all ? -1 : view->type);
    char title[64];
    snprintf(title, sizeof title, "SNR %s",
             view->over_all ? "all types" : grid->type[view->type].label);
    heat_legend_draw(area, &app->theme, title, range.low, range.high, true);
}

/* --- the cursor's matrix --- */

struct pen {
    struct app *app;
    struct area area;
    int x, y;
};

static void put_pair(struct pen pen, const char *label, const char *value)
{
    area_put(pen.area, pen.x, pen.y, theme_style(&pen.app->theme, THEME_DIM), label);
    area_label(pen.area, pen.x + 13, pen.y, pen.area.width - pen.x - 13,
               theme_style(&pen.app->theme, THEME_TEXT), value);
}

static void put_number(struct pen pen, const char *label, double value, bool known)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", value);
    put_pair(pen, label, known && !isnan(value) ? text : "n/a");
}

static void put_shape(struct pen pen, const struct scan_row *row)
{
    char text[96], count[32];
    digits_put(row->parameters, count, sizeof count);
    snprintf(text, sizeof text, "%lld × %lld  %s", (long long)row->rows, (long long)row->cols,
             row->dtype);
    put_pair(pen, "shape", row->rows > 0 ? text : "n/a");
    pen.y++;
    put_pair(pen, "parameters", row->parameters > 0 ? count : "n/a");
}

static void put_counts(struct pen pen, const struct scan_row *row, bool known)
{
    char text[64];
    snprintf(text, sizeof text, "%lld of %lld values", (long long)row->signal_count,
             (long long)(row->signal_count + row->noise_count));
    put_pair(pen, "signal", known ? text : "n/a");
    pen.y++;
    snprintf(text, sizeof text, "%lld of %lld values", (long long)row->noise_count,
             (long long)(row->signal_count + row->noise_count));
    put_pair(pen, "noise", known ? text : "n/a");
}

static void put_score(struct pen pen, size_t index, const struct scan_row *row, bool known)
{
    char text[96];
    size_t of, rank = plan_rank(pen.app->session.plan, index, &of);
    if (!row->known)
        snprintf(text, sizeof text, "not computed yet");
    else if (isnan(row->snr))
        snprintf(text, sizeof text, "n/a: %s", row->reason[0] ? row->reason : "NaN");
    else
        snprintf(text, sizeof text, "%.6g  rank %zu of %zu", row->snr, rank, of);
    put_pair(pen, "SNR", text);
    pen.y++;
    snprintf(text, sizeof text, "%.6g%s", row->null_snr, row->degenerate ? "  (degenerate)" : "");
    put_pair(pen, "noise alone", known && !isnan(row->null_snr) ? text : "n/a");
}

/* The same for windows that two columns of numbers do not fit: one behind the other, none cut. */
static void draw_cell_items(struct app *app, struct area area, size_t index)
{
    const struct scan_row *row = &app->session.scan->rows[index];
    struct style text = theme_style(&app->theme, THEME_TEXT);
    struct flow flow = {area, 0, 0};
    char item[128];
    size_t of, rank = plan_rank(app->session.plan, index, &of);
    snprintf(item, sizeof item, "%lld × %lld %s", (long long)row->rows, (long long)row->cols,
             row->dtype);
    flow_item(&flow, text, row->rows > 0 ? item : "shape n/a");
    if (!row->known || isnan(row->snr)) {
        snprintf(item, sizeof item, "not scored: %s", row->reason[0] ? row->reason : "NaN");
        flow_item(&flow, text, row->known ? item : "not computed yet");
        return;
    }
    snprintf(item, sizeof item, "SNR %.6g", row->snr);
    flow_item(&flow, text, item);
    snprintf(item, sizeof item, "rank %zu of %zu", rank, of);
    flow_item(&flow, text, item);
    if (!row->detailed)
        return;
    snprintf(item, sizeof item, "noise alone %.6g%s", row->null_snr,
             row->degenerate ? " (degenerate)" : "");
    flow_item(&flow, text, item);
    snprintf(item, sizeof item, "σmax %.6g", row->sigma_max);
    flow_item(&flow, text, item);
    snprintf(item, sizeof item, "threshold %.6g", row->threshold);
    flow_item(&flow, text, item);
    snprintf(item, sizeof item, "signal %lld of %lld", (long long)row->signal_count,
             (long long)(row->signal_count + row->noise_count));
    flow_item(&flow, text, item);
}

static void draw_cell(struct app *app, const struct model_view *view, struct area area)
{
    size_t index = grid_row(&app->session.grid, view->layer, view->type);
    struct style title = theme_style(&app->theme, THEME_TITLE);
    if (index == SIZE_MAX) {
        area_print(area, 0, 0, title, "layer %d has no %s", view->layer,
                   app->session.grid.type[view->type].name);
        return;
    }
    const struct scan_row *row = &app->session.scan->rows[index];
    bool trains = plan_row(app->session.plan, index), known = row->known && row->detailed;
    int x = area_label(area, 0, 0, area.width - 12, title, row->module);
    area_put(area, x + 2, 0, theme_style(&app->theme, trains ? THEME_ACCENT : THEME_DIM),
             trains ? "● trains" : "○ frozen");
    int right = area.width < 100 ? 36 : 48;
    if (area.width < TWO_COLUMNS) {
        draw_cell_items(app, area_part(area, 0, 1, area.width, area.height - 1), index);
        return;
    }
    put_shape((struct pen){app, area, 0, 1}, row);
    put_number((struct pen){app, area, 0, 3}, "sigma max", row->sigma_max, known);
    put_number((struct pen){app, area, 0, 4}, "threshold", row->threshold, known);
    put_score((struct pen){app, area, right, 1}, index, row, known);
    put_counts((struct pen){app, area, right, 3}, row, known);
}

/* --- what it costs --- */

static void draw_memory(struct app *app, struct area area)
{
    const struct cost *cost = &app->session.cost;
    const struct settings *settings = &app->session.settings;
    char bytes[32];
    bytes_put((double)cost->total, bytes, sizeof bytes);
    area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "memory to train: %s",
               cost->known ? bytes : "n/a");
    if (!cost->known) {
        area_label(area, 0, 1, area.width, theme_style(&app->theme, THEME_DIM), cost->why);
        return;
    }
    area_print(area, 28, 0, theme_style(&app->theme, THEME_DIM), "%s, %s × %s tokens at a time",
               settings->values[SETTING_DTYPE], settings->values[SETTING_BATCH],
               settings->values[SETTING_SEQ_LEN]);
    memory_bars_draw(area_part(area, 0, 1, area.width, area.height - 1), &app->theme, cost->bytes);
}

/* The same in one or two lines, for small windows. */
static void draw_memory_lines(struct app *app, struct area area)
{
    const struct cost *cost = &app->session.cost;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    int x = area_put(area, 0, 0, dim, "memory  "), y = 0, left = x;
    if (!cost->known)
        area_label(area, x, 0, area.width - x, dim, cost->why);
    for (int i = 0; cost->known && i < MEMORY_CATEGORIES; i++) {
        const char *name = memory_category_name((enum memory_category)i);
        char bytes[32];
        bytes_put((double)cost->bytes[i], bytes, sizeof bytes);
        if (x + text_columns(name) + 1 + text_columns(bytes) > area.width) {
            x = left;
            y++;
        }
        x += area_print(area, x, y, dim, "%s ", name);
        x += area_print(area, x, y, theme_style(&app->theme, THEME_TEXT), "%s  ", bytes);
    }
}

/* Below the rule: the explanation; with room, memory below it, and the spectrum at the right. */
static void draw_bottom(struct app *app, struct model_view *view, struct area area)
{
    size_t row = grid_row(&app->session.grid, view->layer, view->type);
    bool wide = area.width >= 140 && area.height >= 10;
    int left = wide ? 80 : area.width;
    draw_cell(app, view, area_part(area, 0, 0, left, area.height));
    if (area.height >= INFO_ROWS + 2 + MEMORY_CATEGORIES)
        draw_memory(app, area_part(area, 0, INFO_ROWS + 1, left, area.height - INFO_ROWS - 1));
    else if (area.height > INFO_ROWS + 1)
        draw_memory_lines(app, area_part(area, 0, INFO_ROWS + 1, left, 2));
    if (wide && spectrum_values_load(&view->preview, app->session.scan, row))
        spectrum_draw(area_part(area, left + 2, 0, area.width - left - 2, area.height), &app->theme,
                      &app->session.scan->rows[row], &view->preview,
                      (struct spectrum_look){false, false});
}

void model_draw(struct app *app, void *state, struct area area)
{
    struct model_view *view = state;
    int rows = map_rows(app, area.width, area.height - FIXED_ROWS - INFO_ROWS);
    int y = rows;
    draw_map(app, view, area_part(area, 0, 0, area.width, rows));
    draw_switch(app, area_part(area, 0, y++, area.width, 1), false);
    draw_switch(app, area_part(area, 0, y++, area.width, 1), true);
    draw_legend(app, view, area_part(area, 0, y++, area.width, 1));
    for (int x = 0; x < area.width; x++)
        area_put(area, x, y, theme_style(&app->theme, THEME_BORDER), "─");
    y++;
    if (app->session.feed.state == FEED_FAILED)
        area_label(area, 0, y++, area.width, theme_style(&app->theme, THEME_ERROR),
                   app->session.feed.message);
    draw_bottom(app, view, area_part(area, 0, y, area.width, area.height - y));
}
