/* Files: whole reads with a cap, positioned reads with checked lengths, atomic and append writes.
 */
#ifndef SPECTRUM_BASE_FILE_H
#define SPECTRUM_BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a whole regular file of at most `cap` bytes into *out (cleared first). */
int file_read_all(struct buffer *out, const char *path, size_t cap, struct error *err);

/* Is something there, through links? 1; 0: nothing; -1: that cannot be told, as where a folder on
 * the way may not be searched or the disk fails. For files that may be absent: one that cannot be
 * looked at is not one to go without. */
int file_find(const char *path, struct error *err);

/* Opens a regular file for positioned reading; *size is its length in bytes now. Returns the
 * descriptor, or -1. Close it with sys.close(). */
int file_open_read(const char *path, uint64_t *size, struct error *err);

/* Reads exactly `count` bytes at `offset`; a file that became shorter is an error, not a signal.
 * `path` is for the message only. */
int file_read_at(int fd, void *out, size_t count, uint64_t offset, const char *path,
                 struct error *err);

/* Writes exactly `count` bytes at the descriptor's position. */
int file_write(int fd, const void *data, size_t count, const char *path, struct error *err);

/* A file that appears whole or not at all: written beside its final place as
 * ".<name>.<16 hex digits>.tmp", then fsync, rename, fsync of the folder. A name that is taken is
 * no obstacle. While it is written the temporary file is locked (flock), so that whoever opens the
 * next writer of that name clears away what dead ones left, and nothing else. A link in the final
 * place is replaced, not followed. */
struct file_writer {
    int fd;          /* can be read, too, but for that of an output which is no regular file */
    char *path;      /* the final place */
    char *temporary; /* where the bytes go until commit; NULL: they go straight to the path */
    bool over;       /* a user's output over a file that is there */
};

int file_writer_open(struct file_writer *writer, const char *path, struct error *err);

/* The same for this user's eyes alone (mode 0600). */
int file_writer_open_private(struct file_writer *writer, const char *path, struct error *err);

/* What a user names as an output is written as other programs write it: through a link to what that
 * names, a file that is there keeps its mode (and, for root, its owner), and what is no regular
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

/* A file of this user's alone (mode 0600) in `folder` that has no name, and goes with its
 * descriptor, whatever ends the process. Returns that, to be closed with sys.close(); -1. */
int file_open_nameless(const char *folder, struct error *err);

/* Removes what writers of this file left that were killed, as whoever opens its next writer does. */
void file_remove_left(const char *path);

/* Removes what writers of any file in `folder` left that were killed: for a folder of which this
 * program is the only user. */
void folder_remove_left(const char *folder);

/* 16 hexadecimal digits that nobody else draws, for the names of temporary files and folders. */
enum { FILE_UNIQUE_SIZE = 17 };
void file_unique(char out[FILE_UNIQUE_SIZE]);

/* Are these one file or folder, under whatever names and through whatever links? What is not there
 * yet is the same by its name and folder. */
bool file_is_same(const char *a, const char *b);

/* Before a result is written: an error where that would write over the file that it is made from.
 * `what` that is: "the scan". */
int file_check_apart(const char *output, const char *input, const char *what, struct error *err);

/* Copies a file of at most `cap` bytes, all or nothing. */
int file_copy(const char *from, const char *to, size_t cap, struct error *err);

/* Makes a folder and its missing parents (mode 0777 less umask); an existing one is fine. */
int folder_make(const char *path, struct error *err);

/* Is nothing there, or a folder without anything in it? */
bool folder_is_empty(const char *path);

/* Removes the plain files and links of a folder; a link in the folder's place is not followed. */
void folder_clear(const char *path);

/* Removes a folder of plain files, or the link in its place, as far as that goes: for temporary
 * ones, of which a kill leaves a part. */
void folder_remove(const char *path);

/* Waits for a file's or folder's lock (flock), until it is closed; a signal that asks for an end
 * waits behind it. A file system without locks does without. */
void file_lock(int fd);

/* The next entry of an open folder other than "." and "..", until the next call: 1; 0 at its end;
 * -1 where the folder cannot be read on, which is no end: what it holds is not known then. */
int folder_read(DIR *folder, const char *path, struct dirent **entry, struct error *err);

/* fsync of a folder, so that a rename in it is on disk. */
int folder_sync(const char *path, struct error *err);

/* "<folder>/<name>", newly allocated; NULL and an error when memory runs out. */
char *path_join(const char *folder, const char *name, struct error *err);

/* What of a path is there, without links: newly allocated. */
char *path_existing(const char *path, struct error *err);

/* The folder that a path lies in ("." and "/" where it names none), newly allocated. */
char *path_folder(const char *path, struct error *err);

#endif
