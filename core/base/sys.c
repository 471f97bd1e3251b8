#include "base/sys.h"

#include "base/confine.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

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
    .close = close,
    .read = read,
    .pread = pread,
    .write = write,
    .fsync = fsync,
    .rename = confine_rename,
    .unlink = confine_unlink,
    .unlinkat = unlinkat,
    .mkdir = confine_mkdir,
    .rmdir = confine_rmdir,
    .stat = confine_stat,
    .lstat = confine_lstat,
    .access = confine_access,
    .opendir = confine_opendir,
    .fstat = fstat,
    .fstatvfs = fstatvfs,
    .quotactl_fd = quotactl_of,
};
