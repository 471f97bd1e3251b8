#include "base/sys.h"

#include "base/confine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Those that the system declares with "..." after their first arguments. */
static int open_below(int folder, const char *name, int flags, mode_t mode)
{
    return openat(folder, name, flags | O_CLOEXEC, mode);
}

static int control_file(int fd, int command, int argument)
{
    return fcntl(fd, command, argument);
}

static int quotactl_of(int fd, int command, unsigned id, void *out)
{
#ifdef SYS_quotactl_fd
    return (int)syscall(SYS_quotactl_fd, fd, command, id, out);
#else
    (void)fd, (void)command, (void)id, (void)out;
    errno = ENOSYS;
    return -1;
#endif
}

struct sys_table sys = {
    .open = confine_open,
    .openat = open_below,
    .close = close,
    .read = read,
    .pread = pread,
    .write = write,
    .fsync = fsync,
    .ftruncate = ftruncate,
    .flock = flock,
    .fcntl = control_file,

    .rename = confine_rename,
    .rename_new = confine_rename_new,
    .unlink = confine_unlink,
    .unlinkat = unlinkat,
    .mkdir = confine_mkdir,
    .rmdir = confine_rmdir,
    .mkdtemp = mkdtemp,
    .fchmod = fchmod,
    .fchown = fchown,

    .stat = confine_stat,
    .lstat = confine_lstat,
    .fstat = fstat,
    .fstatat = fstatat,
    .access = confine_access,
    .realpath = realpath,
    .readlink = readlink,
    .symlink = symlink,
    .getcwd = getcwd,
    .fstatvfs = fstatvfs,
    .quotactl_fd = quotactl_of,

    .opendir = confine_opendir,
    .fdopendir = fdopendir,
    .readdir = readdir,
    .closedir = closedir,
    .scandir = confine_scandir,
    .nftw = nftw,

    .pipe2 = pipe2,
    .fork = fork,
    .spawn = posix_spawn,
    .execv = execv,
    .waitpid = waitpid,
    .kill = kill,
    .thread_create = pthread_create,

    .fopen = fopen,
    .time = time,

    .getrandom = getrandom,
    .dlopen = dlopen,
    .mprotect = mprotect,
    .mincore = mincore,
};
