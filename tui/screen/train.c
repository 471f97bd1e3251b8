/* The form from which training starts: `spectrum train`'s options, checked as they are typed. Its
 * picture is in train_draw.c, its lines are train_layout.h's; what comes of Ctrl-S is
 * launch_train.h's.
 *
 * A field is a row of the trainer's own table of options (tui/session/settings.h); so an option
 * that is added there is a field here, and what may be typed follows from its row:
 *
 *     names to turn through      Space, Right and Left turn; nothing is typed
 *     a path                     every character; Tab completes what is there; names turn, too
 *     a text                     every character
 *     a number, bytes            digits and what belongs to them; letters are keys until one is typed
 *
 * Arrows, Tab and Enter go between fields, PgUp and PgDn between groups; within a value the keys
 * are those of a line editor. Where a list of candidates is open, the same keys choose from it.
 * What was typed is kept (form_keep.h).
 */
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "tui/canvas/terminal.h"
#include "tui/screen/launch_train.h"
#include "tui/screen/screens.h"
#include "tui/screen/train_draw.h"
#include "tui/session/form_defaults.h"
#include "tui/session/form_notes.h"
#include "tui/session/wording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the cursor --- */

/* Letters are text in a name; of a number they are none, and keys. */
static bool takes_character(size_t field, int input)
{
    enum option_kind kind = training_options.rows[field].kind;
    if (setting_is_turned(field))
        return false;
    if (kind == OPTION_TEXT || kind == OPTION_TEXTS || setting_is_path(field))
        return input >= ' ' && input < INPUT_UP && input != INPUT_BACKSPACE;
    const char *taken = kind == OPTION_BYTES     ? "0123456789.KMGTkmgtiIbB"
                        : kind == OPTION_PERCENT ? "0123456789.eE+-%"
                                                 : "0123456789.eE+-";
    return input > 0 && input < 128 && strchr(taken, input);
}

/* On the heading of a closed group there is nothing to type into. */
static bool is_closed(const struct train_view *view)
{
    return view->folds[form_group_of(view->field)] == FOLD_CLOSED;
}

/* The value under the cursor, as it is in the settings; it is fresh. */
static void arrive(struct app *app, struct train_view *view, size_t field, size_t item)
{
    view->field = field;
    view->item = item;
    view->fresh = true;
    snprintf(view->text, sizeof view->text, "%s",
             settings_item(&app->session.settings, field, item));
    line_edit_begin(&view->edit, view->text, sizeof view->text);
    candidates_free(&view->candidates);
}

/* A value is made whole when one leaves it: a path is as a shell would have it ("~/text.jsonl"),
 * and an item of a list that is empty is none. True: an item went. */
static bool leave(struct app *app, struct train_view *view)
{
    struct settings *settings = &app->session.settings;
    size_t count = settings_count(settings, view->field);
    if (setting_is_path(view->field) && view->text[0] == '~') {
        path_expand(view->text, sizeof view->text);
        settings_set(settings, view->field, view->item, view->text, SETTING_TYPED);
    }
    settings_tidy(settings, view->field);
    bool went = settings_count(settings, view->field) < count;
    if (went)
        session_form_changed(&app->session);
    return went;
}

/* To a line, with what is left behind made whole first; what goes from a list moves what is behind
 * it up. */
static void go_to(struct app *app, struct train_view *view, size_t field, size_t item)
{
    size_t left = view->item;
    bool same = view->field == field;
    if (leave(app, view) && same && item > left)
        item--;
    arrive(app, view, field, item);
}

enum stride { STRIDE_LINE, STRIDE_GROUP };

static void move_cursor(struct app *app, struct train_view *view, enum stride stride, int by)
{
    struct form_layout layout;
    form_layout_make(&layout, &app->session.settings, view->folds, view->field);
    size_t line = form_layout_find(&layout, view->field, view->item);
    line = stride == STRIDE_GROUP ? form_layout_next_group(&layout, view->folds, line, by)
                                  : form_layout_next(&layout, view->folds, line, by);
    go_to(app, view, layout.lines[line].field, layout.lines[line].item);
}

/* To a field, wherever it is: a closed group opens for it. */
static void show_field(struct app *app, struct train_view *view, size_t field, size_t item)
{
    size_t group = form_group_of(field);
    if (view->folds[group] == FOLD_CLOSED)
        view->folds[group] = FOLD_USUAL;
    go_to(app, view, field, item);
}

/* --- values --- */

/* Soon the data are looked at, for what the sequence length cuts of them: not while one types, and
 * not for fields that make no others of them. */
static void look_soon(struct train_view *view)
{
    static const double hold = 0.4; /* seconds */
    view->look_at = clock_seconds() + hold;
}

static void look_again(struct train_view *view)
{
    const size_t fields[] = {SETTING(data), SETTING(format.columns), SETTING(format.template_name),
                             SETTING(format.mark), SETTING(add_tokens)};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (view->field == fields[i])
            look_soon(view);
}

/* Every change is a new request, which is kept, and its cost is reckoned at once, as the summary
 * shows it. */
static void set_value(struct app *app, struct train_view *view)
{
    if (!settings_set(&app->session.settings, view->field, view->item, view->text, SETTING_TYPED))
        app_message(app, "no more than %d of them: a folder holds any number of files",
                    SETTING_ITEMS_MAX);
    look_again(view);
    session_form_changed(&app->session);
}

static void put_value(struct app *app, struct train_view *view, const char *text)
{
    line_edit_set(&view->edit, text);
    view->fresh = false;
    set_value(app, view);
}

/* In a number that was begun every character is text, but for the prompt's and the help's: "12q" is
 * marked as wrong, where it would leave the form, and "1,5" is not 15. */
static bool is_begun(const struct train_view *view, int input)
{
    return !setting_is_turned(view->field) && !view->fresh && input >= ' ' && input < INPUT_UP &&
           input != INPUT_BACKSPACE && input != ':' && input != '?';
}

/* Characters that belong to the field are typed, in place of the whole where one has just arrived.
 * Keys of the line editor move and erase; Ctrl-D is the form's own. True: taken. */
static bool edit(struct app *app, struct train_view *view, int input)
{
    bool character = takes_character(view->field, input) || is_begun(view, input);
    bool key =
        input != 'D' - 'A' + 1 && (input < ' ' || input >= INPUT_UP || input == INPUT_BACKSPACE);
    if (setting_is_turned(view->field) || (!character && !key))
        return false;
    char before[SETTING_VALUE_MAX];
    memcpy(before, view->text, sizeof before);
    if (character && view->fresh)
        line_edit_replace(&view->edit);
    if (!line_edit_input(&view->edit, input))
        return false;
    view->fresh = false;
    if (strcmp(before, view->text) != 0)
        set_value(app, view);
    return true;
}

/* A key that the form has not, on a field that takes no such character: it is said what it takes. */
static bool refuse(struct app *app, const struct train_view *view, int input)
{
    const struct option *row = &training_options.rows[view->field];
    bool character = input >= ' ' && input < INPUT_UP && input != INPUT_BACKSPACE;
    if (!character || request_from_key(input, SCOPE_FORM) != REQUEST_NONE)
        return false;
    if (setting_is_turned(view->field))
        app_message(app, "%s: Space, Right and Left go through its names", row->label);
    else
        app_message(app, "%s takes %s", row->label,
                    row->kind == OPTION_INTEGER ? "a whole number"
                    : row->kind == OPTION_BYTES ? "bytes, as in 8G or 500M"
                                                : "a number");
    return true;
}

/* Turns names; of a path that has names, too, where nothing was typed yet. */
static bool turn(struct app *app, struct train_view *view, int input)
{
    bool right = input == INPUT_RIGHT || input == ' ';
    if (setting_choice_count(view->field) == 0 || (!right && input != INPUT_LEFT) ||
        (!setting_is_turned(view->field) && !view->fresh))
        return false;
    settings_turn(&app->session.settings, view->field, right ? 1 : -1);
    arrive(app, view, view->field, view->item);
    look_again(view);
    session_form_changed(&app->session);
    return true;
}

/* --- candidates --- */

/* Tab, as in a shell: what all that is there has in common is added, names among it; where there is
 * nothing to add, they are listed. A run's folder is not there yet. */
static bool complete(struct app *app, struct train_view *view)
{
    char more[SETTING_VALUE_MAX];
    if (!setting_is_path(view->field) || view->field == SETTING(run) || view->fresh)
        return false;
    candidates_free(&view->candidates);
    for (int i = 0; i < setting_choice_count(view->field); i++)
        candidates_add(&view->candidates, setting_choice_at(view->field, i), view->text);
    candidates_add_paths(&view->candidates, view->text);
    candidates_complete(&view->candidates, view->text, more, sizeof more);
    view->edit.cursor = strlen(view->text);
    bool added = more[0] && line_edit_insert(&view->edit, more, strlen(more));
    if (added)
        set_value(app, view);
    view->candidates_title = "what is there";
    return added || view->candidates.count > 0;
}

/* Values that were typed once; fields that are turned have none. */
static void list_history(struct app *app, struct train_view *view)
{
    char *values[FORM_HISTORY_MAX];
    size_t count = setting_is_turned(view->field) || is_closed(view)
                       ? 0
                       : form_history_read(view->field, values, FORM_HISTORY_MAX);
    candidates_free(&view->candidates);
    view->candidates_title = "what runs were started with";
    for (size_t i = 0; i < count; i++) {
        candidates_append(&view->candidates, values[i]);
        free(values[i]);
    }
    if (count == 0)
        app_message(app, "no run was started with another value in this field");
}

/* The keys of an open list; any other closes it, and means what it means. */
static bool choose(struct app *app, struct train_view *view, int input)
{
    struct candidates *list = &view->candidates;
    enum choice choice = candidates_input(list, input);
    if (choice == CHOICE_TAKEN) {
        put_value(app, view, list->words[list->chosen]);
        candidates_free(list);
    }
    return choice != CHOICE_OTHER;
}

/* A pasted line is text of the field, in place of a value that was just arrived at. What the field
 * could not be typed to hold is said, and nothing of it is taken. */
static bool train_paste(struct app *app, void *state, const char *line, size_t length)
{
    struct train_view *view = state;
    if (is_closed(view) || setting_is_turned(view->field))
        return false;
    for (size_t at = 0; at < length;) {
        int32_t code;
        at += utf8_decode(line + at, length - at, &code);
        if (!takes_character(view->field, code)) {
            app_message(app, "%s takes a number: nothing was pasted",
                        training_options.rows[view->field].label);
            return true;
        }
    }
    if (view->fresh)
        line_edit_replace(&view->edit);
    if (!line_edit_insert(&view->edit, line, length)) {
        if (view->fresh)
            line_edit_undo(&view->edit);
        app_message(app, "that is longer than a field: nothing was pasted");
        return true;
    }
    candidates_free(&view->candidates);
    view->fresh = false;
    set_value(app, view);
    return true;
}

/* --- keys --- */

/* A field's own keys, before the table of keys sees them. */
static bool train_input(struct app *app, void *state, int input)
{
    struct train_view *view = state;
    if (choose(app, view, input))
        return true;
    if (is_closed(view) && (input == INPUT_ENTER || input == INPUT_RIGHT || input == ' ')) {
        view->folds[form_group_of(view->field)] = FOLD_USUAL;
        arrive(app, view, view->field, 0);
        return true;
    }
    if (input == INPUT_TAB && !is_closed(view) && complete(app, view))
        return true;
    if (input == INPUT_DOWN || input == INPUT_TAB || input == INPUT_ENTER)
        move_cursor(app, view, STRIDE_LINE, 1);
    else if (input == INPUT_UP || input == INPUT_BACK_TAB)
        move_cursor(app, view, STRIDE_LINE, -1);
    else
        return !is_closed(view) &&
               (turn(app, view, input) || edit(app, view, input) || refuse(app, view, input));
    return true;
}

/* Turns through what the group shows. */
static void fold(struct app *app, struct train_view *view)
{
    enum form_fold *fold = &view->folds[form_group_of(view->field)];
    *fold = (enum form_fold)((*fold + 1) % FOLD_COUNT);
    app_message(app, *fold == FOLD_ALL      ? "all fields of this group; Ctrl-G closes it"
                     : *fold == FOLD_CLOSED ? "Enter opens this group again"
                                            : "the usual fields, and what was set");
    arrive(app, view, view->field, view->item);
}

/* By its label, or its option's name. */
static void find_field(struct app *app, struct train_view *view, const char *label)
{
    size_t field = setting_by_label(label);
    struct error err = ERROR_INIT;
    if (field == training_options.count)
        error_set(&err, "the form has no field \"%s\"", label);
    else if (!settings_uses(&app->session.settings, field))
        error_set(&err, "%s does nothing beside the other fields as they are",
                  training_options.rows[field].label);
    else
        show_field(app, view, field, 0);
    if (err.kind != ERROR_NONE)
        app_error(app, &err);
}

/* Where the sequence length takes half of the data away, it is asked about, once for each length. */
static bool takes_cuts(struct app *app, struct train_view *view)
{
    char cuts[256];
    const char *length = settings_value(&app->session.settings, SETTING(seq_len));
    form_look(&app->session, LOOK_ARRAY_ASKED);
    if (!form_cuts_most(&app->session, cuts, sizeof cuts) || strcmp(view->agreed, length) == 0)
        return true;
    snprintf(view->agreed, sizeof view->agreed, "%s", length);
    show_field(app, view, SETTING(seq_len), 0);
    app_message(app, "%s; Ctrl-S again starts all the same", cuts);
    return false;
}

/* What stands in the way is said, and the cursor goes to its field: a value that is wrong, marks
 * that the model has no tokens for, what this machine has no room for, a plan whose scores are not
 * all there. Else the job begins, and its view takes the form's place. */
static void start(struct app *app, struct train_view *view)
{
    struct error err = ERROR_INIT, unlisted = ERROR_INIT;
    char why[ERROR_TEXT_MAX];
    size_t item;
    const struct settings *settings = &app->session.settings;
    size_t wrong = settings_first_wrong(settings, &item, why, sizeof why);
    if (wrong != training_options.count) {
        app_message(app, "%s", why);
        show_field(app, view, wrong, item);
    } else if (!launch_train_check_marks(&app->session, why, sizeof why)) {
        app_message(app, "%s", why);
        show_field(app, view,
                   settings_uses(settings, SETTING(add_tokens)) ? SETTING(add_tokens)
                                                                : SETTING(format.template_name),
                   0);
    } else if (!launch_train_check_fit(&app->session, why, sizeof why)) {
        app_message(app, "%s", why);
    } else if (!takes_cuts(app, view) ||
               (settings_use_plan(settings) &&
                !app_takes_plan(app, REQUEST_START, "Ctrl-S again starts all the same"))) {
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

/* The run as it is asked for must be one that could start. */
static void probe(struct app *app, struct train_view *view)
{
    struct error err = ERROR_INIT;
    char why[ERROR_TEXT_MAX];
    size_t item, wrong = settings_first_wrong(&app->session.settings, &item, why, sizeof why);
    if (settings_launches(&app->session.settings)) {
        app_message(app, "how long a step of another engine takes is known when some were taken");
    } else if (wrong != training_options.count) {
        app_message(app, "%s", why);
        show_field(app, view, wrong, item);
    } else if (!launch_train_check_marks(&app->session, why, sizeof why) ||
               !launch_train_check_fit(&app->session, why, sizeof why)) {
        app_message(app, "%s", why);
    } else if (probe_runs(&app->session.probe)) {
        probe_stop(&app->session.probe);
        app_message(app, "the probe was stopped");
    } else {
        /* what it will take time for, and what it leaves out */
        form_look(&app->session, LOOK_ARRAY_ASKED);
        if (launch_train_probe(&app->session, &err) != 0)
            app_error(app, &err);
    }
}

/* Keys that are not text in this field. All of them may leave it, so its value is made whole first.
 */
static bool train_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct train_view *view = state;
    const struct settings *settings = &app->session.settings;
    if (leave(app, view) ||
        strcmp(settings_item(settings, view->field, view->item), view->text) != 0)
        arrive(app, view, view->field, view->item);
    switch (request) {
    case REQUEST_DOWN:
    case REQUEST_UP:
        move_cursor(app, view, STRIDE_LINE, request == REQUEST_DOWN ? 1 : -1);
        return true;
    case REQUEST_PAGE_DOWN:
    case REQUEST_PAGE_UP:
        move_cursor(app, view, STRIDE_GROUP, request == REQUEST_PAGE_DOWN ? 1 : -1);
        return true;
    case REQUEST_GROUP:
        fold(app, view);
        return true;
    case REQUEST_FIELD:
        find_field(app, view, argument);
        return true;
    case REQUEST_EARLIER:
        list_history(app, view);
        return true;
    case REQUEST_PRESETS:
        screen_open_presets(app);
        return true;
    case REQUEST_DATA: /* of several files the one under the cursor, else the first */
        screen_open_data(app, view->field == SETTING(data) &&
                                      view->item < settings_count(settings, SETTING(data))
                                  ? view->item
                                  : 0);
        return true;
    case REQUEST_PROBE:
        probe(app, view);
        return true;
    case REQUEST_START:
        start(app, view);
        return true;
    default:
        return false;
    }
}

/* Another screen may have changed the fields, and with them which there are. */
static void train_enter(struct app *app, void *state)
{
    struct train_view *view = state;
    if (!settings_uses(&app->session.settings, view->field)) {
        view->field = SETTING(data);
        view->item = 0;
    }
    arrive(app, view, view->field, view->item);
    look_soon(view);
}

static bool train_tick(struct app *app, void *state)
{
    struct train_view *view = state;
    if (view->look_at == 0 || clock_seconds() < view->look_at)
        return false;
    view->look_at = 0;
    return form_look(&app->session, LOOK_ARRAY_UNASKED);
}

static int train_tick_ms(const void *state)
{
    const struct train_view *view = state;
    double left = view->look_at - clock_seconds();
    return view->look_at == 0 ? -1 : left > 0 ? (int)ceil(left * 1000) : 0;
}

static void train_close(void *state)
{
    struct train_view *view = state;
    candidates_free(&view->candidates);
    free(view);
}

/* Enter goes to the next field, as Down does: it opens nothing. Only this program's own trainer can
 * be measured before it begins. */
static bool train_offers(const struct app *app, const void *state, enum request request)
{
    (void)state;
    return request != REQUEST_OPEN &&
           !(request == REQUEST_PROBE && settings_launches(&app->session.settings));
}

static const struct view_class train_class = {
    .name = "train",
    .scope = SCOPE_FORM,
    .enter = train_enter,
    .close = train_close,
    .draw = train_draw,
    .request = train_request,
    .input = train_input,
    .paste = train_paste,
    .offers = train_offers,
    .tick = train_tick,
    .tick_ms = train_tick_ms,
};

/* What the session still has of the last time is shown; what is empty is proposed. The cursor is on
 * what no run is without, the data. */
bool screen_open_train(struct app *app)
{
    if (!app->session.model) {
        app_message(app, "a scan file can be planned; training needs the model: spectrum MODEL");
        return false;
    }
    form_defaults(&app->session);
    session_cost_changed(&app->session);
    struct train_view *view = array_alloc(1, sizeof *view, NULL);
    if (view)
        view->field = SETTING(data);
    return app_push(app, &train_class, view);
}
