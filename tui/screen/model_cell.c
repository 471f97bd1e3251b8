/* The matrix under the heat map's cursor, explained: shape, score, null model, and what colours it.
 */
#include "tui/app/units.h"
#include "tui/screen/model.h"
#include "tui/widget/flow.h"

#include <math.h>
#include <stdio.h>

enum { TWO_COLUMNS = 78 }; /* columns from which its numbers stand in two */

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
    snprintf(text, sizeof text, "%lld of %lld values%s", (long long)row->noise_count,
             (long long)(row->signal_count + row->noise_count),
             row->degenerate ? "  degenerate" : "");
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
    put_number(pen, "noise alone", row->null_snr, known);
}

/* What colours the map, and what the plan goes by whatever the colours are. */
static void put_metric(struct app *app, struct area area, int right, enum metric metric,
                       const struct scan_row *row)
{
    const char *estimator = app->session.scan->estimator;
    double value = metric_value(row, metric), null = metric_null(row, metric);
    struct style text = theme_style(&app->theme, THEME_TEXT),
                 dim = theme_style(&app->theme, THEME_DIM);
    int x = area_put(area, 0, 0, theme_style(&app->theme, THEME_ACCENT), "m");
    x += area_print(area, x, 0, dim, " colour: %s ", metric_title(metric));
    x += isnan(value) ? area_put(area, x, 0, text, "n/a")
                      : area_print(area, x, 0, text, "%.6g", value);
    if (!isnan(null) && metric != METRIC_SNR)
        x += area_print(area, x, 0, dim, " (noise %.3g)", null);
    area_print(area, x + 2 > right ? x + 2 : right, 0, dim, "plan ranks by SNR%s%s%s",
               estimator[0] ? " (" : "", estimator, estimator[0] ? ")" : "");
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

void model_draw_cell(struct app *app, const struct model_view *view, struct area area)
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
        draw_cell_items(app, area_part(area, 0, 1, area.width, MODEL_CELL_ROWS - 2), index);
        put_metric(app, area_part(area, 0, MODEL_CELL_ROWS - 1, area.width, 1), 0, view->metric,
                   row);
        return;
    }
    put_shape((struct pen){app, area, 0, 1}, row);
    put_number((struct pen){app, area, 0, 3}, "sigma max", row->sigma_max, known);
    put_number((struct pen){app, area, 0, 4}, "threshold", row->threshold, known);
    put_score((struct pen){app, area, right, 1}, index, row, known);
    put_counts((struct pen){app, area, right, 3}, row, known);
    put_metric(app, area_part(area, 0, 5, area.width, 1), right, view->metric, row);
}
