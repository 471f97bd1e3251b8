/* Saving files, so that a crash, a full disk or a kill at any moment leaves the old file or the new
 * one, and never a part of either.
 *
 *     file_writer_open, _open_private, _open_new or _open_output -> file_writer_put ...
 *         -> file_writer_commit, or file_writer_abort where something failed on the way
 *
 * file_save() and its kin are all of that for bytes that are there already.
 */
#ifndef SPECTRUM_BASE_FILE_WRITER_H
#define SPECTRUM_BASE_FILE_WRITER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A file that appears whole or not at all: written beside its final place as
 * ".<name>.<16 hex digits>.tmp", then fsync, rename, fsync of the folder. A name that is taken is
 * no obstacle. While it is written the temporary file is locked (flock), so that whoever opens the
 * next writer of that name clears away what dead ones left, and nothing else. A link in the final
 * place is replaced, not followed. */
struct file_writer {
    int fd;          /* can be read, too, but for that of an output which is not a regular file */
    char *path;      /* the final place */
    char *temporary; /* where the bytes go until commit; NULL: they go straight to the path */
    bool over;       /* a user's output over a file that is there */
    bool fresh;      /* file_writer_open_new() */
};

int file_writer_open(struct file_writer *writer, const char *path, struct error *err);

/* The same for this user's eyes alone (mode 0600). */
int file_writer_open_private(struct file_writer *writer, const char *path, struct error *err);

/* The same for a name that is to be free: of two that write to it at once the first that commits
 * has it. The other's commit fails, as it does where anything else has come there, also a link to
 * nothing; that stays. A commit that fails leaves nothing of its own there. */
int file_writer_open_new(struct file_writer *writer, const char *path, struct error *err);

/* What a user names as an output is written as other programs write it: through a link to what that
 * names, a file that is there keeps its mode (and, for root, its owner), and what is not a regular
 * file (a pipe, a terminal, /dev/null, /dev/stdout, /dev/fd/3) is written to. A folder and a block
 * device are refused. Where the folder takes no new file, or the one that is there cannot be
 * replaced (a mount point; another user's in a folder like /tmp), but can be written, it is written
 * in its place. A pipe is waited for until somebody reads it, or a signal comes. */
int file_writer_open_output(struct file_writer *writer, const char *path, struct error *err);

/* What file_writer_open_output() would refuse, and a folder that is missing or takes no file,
 * before the work is done whose result it is. Nothing is made or opened; NULL and "-" are fine. */
int file_check_output(const char *path, struct error *err);

/* Would file_save_output() put something else in the place of what a file holds? */
bool file_is_replaced(const char *path);

/* Is it a pipe, a device or a stream, which is written to as it is, and may have to be waited for?
 */
bool file_is_in_place(const char *path);

int file_writer_put(struct file_writer *writer, const void *data, size_t count, struct error *err);
int file_writer_commit(struct file_writer *writer, struct error *err); /* closes it in any case */
void file_writer_abort(struct file_writer *writer);                    /* removes the temporary */

/* Opens, puts and commits in one. */
int file_save(const char *path, const void *data, size_t count, struct error *err);
int file_save_private(const char *path, const void *data, size_t count, struct error *err);
int file_save_output(const char *path, const void *data, size_t count, struct error *err);

/* Copies a file of at most `cap` bytes, all or nothing. */
int file_copy(const char *from, const char *to, size_t cap, struct error *err);

/* A file of this user's alone (mode 0600) in `folder` that has no name, and goes with its
 * descriptor, whatever ends the process. Returns that, to be closed with sys.close(); -1. */
int file_open_nameless(const char *folder, struct error *err);

#endif
