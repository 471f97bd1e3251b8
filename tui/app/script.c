#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "tui/app/dispatch.h"
#include "tui/app/draw.h"
#include "tui/app/run.h"
#include "tui/canvas/terminal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SCRIPT_FILE_MAX = 1 << 20 };
static const double wait_limit = 300; /* seconds */

/* A script while it is played; errors name its path and the line. */
struct script {
    struct app *app;
    const char *path;
    int line;
    struct error *err;
};

/* --- keys --- */

/* Characters as they are. What is not UTF-8 in the script is left out. */
static void press_text(struct app *app, const char *text, size_t length)
{
    int32_t code;
    for (size_t at = 0; at < length && !app->quit;) {
        at += utf8_decode(text + at, length - at, &code);
        if (code >= 0)
            app_input(app, code);
    }
}

/* As a terminal sends it: \n in the script's text is a line end, \e an escape, and the end mark follows. */
static void press_paste(struct app *app, const char *text)
{
    struct paste paste = {0};
    paste_begin(&paste);
    for (; *text; text++) {
        bool named = text[0] == '\\' && (text[1] == 'n' || text[1] == 'e');
        char byte = !named ? *text : text[1] == 'n' ? '\r' : '\033';
        paste_put(&paste, &byte, 1);
        text += named;
    }
    paste_put(&paste, PASTE_END, sizeof PASTE_END - 1);
    app_paste(app, &paste);
    paste_free(&paste);
}

/* "jj<Enter>": characters, and keys' names in angle brackets. */
static void press_word(struct app *app, const char *word, size_t length)
{
    int named = length > 1 ? key_from_name(word, length) : INPUT_NONE;
    if (named != INPUT_NONE) {
        app_input(app, named);
        return;
    }
    for (size_t at = 0; at < length && !app->quit;) {
        const char *end = word[at] == '<' ? memchr(word + at, '>', length - at) : NULL;
        int key = end ? key_from_name(word + at + 1, (size_t)(end - word) - at - 1) : INPUT_NONE;
        size_t step = 1;
        if (key != INPUT_NONE) {
            app_input(app, key);
            step = (size_t)(end - word) - at + 1;
        } else {
            int32_t code;
            step = utf8_decode(word + at, length - at, &code);
            press_text(app, word + at, step);
        }
        at += step;
    }
}

/* In a line that begins a command or a search, blanks between words are typed, too. */
static void press_words(struct app *app, const char *words)
{
    bool typed = words[0] == ':' || words[0] == '/';
    for (bool first = true; *words && !app->quit; first = false) {
        size_t length = strcspn(words, " \t");
        bool named = length > 1 && key_from_name(words, length) != INPUT_NONE;
        if (typed && !first && !named)
            app_input(app, ' ');
        press_word(app, words, length);
        words += length + strspn(words + length, " \t");
    }
}

/* --- waiting --- */

/* Is it so now: the scan is over ("scan"), the job has come to that step ("step"), neither works
 * any more ("idle"), the screen shows that text ("text")? */
static bool is_met(struct app *app, const char *what, const char *argument)
{
    const struct session *session = &app->session;
    enum feed_state state = session->feed.state;
    bool over =
        !session->model || state == FEED_DONE || state == FEED_STOPPED || state == FEED_FAILED;
    if (strcmp(what, "scan") == 0)
        return over;
    if (strcmp(what, "step") == 0)
        return session->run && job_metrics_last_step(&session->run->metrics) >= atoll(argument);
    if (strcmp(what, "idle") == 0)
        return over && !(session->run && job_follow_lives(session->run));
    struct buffer screen = BUFFER_INIT;
    app_draw(app);
    canvas_put_text(&screen, &app->canvas);
    bool found = strstr(buffer_string(&screen), argument) != NULL;
    buffer_free(&screen);
    return found;
}

/* Lets time pass, a hundredth of a second at a time, until it is met. An error where nothing is
 * under way any more that could bring it, so that a wrong script fails at once, and after five
 * minutes. */
static int wait_for(const struct script *script, const char *what, const char *argument)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    double start = clock_seconds();
    app_tick(script->app);
    for (bool last = false; !is_met(script->app, what, argument);) {
        if (last)
            return error_set(script->err,
                             "%s:%d: nothing is under way any more, and %s %.100s has not come",
                             script->path, script->line, what, argument);
        /* No job runs and no view looks around: nothing can change what is shown, but what the tick
         * before has brought is looked at once more. */
        last = app_tick_ms(script->app) < 0;
        if (clock_seconds() - start > wait_limit)
            return error_set(script->err, "%s:%d: waited five minutes in vain for %s %.100s",
                             script->path, script->line, what, argument);
        nanosleep(&pause, NULL);
        app_tick(script->app);
    }
    return 0;
}

/* Takes the quotes off, in place. */
static char *unquote(char *text)
{
    size_t length = strlen(text);
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text[length - 1] = '\0';
        return text + 1;
    }
    return text;
}

/* "wait scan", "wait step 20", "wait idle", "wait text \"...\"": the word, and what it is given. */
static int play_wait(const struct script *script, char *rest)
{
    static const char *const known[] = {"scan", "step", "idle", "text"};
    size_t length = strcspn(rest, " \t");
    char *argument = rest + length + strspn(rest + length, " \t");
    rest[length] = '\0';
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], rest) == 0)
            return wait_for(script, rest, unquote(argument));
    return error_set(script->err,
                     "%s:%d: wait for scan, step N, idle or text \"...\", not for %.200s",
                     script->path, script->line, rest);
}

/* --- lines --- */

/* The rest of a line that begins with a word; NULL: it begins otherwise. */
static char *after_word(char *line, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(line, word, length) != 0 || (line[length] && !isspace((unsigned char)line[length])))
        return NULL;
    return line + length + strspn(line + length, " \t");
}

/* A line by its first word; one that begins with none of them is keys. What was typed is followed
 * by a tick, as on a terminal. */
static int play_line(const struct script *script, char *line)
{
    char *rest;
    line += strspn(line, " \t");
    for (size_t end = strlen(line); end > 0 && isspace((unsigned char)line[end - 1]);)
        line[--end] = '\0';
    if (!line[0] || line[0] == '#')
        return 0;
    if ((rest = after_word(line, "wait")))
        return play_wait(script, rest);
    if ((rest = after_word(line, "save-screen")))
        return rest[0] ? app_save_screen(script->app, unquote(rest), script->err)
                       : error_set(script->err, "%s:%d: save-screen needs a FILE", script->path,
                                   script->line);
    if ((rest = after_word(line, "field"))) {
        script->app->message[0] = '\0';
        app_request(script->app, REQUEST_FIELD, unquote(rest));
        return script->app->message[0] /* there is none where it was found */
                   ? error_set(script->err, "%s:%d: %.400s", script->path, script->line,
                               script->app->message)
                   : 0;
    }
    if ((rest = after_word(line, "type"))) {
        rest = unquote(rest);
        press_text(script->app, rest, strlen(rest));
    } else if ((rest = after_word(line, "paste"))) {
        press_paste(script->app, unquote(rest));
    } else {
        rest = after_word(line, "keys");
        press_words(script->app, rest ? rest : line);
    }
    app_tick(script->app);
    return 0;
}

int script_play(struct app *app, char *text, const char *path, struct error *err)
{
    struct script script = {.app = app, .path = path, .err = err};
    int status = 0;
    for (char *line = text, *next; line && status == 0 && !app->quit; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        script.line++;
        status = play_line(&script, line);
    }
    return status;
}

/* The app without a terminal: a canvas of the size that was asked for, inputs from the file. */
int script_run(const struct app_screens *screens, const char *path, const char *target, int width,
               int height, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct app app;
    if (file_read_all(&text, path, SCRIPT_FILE_MAX, err) != 0)
        return -1;
    const char *no_color = getenv("NO_COLOR");
    int status =
        app_init(&app, screens, width, height, no_color && no_color[0] ? 0 : 1 << 24, false, err);
    if (status == 0) {
        status = app_open(&app, target, err);
        if (status == 0)
            status = script_play(&app, text.data, path, err);
        app_free(&app);
    }
    buffer_free(&text);
    return status;
}
