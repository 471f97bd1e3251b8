/* The system calls that can fail on a user's machine, behind one table.
 *
 * Everything in core/ that opens, reads, writes, syncs or renames goes through `sys`, so that tests
 * can put a full disk, a short read or a failing fsync at any call (see tests/fault). The table is
 * process-wide and constant outside tests. It is the one gate, too: below a folder that
 * confine_folder() noted, the calls with a path follow no link (confine.h).
 */
#ifndef SPECTRUM_BASE_SYS_H
#define SPECTRUM_BASE_SYS_H

#include <dirent.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

struct sys_table {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*read)(int fd, void *out, size_t count);
    ssize_t (*pread)(int fd, void *out, size_t count, off_t offset);
    ssize_t (*write)(int fd, const void *data, size_t count);
    int (*fsync)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*unlinkat)(int folder, const char *name, int flags);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rmdir)(const char *path);
    int (*stat)(const char *path, struct stat *out);
    int (*lstat)(const char *path, struct stat *out);
    int (*access)(const char *path, int mode);
    DIR *(*opendir)(const char *path);
    int (*fstat)(int fd, struct stat *out);
    int (*fstatvfs)(int fd, struct statvfs *out);
    int (*quotactl_fd)(int fd, int command, unsigned id, void *out); /* Linux 5.14; else ENOSYS */
};

extern struct sys_table sys;

#endif
