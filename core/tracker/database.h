/* A database of SQLite that another program writes, read meanwhile, and nothing left beside it.
 *
 *     database_open() -> statements -> database_held(), database_close(): one look, of milliseconds
 *
 * A reader of a database in WAL mode makes PATH-wal and PATH-shm where they are not there, with the
 * database's own mode and for ever: beside one that was read-only for a while no writer could open
 * them again. And a reader that stays keeps the writer, whenever it closes, from taking the journal
 * back into the file. So a look is short, and how it is opened goes by what lies there:
 *
 *     PATH-shm             somebody writes, or was killed: read through it, not written
 *     neither              at rest: read as what does not change, and afterwards database_held()
 *                          says whether that was so
 *     PATH-wal alone       a copy of one that was being written: as SQLite does it by itself
 *     no WAL mode          as SQLite does it, which makes nothing
 *
 * Nothing of a database is trusted: no functions of its schema run, and queries that take too long
 * end.
 */
#ifndef SPECTRUM_TRACKER_DATABASE_H
#define SPECTRUM_TRACKER_DATABASE_H

#include "base/error.h"
#include "tracker/format.h"

#include <sqlite3.h>
#include <stdbool.h>

/* File and journal, what they were. */
struct database_seen {
    struct tracker_seen file, journal; /* all 0: there is no journal */
    double written;                    /* seconds since 1970 */
};

struct database {
    sqlite3 *db;
    const char *path; /* borrowed */
    struct database_seen seen;
    bool at_rest;
    long ticks, ticks_max; /* calls of the guard so far, and how many there may be */
};

/* Is it as it was? As tracker_unchanged(). *seen: as it is. -1: it is gone. */
int database_unchanged(struct database_seen *seen, const char *path, struct error *err);

/* What sqlite3_open_v2() returns; `seconds`, roughly, are what all queries of the look may take. To
 * be closed in any case. */
int database_open(struct database *database, const char *path, double seconds);
void database_close(struct database *database);

/* Was it the same all the time that it was read? */
bool database_held(const struct database *database);

/* Is it a status that passes, as where somebody has just locked it or put its journal back? */
bool database_passes(int status);

/* What a status means, in words; -1. */
int database_say(const struct database *database, int status, const char *what, struct error *err);

#endif
