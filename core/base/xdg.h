/* Where this program keeps what it makes (XDG Base Directory Specification). */
#ifndef SPECTRUM_BASE_XDG_H
#define SPECTRUM_BASE_XDG_H

#include "base/buffer.h"
#include "base/error.h"

/* "$XDG_CACHE_HOME/spectrum/<below>" (~/.cache) and "$XDG_STATE_HOME/spectrum/<below>"
 * (~/.local/state), made for this user alone if missing; a home that is missing is not. Newly
 * allocated; NULL and an error where no home is known or the folder cannot be made: nothing of it
 * is left then, and the error names the variable. */
char *xdg_cache_folder(const char *below, struct error *err);
char *xdg_state_folder(const char *below, struct error *err);

/* The same without making anything, for what is only read. */
char *xdg_cache_path(const char *below, struct error *err);
char *xdg_state_path(const char *below, struct error *err);

/* Where files go that are not kept: $TMPDIR, or where that is not set /var/tmp, or /tmp. NULL and
 * an error where nothing can be written there. */
const char *xdg_temporary_place(struct error *err);

/* For what is not kept, or cannot be: "spectrum-<uid>/<below>" there, a
 * folder that is this user's and that nobody else can look into; where that name is another's, one
 * that is new each time. */
char *xdg_temporary_folder(const char *below, struct error *err);

/* A folder in that of `below` which is this run's: *lock keeps it, and what a killed run left there
 * is removed by the next one. xdg_scratch_remove() removes it and frees its path. */
char *xdg_scratch_folder(const char *below, int *lock, struct error *err);
void xdg_scratch_remove(char *path, int lock);

/* A path with "~" or "~user" at its beginning expanded as a shell does it (and Python's
 * expanduser()): $HOME, or what the user's entry says; a user who is not known stays as written. */
void path_put_home(struct buffer *out, const char *path);

#endif
