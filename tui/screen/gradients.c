/* The gradient norms of a run on the layer grid, live:
 *
 *     gradient norms after step 50, the newest of 12
 *     layer   0     1     2     3
 *     q                ·     ·          a cell a tensor that trains: its colour is its norm,
 *     down    ·                         · is frozen; of adapters A and B have a row each
 *     norm 0.0012          0.02         0.4              · frozen
 *     embed_tokens 0.25  norm 0.031                      what is in no block
 *     model.layers.0.self_attn.q_proj  0.0123            the cell under the cursor
 *     norm │⠑⢄                                            and its course over the steps
 *          └───┴──────
 *
 * tui/session/gradients.h reads them from the metrics, a part a tick; the newest line is followed
 * until an earlier one is gone to. The colours' scale is that of the map: an embedding's norm is often
 * far above all others. */
#include "tui/session/gradients.h"

#include "base/folder.h"
#include "base/memory.h"
#include "tui/screen/screens.h"
#include "tui/widget/flow.h"
#include "tui/widget/heatmap.h"
#include "tui/widget/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double reading = 0.02; /* seconds of a tick in which keys wait */
enum { SOON_MS = 20, PAGE = 10, FIXED_ROWS = 4, PLOT_LEAST = 6 };

struct gradients_view {
    struct gradients gradients;
    const struct job_follow *job;
    int layer, type; /* the cursor */
    bool whole;      /* the model's grid was added to what lines name */
    bool held;       /* an earlier line is shown, */
    int64_t step;    /* of this step */
};

/* What is shown; NULL: no line has come yet. */
static const struct gradient_frame *shown(const struct gradients_view *view)
{
    const struct gradients *gradients = &view->gradients;
    if (gradients->frame_count == 0)
        return NULL;
    return &gradients->frames[view->held ? gradients_frame(gradients, view->step)
                                         : gradients->frame_count - 1];
}

/* --- the map --- */

/* No number is frozen; a norm of 0 is the lowest colour, as it has no logarithm. */
static struct heat_cell cell_of(double norm, double low, double high)
{
    struct heat_cell cell = {HEAT_UNKNOWN, 0, false, false, false};
    if (isinf(norm))
        cell.kind = HEAT_NAN;
    else if (!isnan(norm))
        cell =
            (struct heat_cell){HEAT_VALUE, heat_scale(norm, low, high, true), true, false, false};
    return cell;
}

/* A type that is in the grid is in every layer of a model: where no line names it, it is frozen. */
static void draw_map(struct app *app, const struct gradients_view *view,
                     const struct gradient_frame *frame, struct area area)
{
    const struct grid *grid = &view->gradients.grid;
    size_t count = (size_t)grid->types * (size_t)grid->layers;
    double low, high;
    struct heat_cell *cells = array_alloc(count, sizeof *cells, NULL);
    const char **labels = array_alloc((size_t)grid->types, sizeof *labels, NULL);
    gradients_range(&view->gradients, frame, &low, &high);
    for (int type = 0; cells && labels && type < grid->types; type++) {
        labels[type] = grid->type[type].label;
        for (int layer = 0; layer < grid->layers; layer++) {
            size_t row = grid_row(grid, layer, type);
            double norm = row == SIZE_MAX ? NAN : gradients_norm(frame, row);
            cells[(size_t)type * (size_t)grid->layers + (size_t)layer] = cell_of(norm, low, high);
        }
    }
    struct heat_map map = {grid->layers, grid->types, cells, labels, view->layer, view->type};
    if (cells && labels)
        heat_draw(area, &app->theme, &map);
    free(cells);
    free(labels);
}

static void draw_legend(struct app *app, const struct gradients_view *view,
                        const struct gradient_frame *frame, struct area area)
{
    double low, high;
    gradients_range(&view->gradients, frame, &low, &high);
    heat_legend_draw(area_part(area, 0, 0, area.width - 12, 1), &app->theme, "norm", low, high,
                     true, false);
    area_put_right(area, 0, 0, theme_style(&app->theme, THEME_DIM), "· frozen");
}

/* --- numbers --- */

static const char *put_norm(double norm, char *out, size_t size)
{
    if (isnan(norm))
        snprintf(out, size, "frozen");
    else
        snprintf(out, size, "%.4g", norm);
    return out;
}

/* Embeddings, head, the last norm: as many as have room. */
static void draw_outside(struct app *app, const struct gradients_view *view,
                         const struct gradient_frame *frame, struct area area)
{
    struct flow flow = {area, 0, 0};
    const struct scan *table = &view->gradients.table;
    for (size_t row = 0; row < table->count && flow.y == 0; row++) {
        char item[160], number[32];
        const char *module = table->rows[row].module, *last = strrchr(module, '.');
        if (module_layer(module) >= 0)
            continue;
        snprintf(item, sizeof item, "%.96s %s", last ? last + 1 : module,
                 put_norm(gradients_norm(frame, row), number, sizeof number));
        flow_item(&flow, theme_style(&app->theme, THEME_TEXT), item);
    }
}

/* The module is cut where the number needs the room. */
static void draw_cell(struct app *app, const struct gradients_view *view,
                      const struct gradient_frame *frame, struct area area)
{
    const struct grid *grid = &view->gradients.grid;
    size_t row = grid_row(grid, view->layer, view->type);
    char number[32];
    double norm = row == SIZE_MAX ? NAN : gradients_norm(frame, row);
    struct style title = theme_style(&app->theme, THEME_TITLE);
    struct style value = theme_style(&app->theme, isnan(norm) ? THEME_DIM : THEME_ACCENT);
    put_norm(norm, number, sizeof number);
    int x = 0;
    if (row == SIZE_MAX)
        x = area_print(area, 0, 0, title, "layer %d, %s", view->layer,
                       grid->types > 0 ? grid->type[view->type].name : "");
    else
        x = area_label(area, 0, 0, area.width - text_columns(number) - 2, title,
                       view->gradients.table.rows[row].module);
    area_put(area, x + 2, 0, value, number);
}

/* The norm of the cell under the cursor, in every line that is there. */
static void draw_course(struct app *app, const struct gradients_view *view,
                        const struct gradient_frame *frame, struct area area)
{
    const struct gradients *gradients = &view->gradients;
    size_t row = grid_row(&gradients->grid, view->layer, view->type);
    size_t count = gradients->frame_count;
    double *x = array_alloc(count, 2 * sizeof *x, NULL);
    for (size_t i = 0; x && i < count; i++) {
        x[i] = (double)gradients->frames[i].step;
        x[count + i] = row == SIZE_MAX ? NAN : gradients_norm(&gradients->frames[i], row);
    }
    const struct plot_series series = {.shape = PLOT_LINE,
                                       .look = {.role = THEME_SERIES, .sign = "", .ascii = "*"},
                                       .count = x ? count : 0,
                                       .x = x,
                                       .y = x ? x + count : NULL};
    const struct plot plot = {.x_title = "step",
                              .y_title = "norm",
                              .series = &series,
                              .series_count = 1,
                              .round_y = true,
                              .crossed = true,
                              .cross = (double)frame->step};
    plot_draw(area, &app->theme, &plot);
    free(x);
}

/* --- all of it --- */

static void draw_head(struct app *app, const struct gradients_view *view,
                      const struct gradient_frame *frame, struct area area)
{
    const struct gradients *gradients = &view->gradients;
    size_t at = (size_t)(frame - gradients->frames) + 1;
    if (at == gradients->frame_count)
        area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE),
                   "gradient norms after step %lld, the newest of %zu", (long long)frame->step,
                   gradients->frame_count);
    else
        area_print(area, 0, 0, theme_style(&app->theme, THEME_WARNING),
                   "gradient norms after step %lld, %zu of %zu", (long long)frame->step, at,
                   gradients->frame_count);
}

/* The map has what the fixed lines and the course leave; the course goes first where that is
 * little. */
static void gradients_draw(struct app *app, void *state, struct area area)
{
    const struct gradients_view *view = state;
    const struct gradient_frame *frame = shown(view);
    if (!frame) {
        flow_words(area, theme_style(&app->theme, THEME_DIM),
                   "no gradient norms so far: a run writes them with each evaluation "
                   "(--eval-every), and at its end");
        return;
    }
    int course = area.height / 3 >= PLOT_LEAST ? area.height / 3 : 0;
    int map = area.height - 1 - FIXED_ROWS - course, y = 1;
    const struct grid *grid = &view->gradients.grid;
    struct heat_map size = {grid->layers, grid->types, NULL, NULL, view->layer, view->type};
    int rows = heat_layout(area.width, map, &size).rows;
    draw_head(app, view, frame, area_part(area, 0, 0, area.width, 1));
    if (grid->types > 0)
        draw_map(app, view, frame, area_part(area, 0, y, area.width, map));
    y += rows < map ? rows : map;
    draw_legend(app, view, frame, area_part(area, 0, y++, area.width, 1));
    draw_outside(app, view, frame, area_part(area, 0, y++, area.width, 1));
    draw_cell(app, view, frame, area_part(area, 0, y + 1, area.width, 1));
    draw_course(app, view, frame, area_part(area, 0, y + 2, area.width, area.height - y - 2));
}

/* --- requests --- */

static int held_between(int value, int count)
{
    return value < 0 ? 0 : value >= count ? (count > 0 ? count - 1 : 0) : value;
}

/* False: it is another request. */
static bool move(struct gradients_view *view, enum request request)
{
    const struct grid *grid = &view->gradients.grid;
    switch (request) {
    case REQUEST_LEFT:
        view->layer--;
        break;
    case REQUEST_RIGHT:
        view->layer++;
        break;
    case REQUEST_UP:
        view->type--;
        break;
    case REQUEST_DOWN:
        view->type++;
        break;
    case REQUEST_PAGE_UP:
        view->type -= PAGE;
        break;
    case REQUEST_PAGE_DOWN:
        view->type += PAGE;
        break;
    case REQUEST_FIRST:
        view->layer = 0;
        break;
    case REQUEST_LAST:
        view->layer = grid->layers - 1;
        break;
    default:
        return false;
    }
    view->layer = held_between(view->layer, grid->layers);
    view->type = held_between(view->type, grid->types);
    return true;
}

/* To the line before or after; after the newest it follows the run again. */
static void walk(struct app *app, struct gradients_view *view, bool earlier)
{
    const struct gradients *gradients = &view->gradients;
    const struct gradient_frame *frame = shown(view);
    if (!frame)
        return;
    size_t at = (size_t)(frame - gradients->frames), last = gradients->frame_count - 1;
    if (earlier ? at == 0 : at == last) {
        app_message(app, earlier ? "no earlier line" : "this is the newest line");
        return;
    }
    at = earlier ? at - 1 : at + 1;
    view->held = at < last;
    view->step = gradients->frames[at].step;
}

static bool gradients_request(struct app *app, void *state, enum request request,
                              const char *argument)
{
    struct gradients_view *view = state;
    (void)argument;
    if (request != REQUEST_LINE_EARLIER && request != REQUEST_LINE_LATER)
        return move(view, request);
    walk(app, view, request == REQUEST_LINE_EARLIER);
    return true;
}

/* --- the view --- */

/* The matrices of the model that is open, where it is the run's. */
static void add_model(const struct session *session, struct gradients *gradients)
{
    const char *model = NULL;
    if (session->scan && session->source && json_get_string(session->run->job, "model", &model) &&
        file_is_same(session->source, model))
        gradients_add_model(gradients, session->scan);
}

/* The model's grid comes after the first line, which says what has adapters. */
static bool look(struct app *app, struct gradients_view *view)
{
    struct gradients *gradients = &view->gradients;
    bool changed = gradients_update(gradients, &view->job->metrics, reading);
    if (view->whole || gradients->frame_count == 0)
        return changed;
    view->whole = true;
    if (!gradients_add_blocks(gradients, view->job->proof))
        add_model(&app->session, gradients);
    return true;
}

static void gradients_enter(struct app *app, void *state)
{
    struct gradients_view *view = state;
    view->job = app->session.run;
    look(app, view);
}

static bool gradients_tick(struct app *app, void *state)
{
    return look(app, state);
}

/* The session looks at the run; here is only what the view is behind with. */
static int gradients_tick_ms(const void *state)
{
    const struct gradients_view *view = state;
    return gradients_are_behind(&view->gradients, &view->job->metrics) ? SOON_MS : -1;
}

static void gradients_close(void *state)
{
    struct gradients_view *view = state;
    gradients_free(&view->gradients);
    free(view);
}

static const struct view_class gradients_class = {
    .name = "gradients",
    .scope = SCOPE_GRADIENTS,
    .enter = gradients_enter,
    .close = gradients_close,
    .draw = gradients_draw,
    .request = gradients_request,
    .tick = gradients_tick,
    .tick_ms = gradients_tick_ms,
};

bool screen_open_gradients(struct app *app)
{
    return app_push(app, &gradients_class, array_alloc(1, sizeof(struct gradients_view), NULL));
}
