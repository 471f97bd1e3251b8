#include "base/decimal.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "tui/app/dispatch.h"
#include "tui/app/draw.h"
#include "tui/app/run.h"
#include "tui/canvas/terminal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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

static int refuse(const struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An error that names the line. */
static int refuse(const struct script *script, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(script->err, "%s:%d: %s", script->path, script->line, text);
}

/* --- keys --- */

/* Characters as they are. */
static void press_text(struct app *app, const char *text, size_t length)
{
    int32_t code;
    for (size_t at = 0; at < length && !app->quit;) {
        at += utf8_decode(text + at, length - at, &code);
        if (code >= 0)
            app_input(app, code);
    }
}

/* As a terminal sends it: \n in the script's text is a line end, \e an escape, \\ a backslash, and
 * the end mark follows. */
static int press_paste(const struct script *script, const char *text)
{
    static const char escapes[] = "ne\\", bytes[] = "\r\033\\";
    struct paste paste = {0};
    int status = 0;
    paste_begin(&paste);
    for (; *text && status == 0; text++) {
        const char *escape = text[0] == '\\' && text[1] ? strchr(escapes, text[1]) : NULL;
        if (text[0] == '\\' && !escape)
            status = refuse(script, "paste knows \\n, \\e and \\\\, and not \"%.2s\"", text);
        paste_put(&paste, escape ? &bytes[escape - escapes] : text, 1);
        text += escape != NULL;
    }
    paste_put(&paste, PASTE_END, sizeof PASTE_END - 1);
    if (status == 0)
        app_paste(script->app, &paste);
    paste_free(&paste);
    return status;
}

/* The key of "<Name>" at the beginning of a text, and how long that is; INPUT_NONE: it is none. */
static int key_in_brackets(const char *text, size_t length, size_t *used)
{
    const char *end = text[0] == '<' ? memchr(text, '>', length) : NULL;
    *used = end ? (size_t)(end - text) + 1 : 1;
    return end ? key_from_name(text + 1, *used - 2) : INPUT_NONE;
}

/* What a line may begin with, or a key. */
static bool is_known(const char *word)
{
    static const char *const words[] = {"wait",  "save-screen", "type", "field",
                                        "paste", "keys",        NULL};
    return text_is_one_of(word, words) || key_from_name(word, strlen(word)) != INPUT_NONE;
}

/* Is it one letter too many, too few or another one away from such a word? */
static bool is_nearly_known(const char *word, size_t length)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz-";
    char other[24];
    if (length + 2 > sizeof other)
        return false;
    for (size_t at = 0; at <= length; at++) {
        int rest = (int)(length - at);
        snprintf(other, sizeof other, "%.*s%.*s", (int)at, word, at < length ? rest - 1 : 0,
                 word + at + 1);
        if (at < length && is_known(other))
            return true;
        for (const char *letter = letters; *letter; letter++) {
            snprintf(other, sizeof other, "%.*s%c%.*s", (int)at, word, *letter, rest, word + at);
            bool more = is_known(other);
            snprintf(other, sizeof other, "%.*s%c%.*s", (int)at, word, *letter,
                     at < length ? rest - 1 : 0, word + at + 1);
            if (more || (at < length && is_known(other)))
                return true;
        }
    }
    return false;
}

/* A word that is meant as a key's name must be one, else its letters would be pressed, each of which
 * does something: one that is written as names are, with a capital or a "-". Else it is characters,
 * as "jj" is. */
static int check_word(const struct script *script, const char *word, size_t length, bool typed)
{
    size_t used;
    if (length == 1 || key_from_name(word, length) != INPUT_NONE)
        return 0;
    for (size_t at = 0; at < length; at += used)
        if (key_in_brackets(word + at, length - at, &used) == INPUT_NONE && word[at] == '<')
            return refuse(script,
                          "\"%.*s\" has a \"<\" that no key's name and \">\" follow; <lt> is the "
                          "character",
                          (int)length, word);
    bool named = strncasecmp(word, "Ctrl-", 5) == 0 || strncasecmp(word, "Alt-", 4) == 0;
    bool like = (isupper((unsigned char)word[0]) || memchr(word, '-', length)) && length > 2;
    if (typed || !(named || (like && is_nearly_known(word, length))))
        return 0;
    return refuse(script,
                  "\"%.*s\" is neither a key's name nor what a line begins with; type \"...\" has "
                  "characters",
                  (int)length, word);
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
        size_t step;
        int key = key_in_brackets(word + at, length - at, &step);
        if (key != INPUT_NONE) {
            app_input(app, key);
        } else {
            int32_t code;
            step = utf8_decode(word + at, length - at, &code);
            press_text(app, word + at, step);
        }
        at += step;
    }
}

/* In a line that begins a command or a search, blanks between words are typed, too. All words are
 * looked at before the first is pressed. */
static int press_words(const struct script *script, const char *words)
{
    struct app *app = script->app;
    bool typed = words[0] == ':' || words[0] == '/';
    for (const char *at = words; *at; at += strspn(at, " \t")) {
        size_t length = strcspn(at, " \t");
        if (check_word(script, at, length, typed) != 0)
            return -1;
        at += length;
    }
    for (bool first = true; *words && !app->quit; first = false) {
        size_t length = strcspn(words, " \t");
        bool named = length > 1 && key_from_name(words, length) != INPUT_NONE;
        if (typed && !first && !named)
            app_input(app, ' ');
        press_word(app, words, length);
        words += length + strspn(words + length, " \t");
    }
    return 0;
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
        return session->run &&
               job_metrics_last_step(&session->run->metrics) >= strtoll(argument, NULL, 10);
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
            return refuse(script, "nothing is under way any more, and %s %.100s has not come", what,
                          argument);
        /* No job runs and no view looks around: nothing can change what is shown, but what the tick
         * before has brought is looked at once more. */
        last = app_tick_ms(script->app) < 0;
        if (clock_seconds() - start > wait_limit)
            return refuse(script, "waited five minutes in vain for %s %.100s", what, argument);
        nanosleep(&pause, NULL);
        app_tick(script->app);
    }
    return 0;
}

/* What a line's first word is given, to the end of the line: a word, or a text between quotes, which
 * are taken off, in place. Quotes inside are characters. NULL: it is neither, and an error is set. */
static char *argument_of(const struct script *script, const char *word, char *text)
{
    size_t length = strlen(text);
    if (text[0] == '"' && (length < 2 || text[length - 1] != '"')) {
        const char *last = strrchr(text, '"');
        if (last == text)
            refuse(script, "%s %.100s: the quote is not closed", word, text);
        else
            refuse(script, "%s: \"%.100s\" stands after the text in quotes", word,
                   last + 1 + strspn(last + 1, " \t"));
        return NULL;
    }
    if (text[0] == '"') {
        text[length - 1] = '\0';
        return text + 1;
    }
    if (text[0] && !text[strcspn(text, " \t")])
        return text;
    if (text[0])
        refuse(script, "%s takes one word, or a text in quotes: \"%.100s\"", word, text);
    else
        refuse(script, "%s needs %s", word,
               strcmp(word, "save-screen") == 0 ? "a FILE" : "\"...\"");
    return NULL;
}

/* "wait scan", "wait step 20", "wait idle", "wait text \"...\"": the word, and what it is given. */
static int play_wait(const struct script *script, char *rest)
{
    size_t length = strcspn(rest, " \t");
    char *argument = rest + length + strspn(rest + length, " \t");
    int64_t step;
    rest[length] = '\0';
    bool nothing = strcmp(rest, "scan") == 0 || strcmp(rest, "idle") == 0;
    if (nothing && argument[0])
        return refuse(script, "wait %s takes nothing, and \"%.100s\" follows", rest, argument);
    if (nothing)
        return wait_for(script, rest, argument);
    if (strcmp(rest, "step") == 0)
        return decimal_read_whole(&step, argument) && step >= 0
                   ? wait_for(script, rest, argument)
                   : refuse(script, "wait step takes a step's number, not \"%.100s\"", argument);
    if (strcmp(rest, "text") != 0)
        return refuse(script, "wait for scan, step N, idle or text \"...\", not for %.200s", rest);
    argument = argument_of(script, "wait text", argument);
    return argument ? wait_for(script, rest, argument) : -1;
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
    if (!utf8_valid(line, strlen(line)))
        return refuse(script, "the line is not UTF-8");
    if ((rest = after_word(line, "wait")))
        return play_wait(script, rest);
    if ((rest = after_word(line, "save-screen"))) {
        if (!(rest = argument_of(script, "save-screen", rest)))
            return -1;
        return app_save_screen(script->app, rest, script->err) == 0
                   ? 0
                   : error_prefix(script->err, "%s:%d", script->path, script->line);
    }
    if ((rest = after_word(line, "field"))) {
        if (!(rest = argument_of(script, "field", rest)))
            return -1;
        script->app->message[0] = '\0';
        app_request(script->app, REQUEST_FIELD, rest);
        return script->app->message[0] /* there is none where it was found */
                   ? refuse(script, "%.400s", script->app->message)
                   : 0;
    }
    int status = 0;
    if ((rest = after_word(line, "type"))) {
        rest = argument_of(script, "type", rest);
        if (rest)
            press_text(script->app, rest, strlen(rest));
        status = rest ? 0 : -1;
    } else if ((rest = after_word(line, "paste"))) {
        rest = argument_of(script, "paste", rest);
        status = rest ? press_paste(script, rest) : -1;
    } else {
        rest = after_word(line, "keys");
        status = press_words(script, rest ? rest : line);
    }
    app_tick(script->app);
    return status;
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
    if (file_read_text(&text, path, SCRIPT_FILE_MAX, err) != 0) {
        buffer_free(&text);
        return -1;
    }
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
