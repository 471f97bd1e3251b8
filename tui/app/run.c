#include "tui/app/run.h"

#include "base/process.h"
#include "tui/app/dispatch.h"
#include "tui/app/draw.h"
#include "tui/app/pace.h"
#include "tui/app/watchdog.h"
#include "tui/canvas/terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t ended; /* by this signal; 0: by none */

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    ended = number;
}

/* Of a window on a slow line only so much is drawn, whatever its size. */
enum { SLOW_WIDTH = 100, SLOW_HEIGHT = 30 };

static void canvas_size(bool slow, int *width, int *height)
{
    terminal_size(width, height);
    if (slow && *width > SLOW_WIDTH)
        *width = SLOW_WIDTH;
    if (slow && *height > SLOW_HEIGHT)
        *height = SLOW_HEIGHT;
}

/* One input of the terminal's; INPUT_RESIZE and INPUT_CLOSED are the window's. */
static void take_input(struct app *app, bool slow, int input)
{
    if (input == INPUT_RESIZE) {
        int width, height;
        canvas_size(slow, &width, &height);
        if (app_resize(app, width, height, NULL) != 0)
            app->quit = true;
    } else if (input == INPUT_CLOSED) {
        app->quit = true;
    } else if (input == INPUT_PASTE) {
        app_paste(app, terminal_paste());
    } else {
        app_input(app, input);
    }
    if (app->suspend) { /* Ctrl-Z: here until the shell lets it continue */
        app->suspend = false;
        terminal_suspend();
    }
}

/* Draws where something changed: at once what a user did or would miss, and progress when its line has
 * room for it. The whole canvas is drawn; the terminal gets what differs. */
struct change {
    bool any, urgent; /* urgent is any, too */
};

/* What a key has changed is shown at once; what a growing file has changed waits until the pace has
 * bytes for it. */
static void show(struct app *app, struct pace *pace, struct change *change)
{
    if (app->redraw_all) {
        terminal_redraw();
        app->redraw_all = false;
        change->any = change->urgent = true;
    }
    const struct canvas *canvas = &app->canvas;
    bool may =
        change->urgent || pace_wait_ms(pace, canvas->width, canvas->height, clock_seconds()) == 0;
    if (!change->any || !may)
        return;
    app_draw(app);
    size_t bytes = terminal_show(canvas);
    if (!change->urgent)
        pace_spend(pace, bytes);
    *change = (struct change){false, false};
}

/* Once. */
static void tell(struct notice *notice)
{
    if (notice->body[0])
        terminal_notify(notice->kinds, notice->title, notice->body);
    notice->body[0] = '\0';
}

/* Shows, waits for an input, for the time when looking is worth it or for that when what has changed
 * may be shown, and takes in what came: all input that is there, and one drawing for all of it. Where
 * nothing is under way the wait is terminal_wait()'s longest, so a screen that nobody touches costs next
 * to nothing. */
static void run_loop(struct app *app, bool slow)
{
    struct change change = {true, true};
    struct pace pace;
    pace_init(&pace, slow, clock_seconds());
    while (!app->quit && !ended) {
        show(app, &pace, &change);
        int wait = app_tick_ms(app);
        int drawn =
            change.any ? pace_wait_ms(&pace, app->canvas.width, app->canvas.height, clock_seconds())
                       : -1;
        terminal_wait(drawn >= 0 && (wait < 0 || drawn < wait) ? drawn : wait);
        for (int input; !app->quit && (input = terminal_read()) != INPUT_NONE;) {
            take_input(app, slow, input);
            change.any = change.urgent = true;
        }
        app->urgent = false;
        change.any = app_tick(app) || change.any; /* jobs may have written meanwhile */
        tell(&app->notice);
        change.urgent = change.urgent || app->urgent;
        change.any = change.any || change.urgent;
    }
}

/* What the child of watchdog_run() is given: all else it finds itself, as nothing is open yet. */
struct opening {
    const struct app_screens *screens;
    const char *target;
    bool slow;
};

/* The child's whole life. The first frame says what is opened before anything is read, as a model
 * on a slow disk takes its time; a signal that asks for the end is caught before the terminal is
 * opened, so that there is no moment in which it would be left as it is. */
static int run_terminal(void *context, struct error *err)
{
    const struct opening *opening = context;
    struct app app;
    int width, height;
    signals_catch_end(on_signal);
    if (terminal_open(opening->slow, err) != 0)
        return -1;
    canvas_size(opening->slow, &width, &height);
    const char *theme = getenv("SPECTRUM_THEME");
    int colors = !opening->slow || (theme && theme[0]) ? terminal_colors() : 0;
    int status = app_init(&app, opening->screens, width, height, colors, !terminal_is_utf8(), err);
    if (status == 0) {
        app_draw_opening(&app, opening->target);
        terminal_show(&app.canvas);
        status = app_open(&app, opening->target, err);
        if (status == 0 && terminal_notice()[0])
            app_message(&app, "%s", terminal_notice());
        if (status == 0)
            run_loop(&app, opening->slow);
        app_free(&app);
    }
    terminal_close();
    if (status == 0 && ended)
        status = error_set_kind(err, ERROR_INTERRUPTED,
                                "the full screen was asked to end by signal %d (%s); jobs go on",
                                (int)ended, strsignal(ended));
    return status;
}

int screen_run(const struct app_screens *screens, const char *target, bool slow, struct error *err)
{
    if (terminal_restore_prepare(err) != 0)
        return -1;
    return watchdog_run(run_terminal, &(struct opening){screens, target, slow}, err);
}
