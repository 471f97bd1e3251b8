#include "tui/session/plan_keep.h"

#include "base/process.h"
#include "plan/plan_kept.h"
#include "spectra/cache.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Seconds from the first change to its writing: a burst of keys is written once, and a kill loses
 * no more than that. */
static const double hold = 0.4;

/* The open plan goes on under the first free name that is like `name`. */
static void take_free_name(struct plan_keep *keep, const char *name)
{
    char was[PLAN_NAME_SIZE];
    snprintf(was, sizeof was, "%s", name);
    plan_shelf_free_name(&keep->shelf, was, keep->name);
    keep->seen = (struct plan_version){.size = 0};
}

static int read_plan(struct plan *plan, const struct plan_shelf *shelf, const char *name,
                     struct error *err)
{
    char *path = plan_shelf_path(shelf, name, err);
    int status = path ? plan_read_kept(plan, path, err) : -1;
    free(path);
    return status;
}

/* What lies there from before, as soon as the content that it is called by is known. One that does
 * not fit what is open, or cannot be read, stays where it lies, and so does one that comes too late,
 * when this plan was changed already: the session's own will go beside it. */
static void look(struct session *session, const char *fingerprint)
{
    struct plan_keep *keep = &session->keep;
    struct error err = ERROR_INIT;
    char name[PLAN_NAME_SIZE], date[32];
    struct tm tm;
    keep->looked = true;
    if (plan_shelf_open(&keep->shelf, session->scan, fingerprint, NULL) != 0)
        return;
    plan_shelf_last(&keep->shelf, name);
    struct plan_version there = plan_shelf_look(&keep->shelf, name);
    snprintf(keep->name, sizeof keep->name, "%s", name);
    if (!plan_version_is_there(&there))
        return;
    if (!localtime_r(&there.changed.tv_sec, &tm) ||
        !strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm))
        snprintf(date, sizeof date, "an unknown date");
    if (keep->touched) {
        take_free_name(keep, name);
        snprintf(keep->message, sizeof keep->message,
                 "the plan \"%s\" of %s was kept for this model, and stays: what was chosen here "
                 "goes on as \"%s\" (P lists them)",
                 name, date, keep->name);
    } else if (read_plan(session->plan, &keep->shelf, name, &err) != 0) {
        take_free_name(keep, name);
        snprintf(keep->message, sizeof keep->message,
                 "the plan kept on %s is not taken, and stays: %.500s", date, err.text);
    } else {
        keep->seen = there;
        session_plan_changed(session, false);
        snprintf(
            keep->message, sizeof keep->message,
            "the plan of %s is back, as it was left here; u undoes its last step, Y lists them",
            date);
    }
}

void session_keep_open(struct session *session)
{
    char fingerprint[HASH_TEXT_SIZE];
    snprintf(session->keep.name, sizeof session->keep.name, "%s", PLAN_FIRST_NAME);
    if (!session->model)
        look(session, session->scan->fingerprint);
    else if (spectra_fingerprint_known(session->model->checkpoint, fingerprint))
        look(session, fingerprint);
}

/* The scan's job tells the content soon after it began; where none could, it is read here. */
static int find_shelf(struct session *session, struct error *err)
{
    char fingerprint[HASH_TEXT_SIZE] = "";
    if (session->keep.shelf.folder)
        return 0;
    if (session->model && spectra_fingerprint(session->model->checkpoint, fingerprint, err) != 0)
        return -1;
    const char *content = session->model ? fingerprint : session->scan->fingerprint;
    if (!session->keep.looked)
        look(session, content);
    return session->keep.shelf.folder
               ? 0
               : plan_shelf_open(&session->keep.shelf, session->scan, content, err);
}

/* Writes the plan; where another screen has written it meanwhile, under another name. */
static int save(struct session *session, struct error *err)
{
    struct plan_keep *keep = &session->keep;
    struct buffer text = BUFFER_INIT;
    plan_put_kept(&text, session->plan, session->source);
    int status = buffer_check(&text, err);
    if (status == 0)
        status =
            plan_shelf_save(&keep->shelf, keep->name, text.data, text.length, &keep->seen, err);
    if (status == PLAN_SHELF_OTHER) {
        char was[PLAN_NAME_SIZE];
        snprintf(was, sizeof was, "%s", keep->name);
        take_free_name(keep, was);
        status =
            plan_shelf_save(&keep->shelf, keep->name, text.data, text.length, &keep->seen, err);
        if (status == PLAN_SHELF_OTHER)
            status = error_set(err, "another screen takes each name first");
        if (status == 0)
            snprintf(
                keep->message, sizeof keep->message,
                "another screen has changed the plan \"%s\", which stays as that left it: this "
                "one goes on as \"%s\" (P lists them)",
                was, keep->name);
    }
    /* which was open last is a comfort, not the plan: without it the first one opens */
    if (status == 0)
        plan_shelf_set_last(&keep->shelf, keep->name, NULL);
    buffer_free(&text);
    return status;
}

/* Written now rather than at the end of `hold`: before the plan is closed, and before one that
 * would be lost is given up. That it cannot be kept is said once a session; the plan is then asked
 * about before it is thrown away, as nothing else has it (app_gives_up_plan()). */
bool session_keep_now(struct session *session)
{
    struct plan_keep *keep = &session->keep;
    struct error err = ERROR_INIT;
    if (!session->plan || keep->changed_at == 0)
        return session->plan && !keep->failed;
    keep->changed_at = 0; /* whatever comes of it: it is tried again with the next change */
    int status = find_shelf(session, &err);
    if (status == 0)
        status = save(session, &err);
    if (status != 0 && !keep->told)
        snprintf(keep->message, sizeof keep->message,
                 "plans are not kept between openings, save this one with w: %.500s", err.text);
    keep->told |= status != 0;
    keep->failed = status != 0;
    return status == 0;
}

bool session_keep_tick(struct session *session)
{
    struct plan_keep *keep = &session->keep;
    if (!session->plan)
        return false;
    if (!keep->looked && session->scan->fingerprint[0])
        look(session, session->scan->fingerprint);
    if (keep->changed_at != 0 && clock_seconds() - keep->changed_at >= hold)
        session_keep_now(session);
    return keep->message[0] != '\0';
}

int session_keep_ms(const struct session *session)
{
    double left = session->keep.changed_at + hold - clock_seconds();
    return session->keep.changed_at == 0 ? -1 : left > 0 ? (int)ceil(left * 1000) : 0;
}

void session_keep_close(struct session *session)
{
    bool told = session->keep.told;
    session_keep_now(session);
    plan_shelf_close(&session->keep.shelf);
    session->keep = (struct plan_keep){.told = told};
}

/* --- another plan, another name --- */

/* Puts a plan in the open one's place. */
static void take_plan(struct session *session, struct plan *plan, const char *name,
                      struct plan_version seen)
{
    struct plan_keep *keep = &session->keep;
    plan_free(session->plan);
    session->plan = plan;
    session->plan_changed = keep->touched = keep->failed = false;
    session->plan_path[0] = '\0';
    keep->changed_at = 0;
    keep->seen = seen;
    snprintf(keep->name, sizeof keep->name, "%s", name);
    session_plan_changed(session, false);
}

/* A change that cannot be kept would be lost with the switch. */
int session_keep_switch(struct session *session, const char *name, struct error *err)
{
    struct plan_keep *keep = &session->keep;
    struct plan *plan = NULL;
    if (find_shelf(session, err) != 0 || plan_name_check(name, err) != 0)
        return -1;
    if (!session_keep_now(session) && session->plan_changed)
        return error_set(err, "the open plan is not kept, and would be lost: w saves it first");
    struct plan_version there = plan_shelf_look(&keep->shelf, name);
    if (session_fresh_plan(session, &plan, err) != 0)
        return -1;
    if (plan_version_is_there(&there) && read_plan(plan, &keep->shelf, name, err) != 0) {
        plan_free(plan);
        return -1;
    }
    take_plan(session, plan, name, there);
    plan_shelf_set_last(&keep->shelf, name, NULL);
    return 0;
}

static int add_plan(struct session *session, const struct plan *plan, const char *name,
                    struct error *err)
{
    struct buffer text = BUFFER_INIT;
    plan_put_kept(&text, plan, session->source);
    int status = buffer_check(&text, err);
    if (status == 0)
        status = plan_shelf_add(&session->keep.shelf, name, text.data, text.length, err);
    buffer_free(&text);
    return status;
}

int session_keep_add(struct session *session, const char *name, struct error *err)
{
    struct plan *plan = NULL;
    if (find_shelf(session, err) != 0 || session_fresh_plan(session, &plan, err) != 0)
        return -1;
    int status = add_plan(session, plan, name, err);
    plan_free(plan);
    return status;
}

/* The open one as it is on the screen, whatever lies in its file. */
int session_keep_copy(struct session *session, const char *from, const char *name,
                      struct error *err)
{
    if (find_shelf(session, err) != 0)
        return -1;
    return strcmp(from, session->keep.name) == 0
               ? add_plan(session, session->plan, name, err)
               : plan_shelf_copy(&session->keep.shelf, from, name, err);
}

/* One that nothing was written of yet is written under its new name, and so is one whose file is
 * another screen's by now. */
int session_keep_rename(struct session *session, const char *name, struct error *err)
{
    struct plan_keep *keep = &session->keep;
    if (find_shelf(session, err) != 0)
        return -1;
    session_keep_now(session);
    struct plan_version there = plan_shelf_look(&keep->shelf, keep->name);
    bool own = plan_version_is_there(&there) && plan_version_is(&there, &keep->seen);
    if ((own ? plan_shelf_rename(&keep->shelf, keep->name, name, err)
             : add_plan(session, session->plan, name, err)) != 0)
        return -1;
    snprintf(keep->name, sizeof keep->name, "%s", name);
    keep->seen = plan_shelf_look(&keep->shelf, name);
    plan_shelf_set_last(&keep->shelf, name, NULL);
    return 0;
}

int session_keep_forget(struct session *session, struct error *err)
{
    struct plan *plan = NULL;
    char name[PLAN_NAME_SIZE];
    snprintf(name, sizeof name, "%s", session->keep.name);
    if (session_fresh_plan(session, &plan, err) != 0)
        return -1;
    take_plan(session, plan, name, (struct plan_version){.size = 0});
    return 0;
}
