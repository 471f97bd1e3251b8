#include "tui/screen/parts.h"

#include "tui/session/wording.h"

#include <math.h>
#include <stdio.h>

/* --- lists --- */

/* Beyond the ends it stays at them. */
bool list_move(struct list *list, enum request request, int page)
{
    int to = list->cursor;
    switch (request) {
    case REQUEST_UP:
        to--;
        break;
    case REQUEST_DOWN:
        to++;
        break;
    case REQUEST_PAGE_UP:
        to -= page;
        break;
    case REQUEST_PAGE_DOWN:
        to += page;
        break;
    case REQUEST_FIRST:
        to = 0;
        break;
    case REQUEST_LAST:
        to = list->count - 1;
        break;
    default:
        return false;
    }
    if (to > list->count - 1)
        to = list->count - 1;
    list->cursor = to < 0 ? 0 : to;
    return true;
}

int list_first(const struct list *list, int visible)
{
    int first = list->cursor - visible / 2;
    if (first > list->count - visible)
        first = list->count - visible;
    return first < 0 ? 0 : first;
}

/* From the line after the cursor, so that the next search finds the next one, and the cursor's own
 * last. */
bool list_search(struct app *app, struct list *list, enum request request, const char *argument,
                 bool (*has)(const void *context, int line, const char *text), const void *context)
{
    if (request != REQUEST_SEARCH && request != REQUEST_SEARCH_NEXT)
        return false;
    if (request == REQUEST_SEARCH)
        snprintf(app->search, sizeof app->search, "%s", argument);
    for (int i = 1; app->search[0] && i <= list->count; i++) {
        int at = (list->cursor + i) % list->count;
        if (has(context, at, app->search)) {
            list->cursor = at;
            return true;
        }
    }
    if (!app->search[0])
        app_message(app, "/ asks what to search for");
    else
        app_message(app, "nothing here has \"%s\"", app->search);
    return true;
}

void list_line(struct area area, const struct theme *theme, bool here, struct style *text,
               struct style *dim)
{
    *text =
        here ? theme_style_on(theme, THEME_TEXT, THEME_SELECTED) : theme_style(theme, THEME_TEXT);
    *dim = here ? theme_style_on(theme, THEME_DIM, THEME_SELECTED) : theme_style(theme, THEME_DIM);
    if (here)
        area_fill(area, *text);
    area_put(area, 0, 0, theme_style(theme, THEME_ACCENT), here ? "▶" : " ");
}

const char *row_state(const struct session *session, size_t row, enum theme_role *role)
{
    bool known = !session_is_undecided(session, row), trains = plan_row(session->plan, row);
    *role = known && trains ? THEME_ACCENT : THEME_DIM;
    return !known ? "· not known yet" : trains ? "● trains" : "○ frozen";
}

/* --- memory --- */

/* Columns before the bars: a category, and its bytes. */
enum { NUMBERS = 22 };

/* A bar is a category's share of the sum, of the columns that are left beside the numbers, 40 at
 * most. */
void memory_bars_draw(struct area area, const struct theme *theme,
                      const uint64_t bytes[MEMORY_CATEGORIES])
{
    static const enum theme_role roles[MEMORY_CATEGORIES] = {THEME_WEIGHTS,     THEME_MASTERS,
                                                             THEME_GRADIENTS,   THEME_OPTIMIZER,
                                                             THEME_ACTIVATIONS, THEME_WORKSPACE};
    uint64_t total = 0;
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        total += bytes[i];
    for (int i = 0; i < MEMORY_CATEGORIES; i++) {
        char text[32];
        int bar = area.width - NUMBERS < 40 ? area.width - NUMBERS : 40;
        int filled = total ? (int)lround((double)bytes[i] / (double)total * bar) : 0;
        bytes_put((double)bytes[i], text, sizeof text);
        area_put(area, 0, i, theme_style(theme, THEME_DIM),
                 memory_category_name((enum memory_category)i));
        area_print(area, 12, i, theme_style(theme, THEME_TEXT), "%8s", text);
        for (int x = 0; x < filled; x++)
            area_put(area, NUMBERS + x, i, theme_style(theme, roles[i]), "█");
    }
}
