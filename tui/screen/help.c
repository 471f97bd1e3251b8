/* The keys and commands of the screen below, from the one table (tui/keys/keys.h).
 *
 *     Keys and commands: model
 *
 *     ▶ h Left          :left               move left; of data: the record before
 *       j Down          :down               move down
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

enum { PAGE = 10, KEYS_COLUMNS = 16, NAME_COLUMNS = 20 };

struct help_view {
    struct list list;
    enum key_scope scope; /* of the screen that help was asked for on */
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

/* Keys, the command with its argument, and what it does, cut at the window's edge. */
static void draw_line(struct app *app, struct area area, const struct request_info *info, bool here)
{
    char keys[64], name[64];
    struct style style = theme_style(&app->theme, THEME_TEXT);
    request_keys(info, keys, sizeof keys);
    snprintf(name, sizeof name, ":%s %s", info->name, info->argument ? info->argument : "");
    area_label(area, 2, 0, KEYS_COLUMNS - 1, theme_style(&app->theme, THEME_ACCENT), keys);
    area_label(area, 2 + KEYS_COLUMNS, 0, NAME_COLUMNS - 1, theme_style(&app->theme, THEME_DIM),
               name);
    area_label(area, 2 + KEYS_COLUMNS + NAME_COLUMNS, 0,
               area.width - 2 - KEYS_COLUMNS - NAME_COLUMNS, style, info->help);
    if (here)
        area_put(area, 0, 0, theme_style(&app->theme, THEME_ACCENT), "▶");
}

/* A title, the list, and at the bottom two rows for the cursor's line, whose help may have been
 * cut. */
static void help_draw(struct app *app, void *state, struct area area)
{
    struct help_view *view = state;
    int rows = area.height - 4, first = list_first(&view->list, rows);
    area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "Keys and commands: %s",
               view->screen);
    for (int i = 0; i < rows && first + i < view->list.count; i++)
        draw_line(app, area_part(area, 0, 2 + i, area.width, 1), request_at(view->scope, first + i),
                  first + i == view->list.cursor);
    const struct request_info *info = request_at(view->scope, view->list.cursor);
    if (info && text_columns(info->help) > area.width - 4 - KEYS_COLUMNS - NAME_COLUMNS)
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

static const struct view_class help_class = {
    .name = "help",
    .scope = SCOPE_LIST,
    .close = free,
    .draw = help_draw,
    .request = help_request,
};

/* Of the view that is on top now, which is the one below when this is drawn. */
bool screen_open_help(struct app *app)
{
    struct help_view *view = array_alloc(1, sizeof *view, NULL);
    if (view && app->depth > 0) {
        view->scope = app->stack[app->depth - 1].class->scope;
        view->screen = app->stack[app->depth - 1].class->name;
        while (request_at(view->scope, view->list.count))
            view->list.count++;
    }
    return app_push(app, &help_class, view);
}
