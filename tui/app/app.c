#include "tui/app/app.h"

#include "base/file_writer.h"
#include "base/text.h"
#include "tui/session/plan_keep.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct view *app_view(struct app *app)
{
    return app->depth > 0 ? &app->stack[app->depth - 1] : NULL;
}

/* A theme that the user named and that cannot be read is an error; without one it is "dark", and
 * where that is not installed the screen has no colours. */
int app_init(struct app *app, const struct app_screens *screens, int width, int height, int colors,
             bool ascii, struct error *err)
{
    *app = (struct app){.screens = screens};
    const char *name = getenv("SPECTRUM_THEME");
    theme_plain(&app->theme);
    if (colors > 0 && theme_load(&app->theme, name && name[0] ? name : "dark", err) < 0 && name)
        return -1;
    const char *ways = getenv("SPECTRUM_NOTIFY");
    if (notice_kinds(&app->notice.kinds, ways ? ways : "", err) != 0)
        return -1;
    session_init(&app->session);
    if (canvas_init(&app->canvas, width, height, err) != 0)
        return -1;
    app->canvas.ascii = ascii;
    app->canvas.few_colors = colors > 0 && colors < 256;
    return 0;
}

/* Views first, from the top, as their states may borrow from the session. */
void app_free(struct app *app)
{
    for (; app->depth > 0; app->depth--) {
        struct view *view = app_view(app);
        if (view->class->close)
            view->class->close(view->state);
    }
    prompt_free(&app->prompt);
    session_free(&app->session);
    canvas_free(&app->canvas);
    for (size_t i = 0; i < app->written_count; i++)
        free(app->written[i]);
    free(app->written);
}

/* Depth is bounded, as each view may open others; a user who is eight deep is told to go back. */
bool app_push(struct app *app, const struct view_class *class, void *state)
{
    if (app->depth == VIEW_DEPTH_MAX || !state) {
        if (state && class->close)
            class->close(state);
        app_message(app, "no room for another screen: go back first");
        return false;
    }
    app->stack[app->depth++] = (struct view){class, state};
    if (class->enter)
        class->enter(app, state);
    return true;
}

void app_pop(struct app *app)
{
    if (app->depth == 0)
        return;
    struct view *view = &app->stack[--app->depth];
    if (view->class->close)
        view->class->close(view->state);
    view = app_view(app); /* the one below has come to the top again */
    if (view && view->class->enter)
        view->class->enter(app, view->state);
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

bool app_is_small(const struct app *app)
{
    return app->canvas.width < SCREEN_MIN_WIDTH || app->canvas.height < SCREEN_MIN_HEIGHT;
}

int app_resize(struct app *app, int width, int height, struct error *err)
{
    return canvas_resize(&app->canvas, width, height, err);
}

/* What of jobs a user would miss, before a tick and after it. */
struct job_look {
    enum job_state state; /* of the job that is watched */
    enum feed_state feed;
    bool paused; /* the scan */
    size_t reasons;
};

static bool is_over(enum job_state state)
{
    return state == JOB_ENDED || state == JOB_DIED;
}

static struct job_look look(const struct session *session)
{
    const struct scan_feed *feed = &session->feed;
    return (struct job_look){session->run ? session->run->state : JOB_ENDED, feed->state,
                             feed->paused, feed->devices.reasons};
}

/* Says what a user would miss otherwise: a scan that failed, a device that does not compute as it was
 * asked to, once, whole, as the view has one line for them, which may cut them. And takes back what is no
 * longer so: a message about a scan or a job that is now in another state. */
static void say_changes(struct app *app, struct job_look before, struct job_look now)
{
    const struct scan_feed *feed = &app->session.feed;
    if (now.feed == FEED_FAILED && before.feed != FEED_FAILED) {
        app_message(app, "%s", feed->message);
        app->message_is_error = true;
    } else if (now.reasons != before.reasons && feed->devices.reason[0]) {
        app_message(app, "%s", feed->devices.reason);
    } else if ((before.feed == FEED_CHANGING && now.feed != before.feed) ||
               before.paused != now.paused ||
               (now.feed == FEED_STOPPED && before.feed == FEED_RUNNING)) {
        app->message[0] = '\0';
    }
    if (now.state != before.state)
        app->message[0] = '\0';
}

/* What went wrong with keeping the plan is said when nobody types, as prompt and question have that
 * line. */
static void say_kept(struct app *app)
{
    char *kept = app->session.keep.message;
    if (app->prompt.active || app->question.request != REQUEST_NONE)
        return;
    if (kept[0])
        app_message(app, "%s", kept);
    kept[0] = '\0';
}

/* Takes in what jobs wrote. A job in another state, and whatever is said, is not to wait for the
 * line. */
bool app_tick(struct app *app)
{
    char said[ERROR_TEXT_MAX];
    struct job_look before = look(&app->session);
    snprintf(said, sizeof said, "%s", app->message);
    bool changed = session_tick(&app->session);
    struct job_look now = look(&app->session);
    if (is_over(now.state) && !is_over(before.state))
        notice_put(&app->notice, app->session.run);
    say_changes(app, before, now);
    say_kept(app);
    struct view *view = app_view(app);
    if (view && view->class->tick)
        changed = view->class->tick(app, view->state) || changed;
    if (now.state != before.state || now.feed != before.feed || now.paused != before.paused ||
        strcmp(said, app->message) != 0)
        app->urgent = true;
    return changed;
}

/* The sooner of what the session wants and what the view wants. A view with a tick, and no wish of
 * its own, looks around once a second where nothing else is under way. */
int app_tick_ms(const struct app *app)
{
    enum { VIEW_TICK_MS = 1000 };
    const struct view *view = app->depth > 0 ? &app->stack[app->depth - 1] : NULL;
    int session = session_tick_ms(&app->session), own = -1;
    if (view && view->class->tick_ms)
        own = view->class->tick_ms(view->state);
    else if (view && view->class->tick)
        own = VIEW_TICK_MS;
    return session < 0 || (own >= 0 && own < session) ? own : session;
}

/* A job that is a scan is opened as its model, held as the job is; any other job is watched. */
int app_open(struct app *app, const char *target, struct error *err)
{
    char *model;
    switch (session_target(target)) {
    case TARGET_LIBRARY:
        return app->screens->open_library(app) ? 0 : error_set(err, "%s", app->message);
    case TARGET_JOB:
        if ((model = session_scanned_model(target, err))) {
            int status = session_open_scan(&app->session, model, err);
            free(model);
            if (status == 0 && !app->screens->open_model(app))
                status = error_set(err, "%s", app->message);
            return status;
        }
        if (session_watch(&app->session, target, err) != 0)
            return -1;
        return app->screens->open_watch(app) ? 0 : error_set(err, "%s", app->message);
    default:
        if (session_open(&app->session, target, err) != 0)
            return -1;
        return app->screens->open_model(app) ? 0 : error_set(err, "%s", app->message);
    }
}

void app_step_back(struct app *app, bool redo)
{
    struct plan *plan = app->session.plan;
    if (!(redo ? plan_redo(plan) : plan_undo(plan)))
        app_message(app, redo ? "nothing to do again" : "nothing to undo");
    else
        session_plan_changed(&app->session, true);
}

/* app->asked is how one asks twice: the first time it is set, and the next input, if it is the same
 * request, finds it (app_input() forgets it with any other). */
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

/* How many scores are missing, of those that the plan goes by, is said with the question. */
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

void app_ask(struct app *app, enum request request, const char *argument, const char *format, ...)
{
    struct question *question = &app->question;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(question->text, sizeof question->text, format, arguments);
    va_end(arguments);
    utf8_sanitize(question->text);
    question->request = request;
    snprintf(question->argument, sizeof question->argument, "%s", argument);
}

/* A pipe or a device is refused unless it is the screen's own script that writes: while it waits
 * for a reader the keys would be dead. */
int app_check_over(struct app *app, enum request request, const char *path, const char *what,
                   bool (*is_one)(const char *), bool own, struct error *err)
{
    if (!own && file_is_in_place(path)) /* keys are dead while a pipe waits for its reader */
        return error_set(err, "%.400s is not a file: the screen writes to files alone", path);
    if (!file_is_replaced(path))
        return 0;
    if (!is_one(path))
        return error_set(err, "%.400s is there and is not %s; take another name", path, what);
    if (own || app->agreed)
        return 0;
    app_ask(app, request, path, "%.400s is there, %s: write over it? (y/n)", path, what);
    return 1;
}
