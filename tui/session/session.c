#include "tui/session/session.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/xdg.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"
#include "spectra/cache.h"
#include "tui/session/form_plan.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void session_init(struct session *session)
{
    *session = (struct session){.device = "auto"};
    settings_init(&session->settings);
}

/* What a run with these settings would take of memory and disk, as the dry run would say it: by the
 * session's plan, and by the one that the form's fields name, where they do. Of a scan file alone
 * that is not known: shapes of what is not scanned are missing. */
void session_cost_changed(struct session *session)
{
    struct training_request request;
    struct training_estimate *cost = &session->cost, *form = &session->form_cost;
    struct form_plan own;
    struct error err = ERROR_INIT;
    if (!session->plan)
        return;
    const struct model *model = plan_model(session->plan);
    *cost = *form = (struct training_estimate){.why = "only a scan is open, not the model"};
    if (!model)
        return;
    settings_request(&session->settings, &request);
    training_estimate(cost, &request, model, session->plan);
    *form = *cost;
    if (form_plan_make(&own, &session->settings, &request, session->scan, model, &err) != 0) {
        *form = (struct training_estimate){.known = false};
        snprintf(form->why, sizeof form->why, "%s", err.text);
    } else if (own.plan) {
        training_estimate(form, &request, model, own.plan);
    }
    form_plan_free(&own);
    training_request_free(&request);
}

void session_form_changed(struct session *session)
{
    form_keep_changed(&session->form);
    session_cost_changed(session);
}

void session_plan_changed(struct session *session, bool by_hand)
{
    plan_refresh(session->plan);
    session->plan_changed = session->plan_changed || by_hand;
    if (by_hand) { /* session_keep_tick() writes it soon */
        session->keep.touched = true;
        if (session->keep.changed_at == 0)
            session->keep.changed_at = clock_seconds();
    }
    session_cost_changed(session);
}

size_t session_scores_missing(const struct session *session)
{
    size_t missing = 0;
    for (size_t i = 0; i < session->scan->count; i++)
        missing += !session->scan->rows[i].known;
    return missing;
}

/* Of none and of all per cent, the scores decide nothing. */
size_t session_scores_lacked(const struct session *session)
{
    double percent = plan_percent(session->plan);
    return !session->plan_read && percent > 0 && percent < 100 ? session_scores_missing(session)
                                                               : 0;
}

/* Of a model every file of it, shards and all; of a scan file that file. */
int session_check_output(const struct session *session, const char *path, struct error *err)
{
    return session->model  ? checkpoint_check_output(session->model->checkpoint, path, err)
           : session->scan ? file_check_apart(path, session->source, "the scan", err)
                           : 0;
}

/* A YAML plan is read by people and other trainers, so it says so itself where it is not final. */
void session_put_plan(const struct session *session, enum plan_format format, struct buffer *out)
{
    size_t missing = session_scores_lacked(session);
    if (format == PLAN_YAML && missing > 0)
        buffer_format(out, "# provisional: %zu of %zu matrices had no score yet\n", missing,
                      session->scan->count);
    plan_put(out, session->plan, format, session->source);
}

const char *session_title(const struct session *session)
{
    const char *slash = session->run ? strrchr(session->run->path, '/') : NULL;
    if (session->title)
        return session->title;
    return slash && slash[1] ? slash + 1 : session->run ? session->run->path : "";
}

/* --- the plan that is kept (session.h says when) --- */

/* Seconds from the first change to its writing: a burst of keys is written once, and a kill loses
 * no more than that. */
static const double hold = 0.4;

/* Finds the kept plan's file: "<state folder>/plans/<fingerprint>-<estimator>.json". Both may come
 * from a file: what else is in them could not be a file's name. A published scan does not say what
 * its model's content is; a hash of its own modules and scores stands for it. */
static int find_path(struct session *session, const char *fingerprint, struct error *err)
{
    const struct scan *scan = session->scan;
    char name[96], content[HASH_TEXT_SIZE], estimator[sizeof scan->estimator];
    bool said = strspn(fingerprint, "0123456789abcdef") == HASH_TEXT_SIZE - 1 &&
                !fingerprint[HASH_TEXT_SIZE - 1];
    struct hash *hash = said ? NULL : hash_new(err);
    if (!said && !hash)
        return -1;
    for (size_t i = 0; hash && i < scan->count; i++) {
        hash_optional(hash, scan->rows[i].module);
        hash_update(hash, &scan->rows[i].snr, sizeof scan->rows[i].snr);
    }
    if (hash) {
        hash_text(hash, content);
        hash_free(hash);
    }
    snprintf(estimator, sizeof estimator, "%s", scan->estimator[0] ? scan->estimator : "reference");
    for (char *at = estimator; *at; at++)
        if (!isalnum((unsigned char)*at))
            *at = '-';
    snprintf(name, sizeof name, "%s-%s.json", said ? fingerprint : content, estimator);
    char *folder = xdg_state_path("plans", err);
    if (folder)
        session->keep.path = path_join(folder, name, err);
    free(folder);
    return session->keep.path ? 0 : -1;
}

/* What lies there from before, as soon as the content that it is called by is known. It is put back
 * as one step of undo: u brings the fresh plan. One that does not fit what is open, or cannot be
 * read, stays where it lies, and so does one that comes too late, when this plan was changed
 * already: the session's own will go beside it. */
static void look(struct session *session, const char *fingerprint)
{
    struct plan_keep *keep = &session->keep;
    struct error err = ERROR_INIT;
    enum plan_scope scope;
    struct stat file;
    struct tm tm;
    double percent;
    char date[32];
    keep->looked = true;
    if (find_path(session, fingerprint, NULL) != 0 || sys.stat(keep->path, &file) != 0)
        return;
    if (!localtime_r(&file.st_mtime, &tm) || !strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm))
        snprintf(date, sizeof date, "an unknown date");
    if (keep->touched) {
        keep->aside = true;
        snprintf(keep->message, sizeof keep->message,
                 "a plan of %s was kept for this model; it is set aside as %.400s.aside, which "
                 ":read takes",
                 date, keep->path);
        return;
    }
    if (plan_read_kept(session->plan, keep->path, &err) != 0) {
        keep->aside = true;
        snprintf(keep->message, sizeof keep->message,
                 "the plan kept on %s is not taken, and stays: %.500s", date, err.text);
        return;
    }
    session->plan_read = !plan_selection(session->plan, &percent, &scope);
    session->scope = session->plan_read ? PLAN_BY_TYPE : scope;
    session_plan_changed(session, false);
    snprintf(keep->message, sizeof keep->message,
             "the plan of %s is back, as it was left here; u drops it for the fresh one", date);
}

void session_keep_open(struct session *session)
{
    char fingerprint[HASH_TEXT_SIZE];
    if (!session->model)
        look(session, session->scan->fingerprint);
    else if (spectra_fingerprint_known(session->model->checkpoint, fingerprint))
        look(session, fingerprint);
}

/* Does it train what a plan would that nobody has touched? While scores are missing, a choice by
 * hand is never that. */
static bool is_fresh(const struct session *session)
{
    double percent;
    enum plan_scope scope;
    struct plan *fresh = NULL;
    struct buffer now = BUFFER_INIT, then = BUFFER_INIT;
    bool selected = plan_selection(session->plan, &percent, &scope), same = false;
    if (selected ? percent == PLAN_FIRST_PERCENT && scope == PLAN_BY_TYPE
                 : session_scores_missing(session) == 0)
        same = plan_new(&fresh, session->scan, session->model, NULL) == 0 &&
               plan_select(fresh, PLAN_FIRST_PERCENT, PLAN_BY_TYPE, NULL) == 0;
    if (same) {
        plan_put(&now, session->plan, PLAN_JSON, "");
        plan_put(&then, fresh, PLAN_JSON, "");
        same =
            !now.failed && !then.failed && strcmp(buffer_string(&now), buffer_string(&then)) == 0;
    }
    buffer_free(&now);
    buffer_free(&then);
    plan_free(fresh);
    return same;
}

/* Writes the plan whole, for its user's eyes alone. What lies in its place and is not its own goes
 * beside it first, so whatever happens to the second step, the first plan is still there. */
static int save(struct session *session, struct error *err)
{
    struct plan_keep *keep = &session->keep;
    struct buffer text = BUFFER_INIT, aside = BUFFER_INIT;
    int status = -1;
    char *folder = xdg_state_folder("plans", err);
    if (!folder)
        return -1;
    if (keep->aside) {
        buffer_format(&aside, "%s.aside", keep->path);
        if (buffer_check(&aside, err) != 0)
            goto out;
        if (sys.rename(keep->path, aside.data) != 0 && errno != ENOENT) {
            error_set_errno(err, errno, "cannot set %s aside", keep->path);
            goto out;
        }
        keep->aside = false;
    }
    plan_put_kept(&text, session->plan, session->source);
    if (buffer_check(&text, err) != 0)
        goto out;
    status = file_save_private(keep->path, text.data, text.length, err);
out:
    buffer_free(&aside);
    buffer_free(&text);
    free(folder);
    return status;
}

/* Written now rather than at the end of `hold`: before the plan is closed, and before one that
 * would be lost is given up. That it cannot be kept is said once a session; the plan is then asked
 * about before it is thrown away, as nothing else has it (app_gives_up_plan()). */
bool session_keep_now(struct session *session)
{
    struct plan_keep *keep = &session->keep;
    struct error err = ERROR_INIT;
    int status = 0;
    if (!session->plan || keep->changed_at == 0)
        return session->plan && !keep->failed;
    keep->changed_at = 0; /* whatever comes of it: it is tried again with the next change */
    if (!keep->path) {
        /* The scan's job tells the content soon after it began; where none could, it is read here.
         */
        char fingerprint[HASH_TEXT_SIZE] = "";
        if (session->model)
            status = spectra_fingerprint(session->model->checkpoint, fingerprint, &err);
        const char *content = session->model ? fingerprint : session->scan->fingerprint;
        if (status == 0 && !keep->looked)
            look(session, content);
        if (status == 0 && !keep->path)
            status = find_path(session, content, &err);
    }
    /* of a plan that is the fresh one again nothing is kept */
    if (status == 0 && !is_fresh(session))
        status = save(session, &err);
    else if (status == 0 && !keep->aside && sys.unlink(keep->path) != 0 && errno != ENOENT)
        status = error_set_errno(&err, errno, "cannot remove %s", keep->path);
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
    free(session->keep.path);
    session->keep = (struct plan_keep){.told = told};
}
