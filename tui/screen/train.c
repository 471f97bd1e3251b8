/* The form from which training starts: `spectrum train`'s options, checked as they are typed. Its
 * picture is in train_draw.c; what comes of Ctrl-S is launch_train.h's.
 *
 * A field is a row of the trainer's own table of options (tui/session/settings.h); so an option
 * that is added there is a field here, and what may be typed follows from its row:
 *
 *     names to turn through      Space, Right and Left turn; nothing is typed
 *     a path                     every character; Tab completes what is there; names turn, too
 *     a text                     every character
 *     a number, bytes            digits and what belongs to them; letters are keys
 *
 * Arrows, Tab and Enter go between fields. What was typed stays when one leaves the form, and when
 * another model is opened: it is the session's.
 */
#include "base/memory.h"
#include "base/text.h"
#include "tui/canvas/terminal.h"
#include "tui/screen/launch_train.h"
#include "tui/screen/screens.h"
#include "tui/screen/train_draw.h"
#include "tui/session/wording.h"

#include <stdlib.h>
#include <string.h>

/* --- typing --- */

static bool is_path(size_t field)
{
    enum option_kind kind = training_options.rows[field].kind;
    return kind == OPTION_PATH || kind == OPTION_PATHS;
}

/* Letters are text in a name and keys in a number. */
static bool takes_character(size_t field, int input)
{
    enum option_kind kind = training_options.rows[field].kind;
    if (setting_is_turned(field))
        return false;
    if (kind == OPTION_TEXT || is_path(field))
        return input >= ' ' && input < INPUT_UP && input != INPUT_BACKSPACE;
    const char *taken = kind == OPTION_BYTES ? "0123456789.KMGTkmgt" : "0123456789.eE+-";
    return input > 0 && input < 128 && strchr(taken, input);
}

/* To the next field that the others make something of, and round. The value there is fresh. */
static void move_field(const struct settings *settings, struct train_view *view, int by)
{
    do
        view->field = (view->field + training_options.count + (size_t)by) % training_options.count;
    while (!settings_uses(settings, view->field));
    view->fresh = true;
}

/* Moves between fields, turns choices, completes a path that was begun; true: taken. */
static bool navigate(struct app *app, struct train_view *view, int input)
{
    struct settings *settings = &app->session.settings;
    size_t field = view->field;
    bool choice = setting_choice_count(field) > 0;
    bool typed = !setting_is_turned(field) && !view->fresh; /* a blank belongs to its name */
    char *value = settings->values[field];
    /* Tab completes a path of something that is there; a run's folder is not. */
    if (input == INPUT_TAB && is_path(field) && field != SETTING(run) && !view->fresh &&
        path_complete(value, SETTING_VALUE_MAX))
        return true;
    if (input == INPUT_DOWN || input == INPUT_TAB || input == INPUT_ENTER)
        move_field(settings, view, 1);
    else if (input == INPUT_UP || input == INPUT_BACK_TAB)
        move_field(settings, view, -1);
    else if (choice && (input == INPUT_RIGHT || (input == ' ' && !typed)))
        settings_turn(settings, field, 1);
    else if (choice && input == INPUT_LEFT)
        settings_turn(settings, field, -1);
    else
        return false;
    view->fresh = true; /* what is typed next takes the place of a choice */
    return true;
}

/* A character is put at the end, in place of the whole where one has just arrived; Backspace takes
 * the last one off, all of its bytes; Ctrl-U empties the field. True: taken. */
static bool edit(struct app *app, struct train_view *view, int input)
{
    bool turned = setting_is_turned(view->field);
    char *value = app->session.settings.values[view->field], bytes[4];
    size_t length = strlen(value);
    if (takes_character(view->field, input)) {
        size_t count = utf8_encode(input, bytes);
        length = view->fresh ? 0 : length;
        if (length + count < SETTING_VALUE_MAX) {
            memcpy(value + length, bytes, count);
            value[length + count] = '\0';
        }
    } else if (!turned && input == INPUT_BACKSPACE) {
        while (length > 0 && ((unsigned char)value[length - 1] & 0xC0) == 0x80)
            length--;
        value[length > 0 ? length - 1 : 0] = '\0';
    } else if (!turned && input == 'U' - 'A' + 1) {
        value[0] = '\0';
    } else {
        return false;
    }
    view->fresh = false;
    return true;
}

/* What was typed is as a shell would have it: "~/text.jsonl". */
static void expand_field(struct app *app, const struct train_view *view)
{
    if (is_path(view->field))
        path_expand(app->session.settings.values[view->field], SETTING_VALUE_MAX);
}

/* A field's own keys, before the table of keys sees them. A path is made whole when one leaves it;
 * every change is a new request, and its cost is reckoned at once, which is what the summary shows.
 */
static bool train_input(struct app *app, void *state, int input)
{
    struct train_view *view = state;
    if (input == INPUT_TAB || input == INPUT_BACK_TAB || input == INPUT_ENTER ||
        input == INPUT_UP || input == INPUT_DOWN)
        expand_field(app, view);
    if (!navigate(app, view, input) && !edit(app, view, input))
        return false;
    session_cost_changed(&app->session);
    return true;
}

/* What stands in the way is said, and the cursor goes to its field: a value that is wrong, marks
 * that the model has no tokens for, a plan whose scores are not all there. Else the job begins, and
 * its view takes the form's place. */
static void start(struct app *app, struct train_view *view)
{
    struct error err = ERROR_INIT, unlisted = ERROR_INIT;
    char why[ERROR_TEXT_MAX];
    const struct settings *settings = &app->session.settings;
    bool by_plan = method_info(settings_method(settings))->plan;
    size_t wrong = settings_first_wrong(settings, why, sizeof why);
    if (wrong != training_options.count) {
        app_message(app, "%s", why);
        view->field = wrong;
        view->fresh = true;
    } else if (!launch_train_check_marks(&app->session, why, sizeof why)) {
        app_message(app, "%s", why);
        view->field = settings_uses(settings, SETTING(add_tokens)) ? SETTING(add_tokens)
                                                                   : SETTING(format.template_name);
        view->fresh = true;
    } else if (by_plan && !app_takes_plan(app, REQUEST_START, "Ctrl-S again starts all the same")) {
        return; /* it was asked about */
    } else if (launch_train(&app->session, &unlisted, &err) != 0) {
        app_error(app, &err);
    } else {
        app_pop(app);
        screen_open_watch(app);
        if (unlisted.kind != ERROR_NONE)
            app_message(app, "%s", unlisted.text);
    }
}

/* Keys that are not text in this field. All of them may leave it, so its path is made whole first.
 */
static bool train_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct train_view *view = state;
    (void)argument;
    expand_field(app, view);
    switch (request) {
    case REQUEST_DOWN:
    case REQUEST_UP:
        move_field(&app->session.settings, view, request == REQUEST_DOWN ? 1 : -1);
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

static const struct view_class train_class = {
    .name = "train",
    .scope = SCOPE_FORM,
    .close = free,
    .draw = train_draw,
    .request = train_request,
    .input = train_input,
};

/* What the session still has of the last time is shown; what is empty is proposed. */
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
        *view = (struct train_view){.fresh = true};
    return app_push(app, &train_class, view);
}
