#include "tui/screen/library_steer.h"

#include "base/memory.h"
#include "base/text.h"
#include "job/job_delete.h"
#include "tui/session/steer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which --- */

/* Rows of jobs: all that are marked, else the one under the cursor; 0: that is none, or a model. The
 * caller frees the list. */
static size_t *chosen(const struct library *library, size_t row, size_t *count, struct error *err)
{
    size_t *rows = array_alloc(library->count + 1, sizeof *rows, err);
    *count = 0;
    for (size_t i = 0; rows && i < library->count; i++)
        if (library->rows[i].marked && library->rows[i].kind == LIBRARY_JOB)
            rows[(*count)++] = i;
    if (rows && *count == 0 && row < library->count && library->rows[row].kind == LIBRARY_JOB)
        rows[(*count)++] = row;
    return rows;
}

static void unmark(struct library *library)
{
    for (size_t i = 0; i < library->count; i++)
        library->rows[i].marked = false;
}

/* --- steering --- */

/* What became of several: how many, and the first that could not be. */
struct outcome {
    size_t done, failed;
    char said[ERROR_TEXT_MAX];
    struct error err;
};

static enum steering steering_of(enum request request, const struct job_follow *job)
{
    switch (request) {
    case REQUEST_CHECKPOINT:
        return STEER_CHECKPOINT;
    case REQUEST_STOP:
        return STEER_STOP;
    case REQUEST_RESUME:
        return STEER_RESUME;
    default:
        return steer_pause_key(job);
    }
}

/* Does what it would read have to be shown first? Then it is, and the same key again says yes; of
 * several at once each has to be asked about in its own row. */
static bool must_ask(struct app *app, struct job_follow *job, enum steering what, bool alone,
                     struct library_asked *asked, struct error *err)
{
    char key[DIGEST_TEXT_SIZE];
    struct buffer text = BUFFER_INIT;
    bool again = app->asked == REQUEST_RESUME && strcmp(asked->path, job->path) == 0;
    bool asks = what == STEER_RESUME && !job_follow_lives(job) &&
                steer_check(job, what, NULL, NULL) == 0 && steer_trust(job, key, &text) &&
                !(again && strcmp(asked->key, key) == 0);
    if (asks && alone) {
        app->asked = REQUEST_RESUME;
        memcpy(asked->key, key, sizeof key);
        snprintf(asked->path, sizeof asked->path, "%s", job->path);
        app_message(app, "resume it? the same key again does; it %s", buffer_string(&text));
    } else if (asks) {
        error_set(err, "it asks first what it may read: resume it from its own row");
    }
    buffer_free(&text);
    return asks;
}

/* One of them. 1: it was asked about; the message says so. */
static int steer_row(struct app *app, struct library *library, size_t row, enum request request,
                     bool alone, struct library_asked *asked, struct outcome *outcome)
{
    struct job_follow *job;
    struct error err = ERROR_INIT;
    const char *path = library->rows[row].path;
    int status = job_follow_open_end(&job, path, &err);
    if (status == 0) {
        enum steering what = steering_of(request, job);
        bool asks = must_ask(app, job, what, alone, asked, &err);
        struct steer_how how = {.trusted = strcmp(asked->path, path) == 0 ? asked->key : NULL};
        status = asks ? 1 : steer(job, what, &how, outcome->said, sizeof outcome->said, &err);
        job_follow_close(job);
    }
    library_forget(library, row);
    if (status == 1 && alone)
        return 1;
    outcome->done += status == 0;
    if (status != 0 && outcome->failed++ == 0) {
        outcome->err = err;
        if (!alone)
            error_prefix(&outcome->err, "%s", library->rows[row].title);
    }
    return 0;
}

/* One that needs a look first ends it there: the question is about that job. Several failures are
 * counted, and the last is said. */
static void steer_all(struct app *app, struct library *library, const size_t *rows, size_t count,
                      enum request request, struct library_asked *asked)
{
    struct outcome outcome = {.err = ERROR_INIT};
    for (size_t i = 0; i < count; i++)
        if (steer_row(app, library, rows[i], request, count == 1, asked, &outcome) == 1)
            return;
    asked->key[0] = asked->path[0] = '\0';
    if (outcome.failed && count > 1)
        app_message(app, "%zu of %zu could not be: %s", outcome.failed, count, outcome.err.text);
    else if (outcome.failed)
        app_error(app, &outcome.err);
    else if (count > 1)
        app_message(app, "%zu jobs were asked: %s", count, outcome.said);
    else
        app_message(app, "%s", outcome.said);
    if (!outcome.failed)
        unmark(library);
}

/* Asked twice. Of one its kind says what is kept. */
static bool asks_to_stop(struct app *app, const struct library *library, const size_t *rows,
                         size_t count)
{
    struct job_follow *job;
    struct error err = ERROR_INIT;
    char question[ERROR_TEXT_MAX] = "";
    if (app->asked == REQUEST_STOP)
        return false;
    if (count == 1 && job_follow_open_end(&job, library->rows[rows[0]].path, NULL) == 0) {
        bool can = steer_check(job, STEER_STOP, NULL, &err) == 0;
        steer_question(job, STEER_STOP, question, sizeof question);
        job_follow_close(job);
        if (!can) {
            app_error(app, &err);
            return true;
        }
    }
    app->asked = REQUEST_STOP;
    if (count == 1)
        app_message(app, "%s", question);
    else
        app_message(app, "stop %zu jobs? the same key again does; each keeps what it has", count);
    return true;
}

/* --- deleting --- */

/* How much would go, of all of them; the first that may not be deleted stops it. */
static int look_at(const struct library *library, const size_t *rows, size_t count, size_t *files,
                   uint64_t *bytes, struct error *err)
{
    int status = 0;
    *files = 0;
    *bytes = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        struct job_deletion deletion;
        status = job_delete_look(&deletion, library->rows[rows[i]].path, err);
        *files += deletion.files;
        *bytes += deletion.bytes;
        job_deletion_free(&deletion);
    }
    return status;
}

/* Asked with y, after what goes is said; with it each is looked at again. */
static void delete_all(struct app *app, struct library *library, const size_t *rows, size_t count)
{
    struct error err = ERROR_INIT;
    size_t files, deleted = 0;
    uint64_t bytes;
    char size[32], what[ERROR_TEXT_MAX];
    if (look_at(library, rows, count, &files, &bytes, &err) != 0) {
        app_error(app, &err);
        return;
    }
    bytes_put((double)bytes, size, sizeof size);
    if (count == 1)
        snprintf(what, sizeof what, "%s", library->rows[rows[0]].path);
    else
        snprintf(what, sizeof what, "%zu jobs", count);
    if (!app->agreed) {
        app_ask(app, REQUEST_DELETE, "", "delete %.300s, %zu files of spectrum's, %s? (y/n)", what,
                files, size);
        return;
    }
    while (deleted < count && job_delete(library->rows[rows[deleted]].path, &err) == 0)
        deleted++;
    if (deleted < count)
        app_error(app, &err);
    else
        app_message(app, "deleted %s", what);
    if (deleted == count)
        unmark(library);
}

/* --- which of them --- */

/* The marked jobs, or the one under the cursor. */
bool library_steer(struct app *app, struct library *library, size_t row,
                   struct library_asked *asked, enum request request)
{
    struct error err = ERROR_INIT;
    size_t count;
    if (request != REQUEST_PAUSE && request != REQUEST_CHECKPOINT && request != REQUEST_STOP &&
        request != REQUEST_RESUME && request != REQUEST_DELETE)
        return false;
    size_t *rows = chosen(library, row, &count, &err);
    if (!rows)
        app_error(app, &err);
    else if (count == 0)
        app_message(app, request == REQUEST_DELETE
                             ? "only jobs are deleted here: models and scan files are your own"
                             : "that is not a job: mark one, or move to it");
    else if (request == REQUEST_DELETE)
        delete_all(app, library, rows, count);
    else if (request != REQUEST_STOP || !asks_to_stop(app, library, rows, count))
        steer_all(app, library, rows, count, request, asked);
    free(rows);
    return true;
}
