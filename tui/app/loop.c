#include "tui/app/loop.h"

#include "base/process.h"
#include "tui/app/dispatch.h"
#include "tui/app/draw.h"
#include "tui/app/guard.h"
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

static void resize(struct app *app)
{
    int width, height;
    terminal_size(&width, &height);
    if (app_resize(app, width, height, NULL) != 0)
        app->quit = true;
}

/* All input that is there; true: something has to be drawn. */
static bool read_inputs(struct app *app)
{
    bool any = false;
    for (int input; !app->quit && (input = terminal_read()) != INPUT_NONE; any = true) {
        if (input == INPUT_RESIZE)
            resize(app);
        else if (input == INPUT_CLOSED)
            app->quit = true;
        else
            app_input(app, input);
        if (app->suspend) {
            app->suspend = false;
            terminal_suspend();
        }
    }
    return any;
}

static void run_loop(struct app *app)
{
    for (bool changed = true; !app->quit && !ended;) {
        if (app->redraw_all)
            terminal_redraw();
        if (changed || app->redraw_all) {
            app_draw(app);
            terminal_show(&app->canvas);
        }
        app->redraw_all = false;
        terminal_wait(app_tick_ms(app));
        changed = read_inputs(app);
        changed = app_tick(app) || changed;
    }
}

/* What the child of guard_run() is given. */
struct opening {
    const struct app_screens *screens;
    const char *target;
};

static int run_terminal(void *context, struct error *err)
{
    const struct opening *opening = context;
    struct app app;
    int width, height;
    signals_catch_end(on_signal);
    if (terminal_open(err) != 0)
        return -1;
    terminal_size(&width, &height);
    int status = app_init(&app, opening->screens, width, height, terminal_has_color(),
                          !terminal_is_utf8(), err);
    if (status == 0) {
        app_draw_opening(&app, opening->target);
        terminal_show(&app.canvas);
        status = app_open(&app, opening->target, err);
        if (status == 0 && terminal_notice()[0])
            app_message(&app, "%s", terminal_notice());
        if (status == 0)
            run_loop(&app);
        app_free(&app);
    }
    terminal_close();
    if (status == 0 && ended)
        status = error_set_kind(err, ERROR_INTERRUPTED,
                                "the full screen was asked to end by signal %d (%s); jobs go on",
                                (int)ended, strsignal(ended));
    return status;
}

int screen_run(const struct app_screens *screens, const char *target, struct error *err)
{
    if (terminal_restore_prepare(err) != 0)
        return -1;
    return guard_run(run_terminal, &(struct opening){screens, target}, err);
}
