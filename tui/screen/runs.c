/* The runs that there are, to be drawn over the loss of the one that is watched:
 *
 *     runs over model-2: 1 of 6
 *     ▶ 1b model-1           completed        60/60    2.1042   spectrum
 *          model             running        31/4000       n/a   full
 *
 * The list is that of the library (tui/session/library.h): what is known of a job comes in with the
 * ticks, what is visible first. Which runs are drawn, the session has (tui/session/runs.h); one that
 * is in no list is added by its folder. */
#include "base/folder.h"
#include "base/memory.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/library.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns: where names begin, and how wide the others are; the last one has no room in narrow
 * windows. */
enum { NAME = 6, STATE = 13, STEPS = 14, EVALUATION = 9, METHOD = 14, ALL = 76 };
enum { PAGE = 10, SOON_MS = 20 };

static const double reading = 0.01, opening = 0.05; /* seconds */

struct runs_view {
    struct list list; /* of the library's jobs */
    struct library library;
    int first, drawn; /* lines that were drawn last */
};

static const struct library_row *row_at(const struct runs_view *view, int line)
{
    return &view->library.rows[view->library.models + (size_t)line];
}

/* --- drawing --- */

static bool is_watched(const struct app *app, const struct library_row *row)
{
    return app->session.run && file_is_same(row->path, app->session.run->path);
}

static void put_steps(const struct job_facts *job, char *out, size_t size)
{
    if (job->done < 0)
        snprintf(out, size, "n/a");
    else if (job->total < 0)
        snprintf(out, size, "%lld", (long long)job->done);
    else
        snprintf(out, size, "%lld/%lld", (long long)job->done, (long long)job->total);
}

static void draw_line(struct app *app, const struct runs_view *view, int line, struct area area)
{
    const struct runs *runs = &app->session.runs;
    const struct library_row *row = row_at(view, line);
    int at = runs_find(runs, row->path);
    char steps[48], evaluation[24];
    struct style text, dim;
    list_line(area, &app->theme, line == view->list.cursor, &text, &dim);
    bool watched = is_watched(app, row);
    if (at >= 0)
        area_print(area, 2, 0, text, "%d", at + 1); /* its curve's sign */
    if ((at >= 0 && runs->baseline == at) || (watched && runs->baseline == RUNS_WATCHED))
        area_put(area, 3, 0, text, "b");
    put_steps(&row->job, steps, sizeof steps);
    if (isnan(row->job.evaluation))
        snprintf(evaluation, sizeof evaluation, "n/a");
    else
        snprintf(evaluation, sizeof evaluation, "%.4f", row->job.evaluation);
    int method = area.width - (area.width >= ALL ? METHOD : 0), x = method - EVALUATION;
    area_label(area, x, 0, EVALUATION - 1, text, evaluation);
    area_put(area, x - 2 - text_columns(steps), 0, text, steps);
    x -= 2 + STEPS + STATE;
    area_label(area, NAME, 0, x - NAME - 1, row->job.kind->steps ? text : dim, row->title);
    area_label(area, x, 0, STATE - 1, dim, watched ? "watched" : row->job.word);
    area_label(area, method, 0, area.width - method, dim, row->job.method);
}

/* As in the library, what was drawn is looked at first. */
static void runs_draw(struct app *app, void *state, struct area area)
{
    struct runs_view *view = state;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    int rows = area.height - 2;
    area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "runs over %s: %d of %d",
               app->session.run ? path_last(app->session.run->path) : "", app->session.runs.count,
               RUNS_MAX);
    if (view->list.count == 0)
        area_put(area, 2, 2, dim, "no job is listed: `:add-run FOLDER` draws one by its folder");
    view->first = list_first(&view->list, rows);
    view->drawn = 0;
    for (int i = 0; i < rows && view->first + i < view->list.count; i++, view->drawn++)
        draw_line(app, view, view->first + i, area_part(area, 0, 2 + i, area.width, 1));
}

/* --- requests --- */

/* Draws the run under the cursor; with `away` one that is drawn no longer. False: it cannot be. */
static bool draw_run(struct app *app, const struct runs_view *view, bool away)
{
    struct error err = ERROR_INIT;
    struct runs *runs = &app->session.runs;
    if (view->list.count == 0)
        return false;
    const struct library_row *row = row_at(view, view->list.cursor);
    int at = runs_find(runs, row->path);
    if (is_watched(app, row)) {
        app_message(app, "it is the run that is watched");
        return false;
    }
    if (at >= 0 && away)
        runs_remove(runs, at);
    else if (at < 0 && runs_add(runs, row->path, &err) != 0)
        app_error(app, &err);
    return err.kind == ERROR_NONE;
}

/* The run under the cursor, which is drawn then, is the baseline, or no longer. */
static void pin(struct app *app, const struct runs_view *view)
{
    struct runs *runs = &app->session.runs;
    if (view->list.count == 0)
        return;
    const struct library_row *row = row_at(view, view->list.cursor);
    bool watched = is_watched(app, row);
    if (!watched && !draw_run(app, view, false))
        return;
    int at = watched ? RUNS_WATCHED : runs_find(runs, row->path);
    runs->baseline = runs->baseline == at ? RUNS_NONE : at;
}

static bool has_text(const void *context, int line, const char *text)
{
    const struct library_row *row = row_at(context, line);
    return strstr(row->title, text) || strstr(row->path, text) || strstr(row->job.method, text);
}

static bool runs_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct runs_view *view = state;
    struct error err = ERROR_INIT;
    if (list_move(&view->list, request, PAGE) ||
        list_search(app, &view->list, request, argument, has_text, view))
        return true;
    switch (request) {
    case REQUEST_OPEN:
        if (draw_run(app, view, true))
            app_pop(app); /* frees the view */
        return true;
    case REQUEST_DRAW_RUN:
        draw_run(app, view, true);
        return true;
    case REQUEST_BASELINE:
        pin(app, view);
        return true;
    case REQUEST_ADD_RUN:
        if (runs_add(&app->session.runs, argument, &err) != 0)
            app_error(app, &err);
        return true;
    default:
        return false;
    }
}

/* --- the view --- */

static bool read_on(struct runs_view *view, double seconds)
{
    size_t wanted[256], count = view->drawn ? (size_t)view->drawn : 50;
    size_t most = (size_t)view->list.count - (size_t)view->first;
    count = count < most ? count : most;
    count = count < sizeof wanted / sizeof *wanted ? count : sizeof wanted / sizeof *wanted;
    for (size_t i = 0; i < count; i++)
        wanted[i] = view->library.models + (size_t)view->first + i;
    return library_tick(&view->library, wanted, count, seconds);
}

static bool runs_tick(struct app *app, void *state)
{
    (void)app;
    return read_on(state, reading);
}

static int runs_tick_ms(const void *state)
{
    const struct runs_view *view = state;
    return view->library.pending > 0 ? SOON_MS : 1000;
}

static void runs_close_view(void *state)
{
    struct runs_view *view = state;
    library_free(&view->library);
    free(view);
}

static const struct view_class runs_class = {
    .name = "runs",
    .scope = SCOPE_LIST | SCOPE_RUNS,
    .close = runs_close_view,
    .draw = runs_draw,
    .request = runs_request,
    .tick = runs_tick,
    .tick_ms = runs_tick_ms,
};

bool screen_open_runs(struct app *app)
{
    struct error err = ERROR_INIT;
    struct runs_view *view = array_alloc(1, sizeof *view, NULL);
    if (view && library_read(&view->library, &err) != 0)
        app_error(app, &err);
    if (view) {
        view->list.count = (int)(view->library.count - view->library.models);
        read_on(view, opening);
    }
    return app_push(app, &runs_class, view);
}
