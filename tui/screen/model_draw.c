/* How the heat map looks: map, embeddings and head, legend, the matrix under the cursor, and what
 * training costs.
 *
 *     layer   0     1     2     3     4     5     6     7
 *     q        ●     ●                                          a cell a matrix: its colour is the
 *     k        ●     ●                                          metric, ● says that it trains
 *     down           ●           ●
 *     embed  ● trains (e freezes it)  393.2k parameters, not ranked  2048 × 192  BF16
 *     head   ● trains, tied: one tensor with the embeddings
 *     SNR q 0.418              0.492              0.58  ● trains         legend of the colours
 *     ── d device: cpu avx2, 2 threads ──────────── P plan: default ──   what computes the scan,
 *                                                                        and which plan this is
 *     model.layers.0.self_attn.q_proj  ● trains                 INFO_ROWS: the matrix under the
 *     shape        192 × 192  BF16      SNR          0.58016    cursor; in windows of fewer than
 *     parameters   36,864               noise alone  0.34518    TWO_COLUMNS its numbers follow
 *     sigma max    2.36954              signal       41 of 192  one another instead
 *     threshold    0.564439             noise        151 of 192
 *     m colour: SNR 0.58016             plan ranks by SNR (reference)
 *
 *     memory to train: 61.7 MiB                                 with room: bars, else two lines
 *
 * The map takes the rows that it wants (heat_layout()), the bottom what is left; in a low window the
 * map has MAP_LEAST rows before the matrix is explained, and embeddings and head share one. In a wide
 * window the cursor's spectrum stands at the right of the bottom.
 */
#include "tui/screen/model_draw.h"

#include "base/memory.h"
#include "base/text.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/screen/spectrum.h"
#include "tui/session/plan_words.h"
#include "tui/session/wording.h"
#include "tui/widget/flow.h"
#include "tui/widget/heatmap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LABEL = HEAT_LABEL_COLUMNS + 1,
    FIXED_ROWS = 4,    /* embeddings, head, legend, rule */
    INFO_ROWS = 6,     /* the matrix under the cursor, explained */
    INFO_LEAST = 2,    /* its name, and what fits a line */
    MAP_LEAST = 8,     /* the seven types of a plain model, and the axis */
    TWO_COLUMNS = 78,  /* columns from which its numbers stand in two */
    REASON_LEAST = 20, /* columns from which a part of a reason says something */
};

/* --- the matrix under the cursor --- */

struct pen {
    struct app *app;
    struct area area;
    int x, y;
};

/* A label and its value, 13 columns apart; the value is cut at the area's edge. */
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

/* What colours the map, and what the plan goes by whatever the colours are. */
static void put_metric(struct app *app, struct area area, int right, const struct model_view *view,
                       const struct scan_row *row)
{
    const char *estimator = app->session.scan->estimator;
    const struct grid *grid = &app->session.grid;
    enum metric metric = view->metric;
    bool folded = grid->type[view->type].folds;
    double value = grid_value(grid, app->session.scan, view->layer, view->type, metric);
    double null = folded ? NAN : metric_null(row, metric);
    struct style text = theme_style(&app->theme, THEME_TEXT),
                 dim = theme_style(&app->theme, THEME_DIM);
    int x = area_put(area, 0, 0, theme_style(&app->theme, THEME_ACCENT), "m");
    x += area_print(area, x, 0, dim, " colour: %s%s ", folded ? "median " : "",
                    metric_title(metric));
    x += isnan(value) ? area_put(area, x, 0, text, "n/a")
                      : area_print(area, x, 0, text, "%.6g", value);
    if (!isnan(null) && metric != METRIC_SNR)
        x += area_print(area, x, 0, dim, " (noise %.3g)", null);
    struct plan_order order = plan_base(app->session.plan).order;
    bool snr = plan_order_is_snr(&order);
    area_print(area, x + 2 > right ? x + 2 : right, 0, dim, "plan ranks by %s%s%s%s",
               snr                          ? "SNR"
               : order.kind == ORDER_METRIC ? metric_title(order.metric)
                                            : plan_order_name(&order),
               snr && estimator[0] ? " (" : "", snr ? estimator : "",
               snr && estimator[0] ? ")" : "");
}

/* The same for windows that two columns of numbers do not fit: one after the other, none cut. */
static void draw_cell_items(struct app *app, struct area area, size_t index)
{
    const struct scan_row *row = &app->session.scan->rows[index];
    struct style text = theme_style(&app->theme, THEME_TEXT);
    struct flow flow = {area, 0, 0};
    char item[128];
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
    plan_rank_put(app->session.plan, index, item, sizeof item);
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
             (long long)row->signal_count + (long long)row->noise_count);
    flow_item(&flow, text, item);
}

/* Of a folded cell, how many experts are in it and train, "" of others. */
static void put_experts(const struct app *app, const struct model_view *view, char *out,
                        size_t size)
{
    size_t count, trained = 0;
    const struct grid *grid = &app->session.grid;
    const struct grid_place *place = grid_cell(grid, view->layer, view->type, &count);
    for (size_t i = 0; i < count; i++)
        trained += plan_row(app->session.plan, place[i].row) &&
                   !session_is_undecided(&app->session, place[i].row);
    out[0] = '\0';
    if (grid->type[view->type].folds)
        snprintf(out, size, ", %zu of %zu experts", trained, count);
}

/* The cursor's matrix, explained in INFO_ROWS lines. */
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
    bool known = row->known && row->detailed;
    bool by_hand = plan_edit(app->session.plan, index) != PLAN_NO_EDIT;
    char experts[48], state[96];
    enum theme_role role;
    put_experts(app, view, experts, sizeof experts);
    snprintf(state, sizeof state, "%s%s%s", row_state(&app->session, index, &role),
             by_hand ? ", by hand" : "", experts);
    int x = area_label(area, 0, 0, area.width - text_columns(state) - 3, title, row->module);
    area_put(area, x + 2, 0, theme_style(&app->theme, role), state);
    int right = area.width < 100 ? 36 : 48;
    if (area.width < TWO_COLUMNS) {
        draw_cell_items(app, area_part(area, 0, 1, area.width, INFO_ROWS - 2), index);
        put_metric(app, area_part(area, 0, INFO_ROWS - 1, area.width, 1), 0, view, row);
        return;
    }
    char text[96];
    snprintf(text, sizeof text, "%lld × %lld  %s", (long long)row->rows, (long long)row->cols,
             row->dtype);
    put_pair((struct pen){app, area, 0, 1}, "shape", row->rows > 0 ? text : "n/a");
    digits_put(row->parameters, text, sizeof text);
    put_pair((struct pen){app, area, 0, 2}, "parameters", row->parameters > 0 ? text : "n/a");
    put_number((struct pen){app, area, 0, 3}, "sigma max", row->sigma_max, known);
    put_number((struct pen){app, area, 0, 4}, "threshold", row->threshold, known);

    /* at the right: the score, what noise alone would have, and how many values are which */
    long long values = (long long)row->signal_count + (long long)row->noise_count;
    char rank[48];
    plan_rank_put(app->session.plan, index, rank, sizeof rank);
    if (!row->known)
        snprintf(text, sizeof text, "not computed yet");
    else if (isnan(row->snr))
        snprintf(text, sizeof text, "n/a: %s", row->reason[0] ? row->reason : "NaN");
    else
        snprintf(text, sizeof text, "%.6g  %s", row->snr, rank);
    put_pair((struct pen){app, area, right, 1}, "SNR", text);
    put_number((struct pen){app, area, right, 2}, "noise alone", row->null_snr, known);
    snprintf(text, sizeof text, "%lld of %lld values", (long long)row->signal_count, values);
    put_pair((struct pen){app, area, right, 3}, "signal", known ? text : "n/a");
    snprintf(text, sizeof text, "%lld of %lld values%s", (long long)row->noise_count, values,
             row->degenerate ? "  degenerate" : "");
    put_pair((struct pen){app, area, right, 4}, "noise", known ? text : "n/a");
    put_metric(app, area_part(area, 0, 5, area.width, 1), right, view, row);
}

/* --- the map --- */

/* Lowest and highest value that a colour scale has to span; NaN where there is none. */
struct range {
    double low, high;
    bool logarithmic;
};

/* Of one type, or of all (-1). What is not known, not finite, or has no logarithm does not count.
 */
static struct range metric_range(const struct session *session, enum metric metric, int only_type)
{
    struct range range = {NAN, NAN, metric_is_logarithmic(metric)};
    const struct grid *grid = &session->grid;
    int first = only_type < 0 ? 0 : only_type, last = only_type < 0 ? grid->types - 1 : only_type;
    for (int type = first; type <= last; type++)
        for (int layer = 0; layer < grid->layers; layer++) {
            double value = grid_value(grid, session->scan, layer, type, metric);
            if (!isfinite(value) || (range.logarithmic && !(value > 0)))
                continue;
            range.low = range.low <= value ? range.low : value;
            range.high = range.high >= value ? range.high : value;
        }
    return range;
}

/* In [a, b], or [b, a]: a range may have been marked from either end. */
static bool is_between(int value, int a, int b)
{
    return a < b ? value >= a && value <= b : value >= b && value <= a;
}

/* Does the cell's matrix train, as far as that is known, and was it set by hand? Of folded experts,
 * do most, was any? */
static void look_at_plan(const struct app *app, int layer, int type, struct heat_cell *cell)
{
    size_t count, trained = 0;
    const struct grid *grid = &app->session.grid;
    const struct plan *plan = app->session.plan;
    const struct grid_place *place = grid_cell(grid, layer, type, &count),
                            one = {.row = grid_row(grid, layer, type)};
    if (!grid->type[type].folds)
        place = &one, count = 1;
    for (size_t i = 0; i < count; i++) {
        trained +=
            plan_row(plan, place[i].row) && !session_is_undecided(&app->session, place[i].row);
        cell->by_hand |= plan_edit(plan, place[i].row) != PLAN_NO_EDIT;
    }
    cell->trained = 2 * trained > count;
}

/* Makes the widget's map of what the session has, types x layers cells, and draws it. Without
 * memory for that there is no map, and all else is drawn. */
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
            size_t row = grid_row(grid, layer, type);
            *cell = (struct heat_cell){HEAT_ABSENT, 0, false, false, false};
            if (row != SIZE_MAX) {
                /* What has no number for this metric is unknown; what could not be scored at all is
                 * NaN whatever the metric is. */
                const struct scan_row *at = &app->session.scan->rows[row];
                double value = grid_value(grid, app->session.scan, layer, type, view->metric);
                look_at_plan(app, layer, type, cell);
                cell->kind = at->known && isnan(at->snr) ? HEAT_NAN
                             : isnan(value)              ? HEAT_UNKNOWN
                             : isinf(value)              ? HEAT_INFINITE
                                                         : HEAT_VALUE;
                cell->value = cell->kind == HEAT_VALUE
                                  ? heat_scale(value, range.low, range.high, range.logarithmic)
                                  : 0;
            }
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

/* One line for the embeddings or the head, or a short half of one: they have no score, and train unless
 * they are frozen. */
static void draw_switch(struct app *app, struct area area, bool head, bool brief)
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
                         on ? "● trains" : "○ frozen");
    if (head && tied) {
        area_put(area, x, 0, dim, brief ? ", tied" : ", tied: one tensor with the embeddings");
        return;
    }
    x += area_print(area, x, 0, dim, " (%s %s%s)", head ? "H" : "e", on ? "freezes" : "trains",
                    brief ? "" : " it");
    if (parameter && !brief) {
        char count[32], text[128];
        count_put((double)parameter->numel, count, sizeof count);
        snprintf(text, sizeof text, "%s parameters, not ranked  %lld × %lld  %s", count,
                 (long long)parameter->rows, (long long)parameter->cols,
                 parameter->tensor->dtype_name);
        area_label(area, x + 2, 0, area.width - x - 2, dim, text);
    }
}

/* Both, in two lines or in one; returns how many. */
static int draw_switches(struct app *app, struct area area, bool brief)
{
    int half = area.width / 2;
    draw_switch(app, brief ? area_part(area, 0, 0, half, 1) : area, false, brief);
    draw_switch(app,
                brief ? area_part(area, half, 0, area.width - half, 1)
                      : area_part(area, 0, 1, area.width, 1),
                true, brief);
    return brief ? 1 : 2;
}

/* --- what it costs --- */

/* What a run by this plan would take, as bars, or why that is not known; and the form's method, where
 * its run is another. */
static void draw_memory(struct app *app, struct area area)
{
    const struct training_estimate *cost = &app->session.cost;
    const struct settings *settings = &app->session.settings;
    struct training_request request; /* a field that is wrong counts as its default */
    char bytes[32];
    bytes_put((double)cost->total, bytes, sizeof bytes);
    area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "memory %s: %s",
               cost->devices > 0 ? "of a device" : "to train", cost->known ? bytes : "n/a");
    if (!cost->known) {
        area_label(area, 0, 1, area.width, theme_style(&app->theme, THEME_DIM), cost->why);
        return;
    }
    settings_request(settings, &request);
    bool other = request.method != session_plan_method(&app->session);
    if (cost->devices > 0)
        area_print(area, 28, 0, theme_style(&app->theme, THEME_DIM),
                   "%s × %lld, rows of %lld tokens%s%s", engine_names[request.engine],
                   (long long)cost->devices, (long long)request.seq_len,
                   other ? "; the form: " : "", other ? method_names[request.method] : "");
    else
        area_print(area, 28, 0, theme_style(&app->theme, THEME_DIM),
                   "%s, %lld × %lld tokens at a time%s%s", settings_value(settings, SETTING(dtype)),
                   (long long)request.batch, (long long)request.seq_len,
                   other ? "; the form: " : "", other ? method_names[request.method] : "");
    training_request_free(&request);
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
    bool wide = area.width >= 140 && area.height >= 10; /* room for a plot of some use */
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

/* --- what computes --- */

/* Which plan this is, at the rule's right end, where `room` columns are left; returns as many as it
 * takes. A plan that was never called otherwise can do without. */
static int draw_plan_name(struct app *app, struct area area, int room)
{
    struct style dim = theme_style(&app->theme, THEME_DIM);
    char name[PLAN_NAME_SIZE];
    utf8_copy(name, sizeof name, app->session.keep.name);
    int columns = text_columns(name), most = area.width / 3;
    columns = columns < most ? columns : most;
    int x = area.width - columns - 11;
    if (columns + 12 > room)
        return 0;
    x += area_put(area, x, 0, theme_style(&app->theme, THEME_ACCENT), " P");
    x += area_put(area, x, 0, dim, " plan: ");
    x += area_label(area, x, 0, columns, theme_style(&app->theme, THEME_TEXT), name);
    area_put(area, x, 0, dim, " ");
    return columns + 12;
}

/* With a model, what computes its scan, and why it is not what was asked for; the last is cut
 * first. Returns the columns that it takes. */
static int draw_device(struct app *app, struct area area)
{
    const struct session *session = &app->session;
    const struct scan_devices *devices = &session->feed.devices;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    char device[256];
    if (!session->model)
        return 0;
    int x = 2 + area_put(area, 2, 0, theme_style(&app->theme, THEME_ACCENT), " d");
    x += area_put(area, x, 0, dim, " device: ");
    snprintf(device, sizeof device, "%s", session->device);
    if (devices->now.id[0])
        device_put(&devices->now, area.width - x - 3, device, sizeof device);
    x += area_print(area, x, 0, theme_style(&app->theme, THEME_TEXT), "%s ", device);
    if (!devices->reason[0] || area.width - x < REASON_LEAST)
        return x;
    x += area_put(area, x, 0, dim, "· ");
    x += area_label(area, x, 0, area.width - x - 3, theme_style(&app->theme, THEME_WARNING),
                    devices->reason);
    return x + area_put(area, x, 0, dim, " ");
}

/* The rule below the legend: what computes, and which plan this is. */
static void draw_rule(struct app *app, struct area area)
{
    bool named = strcmp(app->session.keep.name, PLAN_FIRST_NAME) != 0;
    for (int x = 0; x < area.width; x++)
        area_put(area, x, 0, theme_style(&app->theme, THEME_BORDER), "─");
    int taken = named ? draw_plan_name(app, area, area.width) : 0;
    int x = draw_device(app, area_part(area, 0, 0, area.width - taken, 1));
    if (!named)
        draw_plan_name(app, area, area.width - x - 3);
}

/* All but what is below; in a low window not less than MAP_LEAST, or what all types take, while
 * INFO_LEAST are left. `brief`: embeddings and head are to share a line for that. */
static int rows_for_map(struct area area, int types, bool *brief)
{
    int room = area.height - FIXED_ROWS - INFO_ROWS;
    int wanted = types + 1 < MAP_LEAST ? types + 1 : MAP_LEAST;
    *brief = room < wanted;
    int most = area.height - (FIXED_ROWS - 1) - INFO_LEAST;
    return !*brief ? room : wanted < most ? wanted : most;
}

/* From above: the map with as many rows as it needs, switches, legend, rule, and what the scan
 * says; the matrix under the cursor has the rest. */
void model_draw(struct app *app, void *state, struct area area)
{
    struct model_view *view = state;
    const struct grid *grid = &app->session.grid;
    const struct heat_map map = {.layers = grid->layers, .types = grid->types};
    bool brief;
    int room = rows_for_map(area, grid->types, &brief);
    int rows = heat_layout(area.width, room, &map).rows, y = rows;
    draw_map(app, view, area_part(area, 0, 0, area.width, rows));
    y += draw_switches(app, area_part(area, 0, y, area.width, 2), brief);
    struct range range =
        metric_range(&app->session, view->metric, view->over_all ? -1 : view->type);
    struct plan_edits edits = plan_edits(app->session.plan);
    char title[64];
    snprintf(title, sizeof title, "%s %s", metric_title(view->metric),
             view->over_all ? "all types" : grid->type[view->type].label);
    heat_legend_draw(area_part(area, 0, y++, area.width, 1), &app->theme, title, range.low,
                     range.high, range.logarithmic,
                     edits.trained + edits.frozen + edits.agreeing > 0);
    draw_rule(app, area_part(area, 0, y++, area.width, 1));
    if (app->session.feed.state == FEED_FAILED)
        area_label(area, 0, y++, area.width, theme_style(&app->theme, THEME_ERROR),
                   app->session.feed.message);
    else if (app->session.feed.state == FEED_STOPPED || app->session.feed.paused)
        area_put(area, 0, y++, theme_style(&app->theme, THEME_WARNING),
                 app->session.feed.paused ? "the scan is paused: p lets it go on"
                                          : "the scan was stopped: p continues it");
    draw_bottom(app, view, area_part(area, 0, y, area.width, area.height - y));
}
