/* The system calls that can fail on a user's machine, in one table.
 *
 * Everything in core/ and tui/ that asks the system for a file, a folder, a process or a thread
 * goes through `sys`, so that tests can put a full disk, a short read, a failing fsync or a refused
 * fork at any call (tests/unit/test_job_system_faults.c puts one at each of them).
 * tests/program/system_calls.sh finds calls that go past it, and says which few may. The table is
 * process-wide and constant outside tests. It is the one gate, too: below a folder that
 * confine_folder() noted, the calls with a path follow no link (confine.h); those are marked
 * "confined".
 *
 * Each is the system's call of its name (spawn: posix_spawn, thread_create: pthread_create):
 * results, errno and ownership are those of its manual page.
 */
#ifndef SPECTRUM_BASE_SYS_H
#define SPECTRUM_BASE_SYS_H

#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>

struct sys_table {
    /* A file's bytes. What open() gives is closed in a child that another program replaces. */
    int (*open)(const char *path, int flags, mode_t mode); /* confined */
    int (*openat)(int folder, const char *name, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*read)(int fd, void *out, size_t count);
    ssize_t (*pread)(int fd, void *out, size_t count, off_t offset);
    ssize_t (*write)(int fd, const void *data, size_t count);
    int (*fsync)(int fd);
    int (*ftruncate)(int fd, off_t length);
    int (*flock)(int fd, int operation);
    int (*fcntl)(int fd, int command, int argument);

    /* Names: what a folder says, and what is changed in it. */
    int (*rename)(const char *from, const char *to);     /* confined */
    int (*rename_new)(const char *from, const char *to); /* confined; EEXIST where `to` is taken */
    int (*unlink)(const char *path);                     /* confined */
    int (*unlinkat)(int folder, const char *name, int flags);
    int (*mkdir)(const char *path, mode_t mode); /* confined */
    int (*rmdir)(const char *path);              /* confined */
    char *(*mkdtemp)(char *pattern);
    int (*fchmod)(int fd, mode_t mode);
    int (*fchown)(int fd, uid_t user, gid_t group);

    /* What is there. */
    int (*stat)(const char *path, struct stat *out);  /* confined */
    int (*lstat)(const char *path, struct stat *out); /* confined */
    int (*fstat)(int fd, struct stat *out);
    int (*fstatat)(int folder, const char *name, struct stat *out, int flags);
    int (*access)(const char *path, int mode); /* confined */
    char *(*realpath)(const char *path, char *out);
    ssize_t (*readlink)(const char *path, char *out, size_t size);
    int (*symlink)(const char *to, const char *path);
    char *(*getcwd)(char *out, size_t size);
    int (*fstatvfs)(int fd, struct statvfs *out);
    int (*quotactl_fd)(int fd, int command, unsigned id, void *out); /* Linux 5.14; else ENOSYS */

    /* Folders. readdir() at a folder's end leaves errno as it was: folder_read() of file.h tells
     * that from a folder that cannot be read on. */
    DIR *(*opendir)(const char *path); /* confined */
    DIR *(*fdopendir)(int fd);
    struct dirent *(*readdir)(DIR *folder);
    int (*closedir)(DIR *folder);
    int (*scandir)(const char *path, struct dirent ***out, /* confined */
                   int (*takes)(const struct dirent *entry),
                   int (*order)(const struct dirent **a, const struct dirent **b));
    int (*nftw)(const char *path,
                int (*visit)(const char *path, const struct stat *info, int type, struct FTW *at),
                int folders, int flags);

    /* Processes and threads. */
    int (*pipe2)(int ends[2], int flags);
    pid_t (*fork)(void);
    int (*spawn)(pid_t *pid, const char *program, const posix_spawn_file_actions_t *files,
                 const posix_spawnattr_t *attributes, char *const arguments[],
                 char *const environment[]);
    int (*execv)(const char *program, char *const arguments[]);
    pid_t (*waitpid)(pid_t pid, int *how, int flags);
    int (*kill)(pid_t pid, int number);
    int (*thread_create)(pthread_t *thread, const pthread_attr_t *attributes,
                         void *(*run)(void *context), void *context);

    /* The machine: the kernel's own files, which say what there is of it, and its clock. They are
     * here so that a test has them say the same everywhere. */
    FILE *(*fopen)(const char *path, const char *mode);
    time_t (*time)(time_t *out);

    /* Others. */
    ssize_t (*getrandom)(void *out, size_t count, unsigned flags);
    void *(*dlopen)(const char *library, int flags);
    int (*mprotect)(void *from, size_t count, int allowed);
    int (*mincore)(void *from, size_t count, unsigned char *out);
};

extern struct sys_table sys;

#endif
