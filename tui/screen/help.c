/* The keys and commands of the screen below, from the one table (tui/keys/keys.h).
 *
 *     Keys and commands: model                                      1 of 47, / searches
 *
 *     ▶ h Left        :left             move left; of data: the record before
 *       j Down        :down             move down
 *       ...
 *       what does not fit beside its keys, whole, for the line under the cursor
 *
 * It has no state of its own but the cursor and the scope that it was asked for in: a request that
 * is added to the table is here without a line.
 */
#include "base/memory.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/widget/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 10, GAP = 2 };

struct help_view {
    struct list list;
    int keys_columns, name_columns; /* of the widest, and GAP */
    enum key_scope scope;           /* of the screen that help was asked for on */
    const char *screen;
};

/* The n-th request that has a meaning there; NULL after the last. */
static const struct request_info *request_at(enum key_scope scope, int n)
{
    size_t count;
    const struct request_info *table = request_table(&count);
    for (size_t i = 0; i < count; i++)
        if ((table[i].scopes & (unsigned)scope) && n-- == 0)
            return &table[i];
    return NULL;
}

static void put_name(const struct request_info *info, char *out, size_t size)
{
    snprintf(out, size, ":%s%s%s", info->name, info->argument ? " " : "",
             info->argument ? info->argument : "");
}

/* Counts the lines, and measures what stands before the help of each. */
static void measure(struct help_view *view)
{
    const struct request_info *info;
    for (; (info = request_at(view->scope, view->list.count)); view->list.count++) {
        char keys[64], name[64];
        request_keys(info, keys, sizeof keys);
        put_name(info, name, sizeof name);
        if (view->keys_columns < text_columns(keys) + GAP)
            view->keys_columns = text_columns(keys) + GAP;
        if (view->name_columns < text_columns(name) + GAP)
            view->name_columns = text_columns(name) + GAP;
    }
}

/* Keys, the command with its argument, and what it does, cut at the window's edge. */
static void draw_line(struct app *app, const struct help_view *view, struct area area, int line)
{
    const struct request_info *info = request_at(view->scope, line);
    int x = 2 + view->keys_columns + view->name_columns;
    char keys[64], name[64];
    request_keys(info, keys, sizeof keys);
    put_name(info, name, sizeof name);
    area_put(area, 2, 0, theme_style(&app->theme, THEME_ACCENT), keys);
    area_put(area, 2 + view->keys_columns, 0, theme_style(&app->theme, THEME_DIM), name);
    area_label(area, x, 0, area.width - x, theme_style(&app->theme, THEME_TEXT), info->help);
    if (line == view->list.cursor)
        area_put(area, 0, 0, theme_style(&app->theme, THEME_ACCENT), "▶");
}

/* A title, the list, and at the bottom two rows for the cursor's line, whose help may have been
 * cut. */
static void help_draw(struct app *app, void *state, struct area area)
{
    struct help_view *view = state;
    int rows = area.height - 4, first = list_first(&view->list, rows);
    char where[64];
    area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "Keys and commands: %s",
               view->screen);
    snprintf(where, sizeof where, "%d of %d, / searches", view->list.cursor + 1, view->list.count);
    area_put_right(area, 0, 0, theme_style(&app->theme, THEME_DIM), where);
    for (int i = 0; i < rows && first + i < view->list.count; i++)
        draw_line(app, view, area_part(area, 0, 2 + i, area.width, 1), first + i);
    const struct request_info *info = request_at(view->scope, view->list.cursor);
    int before = 2 + view->keys_columns + view->name_columns;
    if (info && text_columns(info->help) > area.width - before)
        flow_words(area_part(area, 2, area.height - 2, area.width - 2, 2),
                   theme_style(&app->theme, THEME_DIM), info->help);
}

static bool has_text(const void *context, int line, const char *text)
{
    const struct help_view *view = context;
    const struct request_info *info = request_at(view->scope, line);
    return strstr(info->name, text) || strstr(info->help, text);
}

/* Esc is all views'; ? and Enter close it, too, as one who opened it by a key expects. */
static bool help_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct help_view *view = state;
    if (list_move(&view->list, request, PAGE))
        return true;
    switch (request) {
    case REQUEST_HELP:
    case REQUEST_OPEN:
        app_pop(app);
        return true;
    default:
        return list_search(app, &view->list, request, argument, has_text, view);
    }
}

/* Enter opens nothing here, and who reads this knows the key that brought it. */
static bool help_offers(const struct app *app, const void *state, enum request request)
{
    (void)app;
    (void)state;
    return request != REQUEST_OPEN && request != REQUEST_HELP;
}

static const struct view_class help_class = {
    .name = "help",
    .scope = SCOPE_LIST,
    .close = free,
    .draw = help_draw,
    .request = help_request,
    .offers = help_offers,
};

/* Of the view that is on top now, which is the one below when this is drawn. */
bool screen_open_help(struct app *app)
{
    struct help_view *view = array_alloc(1, sizeof *view, NULL);
    if (view && app->depth > 0) {
        view->scope = app->stack[app->depth - 1].class->scope;
        view->screen = app->stack[app->depth - 1].class->name;
        measure(view);
    }
    return app_push(app, &help_class, view);
}
