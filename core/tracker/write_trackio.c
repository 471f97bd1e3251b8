/* trackio's database (trackio.c reads it), with the tables that its pages ask for first; it makes
 * the others itself when it opens the file. SQLite writes it, in its own transactions, a row a line,
 * in WAL mode as trackio has it, so that its page reads while the run writes. */
#include "base/buffer.h"
#include "base/folder.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "tracker/target.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT "
    "NULL,"
    " timestamp TEXT NOT NULL, run_name TEXT NOT NULL, step INTEGER NOT NULL,"
    " metrics TEXT NOT NULL, log_id TEXT, space_id TEXT);"
    "CREATE TABLE IF NOT EXISTS configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT "
    "NULL,"
    " run_name TEXT NOT NULL, config TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(run_id));";

struct database {
    sqlite3 *db;
    sqlite3_stmt *insert, *cut;
    char *path, *run;
};

static int say(const struct database *database, struct error *err)
{
    return error_set(err, "cannot write %s: %s", database->path,
                     database->db ? sqlite3_errmsg(database->db) : "not enough memory");
}

/* "2026-11-28T20:31:43.533458+00:00" */
static void put_time(double seconds, char *out, size_t size)
{
    time_t whole = (time_t)seconds;
    struct tm utc;
    char when[32] = "1970-01-01T00:00:00";
    if (gmtime_r(&whole, &utc))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, size, "%s.%06d+00:00", when, (int)((seconds - (double)whole) * 1e6));
}

/* One run is one id, whatever sittings it has: its name, in a file that is its own. */
static int prepare(struct database *database)
{
    static const char insert[] = "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) "
                                 "VALUES (?1, ?2, ?1, ?3, ?4)";
    static const char config[] = "INSERT OR IGNORE INTO configs (run_id, run_name, config, "
                                 "created_at) VALUES (?1, ?1, CAST('{}' AS BLOB), ?2)";
    sqlite3_stmt *once = NULL;
    char now[64];
    put_time((double)sys.time(NULL), now, sizeof now);
    int status = sqlite3_exec(database->db, schema, NULL, NULL, NULL);
    if (status == SQLITE_OK)
        status = sqlite3_prepare_v2(database->db, config, -1, &once, NULL);
    if (status == SQLITE_OK)
        status = sqlite3_bind_text(once, 1, database->run, -1, SQLITE_STATIC);
    if (status == SQLITE_OK)
        status = sqlite3_bind_text(once, 2, now, -1, SQLITE_STATIC);
    if (status == SQLITE_OK && (status = sqlite3_step(once)) == SQLITE_DONE)
        status = SQLITE_OK;
    sqlite3_finalize(once);
    if (status == SQLITE_OK)
        status = sqlite3_prepare_v2(database->db, insert, -1, &database->insert, NULL);
    if (status == SQLITE_OK)
        status = sqlite3_prepare_v2(database->db,
                                    "DELETE FROM metrics WHERE step > ?1 AND run_name = ?2", -1,
                                    &database->cut, NULL);
    if (status == SQLITE_OK)
        status = sqlite3_bind_text(database->cut, 2, database->run, -1, SQLITE_STATIC);
    return status == SQLITE_OK
               ? sqlite3_bind_text(database->insert, 1, database->run, -1, SQLITE_STATIC)
               : status;
}

int write_trackio_open(void **state, const char *folder, const char *run, struct error *err)
{
    struct database *database = array_alloc(1, sizeof *database, err);
    if (!database)
        return -1;
    database->path = path_join(folder, "spectrum.db", err);
    database->run = string_copy(run, err);
    if (!database->path || !database->run) {
        write_trackio_close(database);
        return -1;
    }
    struct stat info;
    if (sys.lstat(database->path, &info) == 0 && !S_ISREG(info.st_mode)) {
        error_set(err, "%s is not a regular file", database->path);
        write_trackio_close(database);
        return -1;
    }
    int status = sqlite3_open_v2(database->path, &database->db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
                                     SQLITE_OPEN_NOMUTEX,
                                 NULL);
    if (status == SQLITE_OK)
        sqlite3_busy_timeout(database->db, 2000);
    if (status == SQLITE_OK && prepare(database) == SQLITE_OK) {
        *state = database;
        return 0;
    }
    say(database, err);
    write_trackio_close(database);
    return -1;
}

/* When the run's row was made: by its first sitting. "" where that cannot be told. */
static void read_created(const struct database *database, char *out, size_t size)
{
    sqlite3_stmt *created = NULL;
    out[0] = '\0';
    if (sqlite3_prepare_v2(database->db, "SELECT created_at FROM configs WHERE run_id = ?1", -1,
                           &created, NULL) == SQLITE_OK &&
        sqlite3_bind_text(created, 1, database->run, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(created) == SQLITE_ROW && sqlite3_column_text(created, 0))
        snprintf(out, size, "%s", (const char *)sqlite3_column_text(created, 0));
    sqlite3_finalize(created);
}

/* As trackio stores it: a BLOB of JSON, with the keys that it adds itself (trackio.init()), of which
 * a run here has the time alone. Each sitting says again what it was asked for. */
int write_trackio_describe(void *state, const cJSON *options, struct error *err)
{
    struct database *database = state;
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    const cJSON *option;
    sqlite3_stmt *update = NULL;
    char created[64];
    read_created(database, created, sizeof created);
    json_object(&json, NULL);
    cJSON_ArrayForEach(option, options) json_tree(&json, option->string, option);
    json_null(&json, "_Username");
    json_text(&json, "_Created", created);
    json_null(&json, "_Group");
    json_end(&json);
    if (buffer_check(&text, err) != 0) {
        buffer_free(&text);
        return -1;
    }
    int status = sqlite3_prepare_v2(
        database->db, "UPDATE configs SET config = ?2 WHERE run_id = ?1", -1, &update, NULL);
    if (status == SQLITE_OK)
        status = sqlite3_bind_text(update, 1, database->run, -1, SQLITE_STATIC);
    if (status == SQLITE_OK)
        status = sqlite3_bind_blob(update, 2, text.data, (int)text.length, SQLITE_STATIC);
    if (status == SQLITE_OK)
        status = sqlite3_step(update);
    status = status == SQLITE_DONE ? 0 : say(database, err);
    sqlite3_finalize(update);
    buffer_free(&text);
    return status;
}

int write_trackio_put(void *state, const struct target_line *line, struct error *err)
{
    struct database *database = state;
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    char when[64];
    put_time(line->time, when, sizeof when);
    json_object(&json, NULL);
    for (size_t i = 0; i < line->count; i++)
        json_real(&json, line->values[i].name, line->values[i].value);
    json_end(&json);
    if (buffer_check(&text, err) != 0) {
        buffer_free(&text);
        return -1;
    }
    int status = sqlite3_bind_text(database->insert, 2, when, -1, SQLITE_TRANSIENT);
    if (status == SQLITE_OK)
        status = sqlite3_bind_int64(database->insert, 3, line->step);
    if (status == SQLITE_OK)
        status =
            sqlite3_bind_text(database->insert, 4, text.data, (int)text.length, SQLITE_TRANSIENT);
    if (status == SQLITE_OK)
        status = sqlite3_step(database->insert);
    status = status == SQLITE_DONE ? 0 : say(database, err);
    sqlite3_reset(database->insert);
    buffer_free(&text);
    return status;
}

int write_trackio_go_back(void *state, int64_t step, struct error *err)
{
    struct database *database = state;
    int status = sqlite3_bind_int64(database->cut, 1, step);
    if (status == SQLITE_OK)
        status = sqlite3_step(database->cut);
    status = status == SQLITE_DONE ? 0 : say(database, err);
    sqlite3_reset(database->cut);
    return status;
}

void write_trackio_close(void *state)
{
    struct database *database = state;
    sqlite3_finalize(database->insert);
    sqlite3_finalize(database->cut);
    sqlite3_close(database->db);
    free(database->path);
    free(database->run);
    free(database);
}
