#include "base/file.h"

#include "base/memory.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* What a call that looked at the path found. */
static int found(int status, const char *path, struct error *err)
{
    if (status == 0)
        return 1;
    return errno == ENOENT || errno == ENOTDIR
               ? 0
               : error_set_errno(err, errno, "cannot read %s", path);
}

int file_look(const char *path, struct stat *info, struct error *err)
{
    return found(sys.stat(path, info), path, err);
}

/* Where nothing was found: -1 for a link to nothing, as for what cannot be told. */
static int refuse_link(const char *path, struct error *err)
{
    struct stat info;
    int there = found(sys.lstat(path, &info), path, err);
    if (there <= 0 || !S_ISLNK(info.st_mode))
        return there;
    return error_set(
        err, "%s is a link to nothing: bring back what it leads to, or remove the link", path);
}

int name_find(const char *path, struct error *err)
{
    struct stat info;
    return found(sys.lstat(path, &info), path, err);
}

int file_find(const char *path, struct error *err)
{
    struct stat info;
    int there = file_look(path, &info, err);
    return there == 0 ? refuse_link(path, err) : there;
}

int folder_find(const char *path, struct error *err)
{
    struct stat info;
    int there = file_look(path, &info, err);
    return there > 0 ? S_ISDIR(info.st_mode) : there;
}

int file_open_read(const char *path, uint64_t *size, struct error *err)
{
    /* O_NONBLOCK: opening a FIFO that nobody writes must not hang. */
    int fd = sys.open(path, O_RDONLY | O_NONBLOCK, 0);
    int why = errno;
    if (fd < 0)
        return why == ENOENT && refuse_link(path, err) < 0
                   ? -1
                   : error_set_errno(err, why, "cannot open %s", path);
    struct stat info;
    if (sys.fstat(fd, &info) != 0) {
        error_set_errno(err, errno, "cannot read %s", path);
    } else if (!S_ISREG(info.st_mode)) {
        error_set(err, "%s is not a regular file", path);
    } else {
        *size = (uint64_t)info.st_size;
        return fd;
    }
    sys.close(fd);
    return -1;
}

/* All of it, or an error with the byte at which it ended. In pieces of 1 GiB, as one read may not
 * take more than 2. */
int file_read_at(int fd, void *out, size_t count, uint64_t offset, const char *path,
                 struct error *err)
{
    char *to = out;
    while (count > 0) {
        size_t chunk = count < (1u << 30) ? count : (1u << 30);
        ssize_t got = sys.pread(fd, to, chunk, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(err, errno, "cannot read %s at byte %llu", path,
                                   (unsigned long long)offset);
        if (got == 0)
            return error_set(err, "%s ends at byte %llu, %zu bytes too early: it is truncated",
                             path, (unsigned long long)offset, count);
        to += got;
        offset += (uint64_t)got;
        count -= (size_t)got;
    }
    return 0;
}

/* The size is asked once: a file that grows meanwhile is read up to there, one that shrinks is an
 * error. */
int file_read_all(struct buffer *out, const char *path, size_t cap, struct error *err)
{
    uint64_t size = 0;
    int status = -1, fd = file_open_read(path, &size, err);
    if (fd < 0)
        return -1;
    buffer_clear(out);
    if (size > cap) {
        error_set(err, "%s has %llu bytes, more than the %zu that such a file may have", path,
                  (unsigned long long)size, cap);
        goto out;
    }
    if (array_reserve((void **)&out->data, &out->capacity, (size_t)size + 1, 1, err) != 0)
        goto out;
    if (file_read_at(fd, out->data, (size_t)size, 0, path, err) != 0)
        goto out;
    out->length = (size_t)size;
    out->data[size] = '\0';
    status = 0;
out:
    sys.close(fd);
    return status;
}

int file_read_text(struct buffer *out, const char *path, size_t cap, struct error *err)
{
    if (file_read_all(out, path, cap, err) != 0)
        return -1;
    const char *nul = memchr(out->data, '\0', out->length);
    size_t line = 1;
    if (!nul)
        return 0;
    for (const char *at = out->data; at < nul; at++)
        line += *at == '\n';
    return error_set(err, "%s:%zu: a NUL byte, which no text has", path, line);
}

/* All of it, in pieces for the same reason. */
int file_write(int fd, const void *data, size_t count, const char *path, struct error *err)
{
    const char *from = data;
    while (count > 0) {
        size_t chunk = count < (1u << 30) ? count : (1u << 30);
        ssize_t put = sys.write(fd, from, chunk);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return error_set_errno(err, errno, "cannot write %s", path);
        from += put;
        count -= (size_t)put;
    }
    return 0;
}

void file_lock(int fd)
{
    while (sys.flock(fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
}

/* Some file systems (FUSE, NFS) let a signal interrupt it; what was asked for still is. */
int file_sync(int fd)
{
    int status;
    do
        status = sys.fsync(fd);
    while (status != 0 && errno == EINTR);
    return status;
}
