/* The full screen: a stack of views over one session, drawn on one canvas.
 *
 * run.h has the two that use it, the loop on a terminal and the player of scripts. Both make it
 * (app_init()), open a target in it (app_open()), feed inputs (dispatch.h) and the passing of time
 * (app_tick()) in, show the canvas as it is drawn (draw.h), and free it (app_free()).
 *
 *     session   what is open: model, scan, plan, job. All views show the same one.
 *     stack     the views; the one on top is drawn and gets the inputs, the others wait below it.
 *     canvas    the cells that app_draw() fills.
 *
 * A view is a const table of functions and a state of its own (tui/screen/, a file each). Three
 * rules hold for every view, and make that a script, a test and a terminal see the same:
 *
 *   1. `request` and `input` change state and never draw; `draw` draws, and of the state it changes
 *      at most what depends on the window's size (what fits a page).
 *   2. Nothing waits: what takes its time is a job, looked at again with the next tick.
 *   3. What cannot be undone asks first: app_ask(), or the same key twice (app->asked).
 */
#ifndef SPECTRUM_TUI_APP_APP_H
#define SPECTRUM_TUI_APP_APP_H

#include "tui/app/notice.h"
#include "tui/app/prompt.h"
#include "tui/canvas/canvas.h"
#include "tui/canvas/paste.h"
#include "tui/keys/keys.h"
#include "tui/session/session_open.h"
#include "tui/theme/theme.h"

enum { SCREEN_MIN_WIDTH = 60, SCREEN_MIN_HEIGHT = 16, VIEW_DEPTH_MAX = 8 };

struct app;

/* What a kind of view can do. The state is the view's own, made by who pushes it and freed by
 * `close`. */
struct view_class {
    const char *name;     /* in the title line */
    enum key_scope scope; /* which rows of the table of keys have a meaning in it */
    void (*enter)(struct app *app, void *state); /* it came on top; may be NULL */
    void (*close)(void *state);                  /* frees it; may be NULL */
    void (*draw)(struct app *app, void *state, struct area area);
    /* A request from a key or the prompt. False: it has no meaning here. */
    bool (*request)(struct app *app, void *state, enum request request, const char *argument);
    /* A raw input before the key table sees it (a form's text); true: taken. May be NULL. */
    bool (*input)(struct app *app, void *state, int input);
    /* A pasted line (canvas/paste.h: UTF-8 without control characters), for the field that is typed
     * into, as most do by line_edit_insert(); false: none is. May be NULL. */
    bool (*paste)(struct app *app, void *state, const char *line, size_t length);
    /* Is the key of this request worth a word on the key line now? NULL: each is. */
    bool (*offers)(const struct app *app, const void *state, enum request request);
    /* Its word there, where it is another one than the table's; NULL: it is not. May be NULL. */
    const char *(*word)(const struct app *app, const void *state, enum request request);
    /* Why a request cannot be obeyed now, before its argument is asked for; 0: it can. May be NULL. */
    int (*check)(const struct app *app, const void *state, enum request request, struct error *err);
    /* What stands above the prompt while the argument of a request is typed, as far as it is; ""
     * for nothing. May be NULL. */
    void (*hint)(const struct app *app, const void *state, enum request request, const char *typed,
                 char *out, size_t size);
    /* Called with the session's ticks; true: something changed. May be NULL. */
    bool (*tick)(struct app *app, void *state);
    /* Milliseconds until the next tick is worth it for the view's own sake; -1: it is not. NULL: a
     * second, where there is a `tick`. */
    int (*tick_ms)(const void *state);
};

struct view {
    const struct view_class *class;
    void *state;
};

/* The screens that the app opens by itself; each pushes its view, or says in the message line why
 * it cannot. tui/screen/ has them: the app knows no screen, and screens know each other and it. */
struct app_screens {
    bool (*open_library)(struct app *app);
    bool (*open_model)(struct app *app);
    bool (*open_watch)(struct app *app);
    bool (*open_help)(struct app *app);
};

/* A question whose answer is the next input: with y its request comes again, agreed to. */
struct question {
    enum request request; /* REQUEST_NONE: none is open */
    char argument[PROMPT_MAX];
    char text[ERROR_TEXT_MAX];
};

/* Of prompt and question one is open at most; the message gives way to either. */
struct app {
    const struct app_screens *screens;
    struct theme theme;
    struct canvas canvas;
    struct session session;
    struct view stack[VIEW_DEPTH_MAX];
    int depth;
    struct prompt prompt;
    struct question question;
    bool agreed; /* this request was asked about, and answered with y; or given with "!" */
    char message[ERROR_TEXT_MAX];
    bool message_is_error;
    char search[PROMPT_MAX]; /* what `n` looks for */
    enum request asked;      /* a request that was asked about with the last input, or since when a
                                prompt is open */
    struct notice notice;    /* of what ended, for the loop to tell */
    char **written;          /* captures of the screen that were written here */
    size_t written_count, written_capacity;
    bool quit, redraw_all, suspend; /* what the loop has to do */
    bool
        urgent; /* a tick changed what nobody should wait to see (pace.h); the loop takes it back */
};

/* `screens` must outlive the app. `colors`: how many the terminal has (terminal_colors()). */
int app_init(struct app *app, const struct app_screens *screens, int width, int height, int colors,
             bool ascii, struct error *err);
void app_free(struct app *app);

/* Opens what the target names and pushes the view that shows it; NULL: the library. */
int app_open(struct app *app, const char *target, struct error *err);

/* Views. app_push() takes the state (freed on failure too; a NULL state is a failure), and lets the
 * view enter; app_pop() closes the one on top, and lets the one below it enter again. */
bool app_push(struct app *app, const struct view_class *class, void *state);
void app_pop(struct app *app);

/* The line at the bottom, until the next input: what was done, or in another colour what failed. It
 * may hold names from files; what a terminal must not get becomes '?'. */
void app_message(struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
void app_error(struct app *app, const struct error *err);

/* Time has passed: true where something changed. Milliseconds until that is worth a call; -1:
 * nothing changes by itself. */
bool app_tick(struct app *app);
int app_tick_ms(const struct app *app);

/* Is the window smaller than any view can be drawn in? It takes no keys then but those that quit. */
bool app_is_small(const struct app *app);

int app_resize(struct app *app, int width, int height, struct error *err);

/* A plan that was made by hand is not thrown away unasked. False: it is neither saved nor kept for
 * the next opening, and this request is asked for the first time; the caller says so. The same
 * request as the next input gets true. */
bool app_gives_up_plan(struct app *app, enum request request);

/* A plan by percentage whose scores are not all there would be one by chance. False: this request
 * is asked about now; the same one again, with `again` for what to press, gets true. */
bool app_takes_plan(struct app *app, enum request request, const char *again);

/* Undoes or does again the plan's last step; says so where there is none. */
void app_step_back(struct app *app, bool redo);

/* Asks, in the message's place; with y the request comes again, and app->agreed is set. For
 * whatever is not to be done unasked. */
void app_ask(struct app *app, enum request request, const char *argument, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Before the screen writes to a file by name: 0, it may; 1, it has asked, and with y the request
 * comes again. An error where something else is there: `what` ("a plan") this writes, `is_one`
 * knows one. Not asked where it is the screen's `own`, or agreed to. */
int app_check_over(struct app *app, enum request request, const char *path, const char *what,
                   bool (*is_one)(const char *), bool own, struct error *err);

#endif
