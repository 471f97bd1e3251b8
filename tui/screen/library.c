/* The first screen without a target: local models, and jobs. */
#include "tui/screen/library.h"

#include "base/clock.h"
#include "base/memory.h"
#include "tui/screen/list.h"
#include "tui/screen/screens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 10 };

struct library_view {
    struct list list;
    struct library library;
    double looked_at; /* clock_seconds() of the last look at what changed */
};

static const double look_interval = 1; /* seconds */

static void draw_entry(struct app *app, struct area area, const struct library_entry *entry,
                       bool here)
{
    struct style text = here ? theme_style_on(&app->theme, THEME_TEXT, THEME_SELECTED)
                             : theme_style(&app->theme, THEME_TEXT);
    struct style dim = here ? theme_style_on(&app->theme, THEME_DIM, THEME_SELECTED)
                            : theme_style(&app->theme, THEME_DIM);
    int column = area.width * 3 / 5;
    if (here)
        area_fill(area, text);
    area_put(area, 0, 0, theme_style(&app->theme, THEME_ACCENT), here ? "▶" : " ");
    area_label(area, 2, 0, column - 4, text, entry->title);
    area_label(area, column, 0, area.width - column, dim, entry->detail);
}

static void draw_nothing(struct app *app, struct area area)
{
    struct style text = theme_style(&app->theme, THEME_TEXT);
    area_put(area, 2, 2, text, "No models here, and no jobs yet.");
    area_put(area, 2, 4, text, "spectrum MODEL   opens a Hugging Face folder or a .gguf file;");
    area_put(area, 2, 5, text,
             "                 a repository's name, if it is in the local cache.");
    area_put(area, 2, 6, text, "spectrum SCAN    opens a scan file (.json).");
}

/* Lines of the list: a heading, the models, a blank and a heading, the jobs. */
static void library_draw(struct app *app, void *state, struct area area)
{
    struct library_view *view = state;
    const struct library *library = &view->library;
    struct style title = theme_style(&app->theme, THEME_TITLE);
    if (library->count == 0) {
        draw_nothing(app, area);
        return;
    }
    int rows = area.height - 4, first = list_first(&view->list, rows), y = 0;
    for (int i = first; i < view->list.count && y < area.height; i++) {
        if (i == 0 && library->models && library->hidden)
            area_print(area, 0, y++, title, "Models (%zu more are not shown)", library->hidden);
        else if (i == 0 && library->models)
            area_put(area, 0, y++, title, "Models");
        if ((size_t)i == library->models) {
            y += i > 0;
            area_put(area, 0, y++, title, "Jobs");
        }
        draw_entry(app, area_part(area, 0, y++, area.width, 1), &library->entries[i],
                   i == view->list.cursor);
    }
}

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

static void open_entry(struct app *app, const struct library_entry *entry)
{
    struct error err = ERROR_INIT;
    char *scanned = entry->job ? session_scanned_model(entry->path, &err) : NULL;
    if (!entry->job || scanned)
        open_model(app, scanned ? scanned : entry->path, scanned != NULL, &err);
    else if (session_watch(&app->session, entry->path, &err) == 0)
        screen_open_watch(app);
    free(scanned);
    if (err.kind != ERROR_NONE)
        app_error(app, &err);
}

static void find(struct app *app, struct library_view *view)
{
    for (int i = 1; app->search[0] && i <= view->list.count; i++) {
        int at = (view->list.cursor + i) % view->list.count;
        if (strstr(view->library.entries[at].title, app->search)) {
            view->list.cursor = at;
            return;
        }
    }
    app_message(app, "nothing here has \"%s\"", app->search);
}

static bool library_request(struct app *app, void *state, enum request request,
                            const char *argument)
{
    struct library_view *view = state;
    if (list_move(&view->list, request, PAGE))
        return true;
    switch (request) {
    case REQUEST_OPEN:
        if (view->list.count > 0)
            open_entry(app, &view->library.entries[view->list.cursor]);
        return true;
    case REQUEST_SEARCH:
        snprintf(app->search, sizeof app->search, "%s", argument);
        find(app, view);
        return true;
    case REQUEST_SEARCH_NEXT:
        find(app, view);
        return true;
    default:
        return false;
    }
}

/* The cursor stays on what it is on, wherever that is now. */
static void read_again(struct app *app, struct library_view *view)
{
    struct error err = ERROR_INIT;
    struct library before = view->library;
    int cursor = view->list.cursor;
    if (library_read(&view->library, &err) != 0)
        app_error(app, &err);
    view->list.count = (int)view->library.count;
    for (int i = 0; (size_t)cursor < before.count && i < view->list.count; i++)
        if (view->library.entries[i].job == before.entries[cursor].job &&
            strcmp(view->library.entries[i].path, before.entries[cursor].path) == 0)
            view->list.cursor = i;
    if (view->list.cursor >= view->list.count)
        view->list.cursor = 0;
    library_free(&before);
    view->looked_at = clock_seconds();
}

/* Also when one comes back to it: jobs began and ended in the meantime. */
static void library_enter(struct app *app, void *state)
{
    read_again(app, state);
}

static bool library_tick(struct app *app, void *state)
{
    struct library_view *view = state;
    double now = clock_seconds();
    if (now - view->looked_at < look_interval)
        return false;
    view->looked_at = now;
    if (!library_changed(&view->library))
        return false;
    read_again(app, view);
    return true;
}

static void library_close(void *state)
{
    struct library_view *view = state;
    library_free(&view->library);
    free(view);
}

static const struct view_class library_class = {
    .name = "library",
    .scope = SCOPE_LIST,
    .enter = library_enter,
    .close = library_close,
    .draw = library_draw,
    .request = library_request,
    .tick = library_tick,
};

bool screen_open_library(struct app *app)
{
    return app_push(app, &library_class, array_alloc(1, sizeof(struct library_view), NULL));
}
