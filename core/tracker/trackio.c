/* trackio's database, $TRACKIO_DIR/PROJECT.db: SQLite, in WAL mode while a run logs into it.
 *
 *     metrics(id, ..., timestamp, run_name, step, metrics)    metrics: JSON, as TEXT or BLOB
 *
 * A project has many runs: the one that wrote last is followed. The file is opened for reading alone;
 * while it is, nothing of it is trusted: no functions of its schema run, and a query that takes too
 * long ends. */
#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "tracker/format.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 20000,      /* of one look */
    TICKS = 100000,    /* instructions of SQLite's machine between two calls of the guard, */
    TICKS_MAX = 20000, /* and how many calls a look may have: some ten seconds */
    VALUE_MAX = 16 << 20
};

struct database {
    sqlite3 *db;
    sqlite3_stmt *rows;
    int64_t last; /* id of the last row that was taken */
    long ticks;
};

bool trackio_is(const char *name, const char *head, size_t length)
{
    static const char begins[] = "SQLite format 3";
    return text_ends_with(name, ".db") && length >= sizeof begins &&
           memcmp(head, begins, sizeof begins) == 0;
}

static int guard(void *context)
{
    struct database *database = context;
    return ++database->ticks > TICKS_MAX;
}

static int say(const struct tracker *tracker, struct error *err)
{
    const struct database *database = tracker->state;
    return error_set(err, "cannot read %s as trackio's database: %s", tracker->path,
                     database->db ? sqlite3_errmsg(database->db) : "not enough memory");
}

/* SQLite takes a path for a URI where that is on, with ?, # and % in it. */
static int open_reading(struct database *database, const char *path)
{
    int status =
        sqlite3_open_v2(path, &database->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (status != SQLITE_OK)
        return status;
    sqlite3_busy_timeout(database->db, 200);
    sqlite3_limit(database->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    sqlite3_progress_handler(database->db, TICKS, guard, database);
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    return sqlite3_db_config(database->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
}

/* The run of the newest row. */
static int find_run(struct tracker *tracker, struct database *database)
{
    sqlite3_stmt *newest = NULL;
    int status = sqlite3_prepare_v2(
        database->db, "SELECT run_name FROM metrics ORDER BY id DESC LIMIT 1", -1, &newest, NULL);
    if (status == SQLITE_OK && (status = sqlite3_step(newest)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(newest, 0);
        snprintf(tracker->run, sizeof tracker->run, "%s", name ? name : "");
        status = name ? SQLITE_OK : SQLITE_NOMEM;
    }
    sqlite3_finalize(newest);
    return status; /* SQLITE_DONE: no run has written anything yet */
}

static int prepare_rows(struct tracker *tracker, struct database *database)
{
    int status = sqlite3_prepare_v2(database->db,
                                    "SELECT id, step, metrics FROM metrics "
                                    "WHERE run_name = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                                    -1, &database->rows, NULL);
    if (status == SQLITE_OK)
        status = sqlite3_bind_text(database->rows, 1, tracker->run, -1, SQLITE_STATIC);
    return status == SQLITE_OK ? sqlite3_bind_int(database->rows, 3, ROWS) : status;
}

int trackio_open(struct tracker *tracker, struct error *err)
{
    struct database *database = array_alloc(1, sizeof *database, err);
    tracker->state = database;
    if (!database)
        return -1;
    return open_reading(database, tracker->path) == SQLITE_OK ? 0 : say(tracker, err);
}

void trackio_close(void *state)
{
    struct database *database = state;
    sqlite3_finalize(database->rows);
    sqlite3_close(database->db);
    free(database);
}

/* While a run logs, what it writes is in the journal beside the file. */
static void look_at_journal(struct tracker *tracker)
{
    struct buffer path = BUFFER_INIT;
    buffer_format(&path, "%s-wal", tracker->path);
    if (buffer_check(&path, NULL) == 0)
        tracker_look(tracker, path.data, NULL); /* without a run there is none */
    buffer_free(&path);
}

/* The step that the numbers name themselves counts before trackio's own counter. */
static void take_row(struct tracker *tracker, struct database *database)
{
    int64_t step = sqlite3_column_int64(database->rows, 1), total = 0;
    const void *text = sqlite3_column_blob(database->rows, 2);
    int length = sqlite3_column_bytes(database->rows, 2);
    database->last = sqlite3_column_int64(database->rows, 0);
    cJSON *object = text && length > 0
                        ? json_parse(text, (size_t)length, JSON_LOOSE_NUMBERS, tracker->path, NULL)
                        : NULL;
    if (cJSON_IsObject(object)) {
        int64_t own = steps_of(object, &total);
        steps_put_object(&tracker->steps, own >= 0 ? own : step, object);
    } else {
        tracker_say_damage(tracker, "row %lld of its metrics is no JSON object: it is passed over",
                           (long long)database->last);
    }
    cJSON_Delete(object);
}

/* A database that is being written, or that has no run yet, is looked at again. */
int trackio_read(struct tracker *tracker, bool *more, struct error *err)
{
    struct database *database = tracker->state;
    int status = SQLITE_OK, count = 0;
    *more = false;
    database->ticks = 0;
    look_at_journal(tracker);
    if (!database->rows && (status = find_run(tracker, database)) == SQLITE_OK)
        status = prepare_rows(tracker, database);
    if (status == SQLITE_OK)
        status = sqlite3_bind_int64(database->rows, 2, database->last);
    while (status == SQLITE_OK || status == SQLITE_ROW) {
        status = sqlite3_step(database->rows);
        if (status == SQLITE_ROW) {
            take_row(tracker, database);
            count++;
        }
    }
    if (database->rows)
        sqlite3_reset(database->rows);
    *more = count == ROWS;
    return status == SQLITE_DONE || status == SQLITE_BUSY ? 0 : say(tracker, err);
}
