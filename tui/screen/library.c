/* The first screen without a target: models, scan files and jobs, as two live tables
 * (library_table.h draws them), and what is done to jobs from their rows (library_steer.h).
 *
 *     Models            TYPE       PARAMS        SIZE   SCANNED   PLANS
 *     ▶ demo/model      llama        3.2M     6.1 MiB       yes       1
 *
 *     Jobs              STATE              STEP         LEFT      EVAL      BEST       AGE
 *       model-1         completed         60/60            -    2.1042    2.0971    2 days
 *      *model           running         31/4000  3 min 20 s        n/a       n/a    12 min
 *
 *     training run, running · /home/u/runs/model
 *
 * What there is is listed at once; what is known of it comes in with the ticks, what is visible
 * first (tui/session/library.h). The cursor stays on the row that it is on, wherever that is sorted.
 */
#include "base/memory.h"
#include "base/process.h"
#include "tui/canvas/terminal.h"
#include "tui/screen/library_steer.h"
#include "tui/screen/library_table.h"
#include "tui/screen/screens.h"
#include "tui/session/job_actions.h"
#include "tui/widget/line_edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 10 };

struct library_view {
    struct list list; /* of the table's lines */
    struct library library;
    struct library_table table;
    struct line_edit edit;
    bool filtering;          /* the filter is typed */
    int width, first, drawn; /* of the window; lines that were drawn last */
    double looked_at;        /* clock_seconds() of the last look at what came or went */
    struct library_asked asked;
};

/* Seconds between two looks at the folders; of reading at each tick, while rows are missing and
 * when none is; and when the screen opens. */
static const double look_interval = 1, reading = 0.01, watching = 0.003, opening = 0.05;

/* The row of a line; library.count where there is none. */
static size_t row_at(const struct library_view *view, int line)
{
    return line >= 0 && (size_t)line < view->table.count ? view->table.lines[line]
                                                         : view->library.count;
}

/* --- what is shown --- */

/* Filters and sorts again; the cursor goes where its row went, or stays as far down as it was. */
static void order(struct app *app, struct library_view *view, size_t row)
{
    struct error err = ERROR_INIT;
    if (library_table_order(&view->table, &view->library, &err) != 0)
        app_error(app, &err);
    view->list.count = (int)view->table.count;
    for (int i = 0; i < view->list.count; i++)
        if (view->table.lines[i] == row)
            view->list.cursor = i;
    if (view->list.cursor >= view->list.count)
        view->list.cursor = view->list.count ? view->list.count - 1 : 0;
}

/* Lists again, and finds the row of the cursor by its path. */
static void read_again(struct app *app, struct library_view *view)
{
    struct error err = ERROR_INIT;
    size_t row = row_at(view, view->list.cursor);
    bool on = row < view->library.count;
    char *path = on ? string_copy(view->library.rows[row].path, NULL) : NULL;
    enum library_kind kind = on ? view->library.rows[row].kind : LIBRARY_MODEL;
    if (library_read(&view->library, &err) != 0)
        app_error(app, &err);
    row = view->library.count;
    for (size_t i = 0; path && i < view->library.count; i++)
        if (view->library.rows[i].kind == kind && strcmp(view->library.rows[i].path, path) == 0)
            row = i;
    free(path);
    order(app, view, row);
    view->looked_at = clock_seconds();
}

/* Reads on, what was drawn last first; where nothing was drawn yet, the first lines. */
static bool read_on(struct app *app, struct library_view *view, double seconds)
{
    size_t first = (size_t)view->first, count = view->drawn ? (size_t)view->drawn : 50;
    size_t row = row_at(view, view->list.cursor);
    if (first > view->table.count)
        first = view->table.count;
    if (count > view->table.count - first)
        count = view->table.count - first;
    if (!library_tick(&view->library, view->table.lines + first, count, seconds))
        return false;
    order(app, view, row);
    return true;
}

/* Also when one comes back to it: jobs began and ended in the meantime. */
static void library_enter(struct app *app, void *state)
{
    struct library_view *view = state;
    read_again(app, view);
    read_on(app, view, opening);
}

static bool library_tick_view(struct app *app, void *state)
{
    struct library_view *view = state;
    double now = clock_seconds();
    bool again = now - view->looked_at >= look_interval && library_changed(&view->library);
    if (again)
        read_again(app, view);
    else if (now - view->looked_at >= look_interval)
        view->looked_at = now;
    return read_on(app, view, view->library.pending ? reading : watching) || again;
}

/* At once while rows are missing, twice a second while a job is shown that lives. */
static int library_tick_ms(const void *state)
{
    const struct library_view *view = state;
    if (view->library.pending)
        return 20;
    for (int i = view->first; i < view->first + view->drawn; i++) {
        size_t row = row_at(view, i);
        if (row < view->library.count && view->library.rows[row].job.lives)
            return 500;
    }
    return 1000;
}

/* --- drawing --- */

/* The filter, where there is one; else the row under the cursor in full: what it is, how it stands, where. */
static void draw_foot(struct app *app, struct library_view *view, struct area area)
{
    struct style dim = theme_style(&app->theme, THEME_DIM);
    size_t row = row_at(view, view->list.cursor);
    if (view->filtering || view->table.filter[0]) {
        int x = area_put(area, 0, 0, theme_style(&app->theme, THEME_ACCENT), "filter: ");
        if (view->filtering)
            line_edit_draw(&view->edit, area_part(area, x, 0, area.width - x, 1),
                           theme_style(&app->theme, THEME_TEXT), true);
        else
            area_print(area, x, 0, dim, "%s   (Esc shows all)", view->table.filter);
    } else if (row < view->library.count) {
        const struct library_row *at = &view->library.rows[row];
        bool job = at->kind == LIBRARY_JOB;
        char text[ERROR_TEXT_MAX];
        if (job && at->job.text[0])
            snprintf(text, sizeof text, "%s, %s%s%s · %.300s", at->job.kind->noun, at->job.engine,
                     at->job.engine[0] ? ", " : "", at->job.text, at->origin);
        else
            snprintf(text, sizeof text, "%s · %.300s", at->origin, at->title);
        area_label(area, 0, 0, area.width, dim, text);
    }
}

static void draw_empty(struct app *app, struct area area)
{
    struct style text = theme_style(&app->theme, THEME_TEXT);
    area_put(area, 2, 2, text, "No models here, and no jobs yet.");
    area_put(area, 2, 4, text, "spectrum MODEL   opens a Hugging Face folder or a .gguf file;");
    area_put(area, 2, 5, text,
             "                 a repository's name, if it is in the local cache.");
    area_put(area, 2, 6, text, "spectrum SCAN    opens a scan file (.json).");
    area_put(area, 2, 8, text, "a                watches a run of another tool by its log.");
}

/* Which rows were drawn is noted: those are looked at first by the ticks. */
static void library_draw(struct app *app, void *state, struct area area)
{
    struct library_view *view = state;
    struct area tables = area_part(area, 0, 0, area.width, area.height - 2);
    if (view->library.count == 0)
        draw_empty(app, area);
    else if (view->table.count == 0)
        area_print(area, 2, 2, theme_style(&app->theme, THEME_TEXT), "nothing here has \"%s\"",
                   view->table.filter);
    view->first = view->drawn = 0;
    view->width = area.width;
    if (view->table.count > 0)
        view->drawn = library_table_draw(app, tables, &view->table, &view->library, &view->list,
                                         &view->first);
    draw_foot(app, view, area_part(area, 0, area.height - 1, area.width, 1));
}

/* --- opening --- */

/* Opening a model closes the one that is open, and its plan. The same one again is the way back to
 * a plan that is not saved. */
static void open_model(struct app *app, const char *path, bool by_scan, struct error *err)
{
    const struct session *session = &app->session;
    bool back = session->plan_changed && strcmp(session->source, path) == 0;
    if (!back && !app_gives_up_plan(app, REQUEST_OPEN))
        app_message(
            app, "the plan of %s is not saved: Enter again forgets it; open %s to save it with w",
            session->title, session->title);
    else if (back || (by_scan ? session_open_scan : session_open)(&app->session, path, err) == 0)
        screen_open_model(app);
}

/* A job that is a scan is opened as its model, held as it is; any other job is watched. */
static void open_row(struct app *app, const struct library_row *row)
{
    struct error err = ERROR_INIT;
    bool job = row->kind == LIBRARY_JOB;
    char *scanned = job ? session_scanned_model(row->path, &err) : NULL;
    if (!job || scanned)
        open_model(app, scanned ? scanned : row->path, scanned != NULL, &err);
    else if (session_watch(&app->session, row->path, &err) == 0)
        screen_open_watch(app);
    free(scanned);
    if (err.kind != ERROR_NONE)
        app_error(app, &err);
}

/* The job that follows it is among the rows when one comes back. */
static void attach(struct app *app, const char *path)
{
    struct error err = ERROR_INIT;
    if (session_attach(&app->session, path, &err) == 0)
        screen_open_watch(app);
    else
        app_error(app, &err);
}

/* --- requests --- */

/* Goes on to the next line, so that a key that is held down marks one after another. */
static void mark(struct app *app, struct library_view *view)
{
    size_t row = row_at(view, view->list.cursor);
    if (row >= view->library.count)
        return;
    if (view->library.rows[row].kind != LIBRARY_JOB) {
        app_message(app, "only jobs are marked: what is done to marked rows is done to jobs");
        return;
    }
    view->library.rows[row].marked = !view->library.rows[row].marked;
    list_move(&view->list, REQUEST_DOWN, 1);
}

/* Of models or of jobs, wherever the cursor is. */
static void sort(struct app *app, struct library_view *view, bool reverse)
{
    size_t row = row_at(view, view->list.cursor);
    int section = (size_t)view->list.cursor >= view->table.models;
    const char *what = section ? "jobs" : "models";
    if (reverse) {
        view->table.reversed[section] = !view->table.reversed[section];
        app_message(app, "%s the other way round", what);
    } else {
        const char *by = library_table_sort_next(&view->table, section, view->width);
        app_message(app, "%s %s%s", what, by[0] ? "by " : "as they are listed", by);
    }
    order(app, view, row);
}

/* One that is typed or was kept: all is shown again. False: there is none. */
static bool end_filter(struct app *app, struct library_view *view)
{
    size_t row = row_at(view, view->list.cursor);
    if (!view->filtering && !view->table.filter[0])
        return false;
    view->filtering = false;
    view->table.filter[0] = '\0';
    order(app, view, row);
    return true;
}

/* While the filter is typed: Enter keeps it, Esc shows all; what is no text moves, as always. */
static bool library_input(struct app *app, void *state, int input)
{
    struct library_view *view = state;
    size_t row = row_at(view, view->list.cursor);
    if (!view->filtering)
        return false;
    if (input == INPUT_ESCAPE)
        return end_filter(app, view);
    if (input == INPUT_ENTER)
        view->filtering = false;
    else if (!line_edit_input(&view->edit, input))
        return false;
    order(app, view, row);
    return true;
}

static bool has_title(const void *context, int line, const char *text)
{
    const struct library_view *view = context;
    const struct library_row *row = &view->library.rows[row_at(view, line)];
    return strstr(row->title, text) != NULL ||
           (row->kind == LIBRARY_JOB && strstr(row->job.model, text) != NULL);
}

static bool library_request(struct app *app, void *state, enum request request,
                            const char *argument)
{
    struct library_view *view = state;
    size_t row = row_at(view, view->list.cursor);
    if (request != REQUEST_RESUME) /* any other key takes the question back */
        view->asked.key[0] = view->asked.path[0] = '\0';
    if (list_move(&view->list, request, PAGE))
        return true;
    switch (request) {
    case REQUEST_BACK: /* what a kept filter hides comes back before the screen is left */
        return end_filter(app, view);
    case REQUEST_OPEN:
        if (row < view->library.count)
            open_row(app, &view->library.rows[row]);
        return true;
    case REQUEST_MARK:
        mark(app, view);
        return true;
    case REQUEST_FILTER:
        view->filtering = true;
        line_edit_begin(&view->edit, view->table.filter, sizeof view->table.filter);
        return true;
    case REQUEST_ATTACH:
        attach(app, argument);
        return true;
    case REQUEST_SORT:
    case REQUEST_SORT_REVERSE:
        sort(app, view, request == REQUEST_SORT_REVERSE);
        return true;
    default:
        if (!library_steer(app, &view->library, row, &view->asked, request))
            return list_search(app, &view->list, request, argument, has_title, view);
        if (library_changed(&view->library))
            read_again(app, view);
        return true;
    }
}

static bool any_is_marked(const struct library *library)
{
    for (size_t i = library->models; i < library->count; i++)
        if (library->rows[i].marked)
            return true;
    return false;
}

/* On a model's row no key that is for jobs, of a job those that it can be asked; of several that are
 * marked each. */
static bool library_offers(const struct app *app, const void *state, enum request request)
{
    const struct library_view *view = state;
    size_t row = row_at(view, view->list.cursor);
    bool job = row < view->library.count && view->library.rows[row].kind == LIBRARY_JOB;
    (void)app;
    if (any_is_marked(&view->library))
        return true;
    switch (request) {
    case REQUEST_PAUSE:
    case REQUEST_CHECKPOINT:
    case REQUEST_STOP:
    case REQUEST_RESUME:
    case REQUEST_DELETE:
        return job && job_actions_have(view->library.rows[row].job.actions, request);
    case REQUEST_MARK:
        return job;
    default:
        return true;
    }
}

static const char *library_word(const struct app *app, const void *state, enum request request)
{
    const struct library_view *view = state;
    size_t row = row_at(view, view->list.cursor);
    bool one = row < view->library.count && !any_is_marked(&view->library);
    (void)app;
    if (request == REQUEST_BACK && view->table.filter[0])
        return "all";
    return job_action_word(one && view->library.rows[row].job.pauses, request);
}

static void library_close(void *state)
{
    struct library_view *view = state;
    library_free(&view->library);
    library_table_free(&view->table);
    free(view);
}

static const struct view_class library_class = {
    .name = "library",
    .scope = SCOPE_LIST | SCOPE_LIBRARY,
    .enter = library_enter,
    .close = library_close,
    .draw = library_draw,
    .request = library_request,
    .input = library_input,
    .offers = library_offers,
    .word = library_word,
    .tick = library_tick_view,
    .tick_ms = library_tick_ms,
};

bool screen_open_library(struct app *app)
{
    return app_push(app, &library_class, array_alloc(1, sizeof(struct library_view), NULL));
}

const struct app_screens screens = {
    .open_library = screen_open_library,
    .open_model = screen_open_model,
    .open_watch = screen_open_watch,
    .open_help = screen_open_help,
};
