/* A training job, live: a small dashboard, and asking the job to pause, save or stop.
 *
 *     runs/model-1                                  trains 14 tensors, 1.1M parameters
 *     ● running                                     step 31 of 60 · 12 s left
 *     ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄──────────────────────────────────────────
 *     loss 2.8119  ● half-life 1 ◆ evaluation 2.94   learning rate 2e-05
 *          │ ⠑⢄                                              │⡠⠔⠒⠒⠒⠒⠒⠒⠒⠢
 *          │    ⠑⠒⠤⠤◆⣀⣀                              gradient norm 1.31
 *          └────────────┴────────                            │⠑⠒⠢⠤⠤⣀⣀
 *                      20     step                   ...
 *     best checkpoint: step 20, evaluation 2.9404                      all steps
 *     the model so far, step 20:
 *     Once upon a time ...
 *
 * Whatever is shown was written by the job into its folder, and may be anything: numbers are n/a
 * where they cannot be read, a reason that is too long for its line gets lines of its own. The
 * screen asks for things (steer.h) and shows what comes of them; it changes nothing itself.
 */
#include "tui/screen/watch.h"

#include "base/folder.h"
#include "base/memory.h"
#include "job/job_kind.h"
#include "tui/screen/screens.h"
#include "tui/session/job_actions.h"
#include "tui/session/steer.h"
#include "tui/widget/plot.h"

#include <stdlib.h>
#include <string.h>

/* What a tick may take of the time in which keys wait, and how long one that has more to read waits
 * for the next; and how often what is made of the run is looked at. */
static const double look_seconds = 0.02;
enum { LOOK_AGAIN_MS = 20, FOLLOW_MS = 250 };

/* --- asking --- */

/* Done, or why not; the view looks again at once. */
static void ask(struct app *app, enum steering what, const struct steer_how *how)
{
    struct error err = ERROR_INIT;
    char said[ERROR_TEXT_MAX];
    if (steer(app->session.run, what, how, said, sizeof said, &err) != 0)
        app_error(app, &err);
    else
        app_message(app, "%s", said);
}

/* Asked first; the same key again is a yes, and Esc a no. What cannot be is said at once. */
static void stop(struct app *app)
{
    struct error err = ERROR_INIT;
    char question[ERROR_TEXT_MAX];
    if (app->asked == REQUEST_STOP) {
        ask(app, STEER_STOP, NULL);
    } else if (steer_check(app->session.run, STEER_STOP, NULL, &err) != 0) {
        app_error(app, &err);
    } else {
        steer_question(app->session.run, STEER_STOP, question, sizeof question);
        app_message(app, "%s", question);
        app->asked = REQUEST_STOP;
    }
}

/* Where the job may be somebody else's, what it reads is shown first, and the same key again says
 * yes. */
static void resume(struct app *app, struct watch_view *view)
{
    struct job_follow *run = app->session.run;
    struct buffer text = BUFFER_INIT;
    bool shown = app->asked == REQUEST_RESUME && view->trust_asked[0];
    if (!shown && !job_follow_lives(run) && steer_check(run, STEER_RESUME, NULL, NULL) == 0 &&
        steer_trust(run, view->trust_asked, &text)) {
        app_message(app, "resume it? the same key again does; it %s", buffer_string(&text));
        app->asked = REQUEST_RESUME;
    } else {
        ask(app, STEER_RESUME, &(struct steer_how){.trusted = shown ? view->trust_asked : NULL});
        view->trust_asked[0] = '\0';
    }
    buffer_free(&text);
}

/* --- reading at the bottom --- */

static void show_text(struct app *app, struct watch_view *view, enum watch_text text)
{
    struct error err = ERROR_INIT;
    if (view->text == text)
        text = WATCH_TEXT_LAST;
    if (text == WATCH_TEXT_LOG && !view->log.path &&
        job_log_open(&view->log, view->job->path, &err) != 0) {
        app_error(app, &err);
        return;
    }
    if (text == WATCH_TEXT_MADE)
        made_update(&view->made, view->job->path, true);
    view->text = text;
    view->made_cursor = 0;
    view->log_back = 0;
    view->sample_held = false;
}

/* Lines of the log, or one sample after the other; the newest is the end of both. */
static bool move_text(struct app *app, struct watch_view *view, enum request request)
{
    enum { PAGE = 10 };
    size_t most = view->log.count > 0 ? view->log.count - 1 : 0, *back = &view->log_back;
    size_t by = request == REQUEST_PAGE_UP || request == REQUEST_PAGE_DOWN ? PAGE : 1;
    bool up = request == REQUEST_UP || request == REQUEST_PAGE_UP;
    if (!up && request != REQUEST_DOWN && request != REQUEST_PAGE_DOWN)
        return false;
    if (view->text == WATCH_TEXT_LOG && up)
        *back = *back + by < most ? *back + by : most;
    else if (view->text == WATCH_TEXT_LOG)
        *back = *back > by ? *back - by : 0;
    else if (view->text == WATCH_TEXT_SAMPLES && !watch_sample(view, up))
        app_message(app, up ? "no earlier sample" : "this is the last sample");
    else if (view->text == WATCH_TEXT_MADE)
        watch_made_move(view, up ? -(int)by : (int)by);
    else if (view->text == WATCH_TEXT_LAST)
        watch_finish_scroll(app, view, up ? -(int)by : (int)by);
    return true;
}

/* --- requests --- */

/* Of the large graph between its axes, in a window of this size; where a text has its place, as if
 * it had none. */
static int graph_columns(const struct app *app)
{
    const struct watch_known known = {.curves = true};
    struct watch_layout layout = watch_layout(app->canvas.width, app->canvas.height, &known);
    return plot_across(layout.parts[WATCH_MAIN].width).columns;
}

/* Which steps are shown, and how; false: it is another request. */
static bool move_window(struct app *app, struct watch_view *view, enum request request,
                        const char *argument)
{
    struct watch_window *window = &view->window;
    struct watch_extent extent = watch_extent(view);
    switch (request) {
    case REQUEST_LEFT:
    case REQUEST_RIGHT:
        watch_window_move(window, extent, request == REQUEST_LEFT ? -1 : 1, graph_columns(app));
        return true;
    case REQUEST_ZOOM_IN:
    case REQUEST_ZOOM_OUT:
        watch_window_zoom(window, extent, request == REQUEST_ZOOM_IN);
        return true;
    case REQUEST_FIRST:
        watch_window_all(window);
        return true;
    case REQUEST_LAST: /* back to what comes */
        window->crossed = false;
        if (window->kind == WATCH_BETWEEN)
            watch_window_last(window, window->to - window->from);
        return true;
    case REQUEST_LAST_STEPS: {
        long long steps = strtoll(argument, NULL, 10);
        if (steps > 0)
            watch_window_last(window, steps);
        else
            app_message(app, "the last how many steps? A number above 0, not \"%s\"", argument);
        return true;
    }
    case REQUEST_SMOOTH: {
        char *end;
        double steps = strtod(argument, &end);
        if (end != argument && *end == '\0' && steps >= 0 && steps <= 1e9)
            view->half_life = steps;
        else
            app_message(app,
                        "smooth over how many steps? A number from 0 (not at all) on, "
                        "not \"%s\"",
                        argument);
        return true;
    }
    case REQUEST_LOGARITHM:
        window->log_y = !window->log_y;
        return true;
    case REQUEST_LOGARITHM_X:
        window->log_x = !window->log_x;
        return true;
    default:
        return false;
    }
}

static bool is_open(const struct watch_view *view)
{
    return view->window.crossed || view->text != WATCH_TEXT_LAST || watch_finish_is_open(view);
}

/* Esc: what was opened on the screen is closed, one thing a time, before the screen is left: the
 * cross-hair, log or samples, the pane of what is made of the run. False: nothing is open. */
static bool close_inner(struct app *app, struct watch_view *view)
{
    if (!is_open(view))
        return false;
    if (view->window.crossed)
        view->window.crossed = false;
    else if (view->text != WATCH_TEXT_LAST)
        show_text(app, view, WATCH_TEXT_LAST);
    else
        finish_close(&view->finish);
    return true;
}

/* The screen below takes the next key, which may change something there: that it is another one is
 * said, and what goes on. */
static void leave(struct app *app, const struct watch_view *view)
{
    if (app->depth > 1 && job_follow_lives(view->job))
        app_message(app, "the %s %s goes on", job_kind_of(view->job->job)->noun,
                    path_last(view->job->path));
}

/* What changes which numbers are shown is looked at at once. */
static bool show(struct app *app, struct watch_view *view, enum request request,
                 const char *argument)
{
    bool taken = true;
    if (request == REQUEST_BACK)
        taken = close_inner(app, view);
    else if (request == REQUEST_MEMORY)
        view->memory = !view->memory;
    else if (request == REQUEST_MESSAGES)
        show_text(app, view, WATCH_TEXT_LOG);
    else if (request == REQUEST_SAMPLES)
        show_text(app, view, WATCH_TEXT_SAMPLES);
    else if (request == REQUEST_RESULTS)
        show_text(app, view, WATCH_TEXT_MADE);
    else if (request == REQUEST_OPEN)
        watch_made_open(app, view);
    else
        taken = move_text(app, view, request) || move_window(app, view, request, argument);
    if (taken)
        watch_look(view, look_seconds);
    return taken;
}

/* In the ways that the environment names; where it names none, in the usual ones. */
static void toggle_notice(struct app *app)
{
    unsigned named = 0;
    const char *ways = getenv("SPECTRUM_NOTIFY");
    notice_kinds(&named, ways ? ways : "", NULL); /* it was read before: it has no error */
    bool on = app->notice.kinds == 0;
    app->notice.kinds = !on ? 0 : named ? named : NOTICE_USUAL;
    app_message(app, on ? "the end of the job will be told: B takes it back"
                        : "the end of the job will not be told");
}

static bool watch_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct watch_view *view = state;
    if (request != REQUEST_RESUME && !app->agreed)
        view->trust_asked[0] = '\0';
    switch (request) {
    case REQUEST_PAUSE:
        ask(app, steer_pause_key(app->session.run), NULL);
        return true;
    case REQUEST_CHECKPOINT:
        ask(app, STEER_CHECKPOINT, NULL);
        return true;
    case REQUEST_STOP:
        stop(app);
        return true;
    case REQUEST_RESUME:
        resume(app, view);
        return true;
    case REQUEST_GRADIENTS:
        screen_open_gradients(app);
        return true;
    case REQUEST_NOTIFY:
        toggle_notice(app);
        return true;
    case REQUEST_BACK:
        if (show(app, view, request, argument))
            return true;
        leave(app, view);
        return false;
    default:
        return show(app, view, request, argument) ||
               watch_finish_request(app, view, request, argument) ||
               watch_runs_request(app, view, request, argument);
    }
}

/* --- the view --- */

static void watch_enter(struct app *app, void *state)
{
    struct watch_view *view = state;
    if (view->job != app->session.run)
        watch_begin(app, view);
    watch_look(view, look_seconds);
}

/* Is the pane's job the one that is watched, which app_tick() tells of? */
static bool is_own(const struct watch_view *view)
{
    return strcmp(view->finish.job->path, view->job->path) == 0;
}

static bool watch_tick(struct app *app, void *state)
{
    struct watch_view *view = state;
    if (view->job != app->session.run)
        watch_begin(app, view);
    bool works = view->finish.job && !view->finish.read;
    bool changed = watch_look(view, look_seconds);
    if (works && view->finish.read && !is_own(view))
        notice_put(&app->notice, view->finish.job);
    return changed;
}

/* Whether there is more to read; else the session knows when a look is worth it. */
static int watch_tick_ms(const void *state)
{
    const struct watch_view *view = state;
    if (view->series && job_series_is_behind(view->series, &view->job->metrics))
        return LOOK_AGAIN_MS;
    bool works = view->finish.job && !view->finish.read;
    for (size_t i = 0; view->text == WATCH_TEXT_MADE && i < view->made.count; i++)
        works = works || view->made.rows[i].lives;
    return works || runs_live(view->runs) ? FOLLOW_MS : -1;
}

/* What pauses goes on by the key that paused it, so another one has no place on the line. */
static bool watch_offers(const struct app *app, const void *state, enum request request)
{
    const struct watch_view *view = state;
    const struct job_follow *run = app->session.run;
    if (request == REQUEST_OPEN)
        return view->text == WATCH_TEXT_MADE && view->made.count > 0;
    if (request == REQUEST_BASELINE)
        return app->session.runs.count > 0;
    return job_action_is(run, request) && !(request == REQUEST_RESUME && job_follow_lives(run));
}

static int watch_check(const struct app *app, const void *state, enum request request,
                       struct error *err)
{
    (void)state;
    return job_action_check(app->session.run, request, err);
}

static void watch_hint(const struct app *app, const void *state, enum request request,
                       const char *typed, char *out, size_t size)
{
    (void)state;
    if (request == REQUEST_MORE_STEPS)
        watch_more_hint(app, typed, out, size);
}

static const char *watch_word(const struct app *app, const void *state, enum request request)
{
    const struct watch_view *view = state;
    if (request == REQUEST_BACK && is_open(view))
        return "close";
    if (request == REQUEST_MEMORY)
        return view->memory ? "loss" : "memory";
    if (request == REQUEST_LOGARITHM)
        return view->window.log_y ? "linear" : "log";
    return job_action_word(job_follow_pauses(app->session.run), request);
}

static void watch_close(void *state)
{
    watch_end(state);
    free(state);
}

static const struct view_class watch_class = {
    .name = "job",
    .scope = SCOPE_WATCH,
    .enter = watch_enter,
    .close = watch_close,
    .draw = watch_draw,
    .request = watch_request,
    .offers = watch_offers,
    .word = watch_word,
    .check = watch_check,
    .hint = watch_hint,
    .tick = watch_tick,
    .tick_ms = watch_tick_ms,
};

bool screen_open_watch(struct app *app)
{
    if (!app->session.run) {
        app_message(app, "no job was started or opened here: t starts one");
        return false;
    }
    return app_push(app, &watch_class, array_alloc(1, sizeof(struct watch_view), NULL));
}
