#include "tui/app/draw.h"

#include "tui/app/session_status.h"
#include "tui/widget/flow.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_ROWS = 6, PATH_ROWS = 3, MESSAGE_PATH = 40 };

static void draw_too_small(struct app *app, struct area area)
{
    struct style text = theme_style(&app->theme, THEME_TEXT);
    char have[64], need[64];
    snprintf(have, sizeof have, "window: %dx%d", area.width, area.height);
    snprintf(need, sizeof need, "needed: %dx%d", SCREEN_MIN_WIDTH, SCREEN_MIN_HEIGHT);
    int top = area.height / 2 - 1 > 0 ? area.height / 2 - 1 : 0;
    area_put(area, 0, top, text, "spectrum: too small");
    area_put(area, 0, top + 1, text, have);
    area_put(area, 0, top + 2, text, need);
}

static void draw_title(struct app *app, struct area area)
{
    struct style dim = theme_style(&app->theme, THEME_DIM);
    const struct view *view = &app->stack[app->depth - 1];
    char right[160];
    session_progress(&app->session, right, sizeof right);
    int x = area_put(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "spectrum ");
    x += area_print(area, x, 0, dim, "%s  ", view->class->name);
    int room = area.width - x - text_columns(right) - 1;
    area_label(area, x, 0, room, theme_style(&app->theme, THEME_TEXT),
               session_title(&app->session));
    area_put_right(area, 0, 0, theme_style(&app->theme, THEME_ACCENT), right);
}

static void draw_status(struct app *app, struct area area)
{
    struct style style = theme_style_on(&app->theme, THEME_STATUS, THEME_STATUS_BACKGROUND);
    char text[256];
    session_status(&app->session, false, text, sizeof text);
    if (text_columns(text) > area.width - 2)
        session_status(&app->session, true, text, sizeof text);
    area_fill(area, style);
    area_label(area, 1, 0, area.width - 2, style, text);
}

static void draw_keys(struct app *app, struct area area)
{
    enum key_scope scope = app->stack[app->depth - 1].class->scope;
    struct style accent = theme_style(&app->theme, THEME_ACCENT);
    struct style dim = theme_style(&app->theme, THEME_DIM);
    size_t count;
    const struct request_info *table = request_table(&count);
    int x = 0;
    if (scope == SCOPE_MODEL) {
        x += area_put(area, x, 0, accent, "hjkl");
        x += area_put(area, x, 0, dim, " move  ");
        x += area_put(area, x, 0, accent, "+-");
        x += area_put(area, x, 0, dim, " per cent  ");
    }
    for (size_t i = 0; i < count; i++) {
        char key[16];
        bool said = scope == SCOPE_MODEL && table[i].request == REQUEST_TOP;
        if (!table[i].brief || !(table[i].scopes & (unsigned)scope) || said)
            continue;
        key_name(table[i].keys[0], key, sizeof key);
        if (x + text_columns(key) + text_columns(table[i].brief) + 1 > area.width)
            continue;
        x += area_put(area, x, 0, accent, key);
        x += area_print(area, x, 0, dim, " %s  ", table[i].brief);
    }
}

static void draw_prompt(struct app *app, struct area area)
{
    const struct request_info *info = request_find(app->prompt.request);
    struct style accent = theme_style(&app->theme, THEME_ACCENT);
    int x = app->prompt.request == REQUEST_PROMPT
                ? area_put(area, 0, 0, accent, ":")
                : area_print(area, 0, 0, accent, "%s %s: ", info->name, info->argument);
    int room = area.width - x - 1, columns = text_columns(app->prompt.text);
    const char *text = app->prompt.text;
    while (columns > room && *text) {
        text++;
        while (((unsigned char)*text & 0xC0) == 0x80)
            text++;
        columns = text_columns(text);
    }
    x += area_put(area, x, 0, theme_style(&app->theme, THEME_TEXT), text);
    struct style cursor = theme_style(&app->theme, THEME_TEXT);
    cursor.attributes |= ATTRIBUTE_REVERSE;
    area_put(area, x, 0, cursor, " ");
}

/* A path so long that a message would not fit loses its front. */
static void shorten_paths(char *text)
{
    for (char *word = text; *word; word += strspn(word, " ")) {
        char *end = word + strcspn(word, " "), *cut = word;
        size_t bytes = (size_t)(end - word);
        bool path = memchr(word, '/', bytes) != NULL;
        while (path && bytes > MESSAGE_PATH && (end - cut > MESSAGE_PATH || (*cut & 0xC0) == 0x80))
            cut++;
        if (cut > word + 3) {
            memcpy(word, "…", 3);
            memmove(word + 3, cut, strlen(cut) + 1);
            end -= cut - word - 3;
        }
        word = end;
    }
}

static void put_message(const struct app *app, int columns, char out[ERROR_TEXT_MAX])
{
    bool asked = app->question.request != REQUEST_NONE;
    snprintf(out, ERROR_TEXT_MAX, "%s", asked ? app->question.text : app->message);
    if (flow_words_rows(out, columns) > PATH_ROWS)
        shorten_paths(out);
}

/* Rows below the status line: one of keys, or as many as the message needs. */
static int bottom_rows(const struct app *app, int columns)
{
    char text[ERROR_TEXT_MAX];
    put_message(app, columns, text);
    int rows = app->prompt.active ? 1 : flow_words_rows(text, columns);
    return rows < 1 ? 1 : rows > MESSAGE_ROWS ? MESSAGE_ROWS : rows;
}

static void draw_bottom(struct app *app, struct area area)
{
    char text[ERROR_TEXT_MAX];
    enum theme_role role = app->message_is_error ? THEME_ERROR : THEME_WARNING;
    area_fill(area, theme_style(&app->theme, THEME_TEXT));
    put_message(app, area.width, text);
    if (app->prompt.active)
        draw_prompt(app, area);
    else if (text[0])
        flow_words(area, theme_style(&app->theme, role), text);
    else
        draw_keys(app, area);
}

void app_draw_opening(struct app *app, const char *target)
{
    struct area all = canvas_area(&app->canvas);
    canvas_clear(&app->canvas, theme_style(&app->theme, THEME_TEXT));
    int x = area_put(all, 0, 0, theme_style(&app->theme, THEME_TITLE), "spectrum ");
    x += area_put(all, x, 0, theme_style(&app->theme, THEME_DIM), "opens ");
    area_label(all, x, 0, all.width - x, theme_style(&app->theme, THEME_TEXT),
               target ? target : "the library");
}

void app_draw(struct app *app)
{
    struct area all = canvas_area(&app->canvas);
    canvas_clear(&app->canvas, theme_style(&app->theme, THEME_TEXT));
    if (app->depth == 0)
        return;
    if (all.width < SCREEN_MIN_WIDTH || all.height < SCREEN_MIN_HEIGHT) {
        draw_too_small(app, all);
        return;
    }
    const struct view *view = &app->stack[app->depth - 1];
    int bottom = bottom_rows(app, all.width), status = all.height - 1 - bottom;
    draw_title(app, area_part(all, 0, 0, all.width, 1));
    /* a long message covers the view's last rows: nothing jumps for it */
    view->class->draw(app, view->state, area_part(all, 0, 1, all.width, all.height - 3));
    draw_status(app, area_part(all, 0, status, all.width, 1));
    draw_bottom(app, area_part(all, 0, status + 1, all.width, bottom));
}
