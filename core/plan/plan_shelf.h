/* The plans of one model in the state folder, by name: listed, written, renamed, copied, removed.
 *
 *     plans/<fingerprint>-<estimator>.json           the one that is called PLAN_FIRST_NAME
 *     plans/<fingerprint>-<estimator>.<name>.json    the others (plan_kept.h has what is in them)
 *     plans/<fingerprint>-<estimator>.last           which of them was open last
 *
 * A model is known by its content, so a copy of it and its scan have the same plans. The first name
 * has no name in its file: that is the one plan which versions before this one kept.
 *
 * Several screens may have one model open. Nothing here writes over what its caller has not seen:
 * a plan is written with the version that was read or written before, and where another lies there
 * it stays (PLAN_SHELF_OTHER). What belongs together, a look and a rename, is done under a lock,
 * which is waited for a twentieth of a second and no longer. Files are whole or absent, and for this
 * user's eyes alone.
 */
#ifndef SPECTRUM_PLAN_PLAN_SHELF_H
#define SPECTRUM_PLAN_PLAN_SHELF_H

#include "model/score_table.h"

#include <sys/types.h>

#define PLAN_FIRST_NAME "default"
enum { PLAN_NAME_SIZE = 65, PLAN_SHELF_MAX = 64 }; /* bytes of a name and its NUL; plans a model */

struct plan_shelf {
    char *folder;  /* NULL: not open */
    char key[128]; /* "<fingerprint>-<estimator>" */
};

/* Which content a file has, as far as the file system tells; all 0: there is none. */
struct plan_version {
    ino_t file;
    off_t size;
    struct timespec changed;
};

struct plan_entry {
    char name[PLAN_NAME_SIZE];
    int64_t changed; /* seconds since 1970 */
};

/* Nothing is made or opened. `fingerprint` is of the model's content; where it is none ("", of a
 * published scan) a hash of the scan's modules and scores stands for it. */
int plan_shelf_open(struct plan_shelf *shelf, const struct scan *scan, const char *fingerprint,
                    struct error *err);
void plan_shelf_close(struct plan_shelf *shelf);

/* ERROR_USAGE where a plan cannot be called so: empty, longer than PLAN_NAME_SIZE allows, with a
 * "/", a control character, a blank at an end or a dot in front. */
int plan_name_check(const char *name, struct error *err);

/* The file of a name that plan_name_check() passes; newly allocated. */
char *plan_shelf_path(const struct plan_shelf *shelf, const char *name, struct error *err);

/* What lies there now; are two the same; is it one at all. */
struct plan_version plan_shelf_look(const struct plan_shelf *shelf, const char *name);
bool plan_version_is(const struct plan_version *a, const struct plan_version *b);
bool plan_version_is_there(const struct plan_version *version);

/* What the folder looks like: another one where a plan came, went or was written since. */
struct plan_version plan_shelf_look_around(const struct plan_shelf *shelf);

/* All of them, the first name first, then in the order of their names; free the list. A folder that
 * is not there has none. */
int plan_shelf_list(const struct plan_shelf *shelf, struct plan_entry **out, size_t *count,
                    struct error *err);

/* How many plans a content has, of all estimators together, by their files' names alone; 0 where the
 * fingerprint is "". -1: there is no state folder. */
int plan_shelf_count(const char *fingerprint);

/* Writes a plan where `seen` is what lies there, and sets it to what does then. 0, or -1, or
 * PLAN_SHELF_OTHER: another version is there, or one at all where none was seen. */
enum { PLAN_SHELF_OTHER = 1 };
int plan_shelf_save(const struct plan_shelf *shelf, const char *name, const void *text,
                    size_t length, struct plan_version *seen, struct error *err);

/* To a name that is free: a plan that is there is an error, and so are more than PLAN_SHELF_MAX. */
int plan_shelf_add(const struct plan_shelf *shelf, const char *name, const void *text,
                   size_t length, struct error *err);
int plan_shelf_rename(const struct plan_shelf *shelf, const char *from, const char *to,
                      struct error *err);
int plan_shelf_copy(const struct plan_shelf *shelf, const char *from, const char *to,
                    struct error *err);
int plan_shelf_remove(const struct plan_shelf *shelf, const char *name, struct error *err);

/* "NAME 2", or the first number that is free. */
void plan_shelf_free_name(const struct plan_shelf *shelf, const char *name,
                          char out[PLAN_NAME_SIZE]);

/* The plan that was open last: the first name where nothing says, or what it says is not there. */
void plan_shelf_last(const struct plan_shelf *shelf, char out[PLAN_NAME_SIZE]);
int plan_shelf_set_last(const struct plan_shelf *shelf, const char *name, struct error *err);

#endif
