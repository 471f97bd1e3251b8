/* Folders whose files may be somebody else's work, and what is opened below them.
 *
 * A job's folder may come from a colleague, an archive or a shared temporary folder. Whoever opens
 * one notes it here first; from then on every call of `sys` (sys.h) with a path below it is carried
 * out from the folder's descriptor, component by component: no link is followed, nothing leads out
 * through "..", what is opened is a regular file or a folder of this user's, of root's or of the
 * folder's owner's, and what is written has one name (no hard link). A FIFO or a device is never
 * opened. The path to the folder may hold links, which are followed as they were when the folder
 * was first seen: another folder that has come into its place through a link, or is another user's,
 * is refused. Paths elsewhere are not touched.
 *
 * The kernel does the walk where it has openat2(); where that is missing or forbidden (an older
 * kernel, a container's filter) the same walk is made here.
 *
 * A refusal sets errno and says why by error_explain(), so that error_set_errno() tells it.
 */
#ifndef SPECTRUM_BASE_CONFINE_H
#define SPECTRUM_BASE_CONFINE_H

#include "base/error.h"

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What of a folder is confined. Constant, and as long-lived as the process. */
struct confined_names {
    /* The first components below the folder that are meant, with their temporary files
     * (".NAME.anything"), NULL at the end: what else lies in a folder of this user's is his own
     * business, a model or data with links. In somebody else's folder everything is confined. */
    const char *const *names;
    /* The one that may be a link, where it and the folder that it leads to belong to this user. */
    const char *link;
};

/* Notes the folder for this process, by the path that is given and by its real path; more than once
 * is fine. It need not be there yet. Threads may call it and `sys` at once. */
int confine_folder(const char *path, const struct confined_names *names, struct error *err);

/* The calls, for sys.c: as the system's, with the rules above. confine_stat() is stat() elsewhere;
 * below a noted folder it follows no link. */
int confine_open(const char *path, int flags, mode_t mode);
int confine_rename(const char *from, const char *to);
int confine_rename_new(const char *from, const char *to); /* renameat2() with RENAME_NOREPLACE */
int confine_unlink(const char *path);
int confine_mkdir(const char *path, mode_t mode);
int confine_rmdir(const char *path);
int confine_stat(const char *path, struct stat *out);
int confine_lstat(const char *path, struct stat *out);
int confine_access(const char *path, int mode);
DIR *confine_opendir(const char *path);
int confine_scandir(const char *path, struct dirent ***out,
                    int (*takes)(const struct dirent *entry),
                    int (*order)(const struct dirent **a, const struct dirent **b));

#endif
