/* Where this program keeps what it makes (XDG Base Directory Specification), and the notes that say
 * of a file in the cache what it is of.
 *
 *     cache       what can be made again: spectra, tokens; `spectrum cache` lists and removes it
 *     state       what cannot: which jobs there are, what a user approved, plans under way
 *     temporary   what lasts as long as a run; scratch folders of killed runs go with the next one
 */
#ifndef SPECTRUM_BASE_XDG_H
#define SPECTRUM_BASE_XDG_H

#include "base/buffer.h"
#include "base/error.h"

#include <cjson/cJSON.h>
#include <stddef.h>

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

/* For what is not kept, or cannot be: "spectrum-<uid>/<below>" there, a folder that is this user's
 * and that nobody else can look into; where that name is another's, one that is new each time. */
char *xdg_temporary_folder(const char *below, struct error *err);

/* A folder in that of `below` which is this run's: *lock keeps it, and what a killed run left there
 * is removed by the next one. xdg_scratch_remove() removes it and frees its path. */
char *xdg_scratch_folder(const char *below, int *lock, struct error *err);
void xdg_scratch_remove(char *path, int lock);

/* A path with "~" or "~user" at its beginning expanded as a shell does it (and Python's
 * expanduser()): $HOME, or what the user's entry says; a user who is not known stays as written. */
void path_put_home(struct buffer *out, const char *path);

/* --- notes ---
 *
 * A file of the cache is named by what its content depends on, which tells a person nothing. So a
 * small JSON file stands beside it, "<file>.of", for `spectrum cache` alone: a file is found by its
 * content, whatever the note says, and a wrong one costs no more than a wrong line in a list.
 */

#define CACHE_NOTE_ENDING ".of"
enum { CACHE_NOTE_MAX = 1 << 16 }; /* bytes of the file */

/* Notes the model and the data (count 0: none) of a cached file that is there and has no note yet;
 * their paths are made whole. For this user's eyes alone. Where it cannot, nothing is worse. */
void cache_note_save(const char *file, const char *model, const char *const *data, size_t count);

/* Parses a note: {"model": "...", "data": ["..."], "more": N}; NULL where it is none. The text is
 * hostile; free with cJSON_Delete(). */
cJSON *cache_note_parse(const struct buffer *text);

#endif
