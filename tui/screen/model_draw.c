/* How the heat map looks: map, embeddings and head, legend, and what training costs. */
#include "base/memory.h"
#include "tui/app/units.h"
#include "tui/screen/memory_bars.h"
#include "tui/screen/model.h"
#include "tui/screen/screens.h"
#include "tui/screen/spectrum_draw.h"
#include "tui/widget/heatmap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LABEL = HEAT_LABEL_COLUMNS + 1,
    FIXED_ROWS = 4, /* embeddings, head, legend, rule */
    INFO_ROWS = MODEL_CELL_ROWS,
    REASON_LEAST = 20, /* columns from which a part of a reason says something */
};

/* Lowest and highest value that a colour scale has to span; NaN where there is none. */
struct range {
    double low, high;
    bool logarithmic;
};

static struct range metric_range(const struct session *session, enum metric metric, int only_type)
{
    struct range range = {NAN, NAN, metric_is_logarithmic(metric)};
    const struct grid *grid = &session->grid;
    int first = only_type < 0 ? 0 : only_type, last = only_type < 0 ? grid->types - 1 : only_type;
    for (int type = first; type <= last; type++)
        for (int layer = 0; layer < grid->layers; layer++) {
            size_t row = grid_row(grid, layer, type);
            double value = row == SIZE_MAX ? NAN : metric_value(&session->scan->rows[row], metric);
            if (!isfinite(value) || (range.logarithmic && !(value > 0)))
                continue;
            range.low = range.low <= value ? range.low : value;
            range.high = range.high >= value ? range.high : value;
        }
    return range;
}

static double heat_value(double value, struct range range)
{
    if (range.logarithmic && !(value > 0))
        return 0;
    if (!(range.high > range.low))
        return 0.5;
    return range.logarithmic ? log(value / range.low) / log(range.high / range.low)
                             : (value - range.low) / (range.high - range.low);
}

static struct heat_cell make_cell(const struct session *session, enum metric metric, size_t row,
                                  struct range range)
{
    struct heat_cell cell = {HEAT_ABSENT, 0, false, false};
    if (row == SIZE_MAX)
        return cell;
    const struct scan_row *at = &session->scan->rows[row];
    double value = metric_value(at, metric);
    cell.trained = plan_row(session->plan, row);
    cell.kind = at->known && isnan(at->snr) ? HEAT_NAN
                : isnan(value)              ? HEAT_UNKNOWN
                : isinf(value)              ? HEAT_INFINITE
                                            : HEAT_VALUE;
    cell.value = cell.kind == HEAT_VALUE ? heat_value(value, range) : 0;
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
    struct range all = metric_range(&app->session, view->metric, -1);
    for (int type = 0; cells && labels && type < grid->types; type++) {
        struct range range = view->over_all ? all : metric_range(&app->session, view->metric, type);
        labels[type] = grid->type[type].label;
        for (int layer = 0; layer < grid->layers; layer++) {
            struct heat_cell *cell = &cells[(size_t)type * (size_t)grid->layers + (size_t)layer];
            *cell = make_cell(&app->session, view->metric, grid_row(grid, layer, type), range);
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
    const struct parameter *parameter =
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
    else if (parameter) {
        char count[32], text[128];
        count_put((double)parameter->numel, count, sizeof count);
        snprintf(text, sizeof text, "%lld × %lld  %s  %s parameters  (%s freezes it)",
                 (long long)parameter->rows, (long long)parameter->cols,
                 parameter->tensor->dtype_name, count, head ? "H" : "e");
        area_label(area, x + 2, 0, area.width - x - 2, dim, text);
    }
}

static void draw_legend(struct app *app, const struct model_view *view, struct area area)
{
    const struct grid *grid = &app->session.grid;
    struct range range =
        metric_range(&app->session, view->metric, view->over_all ? -1 : view->type);
    char title[64];
    snprintf(title, sizeof title, "%s %s", metric_title(view->metric),
             view->over_all ? "all types" : grid->type[view->type].label);
    heat_legend_draw(area, &app->theme, title, range.low, range.high, range.logarithmic);
}

/* --- what it costs --- */

static void draw_memory(struct app *app, struct area area)
{
    const struct training_estimate *cost = &app->session.cost;
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
               settings->values[SETTING(dtype)], settings->values[SETTING(batch)],
               settings->values[SETTING(seq_len)]);
    memory_bars_draw(area_part(area, 0, 1, area.width, area.height - 1), &app->theme, cost->bytes);
}

/* The same in one or two lines, for small windows. */
static void draw_memory_lines(struct app *app, struct area area)
{
    const struct training_estimate *cost = &app->session.cost;
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
    model_draw_cell(app, view, area_part(area, 0, 0, left, area.height));
    if (area.height >= INFO_ROWS + 2 + MEMORY_CATEGORIES)
        draw_memory(app, area_part(area, 0, INFO_ROWS + 1, left, area.height - INFO_ROWS - 1));
    else if (area.height > INFO_ROWS + 1)
        draw_memory_lines(app, area_part(area, 0, INFO_ROWS + 1, left, 2));
    if (wide && spectrum_values_load(&view->preview, app->session.scan, row))
        spectrum_draw(area_part(area, left + 2, 0, area.width - left - 2, area.height), &app->theme,
                      &app->session.scan->rows[row], &view->preview,
                      (struct spectrum_look){false, false});
}

/* --- what computes --- */

/* The rule below the legend: with a model, what computes its scan, and why it is not what was
 * asked for; the last is cut first. */
static void draw_rule(struct app *app, struct area area)
{
    const struct session *session = &app->session;
    const struct scan_devices *devices = &session->feed.devices;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    char device[256];
    for (int x = 0; x < area.width; x++)
        area_put(area, x, 0, theme_style(&app->theme, THEME_BORDER), "─");
    if (!session->model)
        return;
    int x = 2 + area_put(area, 2, 0, theme_style(&app->theme, THEME_ACCENT), " d");
    x += area_put(area, x, 0, dim, " device: ");
    snprintf(device, sizeof device, "%s", session->device);
    if (devices->now.id[0])
        device_put(&devices->now, area.width - x - 3, device, sizeof device);
    x += area_print(area, x, 0, theme_style(&app->theme, THEME_TEXT), "%s ", device);
    if (!devices->reason[0] || area.width - x < REASON_LEAST)
        return;
    x += area_put(area, x, 0, dim, "· ");
    x += area_label(area, x, 0, area.width - x - 3, theme_style(&app->theme, THEME_WARNING),
                    devices->reason);
    area_put(area, x, 0, dim, " ");
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
    draw_rule(app, area_part(area, 0, y++, area.width, 1));
    if (app->session.feed.state == FEED_FAILED)
        area_label(area, 0, y++, area.width, theme_style(&app->theme, THEME_ERROR),
                   app->session.feed.message);
    else if (app->session.feed.state == FEED_STOPPED || app->session.feed.paused)
        area_put(area, 0, y++, theme_style(&app->theme, THEME_WARNING),
                 app->session.feed.paused ? "the scan is paused: p lets it go on"
                                          : "the scan was stopped: p goes on with it");
    draw_bottom(app, view, area_part(area, 0, y, area.width, area.height - y));
}
