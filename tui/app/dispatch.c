#include "tui/app/dispatch.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "tui/app/draw.h"
#include "tui/app/words.h"
#include "tui/canvas/terminal.h"
#include "tui/session/wording.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct view *top_view(struct app *app)
{
    return app->depth > 0 ? &app->stack[app->depth - 1] : NULL;
}

/* --- captures of the screen --- */

/* The word that every frame begins with, cut in a window that is narrower; or nothing at all. */
static bool begins_as_frame(const char *text, size_t size)
{
    static const char word[] = "spectrum";
    size_t length = sizeof word - 1;
    while (isspace((unsigned char)*text))
        text++;
    size_t narrow = strcspn(text, "\n");
    if (narrow >= length)
        return strncmp(text, word, length) == 0;
    return strncmp(text, word, narrow) == 0 && size < 2048;
}

/* May a capture be written over it? Only over another one: a picture of ours, or the text of a
 * frame; from its first bytes, as it may be any file. */
static bool is_capture(const char *path)
{
    enum { HEAD = 4096 };
    char head[HEAD + 1];
    uint64_t size = 0;
    int fd = file_open_read(path, &size, NULL);
    if (fd < 0)
        return false;
    size_t count = size < HEAD ? (size_t)size : HEAD;
    bool read = file_read_at(fd, head, count, 0, path, NULL) == 0;
    sys.close(fd);
    head[read ? count : 0] = '\0';
    return read && strlen(head) == count &&
           (canvas_is_svg(head) || begins_as_frame(head, (size_t)size));
}

/* In this sitting, under whatever name. */
static bool wrote(const struct app *app, const char *path)
{
    for (size_t i = 0; i < app->written_count; i++)
        if (file_is_same(app->written[i], path))
            return true;
    return false;
}

/* `own`: a picture that is there may be written over unasked. 1: it was asked about. A picture has
 * the terminal's own colours too, which nobody knows: a theme whose text is dark is for a light
 * terminal, and gets a white page. */
static int save_screen(struct app *app, const char *path, bool own, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    bool light = app->theme.colors[THEME_TEXT] >= 0 &&
                 color_contrast(app->theme.colors[THEME_TEXT]) == 0xFFFFFF;
    int status = session_check_output(&app->session, path, err);
    if (status == 0)
        status = app_check_over(app, REQUEST_SAVE_SCREEN, path, "a picture of the screen",
                                is_capture, own, err);
    if (status != 0)
        goto out;
    app_draw(app);
    if (path_ends_with(path, ".svg"))
        canvas_put_svg(&out, &app->canvas, light ? 0x24292f : 0xd8dee9,
                       light ? 0xffffff : 0x14181f);
    else
        canvas_put_text(&out, &app->canvas);
    status = buffer_check(&out, err);
    if (status != 0)
        goto out;
    status = file_save_output(path, out.data, out.length, err);
    if (status != 0 || wrote(app, path))
        goto out;
    /* Where memory runs out it is asked about next time. */
    if (array_reserve((void **)&app->written, &app->written_capacity, app->written_count + 1,
                      sizeof *app->written, NULL) == 0) {
        app->written[app->written_count] = string_copy(path, NULL);
        app->written_count += app->written[app->written_count] != NULL;
    }
out:
    buffer_free(&out);
    return status;
}

int app_save_screen(struct app *app, const char *path, struct error *err)
{
    return save_screen(app, path, true, err);
}

/* By a request: over what was written here unasked, over another picture with y. */
static void request_save_screen(struct app *app, const char *path)
{
    struct error err = ERROR_INIT;
    int status = save_screen(app, path, wrote(app, path), &err);
    if (status < 0)
        app_error(app, &err);
    else if (status == 0)
        app_message(app, "screen saved to %s", path);
}

/* --- what every view understands --- */

/* Of this name; without one the next of those that come with the program, and from a theme of the
 * user's own the dark one. One that cannot be read changes nothing. */
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

/* Jobs go on. A plan that would be lost is asked about once. */
static void leave(struct app *app, enum request request)
{
    app->quit = app_gives_up_plan(app, request);
    if (!app->quit)
        app_message(app, "the plan is not saved: w saves it, the same key again leaves");
}

static bool request_common(struct app *app, enum request request, const char *argument)
{
    /* what follows has a meaning on every screen, so its keys are the same on all */
    switch (request) {
    case REQUEST_BACK: /* from the first screen it leaves, as quit does */
        if (app->depth > 1)
            app_pop(app);
        else
            leave(app, request);
        return true;
    case REQUEST_QUIT:
        leave(app, request);
        return true;
    case REQUEST_HELP: /* of the view on top */
        app->screens->open_help(app);
        return true;
    case REQUEST_THEME:
        change_theme(app, argument);
        return true;
    case REQUEST_REDRAW: /* this and suspending are the loop's: it has the terminal */
        app->redraw_all = true;
        return true;
    case REQUEST_SAVE_SCREEN:
        request_save_screen(app, argument);
        return true;
    case REQUEST_SUSPEND:
        app->suspend = true;
        return true;
    default: /* it has no meaning on this screen */
        return false;
    }
}

/* --- the prompt, and requests --- */

/* The way of a request, whoever made it:
 *     has it a meaning on this screen? is its path "~/..."? is a plan saved before its scores are
 *     all there? can the view obey it now? does its argument have to be asked for? does the view take it? is it one
 *     that all views have?
 * The first that answers ends it; what nobody takes is said, by its name on the prompt. */
void app_request(struct app *app, enum request request, const char *argument)
{
    struct view *view = top_view(app);
    if (request == REQUEST_NONE || !view)
        return;
    const struct request_info *info = request_find(request);
    bool here = info && (info->scopes & (unsigned)view->class->scope);
    /* A request whose argument is missing asks for it, unless it can do without: a theme and a
     * metric go to the next, devices are listed, and ":w!" knows its file. */
    bool asks = info && info->argument && !argument[0] && request != REQUEST_THEME &&
                request != REQUEST_METRIC && request != REQUEST_DEVICE &&
                !(app->agreed && request == REQUEST_SAVE_PLAN);
    char path[2 * PROMPT_MAX];
    if (request_takes_file(info) && argument[0] == '~') {
        snprintf(path, sizeof path, "%s", argument);
        path_expand(path, sizeof path);
        argument = path;
    }
    if (here && request == REQUEST_SAVE_PLAN &&
        !app_takes_plan(app, request, "w again saves it as it is"))
        return;
    struct error err = ERROR_INIT;
    if (here && view->class->check && view->class->check(app, view->state, request, &err) != 0) {
        app_error(app, &err);
        return;
    }
    if (here && (request == REQUEST_PROMPT || asks)) {
        prompt_open(&app->prompt, request);
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

/* What was typed is a command with its argument, or the argument that a request had asked for; an
 * empty one takes the request back. */
static void prompt_finish(struct app *app)
{
    const char *text = app->prompt.text, *typed = text;
    const struct request_info *info = request_find(app->prompt.request);
    bool command = app->prompt.request == REQUEST_PROMPT;
    struct error err = ERROR_INIT;
    char argument[PROMPT_MAX];
    if (command)
        info = request_from_line(text, &typed, &app->agreed);
    if (!info && text[0])
        app_message(app, "\"%s\" is not a command (? lists them)", text);
    snprintf(argument, sizeof argument, "%s", typed);
    if (info && request_take_argument(info, argument, &err) != 0)
        app_error(app, &err);
    else if (info && (command || argument[0]))
        app_request(app, info->request, argument);
    app->agreed = false;
}

static void type_prompt(struct app *app, int input)
{
    if (input == INPUT_TAB && app->prompt.candidates.count == 0)
        app_propose(app);
    else if (prompt_input(&app->prompt, input) == PROMPT_DONE)
        prompt_finish(app);
}

/* In a window that shows nothing one would press keys blindly: only what quits is taken, and `q`, which
 * does from the first screen. */
static void small_input(struct app *app, int input)
{
    enum request request = request_from_key(input, SCOPE_ALL);
    if (request == REQUEST_QUIT || input == 'q')
        leave(app, REQUEST_QUIT);
}

/* What was asked about with the last input (app->asked) is forgotten with this one, unless it is asked
 * about again, or a prompt or a question has just been opened for it. */
static void forget_asked(struct app *app, enum request asked)
{
    if (app->asked == asked && !app->prompt.active && app->question.request == REQUEST_NONE)
        app->asked = REQUEST_NONE;
}

/* An open question: with y what was asked about comes again, agreed to. */
static void answer(struct app *app, int input)
{
    struct question question = app->question;
    app->question.request = REQUEST_NONE;
    if (input == 'y' || input == 'Y') {
        app->agreed = true;
        app_request(app, question.request, question.argument);
        app->agreed = false;
    } else {
        app_message(app, "no: nothing was done");
    }
}

/* The order in which an input finds its meaning (dispatch.h). */
void app_input(struct app *app, int input)
{
    struct view *view = top_view(app);
    if (input == INPUT_NONE || input == INPUT_RESIZE || !view)
        return;
    enum request asked = app->asked;
    app->message[0] = '\0';
    app->message_is_error = false;
    bool leaves = asked == REQUEST_NONE || asked == REQUEST_QUIT || asked == REQUEST_BACK;
    if (app_is_small(app)) {
        small_input(app, input);
    } else if (app->question.request != REQUEST_NONE) {
        answer(app, input);
    } else if (app->prompt.active) {
        type_prompt(app, input);
    } else if (input == INPUT_ESCAPE && !leaves) { /* "no" to what was asked, and nothing else */
        app_message(app, "as it was");
    } else if (!view->class->input || !view->class->input(app, view->state, input)) {
        enum request request = request_from_key(input, view->class->scope);
        /* a key that has a meaning on other screens only says so, by its command's name */
        app_request(app, request == REQUEST_NONE ? request_from_key(input, SCOPE_ALL) : request,
                    "");
    }
    forget_asked(app, asked);
}

/* Where nothing is typed into, nothing is done: neither is it the answer to a question. */
void app_paste(struct app *app, const struct paste *paste)
{
    struct view *view = top_view(app);
    struct error err = ERROR_INIT;
    struct buffer line = BUFFER_INIT;
    bool asked = app->question.request != REQUEST_NONE;
    if (!view || app_is_small(app) || asked)
        return;
    app->message[0] = '\0';
    app->message_is_error = false;
    if (paste_line(paste, &line, &err) != 0)
        app_error(app, &err);
    else if (app->prompt.active && !prompt_paste(&app->prompt, line.data, line.length))
        app_message(app, "the pasted text is not taken: it has %zu bytes, and a line at most %d",
                    line.length, PROMPT_MAX - 1);
    else if (!app->prompt.active &&
             (!view->class->paste ||
              !view->class->paste(app, view->state, buffer_string(&line), line.length)))
        app_message(
            app, "the pasted text is not taken: nothing is typed into here (: opens the prompt)");
    buffer_free(&line);
}
