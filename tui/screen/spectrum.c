/* One matrix: its numbers, and its singular values as a plot.
 *
 *     model.layers.0.self_attn.q_proj  ● trains
 *     SNR 0.58016  (noise alone 0.3452)  σmax 2.37  threshold 0.5644  signal 41  noise 151
 *     Frobenius 7.938  stable rank 11.22  effective rank 119.3  spikes 36 above 0.6144
 *
 *     σ                          ● noise alone  ● singular values  · threshold 0.5644
 *          │⠁
 *         1┤ ⠑⡀
 *          │   ⠈⠒⠤⣀
 *       0.5┤⠉⠉⠓⠓⠣⠥⠥⣁⣁⣁⣁⠁⠁⠁⠁⠁⠁⠁⠉⠉⠓⠥⢅⣁⡁⠁⠁⠁⠁⠁⠁⠁⠁⠁
 *          └───────────┴───────────┴──────────
 *                     50          100      rank
 *
 * or with p a histogram of the values, whose threshold is a line down. Arrows go to the matrix of
 * the same type in the layer beside, or of the next type in the same layer, as on the map.
 */
#include "tui/screen/spectrum.h"

#include "base/memory.h"
#include "base/sys.h"
#include "spectra/scan_result.h"
#include "spectra/score.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/widget/flow.h"
#include "tui/widget/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- the values --- */

void spectrum_values_free(struct spectrum_values *values)
{
    free(values->values);
    free(values->index);
    free(values->noise);
    *values = (struct spectrum_values){0};
}

bool spectrum_values_load(struct spectrum_values *out, const struct scan *scan, size_t row)
{
    if (out->count && out->row == row)
        return true;
    spectrum_values_free(out);
    if (row >= scan->count || !scan->rows[row].known || scan->rows[row].rows < 1 ||
        scan->rows[row].cols < 1)
        return false;
    /* The one row's vector of a file that has them all; the cache is keyed by the model's content.
     */
    int64_t count = 0;
    struct scan one = {.rows = &scan->rows[row], .count = 1};
    struct scan_result result = {.scan = &one, .values = &out->values, .counts = &count};
    char *path = scan->fingerprint[0] ? spectra_cache_path(scan->fingerprint, NULL) : NULL;
    if (path && sys.access(path, R_OK) == 0)
        spectra_file_read(path, &result, NULL);
    free(path);
    out->index = array_alloc((size_t)count, sizeof *out->index, NULL);
    out->noise = array_alloc((size_t)count, sizeof *out->noise, NULL);
    if (!out->values || !out->index || !out->noise || count < 1) {
        spectrum_values_free(out);
        return false;
    }
    out->row = row;
    out->count = (size_t)count;
    /* Noise whose median is this matrix's: what its values would be if nothing had been learnt. */
    struct noise_shape shape = noise_shape(one.rows->rows, one.rows->cols);
    double scale = out->values[count / 2] / sqrt(shape.median_squared);
    noise_quantiles(out->noise, count, shape.min / shape.max);
    for (int64_t i = 0; i < count; i++) {
        out->noise[i] *= scale;
        out->index[i] = (double)(i + 1);
    }
    return true;
}

/* --- the plot --- */

enum { BINS_MAX = 200 };

/* Values by rank, the largest first. */
static void draw_scree(struct area area, const struct theme *theme, const struct scan_row *row,
                       const struct spectrum_values *values, bool logarithmic)
{
    const struct plot_series series[] = {
        {.name = "noise alone",
         .shape = PLOT_LINE,
         .look.role = THEME_SERIES_OTHER,
         .count = values->count,
         .x = values->index,
         .y = values->noise},
        {.name = "singular values",
         .shape = PLOT_POINTS,
         .look.role = THEME_SERIES,
         .count = values->count,
         .x = values->index,
         .y = values->values},
    };
    const struct plot_mark mark = {"threshold", row->threshold, false, THEME_THRESHOLD};
    const struct plot plot = {.x_title = "rank",
                              .y_title = "σ",
                              .series = series,
                              .series_count = 2,
                              .marks = &mark,
                              .mark_count = row->detailed ? 1 : 0,
                              .log_y = logarithmic};
    plot_draw(area, theme, &plot);
}

/* The cache is a file like any other: a value may be negative, huge, or not a number. */
static void fill_bins(double *out, int bins, double width, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            out[(int)fmin(fmax(values[i] / width, 0), bins - 1)] += 1;
}

/* How many values lie in [i w, (i + 1) w), for bins of one width w from 0 to the largest: about
 * eight values a bin of a flat spectrum, but no bin narrower than a column. The noise's counts are
 * a curve through the middles of the same bins. */
static void draw_histogram(struct area area, const struct theme *theme, const struct scan_row *row,
                           const struct spectrum_values *values, bool logarithmic)
{
    double edges[BINS_MAX], middles[BINS_MAX], counts[BINS_MAX] = {0}, noise[BINS_MAX] = {0};
    int most = area.width - 10 < BINS_MAX ? area.width - 10 : BINS_MAX;
    int wanted = values->count / 8 < 12 ? 12 : (int)(values->count / 8);
    int bins = wanted < most ? wanted : most;
    double high = values->values[0] > values->noise[0] ? values->values[0] : values->noise[0];
    if (bins < 2 || !(high > 0) || !isfinite(high))
        return;
    double width = high * 1.001 / bins;
    for (int i = 0; i < bins; i++) {
        edges[i] = width * i;
        middles[i] = width * (i + 0.5);
    }
    fill_bins(counts, bins, width, values->values, values->count);
    fill_bins(noise, bins, width, values->noise, values->count);
    /* a curve along 0 would take the colour of every bar that it touches */
    for (int i = 0; i < bins; i++)
        noise[i] = noise[i] > 0 ? noise[i] : NAN;
    const struct plot_series series[] = {
        {.name = "noise alone",
         .shape = PLOT_LINE,
         .look.role = THEME_SERIES_OTHER,
         .count = (size_t)bins,
         .x = middles,
         .y = noise},
        {.name = "singular values",
         .shape = PLOT_BARS,
         .look.role = THEME_SERIES,
         .count = (size_t)bins,
         .x = edges,
         .y = counts},
    };
    const struct plot_mark mark = {"threshold", row->threshold, true, THEME_THRESHOLD};
    const struct plot plot = {.x_title = "σ",
                              .y_title = "values in a bin",
                              .series = series,
                              .series_count = 2,
                              .marks = &mark,
                              .mark_count = row->detailed ? 1 : 0,
                              .log_y = logarithmic};
    plot_draw(area, theme, &plot);
}

void spectrum_draw(struct area area, const struct theme *theme, const struct scan_row *row,
                   const struct spectrum_values *values, struct spectrum_look look)
{
    (look.histogram ? draw_histogram : draw_scree)(area, theme, row, values, look.logarithmic);
}

/* --- the screen --- */

struct spectrum_view {
    size_t row; /* of the scan */
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

static const char *no_score(const struct scan_row *row)
{
    return row->reason[0] ? row->reason : "it has NaN";
}

/* Returns the rows that it takes: a number is not cut but goes to the next. */
static int draw_numbers(struct app *app, struct area area, const struct scan_row *row)
{
    const struct theme *theme = &app->theme;
    struct flow flow = {area, 0, 0};
    char reason[256], text[96];
    snprintf(reason, sizeof reason, "not scored: %s", no_score(row));
    if (!row->known || isnan(row->snr))
        return flow_words(area, theme_style(theme, THEME_TEXT),
                          row->known ? reason : "not computed yet");
    put_number(&flow, theme, "SNR %.6g", row->snr);
    /* a published scan has the score alone */
    if (row->detailed) {
        put_number(&flow, theme, "(noise alone %.4g)", row->null_snr);
        put_number(&flow, theme, "σmax %.4g", row->sigma_max);
        put_number(&flow, theme, "threshold %.4g", row->threshold);
        put_number(&flow, theme, "signal %.0f", (double)row->signal_count);
        put_number(&flow, theme, "noise %.0f", (double)row->noise_count);
    }
    if (row->detailed && !isnan(row->frobenius)) { /* a published scan has none of these */
        put_number(&flow, theme, "Frobenius %.4g", row->frobenius);
        put_number(&flow, theme, "stable rank %.4g", row->stable_rank);
        put_number(&flow, theme, "effective rank %.4g", row->effective_rank);
        snprintf(text, sizeof text, "spikes %lld above %.4g", (long long)row->spikes,
                 row->spike_edge);
        if (row->spikes >= 0)
            flow_item(&flow, theme_style(theme, THEME_TEXT), text);
        snprintf(text, sizeof text, "degenerate: %s", row->degenerate_reason);
        if (row->degenerate_reason[0])
            flow_item(&flow, theme_style(theme, THEME_WARNING), text);
    }
    return flow.y + 1;
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

/* Name, numbers, and below them the plot, or why there is none. */
static void spectrum_view_draw(struct app *app, void *state, struct area area)
{
    struct spectrum_view *view = state;
    const struct scan_row *row = &app->session.scan->rows[view->row];
    char why[320];
    enum theme_role role;
    const char *words = row_state(&app->session, view->row, &role);
    int x = area_label(area, 0, 0, area.width - text_columns(words) - 3,
                       theme_style(&app->theme, THEME_TITLE), row->module);
    area_put(area, x + 2, 0, theme_style(&app->theme, role), words);
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

/* Moving goes to the neighbour on the layer grid, so the map and this screen agree. */
static bool spectrum_view_request(struct app *app, void *state, enum request request,
                                  const char *argument)
{
    struct spectrum_view *view = state;
    struct error err = ERROR_INIT;
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
        if (plan_toggle(app->session.plan, &view->row, 1, &err) != 0)
            app_error(app, &err);
        session_plan_changed(&app->session, true);
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

/* What one looks at is asked of the scan first, as on the map. */
bool screen_open_spectrum(struct app *app, size_t row)
{
    struct spectrum_view *view = array_alloc(1, sizeof *view, NULL);
    if (view)
        view->row = row;
    scan_feed_ask(&app->session.feed, app->session.scan, row);
    return app_push(app, &spectrum_class, view);
}
