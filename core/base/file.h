/* Files: whole reads with a cap, positioned reads with checked lengths, atomic and append writes.
 */
#ifndef SPECTRUM_BASE_FILE_H
#define SPECTRUM_BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Reads a whole regular file of at most `cap` bytes into *out (cleared first). */
int file_read_all(struct buffer *out, const char *path, size_t cap, struct error *err);

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
 * ".<name>.<pid>.<n>.tmp", then fsync, rename, fsync of the folder. */
struct file_writer {
    int fd;          /* can be read, too */
    char *path;      /* the final place */
    char *temporary; /* where the bytes go until commit */
};

int file_writer_open(struct file_writer *writer, const char *path, struct error *err);
int file_writer_put(struct file_writer *writer, const void *data, size_t count, struct error *err);
int file_writer_commit(struct file_writer *writer, struct error *err); /* closes it in any case */
void file_writer_abort(struct file_writer *writer);                    /* removes the temporary */

/* The three in one. */
int file_save(const char *path, const void *data, size_t count, struct error *err);

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

/* Removes the plain files of a folder. */
void folder_clear(const char *path);

/* Removes a folder of plain files, as far as that goes: for temporary ones, of which a kill leaves
 * a part. */
void folder_remove(const char *path);

/* fsync of a folder, so that a rename in it is on disk. */
int folder_sync(const char *path, struct error *err);

/* "<folder>/<name>", newly allocated; NULL and an error when memory runs out. */
char *path_join(const char *folder, const char *name, struct error *err);

/* The folder that a path lies in ("." and "/" where it names none), newly allocated. */
char *path_folder(const char *path, struct error *err);

#endif
