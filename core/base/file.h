/* A file's bytes: whole reads with a cap, positioned reads and writes of checked lengths, locks.
 *
 * What is read here may change or shrink meanwhile, so nothing is mapped: a read that comes short
 * is an error with the file's name and the byte, where a page that is gone would be a signal. All
 * calls go through `sys` (sys.h). file_writer.h saves files, folder.h has folders and paths.
 */
#ifndef SPECTRUM_BASE_FILE_H
#define SPECTRUM_BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Reads a whole regular file of at most `cap` bytes into *out (cleared first). */
int file_read_all(struct buffer *out, const char *path, size_t cap, struct error *err);

/* The same of a text that people write, and that is then read as a string: a NUL byte, at which that
 * would end without a word, is an error that names its line. */
int file_read_text(struct buffer *out, const char *path, size_t cap, struct error *err);

/* What is there, through links? 1, and *info; 0: nothing; -1: that cannot be told, as where a folder
 * on the way may not be searched or the disk fails. For files that may be absent: one that cannot
 * be looked at is not one to go without, nor one to write over. */
int file_look(const char *path, struct stat *info, struct error *err);

/* The same of what is read where it is there. A link to nothing is an error that names it: who made it
 * meant a file, as of a cache whose blob is gone, and without it another is computed. */
int file_find(const char *path, struct error *err);

/* Is it a folder (0: nothing, or something else)? Is the name taken, by a link to nothing, too? */
int folder_find(const char *path, struct error *err);
int name_find(const char *path, struct error *err);

/* Opens a regular file for positioned reading; *size is its length in bytes now. Returns the
 * descriptor, or -1. Close it with sys.close(). */
int file_open_read(const char *path, uint64_t *size, struct error *err);

/* Reads exactly `count` bytes at `offset`; a file that became shorter is an error, not a signal.
 * `path` is for the message only. */
int file_read_at(int fd, void *out, size_t count, uint64_t offset, const char *path,
                 struct error *err);

/* Writes exactly `count` bytes at the descriptor's position. */
int file_write(int fd, const void *data, size_t count, const char *path, struct error *err);

/* Waits for a file's or folder's lock (flock), until it is closed; a signal that asks for an end
 * waits until then. A file system without locks does without. */
void file_lock(int fd);

/* fsync, once more where a signal interrupted it; errno where it fails. */
int file_sync(int fd);

#endif
