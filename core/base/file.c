#include "base/file.h"

#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

int file_find(const char *path, struct error *err)
{
    struct stat info;
    if (sys.stat(path, &info) == 0)
        return 1;
    return errno == ENOENT || errno == ENOTDIR
               ? 0
               : error_set_errno(err, errno, "cannot read %s", path);
}

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

/* --- writing --- */

void file_unique(char out[FILE_UNIQUE_SIZE])
{
    uint64_t number;
    /* Without the kernel's numbers: the clock and where the stack lies differ, too. */
    if (sys.getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        number = (uint64_t)now.tv_nsec << 34 ^ (uint64_t)now.tv_sec ^ (uint64_t)getpid() << 48 ^
                 (uintptr_t)&number;
    }
    snprintf(out, FILE_UNIQUE_SIZE, "%016llx", (unsigned long long)number);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Of a file's name, what is in its temporary file's: one as long as the system takes leaves no room
 * for the rest. */
static int kept_of(const char *name)
{
    enum { AROUND = sizeof "..0123456789abcdef.tmp" - 1 };
    size_t length = strlen(name);
    return (int)(length + AROUND <= NAME_MAX ? length : NAME_MAX - AROUND);
}

static char *temporary_name(const char *path, struct error *err)
{
    struct buffer name = BUFFER_INIT;
    const char *last = last_part(path);
    char unique[FILE_UNIQUE_SIZE];
    file_unique(unique);
    buffer_format(&name, "%.*s.%.*s.%s.tmp", (int)(last - path), path, kept_of(last), last, unique);
    if (buffer_check(&name, err) != 0) {
        buffer_free(&name);
        return NULL;
    }
    return name.data;
}

/* ".<name>.<16 hex digits>.tmp", or, as versions up to 0.1 had it, ".<name>.<pid>.<n>.tmp". */
static bool is_temporary_of(const char *entry, const char *name)
{
    static const char end[] = ".tmp";
    size_t length = (size_t)kept_of(name), digits;
    if (entry[0] != '.' || strncmp(entry + 1, name, length) != 0 || entry[1 + length] != '.')
        return false;
    entry += length + 2;
    digits = strspn(entry, "0123456789abcdef");
    if (digits == FILE_UNIQUE_SIZE - 1 && strcmp(entry + digits, end) == 0)
        return true;
    digits = strspn(entry, "0123456789");
    if (digits == 0 || entry[digits] != '.')
        return false;
    entry += digits + 1;
    digits = strspn(entry, "0123456789");
    return digits > 0 && strcmp(entry + digits, end) == 0;
}

/* Its writer is dead where nobody has it locked. A file system without locks keeps what there is.
 */
static void remove_if_left(const char *path)
{
    int fd = sys.open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
    struct stat info;
    if (fd < 0)
        return;
    if (sys.fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && sys.flock(fd, LOCK_EX | LOCK_NB) == 0)
        sys.unlink(path);
    sys.close(fd);
}

static bool is_temporary(const char *entry, const char *name)
{
    (void)name;
    return entry[0] == '.' && text_ends_with(entry + 1, ".tmp");
}

/* What writers left in a folder that were killed: those entries that `is` one of `name`. */
static void remove_left(const char *folder, bool (*is)(const char *entry, const char *name),
                        const char *name)
{
    DIR *entries = folder ? sys.opendir(folder) : NULL;
    for (struct dirent *entry; entries && (entry = sys.readdir(entries));) {
        char *left = is(entry->d_name, name) ? path_join(folder, entry->d_name, NULL) : NULL;
        if (left)
            remove_if_left(left);
        free(left);
    }
    if (entries)
        sys.closedir(entries);
}

void file_remove_left(const char *path)
{
    char *folder = path_folder(path, NULL);
    remove_left(folder, is_temporary_of, last_part(path));
    free(folder);
}

void file_lock(int fd)
{
    while (sys.flock(fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
}

/* Some file systems (FUSE, NFS) let a signal interrupt it; what was asked for still is. */
static int sync_file(int fd)
{
    int status;
    do
        status = sys.fsync(fd);
    while (status != 0 && errno == EINTR);
    return status;
}

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
        if (!(writer->temporary = temporary_name(writer->path, err))) {
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

/* The descriptor that a path of /dev or /proc stands for; -1: none. To open such a path again would
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
static char *behind_links(const char *path, struct error *err)
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
    if (!(*target = behind_links(path, err)))
        return OUTPUT_REFUSED;
    if (descriptor_of(*target) >= 0)
        return OUTPUT_IN_PLACE;
    bool found = sys.stat(*target, there) == 0;
    if (!found && errno == ENAMETOOLONG)
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
            status = error_set(err, "cannot write %s: %s is no folder", path, folder);
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
    if (sync_file(writer->fd) == 0)
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

/* Renamed before it is closed: a temporary file without a lock is a dead one's. */
int file_writer_commit(struct file_writer *writer, struct error *err)
{
    int status = -1;
    char *folder = NULL;
    if (sync_written(writer) != 0) {
        error_set_errno(err, errno, "cannot write %s", writer->path);
        goto out;
    }
    if (writer->temporary && sys.rename(writer->temporary, writer->path) != 0) {
        if (writer->over && (errno == EBUSY || errno == EPERM || errno == EACCES))
            status = write_over(writer, err);
        else
            error_set_errno(err, errno, "cannot write %s", writer->path);
        goto out;
    }
    bool renamed = writer->temporary != NULL;
    free(writer->temporary);
    writer->temporary = NULL;
    int closed = sys.close(writer->fd);
    writer->fd = -1;
    if (closed != 0) {
        error_set_errno(err, errno, "cannot write %s", writer->path);
        goto out;
    }
    folder = renamed ? path_folder(writer->path, err) : NULL;
    status = !renamed ? 0 : folder ? folder_sync(folder, err) : -1;
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

void folder_remove_left(const char *folder)
{
    remove_left(folder, is_temporary, NULL);
}

/* --- folders and paths --- */

int folder_sync(const char *path, struct error *err)
{
    int fd = sys.open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open folder %s", path);
    /* Some file systems cannot sync a folder and say EINVAL; nothing more can be done there. */
    int status = sync_file(fd) != 0 && errno != EINVAL
                     ? error_set_errno(err, errno, "cannot sync folder %s", path)
                     : 0;
    sys.close(fd);
    return status;
}

static bool same_inode(const char *a, const char *b)
{
    struct stat one, other;
    return sys.stat(a, &one) == 0 && sys.stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

bool file_is_same(const char *a, const char *b)
{
    if (same_inode(a, b))
        return true;
    if (sys.access(a, F_OK) == 0 || sys.access(b, F_OK) == 0 ||
        strcmp(last_part(a), last_part(b)) != 0)
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

/* What of a path is there, without links. */
char *path_existing(const char *path, struct error *err)
{
    char *at = string_copy(path, err), *whole = NULL;
    while (at && !(whole = sys.realpath(at, NULL)) && strcmp(at, ".") != 0 &&
           strcmp(at, "/") != 0) {
        char *parent = path_folder(at, err);
        free(at);
        at = parent;
    }
    if (at && !whole)
        error_set_errno(err, errno, "cannot find %s", path);
    free(at);
    return whole;
}

int folder_read(DIR *folder, const char *path, struct dirent **entry, struct error *err)
{
    do {
        errno = 0;
        if (!(*entry = sys.readdir(folder)))
            return errno ? error_set_errno(err, errno, "cannot read folder %s", path) : 0;
    } while (strcmp((*entry)->d_name, ".") == 0 || strcmp((*entry)->d_name, "..") == 0);
    return 1;
}

bool folder_is_empty(const char *path)
{
    struct stat info;
    struct dirent *entry;
    DIR *folder = sys.opendir(path);
    if (!folder)
        return sys.stat(path, &info) != 0 && errno == ENOENT;
    bool empty = folder_read(folder, path, &entry, NULL) == 0;
    sys.closedir(folder);
    return empty;
}

/* Through the folder's own descriptor, so that nothing outside can be meant. */
void folder_clear(const char *path)
{
    int fd = sys.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    DIR *folder = fd >= 0 ? sys.fdopendir(fd) : NULL;
    if (!folder && fd >= 0)
        sys.close(fd);
    for (struct dirent *entry; folder && (entry = sys.readdir(folder));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            sys.unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        sys.closedir(folder);
}

void folder_remove(const char *path)
{
    folder_clear(path);
    if (sys.rmdir(path) != 0 && errno == ENOTDIR)
        sys.unlink(path);
}
