/* Presets of the training form, with what each would set, before it is taken:
 *
 *     ▶ QLoRA             the same over weights in 4 bits, with an optimiser in 8 bits
 *       Spectrum-25+LoRA  adapters beside the best 25 % of each type
 *
 *     QLoRA changes 2 fields
 *       method              spectrum → qlora
 *       rank                8 → 16                     typed by hand: asked about first
 *
 * tui/session/presets.h has the table and what taking one does. */
#include "tui/session/presets.h"
#include "base/memory.h"
#include "base/text.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/form_defaults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 20, LABELS = 20, PAGE = 10 };

struct presets_view {
    struct list list;
};

/* One field: what it has, what it would have, both as the form shows them, and whether a person typed
 * what goes. */
static void draw_change(struct app *app, struct area area, const struct preset_change *change,
                        const struct settings *after)
{
    const struct theme *theme = &app->theme;
    const struct settings *settings = &app->session.settings;
    size_t count = settings_count(settings, change->field);
    char from[SETTING_VALUE_MAX], to[SETTING_VALUE_MAX], text[2 * SETTING_VALUE_MAX + 64];
    settings_show(settings, change->field, 0, from, sizeof from);
    settings_show(after, change->field, 0, to, sizeof to);
    snprintf(text, sizeof text, "%s%s → %s", from[0] ? from : "empty",
             count > 1 ? " and others" : "", to[0] ? to : "empty");
    utf8_sanitize(text);
    area_label(area, 2, 0, LABELS - 2, theme_style(theme, THEME_DIM),
               training_options.rows[change->field].label);
    int x = LABELS +
            area_label(area, LABELS, 0, area.width - LABELS, theme_style(theme, THEME_TEXT), text);
    if (change->typed)
        area_label(area, x + 2, 0, area.width - x - 2, theme_style(theme, THEME_WARNING),
                   "typed by hand: asked about first");
}

/* As many as have room; of more the last line says how many. */
static void draw_changes(struct app *app, struct area area, const struct preset *preset)
{
    struct preset_change changes[SETTINGS_MAX];
    struct settings after;
    size_t count = preset_changes(preset, &app->session.settings, changes);
    settings_copy(&after, &app->session.settings);
    preset_take(preset, &after);
    struct style title = theme_style(&app->theme, THEME_TITLE);
    if (count == 0)
        area_print(area, 0, 0, title, "%s changes nothing: the form is like that already",
                   preset->name);
    else
        area_print(area, 0, 0, title, "%s changes %zu field%s", preset->name, count, text_s(count));
    size_t room = area.height > 1 ? (size_t)(area.height - 1) : 0;
    bool all = count <= room;
    for (size_t i = 0; i < (all ? count : room - (room > 0)); i++)
        draw_change(app, area_part(area, 0, 1 + (int)i, area.width, 1), &changes[i], &after);
    settings_free(&after);
    if (!all && room > 0)
        area_print(area, 2, area.height - 1, theme_style(&app->theme, THEME_DIM), "and %zu more",
                   count - room + 1);
}

/* The list in the upper half, the changes in the rest. */
static void presets_draw(struct app *app, void *state, struct area area)
{
    const struct presets_view *view = state;
    int rows = area.height / 2 < view->list.count ? area.height / 2 : view->list.count;
    int first = list_first(&view->list, rows);
    for (int i = 0; i < rows && first + i < view->list.count; i++) {
        struct style text, dim;
        struct area line = area_part(area, 0, i, area.width, 1);
        const struct preset *preset = &presets[first + i];
        list_line(line, &app->theme, first + i == view->list.cursor, &text, &dim);
        area_label(line, 2, 0, NAMES - 2, text, preset->name);
        area_label(line, NAMES, 0, area.width - NAMES, dim, preset->help);
    }
    draw_changes(app, area_part(area, 0, rows + 1, area.width, area.height - rows - 1),
                 &presets[view->list.cursor]);
}

static bool has_text(const void *context, int line, const char *text)
{
    (void)context;
    return strstr(presets[line].name, text) || strstr(presets[line].help, text);
}

/* What was typed by hand is asked about, each by its name; else it is taken at once. */
static void take(struct app *app, const struct preset *preset)
{
    struct preset_change changes[SETTINGS_MAX];
    struct buffer typed = BUFFER_INIT;
    const struct settings *settings = &app->session.settings;
    size_t count = preset_changes(preset, settings, changes);
    for (size_t i = 0; i < count; i++)
        if (changes[i].typed)
            buffer_format(&typed, "%s%s %.60s", typed.length ? ", " : "",
                          training_options.rows[changes[i].field].label,
                          settings_value(settings, changes[i].field));
    if (typed.length > 0 && !app->agreed) {
        app_ask(app, REQUEST_OPEN, "",
                "%s takes the place of what was typed by hand (%s): y takes it", preset->name,
                buffer_string(&typed));
    } else {
        preset_take(preset, &app->session.settings);
        form_defaults(&app->session);
        session_form_changed(&app->session);
        app_pop(app); /* frees the view */
        app_message(app, "%s: %zu field%s changed", preset->name, count, text_s(count));
    }
    buffer_free(&typed);
}

static bool presets_request(struct app *app, void *state, enum request request,
                            const char *argument)
{
    struct presets_view *view = state;
    if (list_move(&view->list, request, PAGE) ||
        list_search(app, &view->list, request, argument, has_text, NULL))
        return true;
    if (request != REQUEST_OPEN)
        return false;
    take(app, &presets[view->list.cursor]);
    return true;
}

static const struct view_class presets_class = {
    .name = "presets",
    .scope = SCOPE_LIST,
    .close = free,
    .draw = presets_draw,
    .request = presets_request,
};

bool screen_open_presets(struct app *app)
{
    struct presets_view *view = array_alloc(1, sizeof *view, NULL);
    if (view)
        view->list.count = (int)preset_count;
    return app_push(app, &presets_class, view);
}
