#include "base/sys.h"

#include "base/confine.h"

#include <stdio.h>
#include <unistd.h>

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
};
