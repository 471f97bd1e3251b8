/* Names of files: paths, the folders that they lie in, and the temporary files that a writer which
 * was killed left there.
 */
#ifndef SPECTRUM_BASE_FOLDER_H
#define SPECTRUM_BASE_FOLDER_H

#include "base/error.h"

#include <dirent.h>
#include <stdbool.h>

/* --- paths --- */

/* "<folder>/<name>", newly allocated; NULL and an error when memory runs out. */
char *path_join(const char *folder, const char *name, struct error *err);

/* What of a path is there, without links: newly allocated. */
char *path_existing(const char *path, struct error *err);

/* The folder that a path lies in ("." and "/" where it names none), newly allocated. */
char *path_folder(const char *path, struct error *err);

/* The last component of a path: all that follows the last slash. */
const char *path_last(const char *path);

/* Are these one file or folder, under whatever names and through whatever links? What is not there
 * yet is the same by its name and folder. file_compare: 1, 0, or -1 where that cannot be told;
 * file_is_same: for what is lost with a wrong "no". */
int file_compare(const char *a, const char *b, struct error *err);
bool file_is_same(const char *a, const char *b);

/* Before a result is written: an error where that would write over the file that it is made from.
 * `what` that is: "the scan". */
int file_check_apart(const char *output, const char *input, const char *what, struct error *err);

/* --- folders --- */

/* Makes a folder and its missing parents (mode 0777 less umask); an existing one is fine. */
int folder_make(const char *path, struct error *err);

/* Is nothing there, or a folder without anything in it? */
bool folder_is_empty(const char *path);

/* Removes the plain files and links of a folder; a link in the folder's place is not followed. */
void folder_clear(const char *path);

/* Removes a folder of plain files, or the link in its place, as far as that goes: for temporary
 * ones, of which a kill leaves a part. */
void folder_remove(const char *path);

/* The next entry of an open folder other than "." and "..", until the next call: 1; 0 at its end;
 * -1 where the folder cannot be read on, which is not its end: what it holds is not known then. */
int folder_read(DIR *folder, const char *path, struct dirent **entry, struct error *err);

/* fsync of a folder, so that a rename in it is on disk. */
int folder_sync(const char *path, struct error *err);

/* --- temporary files --- */

/* 16 hexadecimal digits that nobody else draws, for the names of temporary files and folders. */
enum { FILE_UNIQUE_SIZE = 17 };
void file_unique(char out[FILE_UNIQUE_SIZE]);

/* ".<name>.<16 hex digits>.tmp" beside a path, newly allocated and new each time. */
char *path_temporary(const char *path, struct error *err);

/* Is `entry`, a name in a folder, the temporary file of `name` there? */
bool file_is_temporary_of(const char *entry, const char *name);

/* Of which name is `entry` the temporary file, by its 16 digits? False: it is none, or that is too
 * long. */
enum { FILE_NAME_SIZE = 256 };
bool file_temporary_name(const char *entry, char out[FILE_NAME_SIZE]);

/* Removes what writers of this file left that were killed, as whoever opens its next writer does.
 */
void file_remove_left(const char *path);

/* Removes what writers of any file in `folder` left that were killed: for a folder of which this
 * program is the only user. */
void folder_remove_left(const char *folder);

#endif
