#include "base/file.h"

#include "base/memory.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int file_open_read(const char *path, uint64_t *size, struct error *err)
{
    /* O_NONBLOCK: opening a FIFO that nobody writes must not hang. */
    int fd = sys.open(path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
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

static char *temporary_name(const char *path, struct error *err)
{
    static atomic_uint serial;
    struct buffer name = BUFFER_INIT;
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    buffer_format(&name, "%.*s.%s.%ld.%u.tmp", folder, path, path + folder, (long)getpid(),
                  atomic_fetch_add(&serial, 1));
    if (buffer_check(&name, err) != 0) {
        buffer_free(&name);
        return NULL;
    }
    return name.data;
}

int file_writer_open(struct file_writer *writer, const char *path, struct error *err)
{
    *writer = (struct file_writer){.fd = -1};
    writer->path = string_copy(path, err);
    writer->temporary = writer->path ? temporary_name(path, err) : NULL;
    if (writer->temporary) {
        writer->fd = sys.open(writer->temporary, O_RDWR | O_CREAT | O_EXCL, 0666);
        if (writer->fd >= 0)
            return 0;
        error_set_errno(err, errno, "cannot write %s", path);
    }
    free(writer->path);
    free(writer->temporary);
    *writer = (struct file_writer){.fd = -1};
    return -1;
}

int file_writer_put(struct file_writer *writer, const void *data, size_t count, struct error *err)
{
    return file_write(writer->fd, data, count, writer->path, err);
}

void file_writer_abort(struct file_writer *writer)
{
    if (writer->fd >= 0)
        sys.close(writer->fd);
    if (writer->temporary)
        sys.unlink(writer->temporary);
    free(writer->path);
    free(writer->temporary);
    *writer = (struct file_writer){.fd = -1};
}

int file_writer_commit(struct file_writer *writer, struct error *err)
{
    int status = -1;
    char *folder = NULL;
    if (sys.fsync(writer->fd) != 0) {
        error_set_errno(err, errno, "cannot write %s", writer->path);
        goto out;
    }
    int closed = sys.close(writer->fd);
    writer->fd = -1;
    if (closed != 0 || sys.rename(writer->temporary, writer->path) != 0) {
        error_set_errno(err, errno, "cannot write %s", writer->path);
        goto out;
    }
    free(writer->temporary);
    writer->temporary = NULL;
    folder = path_folder(writer->path, err);
    status = folder ? folder_sync(folder, err) : -1;
out:
    free(folder);
    file_writer_abort(writer);
    return status;
}

int file_save(const char *path, const void *data, size_t count, struct error *err)
{
    struct file_writer writer;
    if (file_writer_open(&writer, path, err) != 0)
        return -1;
    if (file_writer_put(&writer, data, count, err) != 0) {
        file_writer_abort(&writer);
        return -1;
    }
    return file_writer_commit(&writer, err);
}

int folder_sync(const char *path, struct error *err)
{
    int fd = sys.open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open folder %s", path);
    /* Some file systems cannot sync a folder and say EINVAL; nothing more can be done there. */
    int status = sys.fsync(fd) != 0 && errno != EINVAL
                     ? error_set_errno(err, errno, "cannot sync folder %s", path)
                     : 0;
    sys.close(fd);
    return status;
}

static bool same_inode(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool file_is_same(const char *a, const char *b)
{
    if (same_inode(a, b))
        return true;
    if (access(a, F_OK) == 0 || access(b, F_OK) == 0 || strcmp(last_part(a), last_part(b)) != 0)
        return false;
    char *one = path_folder(a, NULL), *other = path_folder(b, NULL);
    bool same = one && other && same_inode(one, other);
    free(one);
    free(other);
    return same;
}

int file_check_apart(const char *output, const char *input, const char *what, struct error *err)
{
    return output && input && file_is_same(output, input)
               ? error_set(err,
                           "%s is %s that is read, which is never written to; give another path",
                           output, what)
               : 0;
}

int file_copy(const char *from, const char *to, size_t cap, struct error *err)
{
    struct buffer content = BUFFER_INIT;
    int status = file_read_all(&content, from, cap, err);
    if (status == 0)
        status = file_save(to, buffer_string(&content), content.length, err);
    buffer_free(&content);
    return status;
}

int folder_make(const char *path, struct error *err)
{
    char *partial = string_copy(path, err);
    if (!partial)
        return -1;
    int status = 0;
    for (char *at = partial + 1; status == 0; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        if (sys.mkdir(partial, 0777) != 0 && errno != EEXIST)
            status = error_set_errno(err, errno, "cannot make folder %s", partial);
        *at = kept;
        if (kept == '\0')
            break;
    }
    free(partial);
    return status;
}

char *path_join(const char *folder, const char *name, struct error *err)
{
    struct buffer path = BUFFER_INIT;
    size_t length = strlen(folder);
    buffer_format(&path, "%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", name);
    if (buffer_check(&path, err) != 0) {
        buffer_free(&path);
        return NULL;
    }
    return path.data;
}

char *path_folder(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = string_copy(slash ? path : ".", err);
    if (folder && slash)
        folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

bool folder_is_empty(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return access(path, F_OK) != 0;
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(folder));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    return empty;
}

void folder_clear(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char *file = path_join(path, entry->d_name, NULL);
        if (file && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            sys.unlink(file);
        free(file);
    }
    if (folder)
        closedir(folder);
}

void folder_remove(const char *path)
{
    folder_clear(path);
    rmdir(path);
}
