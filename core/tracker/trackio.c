/* trackio's database, $TRACKIO_DIR/PROJECT.db: SQLite, in WAL mode (database.h).
 *
 *     metrics(id, ..., timestamp, run_id, run_name, step, metrics)    metrics: JSON, as TEXT or BLOB
 *
 * A project has many runs: one is followed, which was chosen, or the one that wrote last. Names need
 * not differ, so newer versions have a run_id, too. */
#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "tracker/database.h"
#include "tracker/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROWS = 5000,           /* of one look, */
    ROWS_BYTES = 32 << 20, /* and bytes of them, roughly */
    RUNS = 1000,           /* that are listed */
    TRIES = 25             /* looks in a row at what cannot be opened, before that is an error */
};
static const double look_seconds = 6, list_seconds = 0.6;
static const char what[] = "trackio's database";

struct project {
    struct database_seen seen; /* at the last look that read all there was */
    struct database database;  /* open while a look lasts */
    bool unread;               /* that look was not the last one */
    bool to_end;               /* what comes before the run's last row is passed over */
    int64_t last;              /* id of the last row that was taken */
    int failed;                /* looks since the last good one */

    /* Rows of a look, which count when it is known that the file held still. */
    struct row {
        int64_t id, step; /* -1: trackio did not count one */
        size_t at, length;
    } rows[ROWS];
    size_t count;
    struct buffer texts;
    double written; /* of the last one; 0: not known */
};

bool trackio_is(const char *name, const char *head, size_t length)
{
    static const char begins[] = "SQLite format 3";
    return text_ends_with(name, ".db") && length >= sizeof begins &&
           memcmp(head, begins, sizeof begins) == 0;
}

/* --- its tables --- */

static int prepare(sqlite3 *db, sqlite3_stmt **out, const char *text)
{
    return sqlite3_prepare_v2(db, text, -1, out, NULL);
}

/* Is there such a row? SQLITE_ROW, SQLITE_DONE where there is none, or why that is not known. */
static int ask(sqlite3 *db, const char *text)
{
    sqlite3_stmt *statement = NULL;
    int status = prepare(db, &statement, text);
    if (status == SQLITE_OK)
        status = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return status;
}

/* A view of that name would be a program. SQLITE_DONE: there is no such table. */
static int find_table(sqlite3 *db)
{
    int status =
        ask(db, "SELECT 1 FROM sqlite_schema WHERE name = 'metrics' AND type = 'table' AND "
                "sql LIKE 'CREATE TABLE %'");
    return status == SQLITE_ROW ? SQLITE_OK : status;
}

static bool has_ids(sqlite3 *db)
{
    int status = ask(db, "SELECT run_id FROM metrics LIMIT 0");
    return status == SQLITE_ROW || status == SQLITE_DONE;
}

/* "2026-11-28T20:31:43.533458+00:00", to the second; 0: it is none. */
static double read_time(const char *text)
{
    struct tm at = {0};
    int used = 0, hours = 0, minutes = 0;
    char sign = '+';
    if (!text || sscanf(text, "%4d-%2d-%2d%*[T ]%2d:%2d:%2d%n", &at.tm_year, &at.tm_mon,
                        &at.tm_mday, &at.tm_hour, &at.tm_min, &at.tm_sec, &used) != 6)
        return 0;
    const char *zone = text + used + strcspn(text + used, "+-Z");
    if (*zone && *zone != 'Z' && sscanf(zone, "%c%2d:%2d", &sign, &hours, &minutes) != 3)
        return 0;
    at.tm_year -= 1900;
    at.tm_mon -= 1;
    double ahead = 60.0 * (60 * hours + minutes);
    return (double)timegm(&at) - (sign == '-' ? -ahead : ahead);
}

/* A column's text, newly allocated; NULL: there is none, or no memory for it. */
static char *column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? string_copy(text, NULL) : NULL;
}

/* --- which runs --- */

/* A row's other columns are those of the largest id, as SQLite has it with MAX(). */
static int list_runs(sqlite3 *db, struct tracker_runs *out)
{
    static const char *const by[] = {
        "SELECT run_name, NULL, timestamp, MAX(id) FROM metrics WHERE run_name IS NOT NULL "
        "GROUP BY run_name ORDER BY 4 DESC LIMIT ?1",
        "SELECT run_name, run_id, timestamp, MAX(id) FROM metrics WHERE run_name IS NOT NULL "
        "GROUP BY run_name, run_id ORDER BY 4 DESC LIMIT ?1"};
    sqlite3_stmt *runs = NULL;
    int status = prepare(db, &runs, by[has_ids(db)]);
    if (status == SQLITE_OK)
        status = sqlite3_bind_int(runs, 1, RUNS);
    while ((status == SQLITE_OK || status == SQLITE_ROW) &&
           (status = sqlite3_step(runs)) == SQLITE_ROW) {
        struct tracker_log_run *run;
        char *name = column_text(runs, 0);
        if (!name || array_reserve((void **)&out->list, &out->capacity, out->count + 1,
                                   sizeof *out->list, NULL) != 0) {
            free(name);
            status = SQLITE_NOMEM;
            break;
        }
        run = &out->list[out->count++];
        *run = (struct tracker_log_run){name, column_text(runs, 1),
                                        read_time((const char *)sqlite3_column_text(runs, 2))};
    }
    sqlite3_finalize(runs);
    return status;
}

static void forget_runs(struct tracker_runs *out)
{
    for (size_t i = 0; i < out->count; i++) {
        free(out->list[i].name);
        free(out->list[i].id);
    }
    out->count = 0;
}

/* SQLITE_DONE: all are in *out, or it has none; SQLITE_ERROR: it is another's. */
static int look_for_runs(const char *path, struct tracker_runs *out)
{
    struct database database;
    int status = database_open(&database, path, list_seconds);
    forget_runs(out);
    if (status == SQLITE_OK && (status = find_table(database.db)) == SQLITE_DONE)
        status = SQLITE_ERROR;
    if (status == SQLITE_OK)
        status = list_runs(database.db, out);
    if (status == SQLITE_DONE && !database_held(&database))
        status = SQLITE_BUSY;
    database_close(&database);
    return status;
}

/* It is asked a few times, as its writer locks it for a moment now and then. */
enum tracker_has trackio_runs(const char *path, struct tracker_runs *out)
{
    static const struct timespec pause = {.tv_nsec = 20000000};
    int status = look_for_runs(path, out);
    for (int i = 0; i < 5 && database_passes(status); i++) {
        nanosleep(&pause, NULL);
        status = look_for_runs(path, out);
    }
    if (status != SQLITE_DONE)
        forget_runs(out);
    return status == SQLITE_ERROR ? TRACKER_HAS_NONE
           : out->count > 0       ? TRACKER_HAS_RUNS
                                  : TRACKER_HAS_UNKNOWN;
}

/* --- a run's rows --- */

int trackio_open(struct tracker *tracker, struct error *err)
{
    tracker->state = array_alloc(1, sizeof(struct project), err);
    return tracker->state ? 0 : -1;
}

void trackio_to_end(struct tracker *tracker)
{
    struct project *project = tracker->state;
    project->to_end = true;
}

void trackio_close(void *state)
{
    struct project *project = state;
    database_close(&project->database);
    buffer_free(&project->texts);
    free(project);
}

static void forget_run(struct tracker *tracker)
{
    free(tracker->run);
    free(tracker->id);
    tracker->run = tracker->id = NULL;
}

/* The run that wrote last. SQLITE_DONE: none has yet. */
static int find_newest(struct tracker *tracker, sqlite3 *db)
{
    static const char *const by[] = {
        "SELECT run_name, NULL FROM metrics WHERE run_name IS NOT NULL ORDER BY id DESC LIMIT 1",
        "SELECT run_name, run_id FROM metrics WHERE run_name IS NOT NULL ORDER BY id DESC LIMIT "
        "1"};
    sqlite3_stmt *newest = NULL;
    int status = prepare(db, &newest, by[has_ids(db)]);
    if (status == SQLITE_OK && (status = sqlite3_step(newest)) == SQLITE_ROW) {
        tracker->run = column_text(newest, 0);
        tracker->id = column_text(newest, 1);
        status = tracker->run ? SQLITE_OK : SQLITE_NOMEM;
    }
    sqlite3_finalize(newest);
    return status;
}

static int bind_run(const struct tracker *tracker, sqlite3_stmt *statement)
{
    int status = sqlite3_bind_text(statement, 1, tracker->run, -1, SQLITE_STATIC);
    if (status != SQLITE_OK || !tracker->id)
        return status;
    return sqlite3_bind_text(statement, 2, tracker->id, -1, SQLITE_STATIC);
}

/* Sets `last` to what comes before the run's last row. */
static int go_to_end(const struct tracker *tracker, struct project *project)
{
    static const char *const by[] = {
        "SELECT id FROM metrics WHERE run_name = ?1 ORDER BY id DESC LIMIT 1",
        "SELECT id FROM metrics WHERE run_name = ?1 AND run_id = ?2 ORDER BY id DESC LIMIT 1"};
    sqlite3_stmt *end = NULL;
    int status = prepare(project->database.db, &end, by[tracker->id != NULL]);
    if (status == SQLITE_OK)
        status = bind_run(tracker, end);
    if (status == SQLITE_OK && (status = sqlite3_step(end)) == SQLITE_ROW) {
        project->last = sqlite3_column_int64(end, 0) - 1;
        status = SQLITE_OK;
    }
    sqlite3_finalize(end);
    project->to_end = false;
    return status;
}

static void keep_row(struct project *project, sqlite3_stmt *rows)
{
    struct row *row = &project->rows[project->count++];
    const void *text = sqlite3_column_blob(rows, 2);
    int length = sqlite3_column_bytes(rows, 2);
    bool counted = sqlite3_column_type(rows, 1) == SQLITE_INTEGER;
    *row = (struct row){sqlite3_column_int64(rows, 0), counted ? sqlite3_column_int64(rows, 1) : -1,
                        project->texts.length, text && length > 0 ? (size_t)length : 0};
    buffer_append(&project->texts, text, row->length);
    double written = read_time((const char *)sqlite3_column_text(rows, 3));
    project->written = written > 0 ? written : project->written;
}

static int read_rows(const struct tracker *tracker, struct project *project)
{
    static const char *const by[] = {
        "SELECT id, step, metrics, timestamp FROM metrics WHERE run_name = ?1 AND id > ?3 "
        "ORDER BY id LIMIT ?4",
        "SELECT id, step, metrics, timestamp FROM metrics WHERE run_name = ?1 AND run_id = ?2 "
        "AND id > ?3 ORDER BY id LIMIT ?4"};
    sqlite3_stmt *rows = NULL;
    int status = prepare(project->database.db, &rows, by[tracker->id != NULL]);
    if (status == SQLITE_OK)
        status = bind_run(tracker, rows);
    if (status == SQLITE_OK)
        status = sqlite3_bind_int64(rows, 3, project->last);
    if (status == SQLITE_OK)
        status = sqlite3_bind_int(rows, 4, ROWS);
    while ((status == SQLITE_OK || status == SQLITE_ROW) && project->texts.length < ROWS_BYTES &&
           (status = sqlite3_step(rows)) == SQLITE_ROW)
        keep_row(project, rows);
    sqlite3_finalize(rows);
    return status == SQLITE_ROW ? SQLITE_DONE : status;
}

/* SQLITE_DONE: the rows that came are kept; or there is no run yet, and so no path that it has. */
static int look(struct tracker *tracker, struct project *project)
{
    int status = database_open(&project->database, tracker->path, look_seconds);
    bool chosen = tracker->run;
    project->count = 0;
    buffer_clear(&project->texts);
    if (status == SQLITE_OK)
        status = find_table(project->database.db);
    if (status == SQLITE_OK && !tracker->run)
        status = find_newest(tracker, project->database.db);
    if (status == SQLITE_OK && project->to_end)
        status = go_to_end(tracker, project);
    if (status == SQLITE_OK)
        status = read_rows(tracker, project);
    if (!database_held(&project->database)) {
        if (!chosen)
            forget_run(tracker);
        return SQLITE_BUSY;
    }
    return status == SQLITE_DONE && project->texts.failed ? SQLITE_NOMEM : status;
}

/* The step that the numbers name themselves counts before trackio's own counter. */
static void take_row(struct tracker *tracker, const struct project *project, const struct row *row)
{
    int64_t total = 0;
    const char *text = buffer_string(&project->texts) + row->at;
    cJSON *object = row->length > 0
                        ? json_parse(text, row->length, JSON_LOOSE_NUMBERS, tracker->path, NULL)
                        : NULL;
    if (cJSON_IsObject(object)) {
        int64_t own = steps_of(object, &total);
        if (own < 0 && row->step < 0)
            tracker_say_damage(tracker, "row %lld of its metrics has no step: it is passed over",
                               (long long)row->id);
        steps_put_object(&tracker->steps, own >= 0 ? own : row->step, object);
    } else {
        tracker_say_damage(tracker, "row %lld of its metrics is no JSON object: it is passed over",
                           (long long)row->id);
    }
    cJSON_Delete(object);
}

static void take_rows(struct tracker *tracker, struct project *project)
{
    for (size_t i = 0; i < project->count; i++)
        take_row(tracker, project, &project->rows[i]);
    if (project->count > 0)
        project->last = project->rows[project->count - 1].id;
    tracker_note_written(tracker, project->written > 0 ? project->written : project->seen.written);
}

/* Another file of that name has other runs: all that was read is void. */
static int begin_anew(struct tracker *tracker, struct project *project, struct error *err)
{
    struct tracker_runs runs = {.count = 0};
    bool there = !tracker->run;
    enum tracker_has has = trackio_runs(tracker->path, &runs);
    for (size_t i = 0; i < runs.count && !there; i++)
        there = strcmp(runs.list[i].name, tracker->run) == 0 &&
                (!tracker->id || (runs.list[i].id && strcmp(runs.list[i].id, tracker->id) == 0));
    forget_runs(&runs);
    free(runs.list);
    if (!there && has != TRACKER_HAS_UNKNOWN)
        return error_set(err, "%s is another file by now, and has no run \"%.80s\" any more",
                         tracker->path, tracker->run);
    tracker_begin_anew(tracker);
    project->last = 0;
    return 0;
}

/* A database that is being written, or that has no run yet, is looked at again. */
int trackio_read(struct tracker *tracker, bool *more, struct error *err)
{
    struct project *project = tracker->state;
    uint64_t inode = project->seen.file.inode;
    int same = database_unchanged(&project->seen, tracker->path, err);
    *more = false;
    if (same < 0)
        return -1;
    if (same > 0 && !project->unread)
        return 0;
    if (inode != 0 && inode != project->seen.file.inode && begin_anew(tracker, project, err) != 0)
        return -1;
    int status = look(tracker, project);
    project->unread =
        status != SQLITE_DONE || project->count == ROWS || project->texts.length >= ROWS_BYTES;
    if (status == SQLITE_DONE) {
        project->failed = 0;
        *more = project->unread;
        take_rows(tracker, project);
    } else if (!database_passes(status) || (status != SQLITE_BUSY && project->failed++ == TRIES)) {
        database_say(&project->database, status, what, err);
        database_close(&project->database);
        return -1;
    }
    database_close(&project->database);
    return 0;
}
