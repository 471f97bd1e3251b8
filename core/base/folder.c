#include "base/folder.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

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

/* --- paths --- */

/* With one "/" between them. */
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

/* The part of the path that is there, with links resolved: to ask a disk about a file that will be
 * made. */
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

const char *path_last(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* 1: one file; 0: two; -1: that cannot be told. *there: one of them is there. */
static int same_inode(const char *a, const char *b, bool *there, struct error *err)
{
    struct stat one, other;
    int first = file_look(a, &one, err), second = first < 0 ? -1 : file_look(b, &other, err);
    *there = first > 0 || second > 0;
    if (first < 0 || second < 0)
        return -1;
    return first && second && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* Of two that are not there: the same name in the same folder. */
int file_compare(const char *a, const char *b, struct error *err)
{
    bool there;
    int same = same_inode(a, b, &there, err);
    if (same != 0 || there || strcmp(path_last(a), path_last(b)) != 0)
        return same;
    char *one = path_folder(a, err), *other = one ? path_folder(b, err) : NULL;
    same = other ? same_inode(one, other, &there, err) : -1;
    free(one);
    free(other);
    return same;
}

bool file_is_same(const char *a, const char *b)
{
    return file_compare(a, b, NULL) > 0;
}

int file_check_apart(const char *output, const char *input, const char *what, struct error *err)
{
    int same = output && input ? file_compare(output, input, err) : 0;
    return same > 0
               ? error_set(err,
                           "%s is %s that is read, which is never written to; give another path",
                           output, what)
               : same;
}

/* --- folders --- */

/* With all folders above it, as mkdir -p; one that is there is no error. What else has the name is:
 * the last one is looked at, as below another nothing can be made. */
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
        if (sys.mkdir(partial, 0777) != 0) {
            int folder = errno != EEXIST
                             ? error_set_errno(err, errno, "cannot make folder %s", partial)
                         : kept == '\0' ? folder_find(partial, err)
                                        : 1;
            if (folder == 0)
                error_set(err, "cannot make folder %s: a file or a link to nothing has that name",
                          partial);
            status = folder > 0 ? 0 : -1;
        }
        *at = kept;
        if (kept == '\0')
            break;
    }
    free(partial);
    return status;
}

int folder_sync(const char *path, struct error *err)
{
    int fd = sys.open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open folder %s", path);
    /* Some file systems cannot sync a folder and say EINVAL; nothing more can be done there. */
    int status = file_sync(fd) != 0 && errno != EINVAL
                     ? error_set_errno(err, errno, "cannot sync folder %s", path)
                     : 0;
    sys.close(fd);
    return status;
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

/* One that is not there is empty, one that cannot be read is not. */
bool folder_is_empty(const char *path)
{
    struct stat info;
    struct dirent *entry;
    DIR *folder = sys.opendir(path);
    if (!folder)
        return sys.lstat(path, &info) != 0 && errno == ENOENT;
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

/* --- temporary files and what is left of them --- */

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

/* Of a file's name, how much of it its temporary file's name has: one as long as the system takes
 * leaves no place for the rest. */
static int kept_of(const char *name)
{
    enum { AROUND = sizeof "..0123456789abcdef.tmp" - 1 };
    size_t length = strlen(name);
    return (int)(length + AROUND <= NAME_MAX ? length : NAME_MAX - AROUND);
}

/* A hidden name beside the file, in which the file's own can be recognised (file_remove_left()). */
char *path_temporary(const char *path, struct error *err)
{
    struct buffer name = BUFFER_INIT;
    const char *last = path_last(path);
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
bool file_is_temporary_of(const char *entry, const char *name)
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

bool file_temporary_name(const char *entry, char out[FILE_NAME_SIZE])
{
    enum { TAIL = sizeof ".0123456789abcdef.tmp" - 1 };
    size_t length = strlen(entry);
    if (entry[0] != '.' || length <= TAIL + 1 || length >= FILE_NAME_SIZE)
        return false;
    snprintf(out, FILE_NAME_SIZE, "%.*s", (int)(length - TAIL - 1), entry + 1);
    return file_is_temporary_of(entry, out);
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
    remove_left(folder, file_is_temporary_of, path_last(path));
    free(folder);
}

void folder_remove_left(const char *folder)
{
    remove_left(folder, is_temporary, NULL);
}
