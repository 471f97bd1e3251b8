/* The runs that there are, to be drawn over the loss of the one that is watched:
 *
 *     runs over model-2: 1 of 6
 *          RUN               STATE             STEP      EVAL   METHOD
 *     ▶ 1b model-1           completed        60/60    2.1042   spectrum
 *          model             running        31/4000       n/a   full
 *
 * The list is that of the library (tui/session/library.h) without the jobs that have no loss: what is
 * known of a job comes in with the ticks, what is visible first, so one of which nothing is known yet
 * is in it until then. Which runs are drawn, the session has (tui/session/runs.h); one that
 * is in no list is added by its folder. */
#include "base/folder.h"
#include "base/memory.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/library.h"
#include "tui/session/wording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns: where names begin, and how wide the others are; the last one has no room in narrow
 * windows. */
enum { NAME = 6, STATE = 13, STEPS = 14, EVALUATION = 9, METHOD = 14, ALL = 76 };
enum { PAGE = 10, SOON_MS = 20 };

static const double reading = 0.01, opening = 0.05; /* seconds */

struct runs_view {
    struct list list; /* of `rows` */
    struct library library;
    size_t *rows;     /* of the library, those that can be drawn */
    int first, drawn; /* lines that were drawn last */
};

static const struct library_row *row_at(const struct runs_view *view, int line)
{
    return &view->library.rows[view->rows[line]];
}

/* Once it is read, a scan, an export and the like have no steps. The cursor stays on its row. */
static void choose_rows(struct runs_view *view)
{
    size_t count = 0, old = (size_t)view->list.count;
    size_t under = old > 0 ? view->rows[view->list.cursor] : 0;
    int cursor = 0;
    for (size_t i = view->library.models; i < view->library.count; i++) {
        const struct job_facts *job = &view->library.rows[i].job;
        if (job->word[0] && !job->kind->steps)
            continue;
        cursor += i < under;
        view->rows[count++] = i;
    }
    view->list.count = (int)count;
    view->first = view->first < (int)count ? view->first : 0;
    view->list.cursor = cursor < (int)count ? cursor : count > 0 ? (int)count - 1 : 0;
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

/* Name, state, steps, evaluation and method, from the right, so that the name has what is left. */
static void put_cells(struct area area, const char *const cells[5], struct style text,
                      struct style dim)
{
    int method = area.width - (area.width >= ALL ? METHOD : 0), x = method - 2;
    area_put(area, x - text_columns(cells[3]), 0, text, cells[3]);
    x -= EVALUATION;
    area_put(area, x - text_columns(cells[2]), 0, text, cells[2]);
    x -= STEPS + STATE;
    area_label(area, NAME, 0, x - NAME - 1, text, cells[0]);
    area_label(area, x, 0, STATE - 1, dim, cells[1]);
    area_label(area, method, 0, area.width - method, dim, cells[4]);
}

static void draw_line(struct app *app, const struct runs_view *view, int line, struct area area)
{
    const struct runs *runs = &app->session.runs;
    const struct library_row *row = row_at(view, line);
    int at = runs_find(runs, row->path);
    char steps[48], evaluation[32];
    struct style text, dim;
    list_line(area, &app->theme, line == view->list.cursor, &text, &dim);
    bool watched = is_watched(app, row);
    if (at >= 0)
        area_print(area, 2, 0, text, "%d", at + 1); /* its curve's sign */
    if ((at >= 0 && runs->baseline == at) || (watched && runs->baseline == RUNS_WATCHED))
        area_put(area, 3, 0, text, "b");
    put_steps(&row->job, steps, sizeof steps);
    loss_put(row->job.evaluation, evaluation, sizeof evaluation);
    const char *const cells[] = {row->title, watched ? "watched" : row->job.word, steps, evaluation,
                                 row->job.tool[0] ? row->job.tool : row->job.method};
    put_cells(area, cells, text, dim);
}

static void draw_heading(struct app *app, struct area area)
{
    static const char *const titles[] = {"RUN", "STATE", "STEP", "EVAL", "METHOD"};
    struct style dim = theme_style(&app->theme, THEME_DIM);
    put_cells(area, titles, dim, dim);
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
    else
        draw_heading(app, area_part(area, 0, 1, area.width, 1));
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
        wanted[i] = view->rows[(size_t)view->first + i];
    bool news = library_tick(&view->library, wanted, count, seconds);
    choose_rows(view);
    return news;
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
    free(view->rows);
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
    if (view)
        view->rows = array_alloc(view->library.count, sizeof *view->rows, NULL);
    if (view && !view->rows) {
        runs_close_view(view);
        view = NULL;
    }
    if (view) {
        choose_rows(view);
        read_on(view, opening);
    }
    return app_push(app, &runs_class, view);
}
