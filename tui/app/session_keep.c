/* The plan is kept while it is made: in the state folder, by the model's content and the scores'
 * estimator, and put back when that is opened next.
 *
 *     open --the model's content is known--> looked: what was kept is put back, as a step of undo
 *     a change by hand --HOLD seconds--> written whole, or removed where it is the fresh plan again
 *
 * Whose plan was changed by hand before the content was known keeps that; what was kept is then set
 * aside beside it, as is what does not fit or cannot be read, and nothing is deleted. Of two
 * screens over one model the last writer wins. */
#include "tui/app/session_keep.h"

#include "base/clock.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/xdg.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"
#include "spectra/cache.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Seconds from the first change to its writing: a burst of keys is written once, and a kill loses
 * no more than that. */
static const double hold = 0.4;

static const char *const hexadecimal = "0123456789abcdef";

/* A published scan does not say what its model's content is: its own stands for it. */
static int hash_scan(const struct scan *scan, char out[HASH_TEXT_SIZE], struct error *err)
{
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    for (size_t i = 0; i < scan->count; i++) {
        hash_optional(hash, scan->rows[i].module);
        hash_update(hash, &scan->rows[i].snr, sizeof scan->rows[i].snr);
    }
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}

/* "<fingerprint>-<estimator>.json". Both may come from a file: what else is in them is no name. */
static int name_of(const struct session *session, const char *fingerprint, char *out, size_t size,
                   struct error *err)
{
    char content[HASH_TEXT_SIZE], estimator[sizeof session->scan->estimator];
    bool said =
        strspn(fingerprint, hexadecimal) == HASH_TEXT_SIZE - 1 && !fingerprint[HASH_TEXT_SIZE - 1];
    snprintf(estimator, sizeof estimator, "%s",
             session->scan->estimator[0] ? session->scan->estimator : "reference");
    for (char *at = estimator; *at; at++)
        if (!isalnum((unsigned char)*at))
            *at = '-';
    if (!said && hash_scan(session->scan, content, err) != 0)
        return -1;
    snprintf(out, size, "%s-%s.json", said ? fingerprint : content, estimator);
    return 0;
}

static int find_path(struct session *session, const char *fingerprint, struct error *err)
{
    char name[96];
    char *folder = xdg_state_path("plans", err);
    int status = folder ? name_of(session, fingerprint, name, sizeof name, err) : -1;
    if (status == 0)
        session->keep.path = path_join(folder, name, err);
    free(folder);
    return session->keep.path ? 0 : -1;
}

static void say_date(const struct stat *file, char *out, size_t size)
{
    struct tm tm;
    if (!localtime_r(&file->st_mtime, &tm) || !strftime(out, size, "%Y-%m-%d %H:%M", &tm))
        snprintf(out, size, "an unknown date");
}

static void restore(struct session *session, const char *date)
{
    struct plan_keep *keep = &session->keep;
    struct error err = ERROR_INIT;
    double percent;
    if (plan_read_kept(session->plan, keep->path, &err) != 0) {
        keep->aside = true;
        snprintf(keep->message, sizeof keep->message,
                 "the plan kept on %s is not taken, and stays: %.500s", date, err.text);
        return;
    }
    enum plan_scope scope;
    session->plan_read = !plan_selection(session->plan, &percent, &scope);
    session->scope = session->plan_read ? PLAN_BY_TYPE : scope;
    session_plan_changed(session, false);
    snprintf(keep->message, sizeof keep->message,
             "the plan of %s is back, as it was left here; u drops it for the fresh one", date);
}

/* What lies there from before, as soon as the content that it is called by is known. */
static void look(struct session *session, const char *fingerprint)
{
    struct plan_keep *keep = &session->keep;
    struct stat file;
    char date[32];
    keep->looked = true;
    if (find_path(session, fingerprint, NULL) != 0 || sys.stat(keep->path, &file) != 0)
        return;
    say_date(&file, date, sizeof date);
    if (!keep->touched) {
        restore(session, date);
        return;
    }
    keep->aside = true;
    snprintf(
        keep->message, sizeof keep->message,
        "a plan of %s was kept for this model; it is set aside as %.400s.aside, which :read takes",
        date, keep->path);
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

static int set_aside(struct plan_keep *keep, struct error *err)
{
    struct buffer aside = BUFFER_INIT;
    buffer_format(&aside, "%s.aside", keep->path);
    int status = buffer_check(&aside, err);
    if (status == 0 && sys.rename(keep->path, aside.data) != 0 && errno != ENOENT)
        status = error_set_errno(err, errno, "cannot set %s aside", keep->path);
    keep->aside = keep->aside && status != 0;
    buffer_free(&aside);
    return status;
}

static int save(struct session *session, struct error *err)
{
    struct plan_keep *keep = &session->keep;
    struct buffer text = BUFFER_INIT;
    char *folder = xdg_state_folder("plans", err);
    int status = folder ? 0 : -1;
    if (status == 0 && keep->aside)
        status = set_aside(keep, err);
    plan_put_kept(&text, session->plan, session->source);
    if (status == 0)
        status = buffer_check(&text, err);
    if (status == 0)
        status = file_save_private(keep->path, text.data, text.length, err);
    buffer_free(&text);
    free(folder);
    return status;
}

/* The scan's job tells the content soon after it began; where none could, it is read here. */
static int find_content(struct session *session, struct error *err)
{
    char fingerprint[HASH_TEXT_SIZE] = "";
    if (session->keep.path)
        return 0;
    if (session->model && spectra_fingerprint(session->model->checkpoint, fingerprint, err) != 0)
        return -1;
    const char *content = session->model ? fingerprint : session->scan->fingerprint;
    if (!session->keep.looked)
        look(session, content);
    return session->keep.path ? 0 : find_path(session, content, err);
}

bool session_keep_now(struct session *session)
{
    struct plan_keep *keep = &session->keep;
    struct error err = ERROR_INIT;
    if (!session->plan || keep->changed_at == 0)
        return session->plan && !keep->failed;
    keep->changed_at = 0;
    int status = find_content(session, &err);
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
