/* The form from which training starts: `spectrum train`'s options, checked as they are typed. */
#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "job/survival.h"
#include "tui/app/path.h"
#include "tui/app/units.h"
#include "tui/canvas/terminal.h"
#include "tui/screen/launch_train.h"
#include "tui/screen/list.h"
#include "tui/screen/memory_bars.h"
#include "tui/screen/screens.h"
#include "tui/widget/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LABELS = 20, VALUES = 34, MORE_VALUES = 20, CHECKS = 26, HINT_ROWS = 2 };

struct train_view {
    struct list list; /* fields; the cursor's is the one that is typed into */
    bool fresh;       /* just arrived: typing replaces what is there */
};

/* --- typing --- */

static enum setting cursor_field(const struct train_view *view)
{
    return (enum setting)view->list.cursor;
}

static bool takes_text(enum setting_kind kind)
{
    return kind != SETTING_INTEGER && kind != SETTING_INTEGER_OR_EMPTY && kind != SETTING_NUMBER &&
           kind != SETTING_CHOICE;
}

/* Letters are text in a name and keys in a number. */
static bool takes_character(enum setting_kind kind, int input)
{
    if (takes_text(kind))
        return input >= ' ' && input < INPUT_UP && input != INPUT_BACKSPACE;
    return kind != SETTING_CHOICE && input > 0 && input < 128 && strchr("0123456789.eE+-", input);
}

static void type_character(struct train_view *view, char *value, int input)
{
    char bytes[4];
    size_t length = view->fresh ? 0 : strlen(value), count = utf8_encode(input, bytes);
    if (length + count >= SETTING_VALUE_MAX)
        return;
    memcpy(value + length, bytes, count);
    value[length + count] = '\0';
}

static void erase_character(char *value)
{
    size_t length = strlen(value);
    while (length > 0 && ((unsigned char)value[length - 1] & 0xC0) == 0x80)
        length--;
    value[length > 0 ? length - 1 : 0] = '\0';
}

static void move_field(struct train_view *view, int by)
{
    view->list.cursor = (view->list.cursor + by + SETTING_COUNT) % SETTING_COUNT;
    view->fresh = true;
}

/* Moves between fields, turns choices, completes a path that was begun; true: taken. */
static bool navigate(struct app *app, struct train_view *view, int input)
{
    enum setting field = cursor_field(view);
    enum setting_kind kind = setting_info(field)->kind;
    bool choice = kind == SETTING_CHOICE;
    bool file = kind == SETTING_FILE || kind == SETTING_FILE_OR_EMPTY;
    char *value = app->session.settings.values[field];
    if (input == INPUT_TAB && file && !view->fresh && path_complete(value, SETTING_VALUE_MAX))
        return true;
    if (input == INPUT_DOWN || input == INPUT_TAB || input == INPUT_ENTER)
        move_field(view, 1);
    else if (input == INPUT_UP || input == INPUT_BACK_TAB)
        move_field(view, -1);
    else if (choice && (input == INPUT_RIGHT || input == ' '))
        settings_turn(&app->session.settings, field, 1);
    else if (choice && input == INPUT_LEFT)
        settings_turn(&app->session.settings, field, -1);
    else
        return false;
    return true;
}

static bool edit(struct app *app, struct train_view *view, int input)
{
    enum setting_kind kind = setting_info(cursor_field(view))->kind;
    char *value = app->session.settings.values[cursor_field(view)];
    if (takes_character(kind, input))
        type_character(view, value, input);
    else if (kind != SETTING_CHOICE && input == INPUT_BACKSPACE)
        erase_character(value);
    else if (kind != SETTING_CHOICE && input == 'U' - 'A' + 1)
        value[0] = '\0';
    else
        return false;
    view->fresh = false;
    return true;
}

static bool train_input(struct app *app, void *state, int input)
{
    struct train_view *view = state;
    if (!navigate(app, view, input) && !edit(app, view, input))
        return false;
    session_cost_changed(&app->session);
    return true;
}

static void start(struct app *app, struct train_view *view)
{
    struct error err = ERROR_INIT;
    char why[512];
    bool by_plan = !settings_is(&app->session.settings, SETTING_METHOD, "full");
    enum setting wrong = settings_first_wrong(&app->session.settings, why, sizeof why);
    if (wrong != SETTING_COUNT) {
        app_message(app, "%s", why);
        view->list.cursor = (int)wrong;
        view->fresh = true;
    } else if (by_plan && !app_takes_plan(app, REQUEST_START, "Ctrl-S again starts all the same")) {
        return; /* it was asked about */
    } else if (launch_train(&app->session, &err) != 0) {
        app_error(app, &err);
    } else {
        app_pop(app);
        screen_open_watch(app);
    }
}

static bool train_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct train_view *view = state;
    (void)argument;
    switch (request) {
    case REQUEST_DOWN:
    case REQUEST_UP:
        move_field(view, request == REQUEST_DOWN ? 1 : -1);
        return true;
    case REQUEST_DATA:
        screen_open_data(app);
        return true;
    case REQUEST_START:
        start(app, view);
        return true;
    default:
        return false;
    }
}

/* --- drawing --- */

static void draw_field(struct app *app, struct area area, enum setting field, bool here, bool fresh)
{
    const struct setting_info *info = setting_info(field);
    const struct theme *theme = &app->theme;
    char why[256], shown[SETTING_VALUE_MAX];
    bool right = settings_check(&app->session.settings, field, why, sizeof why);
    struct style value =
        here ? theme_style_on(theme, THEME_TEXT, THEME_SELECTED) : theme_style(theme, THEME_TEXT);
    snprintf(shown, sizeof shown, "%s", app->session.settings.values[field]);
    utf8_sanitize(shown);
    area_put(area, 0, 0, theme_style(theme, THEME_ACCENT), here ? "▶" : " ");
    area_label(area, 2, 0, LABELS - 3, theme_style(theme, here ? THEME_TEXT : THEME_DIM),
               info->label);
    int columns =
        area.width < LABELS + VALUES + MORE_VALUES + CHECKS ? VALUES : VALUES + MORE_VALUES;
    int room = area.width - LABELS - columns - 1;
    struct area box = area_part(area, LABELS, 0, columns, 1);
    if (here)
        area_fill(box, value);
    /* the end of a long value is where one types */
    const char *tail = shown;
    while (text_columns(tail) > columns - 1)
        tail++;
    if (here && fresh && info->kind != SETTING_CHOICE)
        value.attributes |= ATTRIBUTE_UNDERLINE;
    int x = area_put(box, 0, 0, value, tail);
    if (here && info->kind != SETTING_CHOICE)
        area_put(box, x, 0, theme_style(theme, THEME_ACCENT), "▏");
    /* a reason that does not fit is a mark here; the field's hint says it whole */
    area_put(area, LABELS + columns + 1, 0, theme_style(theme, right ? THEME_GOOD : THEME_ERROR),
             right                       ? "✓"
             : text_columns(why) <= room ? why
                                         : "!");
}

/* What is wrong with the field, whole, and as far as there is room what it is for. */
static void draw_hint(struct app *app, struct area area, enum setting field)
{
    const struct setting_info *info = setting_info(field);
    char why[256], text[512];
    bool right = settings_check(&app->session.settings, field, why, sizeof why);
    bool choice = info->kind == SETTING_CHOICE;
    int y = right ? 0 : flow_words(area, theme_style(&app->theme, THEME_ERROR), why);
    snprintf(text, sizeof text, "--%s  %s%s%s%s", info->option, info->help, choice ? " (" : "",
             choice ? info->choices : "", choice ? "; Space turns)" : "");
    flow_words(area_part(area, 0, y, area.width, area.height - y),
               theme_style(&app->theme, THEME_DIM), text);
}

/* The limits of the fields allow more than an int64_t holds. By epochs it is the data's. */
static void put_tokens(const struct settings *settings, char *out, size_t size)
{
    static const enum setting factors[] = {SETTING_STEPS, SETTING_BATCH, SETTING_ACCUMULATE,
                                           SETTING_SEQ_LEN};
    double tokens = 1;
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        tokens *= (double)settings_integer(settings, factors[i]);
    if (settings->values[SETTING_STEPS][0]) {
        count_put(tokens, out, size);
        snprintf(out + strlen(out), size - strlen(out), " tokens in all");
    } else {
        const char *epochs = settings->values[SETTING_EPOCHS];
        snprintf(out, size, "%.12s epoch%s", epochs, strcmp(epochs, "1") == 0 ? "" : "s");
    }
}

static void draw_summary(struct app *app, struct area area)
{
    const struct settings *settings = &app->session.settings;
    char tokens[64], bytes[32], here[32], text[192];
    double machine = (double)machine_memory();
    const struct cost *cost = &app->session.cost;
    put_tokens(settings, tokens, sizeof tokens);
    bytes_put((double)cost->total, bytes, sizeof bytes);
    bytes_put(machine, here, sizeof here);
    bool fits = !cost->known || (double)cost->total < machine;
    snprintf(text, sizeof text, "%s, memory %s of %s%s", tokens, cost->known ? bytes : "n/a", here,
             fits ? "" : ": it does not fit");
    area_label(area, 0, 0, area.width, theme_style(&app->theme, fits ? THEME_TITLE : THEME_ERROR),
               text);
    if (!cost->known)
        area_label(area, 0, 1, area.width, theme_style(&app->theme, THEME_DIM), cost->why);
    else if (area.height > MEMORY_CATEGORIES)
        memory_bars_draw(area_part(area, 0, 1, area.width, area.height - 1), &app->theme,
                         cost->bytes);
}

/* The same as a sub-command, for scripts, where there is room for it. */
static void draw_command(struct app *app, struct area area)
{
    struct buffer text = BUFFER_INIT;
    launch_train_command(&app->session, &text);
    flow_words(area, theme_style(&app->theme, THEME_DIM), buffer_string(&text));
    buffer_free(&text);
}

/* Fields that the window has no room for: arrows where they are. */
static void draw_more(struct app *app, struct area area, int first, int rows)
{
    struct style style = theme_style(&app->theme, THEME_ACCENT);
    if (first > 0)
        area_put(area, 1, 0, style, "↑");
    if (first + rows < SETTING_COUNT)
        area_put(area, 1, rows - 1, style, "↓");
}

static void train_draw(struct app *app, void *state, struct area area)
{
    struct train_view *view = state;
    int tail = area.height >= SETTING_COUNT + 14 ? 11 : 2 + HINT_ROWS, rows = area.height - tail;
    int first = list_first(&view->list, rows);
    for (int i = 0; i < rows && first + i < SETTING_COUNT; i++)
        draw_field(app, area_part(area, 0, i, area.width, 1), (enum setting)(first + i),
                   first + i == view->list.cursor, view->fresh);
    draw_more(app, area, first, rows);
    int y = rows < SETTING_COUNT ? rows : SETTING_COUNT + 1;
    struct area hint = area_part(area, 2, y, area.width - 2, HINT_ROWS);
    char warning[256];
    if (view->list.cursor == SETTING_DATA && view->fresh &&
        job_survival_warning("", warning, sizeof warning))
        flow_words(hint, theme_style(&app->theme, THEME_WARNING), warning);
    else
        draw_hint(app, hint, cursor_field(view));
    y += HINT_ROWS + (rows >= SETTING_COUNT);
    draw_summary(app, area_part(area, 2, y, area.width - 2, area.height - y));
    y += MEMORY_CATEGORIES + 2;
    if (y < area.height)
        draw_command(app, area_part(area, 2, y, area.width - 2, area.height - y));
}

static const struct view_class train_class = {
    .name = "train",
    .scope = SCOPE_FORM,
    .close = free,
    .draw = train_draw,
    .request = train_request,
    .input = train_input,
};

bool screen_open_train(struct app *app)
{
    if (!app->session.model) {
        app_message(app, "a scan file can be planned; training needs the model: spectrum MODEL");
        return false;
    }
    launch_train_defaults(&app->session);
    session_cost_changed(&app->session);
    struct train_view *view = array_alloc(1, sizeof *view, NULL);
    if (view)
        *view = (struct train_view){{0, SETTING_COUNT}, true};
    return app_push(app, &train_class, view);
}
