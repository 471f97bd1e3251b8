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
#include "base/sys.h"
#include "base/text.h"
#include "tracker/format.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 20000,     /* of one look */
    TICKS = 100000,   /* instructions of SQLite's machine between two calls of the guard, */
    TICKS_MAX = 3000, /* and how many calls a look may have: some seconds */
    VALUE_MAX = 16 << 20
};

struct database {
    sqlite3 *db;
    uint64_t device, inode; /* of the file that is open */
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
    if (database->ticks > TICKS_MAX)
        return error_set(err,
                         "%s: reading its metrics takes too long; it is no database of "
                         "trackio's own making",
                         tracker->path);
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

/* A view of that name would be a program. */
static int find_table(struct database *database)
{
    sqlite3_stmt *table = NULL;
    int status = sqlite3_prepare_v2(database->db,
                                    "SELECT 1 FROM sqlite_schema WHERE name = 'metrics' AND "
                                    "type = 'table' AND sql LIKE 'CREATE TABLE %'",
                                    -1, &table, NULL);
    if (status == SQLITE_OK)
        status = sqlite3_step(table);
    sqlite3_finalize(table);
    return status == SQLITE_ROW ? SQLITE_OK : status;
}

/* The run of the newest row; one without a name is none. */
static int find_run(struct tracker *tracker, struct database *database)
{
    sqlite3_stmt *newest = NULL;
    int status = find_table(database);
    if (status == SQLITE_OK)
        status = sqlite3_prepare_v2(
            database->db,
            "SELECT run_name FROM metrics WHERE run_name IS NOT NULL ORDER BY id DESC LIMIT 1", -1,
            &newest, NULL);
    if (status == SQLITE_OK && (status = sqlite3_step(newest)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(newest, 0);
        free(tracker->run);
        tracker->run = name ? string_copy(name, NULL) : NULL;
        status = tracker->run ? SQLITE_OK : SQLITE_NOMEM;
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

static void close_reading(struct database *database)
{
    sqlite3_finalize(database->rows);
    sqlite3_close(database->db);
    *database = (struct database){.db = NULL};
}

static int open_again(struct tracker *tracker, struct database *database, struct error *err)
{
    struct stat info;
    close_reading(database);
    if (sys.stat(tracker->path, &info) != 0)
        return error_set_errno(err, errno, "cannot read %s", tracker->path);
    if (open_reading(database, tracker->path) != SQLITE_OK)
        return say(tracker, err);
    database->device = info.st_dev;
    database->inode = info.st_ino;
    return 0;
}

int trackio_open(struct tracker *tracker, struct error *err)
{
    struct database *database = array_alloc(1, sizeof *database, err);
    tracker->state = database;
    return database ? open_again(tracker, database, err) : -1;
}

void trackio_close(void *state)
{
    close_reading(state);
    free(state);
}

/* Another file of that name is another log. */
static int look_for_another(struct tracker *tracker, struct database *database, struct error *err)
{
    struct stat info;
    if (sys.stat(tracker->path, &info) != 0 ||
        (info.st_dev == database->device && info.st_ino == database->inode))
        return 0;
    tracker_begin_anew(tracker);
    return open_again(tracker, database, err);
}

/* While a run logs, what it writes is in the journal beside the file. */
static void look_at_journal(struct tracker *tracker)
{
    struct buffer path = BUFFER_INIT;
    buffer_format(&path, "%s-wal", tracker->path);
    struct stat info; /* an empty one is a reader's */
    if (buffer_check(&path, NULL) == 0 && sys.stat(path.data, &info) == 0 && info.st_size > 0)
        tracker_look(tracker, path.data, NULL);
    buffer_free(&path);
}

/* The step that the numbers name themselves counts before trackio's own counter. */
static void take_row(struct tracker *tracker, struct database *database)
{
    bool counted = sqlite3_column_type(database->rows, 1) == SQLITE_INTEGER;
    int64_t step = counted ? sqlite3_column_int64(database->rows, 1) : -1, total = 0;
    const void *text = sqlite3_column_blob(database->rows, 2);
    int length = sqlite3_column_bytes(database->rows, 2);
    database->last = sqlite3_column_int64(database->rows, 0);
    cJSON *object = text && length > 0
                        ? json_parse(text, (size_t)length, JSON_LOOSE_NUMBERS, tracker->path, NULL)
                        : NULL;
    if (cJSON_IsObject(object)) {
        int64_t own = steps_of(object, &total);
        if (own < 0 && step < 0)
            tracker_say_damage(tracker, "row %lld of its metrics has no step: it is passed over",
                               (long long)database->last);
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
    if (look_for_another(tracker, database, err) != 0)
        return -1;
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
