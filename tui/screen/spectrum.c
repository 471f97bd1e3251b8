/* One matrix: its singular values as a plot, its numbers in a line. */
#include "base/memory.h"
#include "tui/screen/screens.h"
#include "tui/screen/spectrum_draw.h"
#include "tui/widget/flow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct spectrum_view {
    size_t row;
    struct spectrum_look look;
    struct spectrum_values values;
};

static void put_number(struct flow *flow, const struct theme *theme, const char *format,
                       double value)
{
    char text[64];
    snprintf(text, sizeof text, format, value);
    flow_item(flow, theme_style(theme, THEME_TEXT), text);
}

static void put_measures(struct flow *flow, const struct theme *theme, const struct scan_row *row)
{
    char text[96];
    if (isnan(row->frobenius))
        return;
    put_number(flow, theme, "Frobenius %.4g", row->frobenius);
    put_number(flow, theme, "stable rank %.4g", row->stable_rank);
    put_number(flow, theme, "effective rank %.4g", row->effective_rank);
    snprintf(text, sizeof text, "spikes %lld above %.4g", (long long)row->spikes, row->spike_edge);
    if (row->spikes >= 0)
        flow_item(flow, theme_style(theme, THEME_TEXT), text);
    snprintf(text, sizeof text, "degenerate: %s", row->degenerate_reason);
    if (row->degenerate_reason[0])
        flow_item(flow, theme_style(theme, THEME_WARNING), text);
}

static const char *no_score(const struct scan_row *row)
{
    return row->reason[0] ? row->reason : "it has NaN";
}

/* Returns the rows that it takes: a number is not cut but goes to the next. */
static int draw_numbers(struct app *app, struct area area, const struct scan_row *row)
{
    const struct theme *theme = &app->theme;
    struct flow flow = {area, 0, 0};
    char reason[256];
    snprintf(reason, sizeof reason, "not scored: %s", no_score(row));
    if (!row->known || isnan(row->snr))
        return flow_words(area, theme_style(theme, THEME_TEXT),
                          row->known ? reason : "not computed yet");
    put_number(&flow, theme, "SNR %.6g", row->snr);
    if (row->detailed) {
        put_number(&flow, theme, "(noise alone %.4g)", row->null_snr);
        put_number(&flow, theme, "σmax %.4g", row->sigma_max);
        put_number(&flow, theme, "threshold %.4g", row->threshold);
        put_number(&flow, theme, "signal %.0f", (double)row->signal_count);
        put_number(&flow, theme, "noise %.0f", (double)row->noise_count);
        put_measures(&flow, theme, row);
    }
    return flow.y + 1;
}

static void draw_name(struct app *app, struct area area, const struct scan_row *row, bool trains)
{
    int x =
        area_label(area, 0, 0, area.width - 12, theme_style(&app->theme, THEME_TITLE), row->module);
    area_put(area, x + 2, 0, theme_style(&app->theme, trains ? THEME_ACCENT : THEME_DIM),
             trains ? "● trains" : "○ frozen");
}

/* Why a matrix has no plot, and what would give it one. */
static void put_no_values(const struct session *session, const struct scan_row *row, char *out,
                          size_t size)
{
    if (row->known && isnan(row->snr))
        snprintf(out, size, "it has no singular values: %s", no_score(row));
    else if (!session->model)
        snprintf(out, size,
                 "a scan file has no singular values: open the model itself to see them");
    else if (session->feed.state == FEED_RUNNING || session->feed.state == FEED_CHANGING)
        snprintf(out, size, "its singular values come with the scan, within seconds");
    else
        snprintf(out, size,
                 "its singular values are not in the cache: `spectrum scan` computes them");
}

static void spectrum_view_draw(struct app *app, void *state, struct area area)
{
    struct spectrum_view *view = state;
    const struct scan_row *row = &app->session.scan->rows[view->row];
    char why[320];
    draw_name(app, area, row, plan_row(app->session.plan, view->row));
    int y = 2 + draw_numbers(app, area_part(area, 0, 1, area.width, area.height - 1), row);
    struct area below = area_part(area, 0, y, area.width, area.height - y);
    if (spectrum_values_load(&view->values, app->session.scan, view->row)) {
        spectrum_draw(below, &app->theme, row, &view->values, view->look);
        return;
    }
    put_no_values(&app->session, row, why, sizeof why);
    flow_words(below, theme_style(&app->theme, THEME_DIM), why);
}

/* To the matrix of the same type in a layer beside this one, or of the next type. */
static void move(struct app *app, struct spectrum_view *view, int layers, int types)
{
    int layer, type;
    const struct grid *grid = &app->session.grid;
    if (!grid_find(grid, view->row, &layer, &type))
        return;
    size_t next = grid_row(grid, layer + layers, type + types);
    if (next == SIZE_MAX)
        return;
    view->row = next;
    scan_feed_ask(&app->session.feed, app->session.scan, next);
}

static void toggle(struct app *app, const struct spectrum_view *view)
{
    struct error err = ERROR_INIT;
    if (plan_toggle(app->session.plan, &view->row, 1, &err) != 0)
        app_error(app, &err);
    session_plan_changed(&app->session, true);
}

static bool spectrum_view_request(struct app *app, void *state, enum request request,
                                  const char *argument)
{
    struct spectrum_view *view = state;
    (void)argument;
    switch (request) {
    case REQUEST_LEFT:
    case REQUEST_RIGHT:
        move(app, view, request == REQUEST_LEFT ? -1 : 1, 0);
        return true;
    case REQUEST_UP:
    case REQUEST_DOWN:
        move(app, view, 0, request == REQUEST_UP ? -1 : 1);
        return true;
    case REQUEST_PLOT:
        view->look.histogram = !view->look.histogram;
        return true;
    case REQUEST_LOGARITHM:
        view->look.logarithmic = !view->look.logarithmic;
        return true;
    case REQUEST_TOGGLE:
        toggle(app, view);
        return true;
    case REQUEST_UNDO:
    case REQUEST_REDO:
        app_step_back(app, request == REQUEST_REDO);
        return true;
    case REQUEST_TRAIN:
        screen_open_train(app);
        return true;
    default:
        return false;
    }
}

static void spectrum_view_close(void *state)
{
    struct spectrum_view *view = state;
    spectrum_values_free(&view->values);
    free(view);
}

static const struct view_class spectrum_class = {
    .name = "matrix",
    .scope = SCOPE_SPECTRUM,
    .close = spectrum_view_close,
    .draw = spectrum_view_draw,
    .request = spectrum_view_request,
};

bool screen_open_spectrum(struct app *app, size_t row)
{
    struct spectrum_view *view = array_alloc(1, sizeof *view, NULL);
    if (view)
        view->row = row;
    scan_feed_ask(&app->session.feed, app->session.scan, row);
    return app_push(app, &spectrum_class, view);
}
