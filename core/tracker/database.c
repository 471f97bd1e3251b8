#include "tracker/database.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    TICKS = 100000,       /* instructions of SQLite's machine between two calls of the guard, */
    TICKS_A_SECOND = 500, /* and how many calls that is, roughly */
    VALUE_MAX = 16 << 20,
    WAL_VERSION = 2, /* in the header, where */
    VERSION_AT = 18
};

/* A file of this age has another time when it is written again, on any file system. */
static const double settled = 0.05;

static int guard(void *context)
{
    struct database *database = context;
    return ++database->ticks > database->ticks_max;
}

/* --- what lies there --- */

/* PATH-wal or PATH-shm; false: it is not there. An empty journal is a reader's. */
static bool find_beside(const char *path, const char *ending, struct stat *info)
{
    struct buffer name = BUFFER_INIT;
    buffer_format(&name, "%s%s", path, ending);
    bool there = buffer_check(&name, NULL) == 0 && sys.stat(name.data, info) == 0;
    buffer_free(&name);
    return there;
}

static bool find_journal(const char *path, struct stat *info)
{
    return find_beside(path, "-wal", info) && info->st_size > 0;
}

/* 1; a journal that is not there is all 0. */
static int look(const char *path, struct stat *file, struct stat *journal, struct error *err)
{
    int there = file_look(path, file, err);
    if (there == 0)
        return error_set(err, "%s is gone", path);
    if (there > 0 && !find_journal(path, journal))
        *journal = (struct stat){0};
    return there;
}

int database_unchanged(struct database_seen *seen, const char *path, struct error *err)
{
    struct stat file, journal;
    if (look(path, &file, &journal, err) < 0)
        return -1;
    double written = tracker_file_written(&file), noted = tracker_file_written(&journal);
    bool same = tracker_unchanged(&seen->file, &file);
    seen->written = noted > written ? noted : written;
    return tracker_unchanged(&seen->journal, &journal) && same;
}

static bool is_settled(double written)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    double age = (double)now.tv_sec + (double)now.tv_nsec * 1e-9 - written;
    return age > settled || age < -settled;
}

static bool is_in_wal_mode(const char *path)
{
    uint64_t size = 0;
    char version = 0;
    int fd = file_open_read(path, &size, NULL);
    bool read =
        fd >= 0 && size > VERSION_AT && file_read_at(fd, &version, 1, VERSION_AT, path, NULL) == 0;
    if (fd >= 0)
        sys.close(fd);
    return read && version == WAL_VERSION;
}

/* --- opening --- */

/* As a URI, in which all but plain characters is written by its code. */
static void put_uri(struct buffer *out, const char *path, const char *how)
{
    buffer_text(out, "file:");
    for (const char *at = path; *at; at++)
        if (strchr("?#%", *at) || (unsigned char)*at <= ' ')
            buffer_format(out, "%%%02X", (unsigned char)*at);
        else
            buffer_byte(out, *at);
    buffer_format(out, "?mode=ro%s", how);
}

int database_open(struct database *database, const char *path, double seconds)
{
    struct stat info;
    struct buffer uri = BUFFER_INIT;
    const char *how = "";
    *database = (struct database){.path = path, .ticks_max = (long)(seconds * TICKS_A_SECOND)};
    if (database_unchanged(&database->seen, path, NULL) < 0)
        return SQLITE_CANTOPEN;
    if (find_beside(path, "-shm", &info))
        how = "&readonly_shm=1";
    else if (database->seen.journal.inode == 0 && is_in_wal_mode(path))
        database->at_rest = true;
    if (database->at_rest && !is_settled(database->seen.written))
        return SQLITE_BUSY;
    put_uri(&uri, path, database->at_rest ? "&immutable=1" : how);
    int status =
        buffer_check(&uri, NULL) == 0
            ? sqlite3_open_v2(uri.data, &database->db,
                              SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL)
            : SQLITE_NOMEM;
    buffer_free(&uri);
    if (status != SQLITE_OK)
        return status;
    sqlite3_busy_timeout(database->db, 200);
    sqlite3_limit(database->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    sqlite3_progress_handler(database->db, TICKS, guard, database);
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    return sqlite3_db_config(database->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
}

void database_close(struct database *database)
{
    sqlite3_close(database->db);
    database->db = NULL;
}

bool database_held(const struct database *database)
{
    struct database_seen seen = database->seen;
    struct stat file, journal, shared;
    return !database->at_rest ||
           (look(database->path, &file, &journal, NULL) > 0 && tracker_same(&seen.file, &file) &&
            tracker_same(&seen.journal, &journal) && !find_beside(database->path, "-shm", &shared));
}

bool database_passes(int status)
{
    int kind = status & 0xFF;
    return kind == SQLITE_BUSY || kind == SQLITE_CANTOPEN || kind == SQLITE_READONLY;
}

int database_say(const struct database *database, int status, const char *what, struct error *err)
{
    if (database->ticks > database->ticks_max)
        return error_set(err, "%s: reading it as %s takes too long", database->path, what);
    return error_set(err, "cannot read %s as %s: %s", database->path, what,
                     database->db ? sqlite3_errmsg(database->db) : sqlite3_errstr(status));
}
