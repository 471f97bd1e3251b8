#include "base/file_writer.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* What holds of a writer at any moment, and so of what a kill leaves:
 *
 *   1. Bytes go to the temporary file alone until commit, which syncs it, renames it over the path
 *      and syncs the folder: the path names the old file or the whole new one. Only where
 *      `temporary` is NULL do they go to the path itself: pipes, devices, and outputs that cannot
 *      be replaced.
 *   2. A temporary file is locked from before its first byte until after it is renamed or removed.
 *      One that nobody has locked is a dead writer's (file_remove_left()), and whoever makes one
 *      looks once it has the lock whether it was taken for such a one meanwhile.
 *   3. A call that opens leaves no file and no memory where it fails; commit and abort close in any
 *      case.
 */

/* Locks a new temporary file. False: somebody took it for a dead one's, and it is gone. */
static bool lock_temporary(int fd)
{
    struct stat info;
    file_lock(fd);
    return sys.fstat(fd, &info) != 0 || info.st_nlink > 0;
}

/* Makes the temporary file under a name that nobody has; -1 with errno. */
static int make_temporary(struct file_writer *writer, mode_t mode, struct error *err)
{
    enum { TRIES = 16 };
    errno = EEXIST;
    for (int i = 0; i < TRIES && errno == EEXIST; i++) {
        free(writer->temporary);
        if (!(writer->temporary = path_temporary(writer->path, err))) {
            errno = ENOMEM;
            return -1;
        }
        writer->fd = sys.open(writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
        if (writer->fd >= 0 && lock_temporary(writer->fd))
            return 0;
        if (writer->fd >= 0) {
            sys.close(writer->fd);
            writer->fd = -1;
            errno = EEXIST;
        }
    }
    return -1;
}

static void release(struct file_writer *writer)
{
    free(writer->path);
    free(writer->temporary);
    *writer = (struct file_writer){.fd = -1};
}

/* What a process that was killed left of this very file goes first. */
static int open_writer(struct file_writer *writer, const char *path, mode_t mode, struct error *err)
{
    *writer = (struct file_writer){.fd = -1};
    if (!(writer->path = string_copy(path, err)))
        return -1;
    file_remove_left(path);
    if (make_temporary(writer, mode, err) == 0)
        return 0;
    error_set_errno(err, errno, "cannot write %s", path);
    release(writer);
    return -1;
}

int file_writer_open(struct file_writer *writer, const char *path, struct error *err)
{
    return open_writer(writer, path, 0666, err);
}

int file_writer_open_private(struct file_writer *writer, const char *path, struct error *err)
{
    return open_writer(writer, path, 0600, err);
}

int file_writer_open_new(struct file_writer *writer, const char *path, struct error *err)
{
    int status = open_writer(writer, path, 0666, err);
    writer->fresh = status == 0;
    return status;
}

/* The descriptor that a path of /dev or /proc stands for; -1: none. To open such a path would
 * begin at the file's start, over what stands there. */
static int descriptor_of(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"};
    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t length = strlen(folders[i]), digits = 0;
        if (strncmp(path, folders[i], length) != 0)
            continue;
        digits = strspn(path + length, "0123456789");
        if (digits > 0 && digits < 9 && path[length + digits] == '\0')
            return atoi(path + length);
    }
    return -1;
}

/* What a path names through links, whether or not anything is there; newly allocated. */
static char *resolve_links(const char *path, struct error *err)
{
    enum { LINKS = 40 };
    char *at = string_copy(path, err), target[PATH_MAX];
    for (int links = 0; at && descriptor_of(at) < 0; links++) {
        ssize_t length = sys.readlink(at, target, sizeof target - 1);
        if (length < 0)
            return at;
        target[length] = '\0';
        char *folder = path_folder(at, err), *next = NULL;
        if (folder && links < LINKS)
            next = target[0] == '/' ? string_copy(target, err) : path_join(folder, target, err);
        else if (folder)
            error_set_errno(err, ELOOP, "cannot write %s", path);
        free(folder);
        free(at);
        at = next;
    }
    return at;
}

/* Opens what is there to be written to as it is. */
static int open_in_place(struct file_writer *writer, int flags, struct error *err)
{
    int given = descriptor_of(writer->path);
    writer->fd = given >= 0 ? sys.fcntl(given, F_DUPFD_CLOEXEC, 3)
                            : sys.open(writer->path, O_WRONLY | O_NOCTTY | flags, 0);
    if (writer->fd < 0 && errno == EINTR) /* a pipe is opened when somebody reads it */
        return error_set_kind(err, ERROR_INTERRUPTED, "stopped while %s had no reader",
                              writer->path);
    return writer->fd >= 0 ? 0 : error_set_errno(err, errno, "cannot write %s", writer->path);
}

/* Beside a file that is there, with its mode and, as far as that is allowed, its owner. */
static int open_beside(struct file_writer *writer, const struct stat *there, struct error *err)
{
    file_remove_left(writer->path);
    if (make_temporary(writer, there ? 0600 : 0666, err) != 0) {
        int why = errno;
        free(writer->temporary);
        writer->temporary = NULL;
        if (there && (why == EACCES || why == EPERM || why == EROFS) &&
            sys.access(writer->path, W_OK) == 0)
            return open_in_place(writer, O_TRUNC, err);
        return error_set_errno(err, why, "cannot write %s", writer->path);
    }
    if (there && ((there->st_uid != geteuid() || there->st_gid != getegid()) &&
                  sys.fchown(writer->fd, there->st_uid, there->st_gid) != 0))
        errno = 0; /* it is this user's then, as any file that this user makes */
    if (there)
        sys.fchmod(writer->fd, there->st_mode & 0777);
    writer->over = there != NULL;
    return 0;
}

enum output_kind { OUTPUT_REFUSED, OUTPUT_NEW, OUTPUT_FILE, OUTPUT_IN_PLACE };

/* What a user's output is: where its bytes go, through links, in *target (newly allocated), and
 * what is there now. */
static enum output_kind find_output(const char *path, char **target, struct stat *there,
                                    struct error *err)
{
    *target = NULL;
    if (!path[0]) {
        error_set_kind(err, ERROR_USAGE, "the name of the file to write is empty");
        return OUTPUT_REFUSED;
    }
    if (!(*target = resolve_links(path, err)))
        return OUTPUT_REFUSED;
    if (descriptor_of(*target) >= 0)
        return OUTPUT_IN_PLACE;
    bool found = sys.stat(*target, there) == 0;
    if (!found && errno != ENOENT &&
        errno != ENOTDIR) /* what is there is not written over unseen */
        error_set_errno(err, errno, "cannot write %s", path);
    else if (found && S_ISDIR(there->st_mode))
        error_set(err, "%s is a folder; give a file", path);
    else if (path[strlen(path) - 1] == '/')
        error_set(err, "%s names a folder; give a file", path);
    else if (found && S_ISBLK(there->st_mode))
        error_set(err, "%s is a block device, which is not written over; give a file", path);
    else
        return !found ? OUTPUT_NEW : S_ISREG(there->st_mode) ? OUTPUT_FILE : OUTPUT_IN_PLACE;
    return OUTPUT_REFUSED;
}

/* What a user names may be a new file, one to be replaced, or a device, a FIFO, a descriptor, which
 * can only be written in place. */
int file_writer_open_output(struct file_writer *writer, const char *path, struct error *err)
{
    struct stat there;
    int status = -1;
    *writer = (struct file_writer){.fd = -1};
    switch (find_output(path, &writer->path, &there, err)) {
    case OUTPUT_REFUSED:
        break;
    case OUTPUT_NEW:
        status = open_beside(writer, NULL, err);
        break;
    case OUTPUT_FILE:
        status = open_beside(writer, &there, err);
        break;
    case OUTPUT_IN_PLACE:
        status = open_in_place(writer, 0, err);
        break;
    }
    if (status != 0)
        file_writer_abort(writer);
    return status;
}

bool file_is_replaced(const char *path)
{
    struct stat there;
    char *target = NULL;
    bool is = find_output(path, &target, &there, NULL) == OUTPUT_FILE && there.st_size > 0;
    free(target);
    return is;
}

bool file_is_in_place(const char *path)
{
    struct stat there;
    char *target = NULL;
    bool is = find_output(path, &target, &there, NULL) == OUTPUT_IN_PLACE;
    free(target);
    return is;
}

/* Before any work is done whose result would have no place: what can be known without writing. */
int file_check_output(const char *path, struct error *err)
{
    struct stat there;
    if (!path || strcmp(path, "-") == 0)
        return 0;
    char *target = NULL, *folder = NULL;
    enum output_kind kind = find_output(path, &target, &there, err);
    int status = kind == OUTPUT_REFUSED ? -1 : 0;
    int given = status == 0 ? descriptor_of(target) : -1;
    int flags = given >= 0 ? sys.fcntl(given, F_GETFL, 0) : 0;
    if (given >= 0 && (flags < 0 || (flags & O_ACCMODE) == O_RDONLY))
        status = error_set_errno(err, EBADF, "cannot write %s", path);
    else if (given < 0 && (kind == OUTPUT_FILE || kind == OUTPUT_IN_PLACE) &&
             sys.access(target, W_OK) != 0)
        status = error_set_errno(err, errno, "cannot write %s", path);
    if (status == 0 && kind == OUTPUT_NEW) {
        folder = path_folder(target, err);
        if (!folder)
            status = -1;
        else if (sys.stat(folder, &there) == 0 && !S_ISDIR(there.st_mode))
            status = error_set(err, "cannot write %s: %s is not a folder", path, folder);
        else if (sys.access(folder, W_OK | X_OK) != 0)
            status = error_set_errno(err, errno, "cannot write %s: its folder %s", path, folder);
    }
    free(folder);
    free(target);
    return status;
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
    release(writer);
}

/* Pipes and terminals cannot be synced, and need not be. */
static int sync_written(const struct file_writer *writer)
{
    if (file_sync(writer->fd) == 0)
        return 0;
    return !writer->temporary && (errno == EINVAL || errno == EROFS || errno == ENOTSUP) ? 0 : -1;
}

/* A user's output that is there but cannot be replaced by another file (a container's mount point,
 * somebody else's file in a folder like /tmp) is written over with what lies in the temporary. */
static int write_over(struct file_writer *writer, struct error *err)
{
    char part[1 << 16];
    off_t at = 0;
    ssize_t got;
    struct file_writer there = {.fd = -1, .path = writer->path};
    int status = open_in_place(&there, O_TRUNC, err);
    while (status == 0 && (got = sys.pread(writer->fd, part, sizeof part, at)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        status = got < 0 ? error_set_errno(err, errno, "cannot read %s", writer->temporary)
                         : file_write(there.fd, part, (size_t)got, there.path, err);
        at += got;
    }
    if (status == 0 && sync_written(&there) != 0)
        status = error_set_errno(err, errno, "cannot write %s", there.path);
    if (there.fd >= 0 && sys.close(there.fd) != 0 && status == 0)
        status = error_set_errno(err, errno, "cannot write %s", there.path);
    return status;
}

/* Gives the temporary file its name; one that is to be free is not taken from who has it. */
static int name_it(const struct file_writer *writer)
{
    return writer->fresh ? sys.rename_new(writer->temporary, writer->path)
                         : sys.rename(writer->temporary, writer->path);
}

/* Renamed before it is closed: a temporary file without a lock is a dead one's. */
int file_writer_commit(struct file_writer *writer, struct error *err)
{
    int status = -1;
    char *folder = NULL;
    if (sync_written(writer) != 0) {
        error_set_errno(err, errno, "cannot write %s", writer->path);
        goto out;
    }
    if (writer->temporary && name_it(writer) != 0) {
        if (writer->over && (errno == EBUSY || errno == EPERM || errno == EACCES))
            status = write_over(writer, err);
        else if (writer->fresh && errno == EEXIST)
            error_set(err,
                      "%s has come to be there meanwhile, and is not written over; give "
                      "another name",
                      writer->path);
        else
            error_set_errno(err, errno, "cannot write %s", writer->path);
        goto out;
    }
    bool renamed = writer->temporary != NULL;
    free(writer->temporary);
    writer->temporary = NULL;
    int closed = sys.close(writer->fd);
    writer->fd = -1;
    if (closed != 0)
        error_set_errno(err, errno, "cannot write %s", writer->path);
    else if (!renamed)
        status = 0;
    else if ((folder = path_folder(writer->path, err)))
        status = folder_sync(folder, err);
    if (status != 0 && writer->fresh)
        sys.unlink(writer->path); /* it is there, but may not be on the disk */
out:
    free(folder);
    file_writer_abort(writer);
    return status;
}

/* Of a writer whose opening gave `status`. */
static int save(struct file_writer *writer, int status, const void *data, size_t count,
                struct error *err)
{
    if (status != 0)
        return -1;
    if (file_writer_put(writer, data, count, err) == 0)
        return file_writer_commit(writer, err);
    file_writer_abort(writer);
    return -1;
}

int file_save(const char *path, const void *data, size_t count, struct error *err)
{
    struct file_writer writer;
    return save(&writer, file_writer_open(&writer, path, err), data, count, err);
}

int file_save_private(const char *path, const void *data, size_t count, struct error *err)
{
    struct file_writer writer;
    return save(&writer, file_writer_open_private(&writer, path, err), data, count, err);
}

int file_save_output(const char *path, const void *data, size_t count, struct error *err)
{
    struct file_writer writer;
    return save(&writer, file_writer_open_output(&writer, path, err), data, count, err);
}

/* Some file systems know no file without a name: it has one for a moment there. */
int file_open_nameless(const char *folder, struct error *err)
{
    int fd = sys.open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    struct file_writer writer;
    char *path = path_join(folder, "spectrum", err);
    int status = path ? file_writer_open_private(&writer, path, err) : -1;
    free(path);
    if (status != 0)
        return -1;
    fd = writer.fd;
    writer.fd = -1;
    file_writer_abort(&writer);
    return fd;
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
