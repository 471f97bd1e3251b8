#include "base/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int open_with_mode(const char *path, int flags, mode_t mode)
{
    return open(path, flags | O_CLOEXEC, mode);
}

struct sys_table sys = {
    .open = open_with_mode,
    .close = close,
    .read = read,
    .pread = pread,
    .write = write,
    .fsync = fsync,
    .rename = rename,
    .unlink = unlink,
    .unlinkat = unlinkat,
    .mkdir = mkdir,
    .fstat = fstat,
};
