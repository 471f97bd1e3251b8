/* A training job, live: what it does, and asking it to pause, save or stop. */
#include "base/memory.h"
#include "job/launch.h"
#include "job/requests.h"
#include "job/trust.h"
#include "tui/screen/screens.h"
#include "tui/screen/watch_draw.h"

#include <stdlib.h>
#include <string.h>

static void ask(struct app *app, enum job_request request, const char *said)
{
    struct error err = ERROR_INIT;
    struct job_follow *run = app->session.run;
    if (!job_follow_lives(run))
        app_message(app, "the job is not running: r resumes it from its last checkpoint");
    else if (job_request_put(run->path, request, NULL, &err) != 0)
        app_error(app, &err);
    else
        app_message(app, "%s", said);
    job_follow_refresh(run);
}

static void pause_or_go_on(struct app *app)
{
    if (job_follow_pauses(app->session.run))
        ask(app, JOB_REQUEST_RESUME, "it goes on");
    else
        ask(app, JOB_REQUEST_PAUSE, "it pauses after this step");
}

static void stop(struct app *app, struct watch_view *view)
{
    if (view->stop_asked)
        ask(app, JOB_REQUEST_STOP, "it stops after this step, with a checkpoint");
    else
        app_message(app, "stop the job? the same key again stops it, after a checkpoint");
    view->stop_asked = !view->stop_asked;
}

/* Is the job to be trusted first? Then what it reads is shown, and the same key again says yes. */
static bool must_ask(struct app *app, struct watch_view *view)
{
    struct job_trust trust;
    struct job_follow *run = app->session.run;
    struct buffer text = BUFFER_INIT;
    if (view->trust_asked[0] || !run->job || job_trust_look(&trust, run->path, run->job, NULL) != 0)
        return false;
    bool asks = trust.asks;
    job_trust_put(&text, &trust);
    if (asks) {
        memcpy(view->trust_asked, trust.key, sizeof trust.key);
        app_message(app, "resume it? the same key again does; it %s", buffer_string(&text));
    }
    buffer_free(&text);
    job_trust_free(&trust);
    return asks;
}

static void resume(struct app *app, struct watch_view *view)
{
    struct error err = ERROR_INIT;
    struct job_follow *run = app->session.run;
    if (job_follow_pauses(run)) {
        ask(app, JOB_REQUEST_RESUME, "it goes on");
    } else if (job_follow_lives(run)) {
        app_message(app, "it runs");
    } else if (must_ask(app, view)) {
        return;
    } else if (job_relaunch(run->path, "/proc/self/exe", 0,
                            view->trust_asked[0] ? view->trust_asked : NULL, &err) != 0) {
        app_error(app, &err);
    } else {
        app_message(app, "it goes on from its last checkpoint");
    }
    view->trust_asked[0] = '\0';
    job_follow_refresh(run);
}

static bool watch_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct watch_view *view = state;
    (void)argument;
    bool stop_asked = view->stop_asked && request == REQUEST_STOP;
    view->stop_asked = stop_asked;
    if (request != REQUEST_RESUME)
        view->trust_asked[0] = '\0';
    switch (request) {
    case REQUEST_PAUSE:
        pause_or_go_on(app);
        return true;
    case REQUEST_CHECKPOINT:
        ask(app, JOB_REQUEST_CHECKPOINT, "a checkpoint comes after this step");
        return true;
    case REQUEST_STOP:
        stop(app, view);
        return true;
    case REQUEST_RESUME:
        resume(app, view);
        return true;
    case REQUEST_LOGARITHM:
        view->logarithmic = !view->logarithmic;
        return true;
    default:
        return false;
    }
}

static const struct view_class watch_class = {
    .name = "job",
    .scope = SCOPE_WATCH,
    .close = free,
    .draw = watch_draw,
    .request = watch_request,
};

bool screen_open_watch(struct app *app)
{
    if (!app->session.run) {
        app_message(app, "no job was started or opened here: t starts one");
        return false;
    }
    return app_push(app, &watch_class, array_alloc(1, sizeof(struct watch_view), NULL));
}
