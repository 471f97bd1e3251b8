#include "tui/app/app.h"

#include "tui/app/path.h"

#include "base/file.h"
#include "base/utf8.h"
#include "tui/canvas/terminal.h"
#include "tui/screen/screens.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct view *app_view(struct app *app)
{
    return app->depth > 0 ? &app->stack[app->depth - 1] : NULL;
}

int app_init(struct app *app, int width, int height, bool color, bool ascii, struct error *err)
{
    *app = (struct app){0};
    const char *name = getenv("SPECTRUM_THEME");
    theme_plain(&app->theme);
    if (color && theme_load(&app->theme, name && name[0] ? name : "dark", err) < 0 && name)
        return -1;
    session_init(&app->session);
    if (canvas_init(&app->canvas, width, height, err) != 0)
        return -1;
    app->canvas.ascii = ascii;
    return 0;
}

void app_free(struct app *app)
{
    for (; app->depth > 0; app->depth--) {
        struct view *view = app_view(app);
        if (view->class->close)
            view->class->close(view->state);
    }
    session_free(&app->session);
    canvas_free(&app->canvas);
    app_forget_written(app);
}

static void view_enter(struct app *app)
{
    struct view *view = app_view(app);
    if (view && view->class->enter)
        view->class->enter(app, view->state);
}

bool app_push(struct app *app, const struct view_class *class, void *state)
{
    if (app->depth == VIEW_DEPTH_MAX || !state) {
        if (state && class->close)
            class->close(state);
        app_message(app, "no room for another screen: go back first");
        return false;
    }
    app->stack[app->depth++] = (struct view){class, state};
    view_enter(app);
    return true;
}

void app_pop(struct app *app)
{
    if (app->depth == 0)
        return;
    struct view *view = &app->stack[--app->depth];
    if (view->class->close)
        view->class->close(view->state);
    view_enter(app);
}

void app_message(struct app *app, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(app->message, sizeof app->message, format, arguments);
    va_end(arguments);
    utf8_sanitize(app->message);
    app->message_is_error = false;
}

void app_error(struct app *app, const struct error *err)
{
    app_message(app, "%s", err->text[0] ? err->text : "it failed");
    app->message_is_error = true;
}

int app_resize(struct app *app, int width, int height, struct error *err)
{
    return canvas_resize(&app->canvas, width, height, err);
}

/* A device that does not compute as it was asked to, and a scan that failed, are said once, whole:
 * the view has a line for them, which may cut them. */
static void tell_of_scan(struct app *app, enum feed_state state, bool paused, size_t reasons)
{
    const struct scan_feed *feed = &app->session.feed;
    if (feed->state == FEED_FAILED && state != FEED_FAILED) {
        app_message(app, "%s", feed->message);
        app->message_is_error = true;
    } else if (feed->devices.reasons != reasons && feed->devices.reason[0]) {
        app_message(app, "%s", feed->devices.reason);
    } else if ((state == FEED_CHANGING && feed->state != state) || paused != feed->paused ||
               (feed->state == FEED_STOPPED && state == FEED_RUNNING)) {
        app->message[0] = '\0'; /* what was said of the change is no longer so */
    }
}

/* What there is to say of keeping the plan waits until nobody types. */
static void tell_kept(struct app *app)
{
    char *message = app->session.keep.message;
    bool typed = app->prompt.active || app->question.request != REQUEST_NONE;
    if (message[0] && !typed)
        app_message(app, "%s", message);
    if (!typed)
        message[0] = '\0';
}

bool app_tick(struct app *app)
{
    const struct job_follow *run = app->session.run;
    enum job_state state = run ? run->state : JOB_ENDED;
    enum feed_state before = app->session.feed.state;
    bool paused = app->session.feed.paused;
    size_t reasons = app->session.feed.devices.reasons;
    bool changed = session_tick(&app->session);
    tell_of_scan(app, before, paused, reasons);
    if (run && run->state != state)
        app->message[0] = '\0'; /* what was said of the job is no longer so */
    tell_kept(app);
    struct view *view = app_view(app);
    if (view && view->class->tick)
        changed = view->class->tick(app, view->state) || changed;
    return changed;
}

int app_tick_ms(const struct app *app)
{
    enum { VIEW_TICK_MS = 1000 };
    int session = session_tick_ms(&app->session);
    bool follows = app->depth > 0 && app->stack[app->depth - 1].class->tick;
    return session < 0 && follows ? VIEW_TICK_MS : session;
}

int app_open(struct app *app, const char *target, struct error *err)
{
    char *model;
    switch (session_target(target)) {
    case TARGET_LIBRARY:
        return screen_open_library(app) ? 0 : error_set(err, "%s", app->message);
    case TARGET_JOB:
        if ((model = session_scanned_model(target, err))) {
            int status = session_open_scan(&app->session, model, err);
            free(model);
            if (status == 0 && !screen_open_model(app))
                status = error_set(err, "%s", app->message);
            return status;
        }
        if (session_watch(&app->session, target, err) != 0)
            return -1;
        return screen_open_watch(app) ? 0 : error_set(err, "%s", app->message);
    default:
        if (session_open(&app->session, target, err) != 0)
            return -1;
        return screen_open_model(app) ? 0 : error_set(err, "%s", app->message);
    }
}

void app_step_back(struct app *app, bool redo)
{
    struct plan *plan = app->session.plan;
    if (!(redo ? plan_redo(plan) : plan_undo(plan)))
        app_message(app, redo ? "nothing to do again" : "nothing to undo");
    else {
        app->session.plan_read = false;
        session_plan_changed(&app->session, true);
    }
}

static void change_theme(struct app *app, const char *name)
{
    static const char *const names[] = {"dark", "light", "mono"};
    struct theme theme;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < 3 && !name[0]; i++)
        if (strcmp(app->theme.name, names[i]) == 0)
            name = names[(i + 1) % 3];
    if (theme_load(&theme, name[0] ? name : "dark", &err) < 0) {
        app_error(app, &err);
        return;
    }
    app->theme = theme;
    app_message(app, "theme: %s", theme.name);
}

bool app_gives_up_plan(struct app *app, enum request request)
{
    struct plan_keep *keep = &app->session.keep;
    bool told = keep->told;
    if (!app->session.plan_changed || app->asked == request || session_keep_now(&app->session))
        return true;
    keep->message[0] = '\0'; /* the question is shown in its place, and why another time */
    keep->told = told;
    app->asked = request;
    return false;
}

bool app_takes_plan(struct app *app, enum request request, const char *again)
{
    const struct session *session = &app->session;
    size_t missing = session_scores_lacked(session);
    if (missing == 0 || app->asked == request)
        return true;
    app->asked = request;
    app_message(app,
                "%zu of %zu matrices have no score yet, and this plan goes by scores: wait for the "
                "scan, or %s",
                missing, session->scan->count, again);
    return false;
}

static void leave(struct app *app, enum request request)
{
    app->quit = app_gives_up_plan(app, request);
    if (!app->quit)
        app_message(app, "the plan is not saved: w saves it, the same key again leaves");
}

/* What every view understands. */
static bool request_common(struct app *app, enum request request, const char *argument)
{
    switch (request) {
    case REQUEST_BACK:
        if (app->depth > 1)
            app_pop(app);
        else
            leave(app, request);
        return true;
    case REQUEST_QUIT:
        leave(app, request);
        return true;
    case REQUEST_HELP:
        screen_open_help(app);
        return true;
    case REQUEST_THEME:
        change_theme(app, argument);
        return true;
    case REQUEST_REDRAW:
        app->redraw_all = true;
        return true;
    case REQUEST_SAVE_SCREEN:
        app_request_save_screen(app, argument);
        return true;
    case REQUEST_SUSPEND:
        app->suspend = true;
        return true;
    default:
        return false;
    }
}

static void prompt_open(struct app *app, enum request request)
{
    app->prompt = (struct prompt){.active = true, .request = request};
}

/* A request whose argument is missing asks for it, unless it can do without (a theme and a metric
 * go on to the next, devices are listed). */
static bool request_asks(enum request request, const char *argument)
{
    const struct request_info *info = request_find(request);
    return info && info->argument && !argument[0] && request != REQUEST_THEME &&
           request != REQUEST_METRIC && request != REQUEST_DEVICE;
}

void app_request(struct app *app, enum request request, const char *argument)
{
    struct view *view = app_view(app);
    if (request == REQUEST_NONE || !view)
        return;
    const struct request_info *info = request_find(request);
    bool here = info && (info->scopes & (unsigned)view->class->scope);
    char path[2 * PROMPT_MAX];
    if (request_takes_file(info) && argument[0] == '~') {
        snprintf(path, sizeof path, "%s", argument);
        path_expand(path, sizeof path);
        argument = path;
    }
    if (here && request == REQUEST_SAVE_PLAN &&
        !app_takes_plan(app, request, "w again saves it as it is"))
        return;
    if (here && (request == REQUEST_PROMPT || (request_asks(request, argument) &&
                                               !(app->agreed && request == REQUEST_SAVE_PLAN)))) {
        prompt_open(app, request);
        return;
    }
    if (here && view->class->request && view->class->request(app, view->state, request, argument))
        return;
    if (here && request_common(app, request, argument))
        return;
    if (!here && info)
        app_message(app, "\"%s\" has no meaning on this screen: Esc goes back, ? lists what has",
                    info->name);
}

static void prompt_finish(struct app *app)
{
    struct prompt prompt = app->prompt;
    const char *argument = prompt.text;
    enum request request = prompt.request;
    app->prompt.active = false;
    if (request == REQUEST_PROMPT) {
        const struct request_info *info = request_from_line(prompt.text, &argument, &app->agreed);
        if (!info && prompt.text[0])
            app_message(app, "\"%s\" is not a command (? lists them)", prompt.text);
        request = info ? info->request : REQUEST_NONE;
    } else if (!argument[0])
        request = REQUEST_NONE;
    app_request(app, request, argument);
    app->agreed = false;
}

static void prompt_erase(struct prompt *prompt)
{
    while (prompt->length > 0 && ((unsigned char)prompt->text[prompt->length - 1] & 0xC0) == 0x80)
        prompt->length--;
    if (prompt->length > 0)
        prompt->length--;
    prompt->text[prompt->length] = '\0';
}

static void prompt_input(struct app *app, int input)
{
    struct prompt *prompt = &app->prompt;
    char bytes[4];
    if (input == INPUT_ENTER)
        prompt_finish(app);
    else if (input == INPUT_ESCAPE || input == 3 ||
             (input == INPUT_BACKSPACE && prompt->length == 0))
        prompt->active = false;
    else if (input == INPUT_BACKSPACE)
        prompt_erase(prompt);
    else if (input == 'U' - 'A' + 1)
        prompt->text[prompt->length = 0] = '\0';
    else if (input >= 32 && input < INPUT_UP) {
        size_t bytes_used = utf8_encode(input, bytes);
        if (prompt->length + bytes_used < sizeof prompt->text) {
            memcpy(prompt->text + prompt->length, bytes, bytes_used);
            prompt->length += bytes_used;
            prompt->text[prompt->length] = '\0';
        }
    }
}

/* A key that has a meaning on other screens only says so, by its command's name. */
static void request_key(struct app *app, int input, enum key_scope scope)
{
    enum request request = request_from_key(input, scope);
    app_request(app, request == REQUEST_NONE ? request_from_key(input, SCOPE_ALL) : request, "");
}

void app_input(struct app *app, int input)
{
    struct view *view = app_view(app);
    if (input == INPUT_NONE || input == INPUT_RESIZE || !view)
        return;
    enum request asked = app->asked;
    app->message[0] = '\0';
    app->message_is_error = false;
    bool leaves = asked == REQUEST_NONE || asked == REQUEST_QUIT || asked == REQUEST_BACK;
    if (app->question.request != REQUEST_NONE)
        app_answer(app, input);
    else if (app->prompt.active)
        prompt_input(app, input);
    else if (input == INPUT_ESCAPE && !leaves) /* "no" to what was asked, and nothing else */
        app_message(app, "as it was");
    else if (!view->class->input || !view->class->input(app, view->state, input))
        request_key(app, input, view->class->scope);
    if (app->asked == asked && !app->prompt.active && app->question.request == REQUEST_NONE)
        app->asked = REQUEST_NONE;
}
