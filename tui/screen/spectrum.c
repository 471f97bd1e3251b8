/* One matrix: its singular values as a plot, its numbers in a line. */
#include "base/memory.h"
#include "tui/screen/screens.h"
#include "tui/screen/spectrum_draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct spectrum_view {
    size_t row;
    struct spectrum_look look;
    struct spectrum_values values;
};

/* What the first line has no room for. */
static void draw_measures(struct app *app, struct area area, const struct scan_row *row)
{
    struct style dim = theme_style(&app->theme, THEME_DIM);
    if (isnan(row->frobenius))
        return;
    int x = area_print(area, 0, 0, dim, "Frobenius %.4g stable rank %.4g effective rank %.4g",
                       row->frobenius, row->stable_rank, row->effective_rank);
    if (row->spikes >= 0)
        x += area_print(area, x, 0, dim, " spikes %lld above %.4g", (long long)row->spikes,
                        row->spike_edge);
    if (row->degenerate_reason[0])
        area_print(area, x, 0, theme_style(&app->theme, THEME_WARNING), " degenerate: %s",
                   row->degenerate_reason);
}

static void draw_numbers(struct app *app, struct area area, const struct scan_row *row, bool trains)
{
    struct style title = theme_style(&app->theme, THEME_TITLE);
    struct style text = theme_style(&app->theme, THEME_TEXT);
    int x = area_label(area, 0, 0, area.width - 12, title, row->module);
    area_put(area, x + 2, 0, theme_style(&app->theme, trains ? THEME_ACCENT : THEME_DIM),
             trains ? "● trains" : "○ frozen");
    if (!row->known)
        area_put(area, 0, 1, text, "not computed yet");
    else if (isnan(row->snr))
        area_print(area, 0, 1, text, "not scored: %s", row->reason[0] ? row->reason : "NaN");
    else if (!row->detailed)
        area_print(area, 0, 1, text, "SNR %.6g", row->snr);
    else
        area_print(area, 0, 1, text,
                   "SNR %.6g (noise alone %.4g) σmax %.4g threshold %.4g signal %lld noise %lld",
                   row->snr, row->null_snr, row->sigma_max, row->threshold,
                   (long long)row->signal_count, (long long)row->noise_count);
}

static void spectrum_view_draw(struct app *app, void *state, struct area area)
{
    struct spectrum_view *view = state;
    const struct scan_row *row = &app->session.scan->rows[view->row];
    struct area below = area_part(area, 0, 3, area.width, area.height - 3);
    draw_numbers(app, area, row, plan_row(app->session.plan, view->row));
    if (row->known && row->detailed)
        draw_measures(app, area_part(area, 0, 2, area.width, 1), row);
    if (spectrum_values_load(&view->values, app->session.scan, view->row)) {
        spectrum_draw(below, &app->theme, row, &view->values, view->look);
        return;
    }
    bool soon = app->session.model && app->session.feed.state == FEED_RUNNING;
    area_put(below, 0, 0, theme_style(&app->theme, THEME_DIM),
             soon ? "its singular values come with the scan, within seconds"
             : app->session.model
                 ? "its singular values are not in the cache: `spectrum scan` computes them"
                 : "a scan file has no singular values: open the model itself to see them");
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
