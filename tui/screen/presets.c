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

/* The form as it would be: with the preset, and with what is proposed again beside it. The caller
 * frees it. */
static void take_on_copy(const struct session *session, const struct preset *preset,
                         struct settings *after)
{
    settings_copy(after, &session->settings);
    preset_take(preset, after);
    form_propose(session, after);
}

static bool is_typed(const struct settings *settings, size_t field)
{
    return settings->fields[field].origin == SETTING_TYPED;
}

/* One field: what it has, what it would have, both as the form shows them, and whether a person typed
 * what goes. */
static void draw_change(struct app *app, struct area area, size_t field,
                        const struct settings *after)
{
    const struct theme *theme = &app->theme;
    const struct settings *settings = &app->session.settings;
    char from[SETTING_VALUE_MAX], to[SETTING_VALUE_MAX], text[2 * SETTING_VALUE_MAX + 64];
    settings_show(settings, field, 0, from, sizeof from);
    settings_show(after, field, 0, to, sizeof to);
    snprintf(text, sizeof text, "%s%s → %s", from[0] ? from : "empty",
             settings_count(settings, field) > 1 ? " and others" : "", to[0] ? to : "empty");
    utf8_sanitize(text);
    area_label(area, 2, 0, LABELS - 2, theme_style(theme, THEME_DIM),
               training_options.rows[field].label);
    int x = LABELS +
            area_label(area, LABELS, 0, area.width - LABELS, theme_style(theme, THEME_TEXT), text);
    if (is_typed(settings, field))
        area_label(area, x + 2, 0, area.width - x - 2, theme_style(theme, THEME_WARNING),
                   "typed by hand: asked about first");
}

/* As many as have room; of more the last line says how many. */
static void draw_changes(struct app *app, struct area area, const struct preset *preset)
{
    size_t changes[SETTINGS_MAX];
    struct settings after;
    take_on_copy(&app->session, preset, &after);
    size_t count = settings_changes(&app->session.settings, &after, changes);
    struct style title = theme_style(&app->theme, THEME_TITLE);
    if (count == 0)
        area_print(area, 0, 0, title, "%s changes nothing: the form is like that already",
                   preset->name);
    else
        area_print(area, 0, 0, title, "%s changes %zu field%s", preset->name, count, text_s(count));
    size_t room = area.height > 1 ? (size_t)(area.height - 1) : 0;
    bool all = count <= room;
    for (size_t i = 0; i < (all ? count : room - (room > 0)); i++)
        draw_change(app, area_part(area, 0, 1 + (int)i, area.width, 1), changes[i], &after);
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

/* "rank 4, batch 3": the fields as they are in these settings. */
static void put_fields(struct buffer *out, const struct settings *settings, const size_t *fields,
                       size_t count)
{
    char shown[SETTING_VALUE_MAX];
    for (size_t i = 0; i < count; i++) {
        settings_show(settings, fields[i], 0, shown, sizeof shown);
        buffer_format(out, "%s%s %.60s", i ? ", " : "", training_options.rows[fields[i]].label,
                      shown[0] ? shown : "empty");
    }
}

/* What was typed by hand is asked about, each by its name; else it is taken at once. What has
 * changed is said, as it is out of sight behind the form's other fields. */
static void take(struct app *app, const struct preset *preset)
{
    size_t changes[SETTINGS_MAX], typed[SETTINGS_MAX], typed_count = 0;
    struct buffer text = BUFFER_INIT;
    struct settings after;
    take_on_copy(&app->session, preset, &after);
    size_t count = settings_changes(&app->session.settings, &after, changes);
    for (size_t i = 0; i < count; i++)
        if (is_typed(&app->session.settings, changes[i]))
            typed[typed_count++] = changes[i];
    if (typed_count > 0 && !app->agreed) {
        put_fields(&text, &app->session.settings, typed, typed_count);
        app_ask(app, REQUEST_OPEN, "",
                "%s takes the place of what was typed by hand (%s): y takes it", preset->name,
                buffer_string(&text));
    } else {
        preset_take(preset, &app->session.settings);
        form_defaults(&app->session);
        session_form_changed(&app->session);
        put_fields(&text, &app->session.settings, changes, count);
        app_pop(app); /* frees the view */
        app_message(app, "%s: %s", preset->name,
                    count > 0 ? buffer_string(&text) : "the form was like that already");
    }
    settings_free(&after);
    buffer_free(&text);
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
