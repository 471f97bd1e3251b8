#include "base/confine.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What holds of every call here, whatever happens to the file system meanwhile:
 *
 *   1. A path that lies below no noted folder goes to the system as it came; nothing is changed for
 *      it.
 *   2. A path below one is walked from the folder's descriptor, and no component of it is a link,
 *      but for the one name that may be (confined_names.link).
 *   3. The folder is the one that it was when it was first seen there (pin()), or one that the same
 *      user has made in its place, at the same path without links.
 *   4. What is opened for its content is looked at twice: before, since opening a FIFO or a device
 *      does something; and after, since another may have come into its place.
 *   5. Every refusal leaves errno and its reason (error_explain()), and closes what was opened.
 *
 * The list of folders only grows, so what find_folder() copies of an entry stays valid without the
 * mutex.
 */

/* --- the folders that were noted --- */

struct noted {
    char *key; /* plain_path() */
    const struct confined_names *names;
    /* Which one it was when it was first there: its path without links (NULL: it was not yet). */
    char *whole;
    dev_t device;
    ino_t inode;
    uid_t owner;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct noted *noted; /* by their keys, rising */
static size_t noted_count, noted_capacity;
static atomic_bool any_noted;

/* An absolute path without "." and doubled slashes, ".." as it stands: two spellings of one text
 * are one. NULL: no memory, or this process's folder is gone. */
static char *plain_path(const char *path)
{
    struct buffer plain = BUFFER_INIT;
    char folder[4096] = "";
    if (path[0] != '/' && !getcwd(folder, sizeof folder))
        return NULL;
    const char *parts[] = {folder, path};
    for (size_t i = 0; i < 2; i++)
        for (const char *at = parts[i]; *(at += strspn(at, "/"));) {
            size_t length = strcspn(at, "/");
            if (length != 1 || *at != '.') {
                buffer_byte(&plain, '/');
                buffer_append(&plain, at, length);
            }
            at += length;
        }
    if (plain.length == 0)
        buffer_byte(&plain, '/');
    if (buffer_check(&plain, NULL) == 0)
        return plain.data;
    buffer_free(&plain);
    return NULL;
}

/* Where a key of `length` bytes is, or would be. */
static size_t find_key(const char *key, size_t length, bool *found)
{
    size_t low = 0, high = noted_count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(noted[middle].key, key, length);
        if (order == 0 && noted[middle].key[length] == '\0') {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Keeps which folder it is, once it is there: from now on another one in its place is not taken for
 * it.
 */
static void pin(struct noted *folder)
{
    struct stat info;
    char *whole = folder->whole ? NULL : realpath(folder->key, NULL);
    if (!whole)
        return;
    if (stat(whole, &info) != 0) {
        free(whole);
        return;
    }
    folder->whole = whole;
    folder->device = info.st_dev;
    folder->inode = info.st_ino;
    folder->owner = info.st_uid;
}

/* Takes the key. */
static int note(char *key, const struct confined_names *names, struct error *err)
{
    bool found;
    size_t at = find_key(key, strlen(key), &found);
    int status = found ? 0
                       : array_reserve((void **)&noted, &noted_capacity, noted_count + 1,
                                       sizeof *noted, err);
    if (found || status != 0) {
        free(key);
        return status;
    }
    memmove(noted + at + 1, noted + at, (noted_count - at) * sizeof *noted);
    noted[at] = (struct noted){.key = key, .names = names};
    noted_count++;
    pin(&noted[at]);
    return 0;
}

/* Noted by the path as it was given and by the real one, since later calls may use either. A folder
 * is noted once, and stays noted for the process's life. */
int confine_folder(const char *path, const struct confined_names *names, struct error *err)
{
    bool found;
    char *key = plain_path(path);
    if (!key)
        return error_set_errno(err, errno, "cannot tell where %s is", path);
    pthread_mutex_lock(&mutex);
    find_key(key, strlen(key), &found);
    pthread_mutex_unlock(&mutex);
    if (found) {
        free(key);
        return 0;
    }
    char *whole = realpath(path, NULL);
    pthread_mutex_lock(&mutex);
    int status = whole ? note(whole, names, err) : 0;
    if (status == 0)
        status = note(key, names, err);
    else
        free(key);
    pthread_mutex_unlock(&mutex);
    atomic_store(&any_noted, true);
    return status;
}

/* --- where a path is --- */

/* A place below a noted folder. */
struct place {
    char *key;        /* the whole path */
    const char *rest; /* in it: the components below `folder`, none of them ".."; "." for itself */
    int folder;       /* a descriptor for walking only */
    uid_t owner;      /* of the noted folder */
};

static void leave(struct place *place)
{
    int kept = errno;
    if (place->folder >= 0)
        close(place->folder);
    free(place->key);
    *place = (struct place){.folder = -1};
    errno = kept;
}

static int refuse(int errno_value)
{
    errno = errno_value;
    return -1;
}

static int refuse_link(const char *name)
{
    error_explain(ELOOP, "%s is a link; files of a job are never links", name);
    return refuse(ELOOP);
}

/* Is the path's first component below the folder one that is meant, or a temporary file of it? */
static bool is_meant(const struct confined_names *names, const char *rest)
{
    size_t length = strcspn(rest, "/");
    for (size_t i = 0; names->names[i]; i++) {
        const char *name = names->names[i];
        size_t size = strlen(name);
        if ((length == size && strncmp(rest, name, size) == 0) ||
            (length > size + 1 && rest[0] == '.' && strncmp(rest + 1, name, size) == 0 &&
             rest[size + 1] == '.'))
            return true;
    }
    return false;
}

static bool leads_out(const char *rest)
{
    for (const char *at = rest; *at; at += strspn(at, "/")) {
        size_t length = strcspn(at, "/");
        if (length == 2 && at[0] == '.' && at[1] == '.')
            return true;
        at += length;
    }
    return false;
}

static int open_below(const struct place *place, const char *path, int flags, mode_t mode);

/* A noted folder, for walking only. Who can write to the folder above it can put another one in its
 * place, or a link to any: what is there instead of the one that was is taken only where it lies at
 * the same place, through no link, and is the same user's, as one that he has made since. */
static int open_noted(const struct noted *folder, struct stat *info)
{
    int fd = open(folder->key, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!folder->whole)
        return fd >= 0 && fstat(fd, info) == 0 ? fd : -1;
    if (fd >= 0 && fstat(fd, info) == 0 && info->st_dev == folder->device &&
        info->st_ino == folder->inode)
        return fd;
    if (fd >= 0)
        close(fd);
    struct place root = {.folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    fd = root.folder < 0 ? -1 : open_below(&root, folder->whole + 1, O_PATH | O_DIRECTORY, 0);
    leave(&root);
    bool same = fd >= 0 && fstat(fd, info) == 0 && info->st_uid == folder->owner;
    if (same || (fd < 0 && errno != ELOOP))
        return fd;
    if (fd >= 0)
        close(fd);
    error_explain(ELOOP, "%s is not the folder that it was: somebody has put another in its place",
                  folder->key);
    return refuse(ELOOP);
}

/* The folder that a path lies below, the outermost that means it. 1: found, 0: none, -1. */
static int find_folder(struct place *place, const struct confined_names **names)
{
    char *key = place->key;
    for (char *slash = strchr(key + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        bool found;
        struct stat info;
        struct noted folder = {0};
        pthread_mutex_lock(&mutex);
        size_t at = find_key(key, (size_t)(slash - key), &found);
        if (found) {
            pin(&noted[at]);
            folder = noted[at]; /* its texts stay as long as the process */
        }
        pthread_mutex_unlock(&mutex);
        if (!found)
            continue;
        *names = folder.names;
        place->folder = open_noted(&folder, &info);
        if (place->folder < 0)
            return -1;
        place->owner = info.st_uid;
        place->rest = slash + 1;
        if (info.st_uid != geteuid() || is_meant(*names, place->rest))
            return 1;
        close(place->folder);
        place->folder = -1;
    }
    return 0;
}

/* Steps through the one link that is allowed, where the path continues after it or `through`. */
static int pass_link(struct place *place, const char *link, bool through)
{
    struct stat info, target;
    size_t length = link ? strlen(link) : 0;
    const char *rest = place->rest;
    if (length == 0 || strncmp(rest, link, length) != 0 ||
        (rest[length] != '/' && (rest[length] != '\0' || !through)) ||
        fstatat(place->folder, link, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(info.st_mode) ||
        info.st_uid != geteuid())
        return 0;
    int folder = openat(place->folder, link, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    if (fstat(folder, &target) != 0 || target.st_uid != geteuid()) {
        close(folder);
        error_explain(EACCES, "%s is a link to a folder that is not yours", link);
        return refuse(EACCES);
    }
    close(place->folder);
    place->folder = folder;
    place->rest = rest[length] == '/' ? rest + length + 1 : ".";
    return 0;
}

/* 1: the path is below a noted folder, and leave() is due; 0: it is not; -1: refused. `through`: it
 * is about what a last component stands for, not about its name. */
static int enter(struct place *place, const char *path, bool through)
{
    const struct confined_names *names = NULL;
    *place = (struct place){.folder = -1};
    error_explain(0, "%s", "");
    if (!atomic_load(&any_noted))
        return 0;
    place->key = plain_path(path);
    int found = place->key ? find_folder(place, &names) : 0;
    if (found > 0 && leads_out(place->rest)) {
        error_explain(EACCES, "the path leads out of the job's folder");
        found = refuse(EACCES);
    } else if (found > 0 && pass_link(place, names->link, through) != 0) {
        found = -1;
    }
    if (found <= 0)
        leave(place);
    return found;
}

/* --- opening below a folder --- */

/* openat2() does the whole walk in one call: beneath the folder, through no link. */
static int open_by_kernel(int folder, const char *path, int flags, mode_t mode)
{
    struct open_how how = {.flags = (uint64_t)(unsigned)flags,
                           .mode = flags & O_CREAT ? mode : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/* Of a path that could not be opened: the first component that is a link, into `out`. */
static bool find_link(int folder, const char *path, char *out, size_t size)
{
    struct stat info;
    for (size_t length = 0; path[length]; length += path[length] == '/') {
        length += strcspn(path + length, "/");
        if (length >= size)
            return false;
        snprintf(out, size, "%.*s", (int)length, path);
        if (fstatat(folder, out, &info, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
        if (S_ISLNK(info.st_mode))
            return true;
    }
    return false;
}

/* The same in steps: each folder is opened from the one before it, and none through a link. */
static int open_in_steps(int folder, const char *path, int flags, mode_t mode)
{
    char name[256];
    int at = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    for (const char *slash; at >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        if ((size_t)(slash - path) >= sizeof name) {
            close(at);
            return refuse(ENAMETOOLONG);
        }
        snprintf(name, sizeof name, "%.*s", (int)(slash - path), path);
        int next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int kept = errno;
        close(at);
        at = next;
        errno = kept;
    }
    if (at < 0)
        return -1;
    int fd = openat(at, path, flags | O_NOFOLLOW, mode), kept = errno;
    close(at);
    errno = kept;
    return fd;
}

/* A link that is the last component is opened with O_PATH alone, as itself. */
static int open_below(const struct place *place, const char *path, int flags, mode_t mode)
{
    static atomic_bool without_kernel;
    char name[4096];
    int fd = -1;
    bool steps = atomic_load(&without_kernel);
    flags |= O_NOFOLLOW | O_CLOEXEC;
    for (int tries = 0; !steps && tries < 8; tries++)
        if ((fd = open_by_kernel(place->folder, path, flags, mode)) >= 0 || errno != EAGAIN)
            break;
    if (!steps && fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        atomic_store(&without_kernel, errno == ENOSYS);
        steps = true;
    }
    if (steps)
        fd = open_in_steps(place->folder, path, flags, mode);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
        int kept = errno;
        if (find_link(place->folder, path, name, sizeof name))
            return refuse_link(name);
        errno = kept;
    }
    return fd;
}

/* Is this something that may be opened there? */
static int check_kind(const struct place *place, const struct stat *info, bool writes)
{
    uid_t me = geteuid();
    if (S_ISLNK(info->st_mode))
        return refuse_link(place->rest);
    if (!S_ISREG(info->st_mode) && !S_ISDIR(info->st_mode)) {
        error_explain(EACCES, "%s is not a regular file", place->rest);
        return refuse(EACCES);
    }
    if (info->st_uid != me && info->st_uid != 0 && info->st_uid != place->owner) {
        error_explain(EACCES, "%s belongs to user %lu, not to you or the folder's owner",
                      place->rest, (unsigned long)info->st_uid);
        return refuse(EACCES);
    }
    /* In somebody else's folder a hard link can bring a file of this user's to be read, too. */
    if (S_ISREG(info->st_mode) && info->st_nlink > 1 &&
        (writes || (place->owner != me && info->st_uid != place->owner))) {
        error_explain(EMLINK, "%s has another name elsewhere (a hard link); a job's files have one",
                      place->rest);
        return refuse(EMLINK);
    }
    return 0;
}

/* What is there is looked at before it is opened, because opening a FIFO or a device is an act of
 * its own, and once more after that, because it may have been replaced. */
static int open_checked(const struct place *place, int flags, mode_t mode)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY, makes = flags & O_CREAT;
    struct stat info;
    if (!(makes && (flags & O_EXCL))) {
        int look = open_below(place, place->rest, O_PATH, 0);
        if (look < 0 && (errno != ENOENT || !makes))
            return -1;
        int status = look >= 0 && (fstat(look, &info) != 0 || check_kind(place, &info, writes));
        int kept = errno;
        if (look >= 0)
            close(look);
        errno = kept;
        if (status != 0)
            return -1;
    }
    int fd = open_below(place, place->rest, (flags & ~O_TRUNC) | O_NONBLOCK | O_NOCTTY, mode);
    if (fd < 0)
        return -1;
    if (fstat(fd, &info) != 0 || check_kind(place, &info, writes) != 0 ||
        ((flags & O_TRUNC) && ftruncate(fd, 0) != 0) ||
        (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags & (O_APPEND | O_DIRECT)) != 0)) {
        int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

/* The folder that the last component lies in, for walking only, and that component. */
static int open_parent(const struct place *place, const char **name)
{
    const char *slash = strrchr(place->rest, '/');
    *name = slash ? slash + 1 : place->rest;
    if (!slash)
        return fcntl(place->folder, F_DUPFD_CLOEXEC, 0);
    char *parent = string_copy(place->rest, NULL);
    if (!parent)
        return refuse(ENOMEM);
    parent[slash - place->rest] = '\0';
    int fd = open_below(place, parent, O_PATH | O_DIRECTORY, 0), kept = errno;
    free(parent);
    errno = kept;
    return fd;
}

/* Closes, with errno and the status of what was done before. */
static int close_after(int fd, int status)
{
    int kept = errno;
    close(fd);
    errno = kept;
    return status;
}

/* --- the calls --- */

int confine_open(const char *path, int flags, mode_t mode)
{
    struct place place;
    int found = enter(&place, path, true);
    if (found <= 0)
        return found < 0 ? -1 : open(path, flags | O_CLOEXEC, mode);
    int fd = open_checked(&place, flags, mode);
    leave(&place);
    return fd;
}

DIR *confine_opendir(const char *path)
{
    int fd = confine_open(path, O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (fd >= 0 && !folder)
        close_after(fd, -1);
    return folder;
}

int confine_scandir(const char *path, struct dirent ***out,
                    int (*takes)(const struct dirent *entry),
                    int (*order)(const struct dirent **a, const struct dirent **b))
{
    int fd = confine_open(path, O_RDONLY | O_DIRECTORY, 0);
    return fd >= 0 ? close_after(fd, scandirat(fd, ".", out, takes, order)) : -1;
}

enum change { CHANGE_UNLINK, CHANGE_RMDIR, CHANGE_MKDIR };

/* These act on a name and follow no link at its end. */
static int change(const char *path, enum change what, mode_t mode)
{
    struct place place;
    const char *name = path;
    int found = enter(&place, path, false), folder = AT_FDCWD;
    if (found < 0 || (found > 0 && (folder = open_parent(&place, &name)) < 0)) {
        leave(&place);
        return -1;
    }
    int status = what == CHANGE_MKDIR
                     ? mkdirat(folder, name, mode)
                     : unlinkat(folder, name, what == CHANGE_RMDIR ? AT_REMOVEDIR : 0);
    if (found > 0)
        close_after(folder, 0);
    leave(&place);
    return status;
}

int confine_unlink(const char *path)
{
    return change(path, CHANGE_UNLINK, 0);
}

int confine_rmdir(const char *path)
{
    return change(path, CHANGE_RMDIR, 0);
}

int confine_mkdir(const char *path, mode_t mode)
{
    return change(path, CHANGE_MKDIR, mode);
}

/* Where the file system knows no such rename (NFS), by a second name, which only one can make;
 * where it knows no second names either (FAT), by a look. */
static int rename_new_at(int from_folder, const char *from, int to_folder, const char *to)
{
    struct stat there;
    int status = renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE);
    if (status == 0 || (errno != EINVAL && errno != ENOSYS))
        return status;
    if (linkat(from_folder, from, to_folder, to, 0) == 0) {
        unlinkat(from_folder, from, 0);
        return 0;
    }
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return -1;
    if (fstatat(to_folder, to, &there, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? renameat(from_folder, from, to_folder, to) : -1;
    errno = EEXIST;
    return -1;
}

/* Both ends are entered on their own; a descriptor of -1 is a path that lies in no confined
 * folder. */
static int rename_by(int (*rename_at)(int from_folder, const char *from, int to_folder,
                                      const char *to),
                     const char *from, const char *to)
{
    struct place places[2] = {{.folder = -1}, {.folder = -1}};
    const char *names[2] = {from, to}, *paths[2] = {from, to};
    int folders[2] = {AT_FDCWD, AT_FDCWD}, status = 0;
    for (int i = 0; i < 2 && status == 0; i++) {
        int found = enter(&places[i], paths[i], false);
        if (found < 0 || (found > 0 && (folders[i] = open_parent(&places[i], &names[i])) < 0))
            status = -1;
    }
    if (status == 0)
        status = rename_at(folders[0], names[0], folders[1], names[1]);
    for (int i = 0; i < 2; i++) {
        if (folders[i] >= 0)
            close_after(folders[i], 0);
        leave(&places[i]);
    }
    return status;
}

int confine_rename(const char *from, const char *to)
{
    return rename_by(renameat, from, to);
}

int confine_rename_new(const char *from, const char *to)
{
    return rename_by(rename_new_at, from, to);
}

/* stat() of what lies below a folder, itself and not what it links to; *confined: false, it lies
 * below none, and nothing was done. */
static int look_at(const char *path, struct stat *out, bool through, bool *confined)
{
    struct place place;
    const char *name;
    int found = enter(&place, path, through);
    *confined = found != 0;
    if (found <= 0)
        return found;
    int folder = open_parent(&place, &name), status = -1;
    if (folder >= 0)
        status = close_after(folder, fstatat(folder, name, out, AT_SYMLINK_NOFOLLOW));
    leave(&place);
    return status;
}

int confine_lstat(const char *path, struct stat *out)
{
    bool confined;
    int status = look_at(path, out, false, &confined);
    return confined ? status : lstat(path, out);
}

int confine_stat(const char *path, struct stat *out)
{
    bool confined;
    int status = look_at(path, out, true, &confined);
    if (!confined)
        return stat(path, out);
    const char *slash = strrchr(path, '/');
    return status == 0 && S_ISLNK(out->st_mode) ? refuse_link(slash ? slash + 1 : path) : status;
}

/* A link is there (F_OK), and no more can be done with it. */
int confine_access(const char *path, int mode)
{
    bool confined;
    struct stat info;
    struct place place;
    const char *name;
    int status = look_at(path, &info, true, &confined);
    if (!confined)
        return access(path, mode);
    if (status != 0 || mode == F_OK)
        return status;
    if (S_ISLNK(info.st_mode))
        return refuse_link(path);
    int found = enter(&place, path, true), folder;
    if (found <= 0)
        return -1;
    folder = open_parent(&place, &name);
    status = folder >= 0 ? close_after(folder, faccessat(folder, name, mode, 0)) : -1;
    leave(&place);
    return status;
}
