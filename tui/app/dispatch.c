#include "tui/app/dispatch.h"

#include "base/utf8.h"
#include "tui/app/output.h"
#include "tui/app/path.h"
#include "tui/canvas/terminal.h"

#include <stdio.h>
#include <string.h>

static struct view *top_view(struct app *app)
{
    return app->depth > 0 ? &app->stack[app->depth - 1] : NULL;
}

/* --- what every view understands --- */

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

static void leave(struct app *app, enum request request)
{
    app->quit = app_gives_up_plan(app, request);
    if (!app->quit)
        app_message(app, "the plan is not saved: w saves it, the same key again leaves");
}

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
        app->screens->open_help(app);
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

/* --- the prompt, and requests --- */

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
    struct view *view = top_view(app);
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

/* With y what was asked about is requested again, agreed to. */
static void answer(struct app *app, int input)
{
    struct question question = app->question;
    app->question.request = REQUEST_NONE;
    if (input != 'y' && input != 'Y') {
        app_message(app, "no: nothing was done");
        return;
    }
    app->agreed = true;
    app_request(app, question.request, question.argument);
    app->agreed = false;
}

void app_input(struct app *app, int input)
{
    struct view *view = top_view(app);
    if (input == INPUT_NONE || input == INPUT_RESIZE || !view)
        return;
    enum request asked = app->asked;
    app->message[0] = '\0';
    app->message_is_error = false;
    bool leaves = asked == REQUEST_NONE || asked == REQUEST_QUIT || asked == REQUEST_BACK;
    if (app->question.request != REQUEST_NONE)
        answer(app, input);
    else if (app->prompt.active)
        prompt_input(app, input);
    else if (input == INPUT_ESCAPE && !leaves) /* "no" to what was asked, and nothing else */
        app_message(app, "as it was");
    else if (!view->class->input || !view->class->input(app, view->state, input))
        request_key(app, input, view->class->scope);
    if (app->asked == asked && !app->prompt.active && app->question.request == REQUEST_NONE)
        app->asked = REQUEST_NONE;
}
