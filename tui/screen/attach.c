/* Which run of another tool is watched, where a path means several:
 *
 *     3 runs in ~/sweep
 *         RUN                     TOOL                   STEP  WRITTEN
 *     ▶   lr-3e-4                 TensorBoard             120   12 min
 *         lr-1e-4                 TensorBoard             800     3 h
 *       + out                     Hugging Face Trainer    500     3 h
 *
 *     ~/sweep/lr-3e-4
 *
 * What is followed where nobody chooses stands first; "+" is a further log of a run above it. The last
 * steps come in with the ticks, a log each, as a log has to be read for that. */
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "tracker/tracker.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/session_open.h"
#include "tui/session/wording.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 10, SOON_MS = 20, CURSOR = 2, MARKS = 4, WIDE = 76, NAME_MOST = 60 };
/* Columns of the others, from the left, the second where there is room. */
enum { TOOL = 14, TOOL_WIDE = 21, STEP = 9, WRITTEN = 9 };

struct attach_view {
    struct list list; /* of the runs */
    char *path;       /* as it was typed */
    struct tracker_list found;
    int64_t *steps; /* of those that were looked at; -1: not known */
    size_t looked;  /* so many were, from the first one on */
};

/* --- drawing --- */

/* Name, tool, step and time, from the right, so that the name has what is left, up to a width at which
 * a line is still read. */
static void put_cells(struct area area, const char *const cells[4], struct style text,
                      struct style dim)
{
    int tool = area.width < WIDE ? TOOL : TOOL_WIDE;
    int name = area.width - MARKS - tool - STEP - WRITTEN - 2;
    name = name < NAME_MOST ? name : NAME_MOST;
    int x = MARKS + name + 2;
    area_label(area, MARKS, 0, name, text, cells[0]);
    area_label(area, x, 0, tool - 1, dim, cells[1]);
    x += tool + STEP;
    area_put(area, x - text_columns(cells[2]), 0, dim, cells[2]);
    area_put(area, x + WRITTEN - text_columns(cells[3]), 0, dim, cells[3]);
}

static void draw_line(struct app *app, const struct attach_view *view, int line, struct area area)
{
    const struct tracker_log *log = &view->found.logs[line];
    bool looked = (size_t)line < view->looked;
    char name[256], step[32], written[32];
    struct style text, dim;
    list_line(area, &app->theme, line == view->list.cursor, &text, &dim);
    if (log->beside)
        area_put(area, CURSOR, 0, dim, "+");
    utf8_copy(name, sizeof name, log->name);
    if (!looked)
        snprintf(step, sizeof step, "…");
    else if (view->steps[line] < 0)
        snprintf(step, sizeof step, "n/a");
    else
        snprintf(step, sizeof step, "%" PRId64, view->steps[line]);
    since_put(fmax(0, (double)sys.time(NULL) - log->written), written, sizeof written);
    const char *const cells[] = {name, tracker_tool(log), step, written};
    put_cells(area, cells, text, dim);
}

static void attach_draw(struct app *app, void *state, struct area area)
{
    static const char *const titles[] = {"RUN", "TOOL", "STEP", "WRITTEN"};
    const struct attach_view *view = state;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    int rows = area.height - 4, first = list_first(&view->list, rows);
    char path[PATH_MAX], title[64];
    snprintf(title, sizeof title, "%zu runs in ", view->found.runs);
    path_put_short(view->path, area.width - text_columns(title), path, sizeof path);
    area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "%s%s", title, path);
    put_cells(area_part(area, 0, 1, area.width, 1), titles, dim, dim);
    for (int i = 0; i < rows && first + i < view->list.count; i++)
        draw_line(app, view, first + i, area_part(area, 0, 2 + i, area.width, 1));
    path_put_short(tracker_place(&view->found.logs[view->list.cursor]), area.width, path,
                   sizeof path);
    area_put(area, 0, area.height - 1, dim, path);
}

/* --- requests --- */

static bool has_text(const void *context, int line, const char *text)
{
    const struct attach_view *view = context;
    const struct tracker_log *log = &view->found.logs[line];
    return strstr(log->name, text) || strstr(log->path, text) || strstr(tracker_tool(log), text);
}

/* The watch screen takes this one's place: Esc leads back to the library. */
static void watch(struct app *app, const struct attach_view *view)
{
    struct error err = ERROR_INIT;
    const char *name = view->found.logs[view->list.cursor].name;
    if (session_attach(&app->session, view->path, name, &err) != 0) {
        app_error(app, &err);
        return;
    }
    app_pop(app); /* frees the view */
    screen_open_watch(app);
}

static bool attach_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct attach_view *view = state;
    if (list_move(&view->list, request, PAGE) ||
        list_search(app, &view->list, request, argument, has_text, view))
        return true;
    if (request != REQUEST_OPEN)
        return false;
    watch(app, view);
    return true;
}

/* --- the view --- */

static bool attach_tick(struct app *app, void *state)
{
    struct attach_view *view = state;
    (void)app;
    if (view->looked == view->found.count)
        return false;
    view->steps[view->looked] = tracker_last_step(&view->found.logs[view->looked]);
    view->looked++;
    return true;
}

static int attach_tick_ms(const void *state)
{
    const struct attach_view *view = state;
    return view->looked < view->found.count ? SOON_MS : 1000;
}

static void attach_close(void *state)
{
    struct attach_view *view = state;
    tracker_list_free(&view->found);
    free(view->steps);
    free(view->path);
    free(view);
}

static const struct view_class attach_class = {
    .name = "attach",
    .scope = SCOPE_LIST,
    .close = attach_close,
    .draw = attach_draw,
    .request = attach_request,
    .tick = attach_tick,
    .tick_ms = attach_tick_ms,
};

bool screen_open_attach(struct app *app, const char *path, struct tracker_list *found)
{
    struct attach_view *view = array_alloc(1, sizeof *view, NULL);
    if (view) {
        view->found = *found;
        *found = (struct tracker_list){.count = 0};
        view->list.count = (int)view->found.count;
        view->path = string_copy(path, NULL);
        view->steps = array_alloc(view->found.count, sizeof *view->steps, NULL);
    }
    if (view && (!view->path || !view->steps)) {
        attach_close(view);
        view = NULL;
    }
    return app_push(app, &attach_class, view);
}
