#include "base/xdg.h"

#include "base/buffer.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The path, and in *own where in it the part begins that is this program's to make: below $HOME,
 * which is its user's, and all of a folder that the variable names. */
static char *xdg_path(const char *variable, const char *default_below_home, const char *below,
                      size_t *own, struct error *err)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    struct buffer path = BUFFER_INIT;
    /* The specification: a path that is not absolute is to be ignored. */
    if (base && base[0] == '/') {
        *own = 1;
        buffer_format(&path, "%s/spectrum/%s", base, below);
    } else if (home && home[0] == '/') {
        *own = strlen(home) + 1;
        buffer_format(&path, "%s/%s/spectrum/%s", home, default_below_home, below);
    } else {
        error_set(err, "neither %s nor HOME is set to an absolute path", variable);
        return NULL;
    }
    if (buffer_check(&path, err) == 0)
        return path.data;
    buffer_free(&path);
    return NULL;
}

/* Mode 0700, as the specification has it. What was made stays only if all of it could be. */
static int make(char *path, size_t own)
{
    size_t length = strlen(path), first = 0;
    for (size_t at = own; at <= length; at++) {
        if (path[at] != '/' && path[at] != '\0')
            continue;
        char kept = path[at];
        path[at] = '\0';
        int failed = sys.mkdir(path, 0700) != 0 ? errno : 0;
        if (failed == 0 && first == 0)
            first = at;
        path[at] = kept;
        if (failed == 0 || failed == EEXIST)
            continue;
        for (size_t made = at; first && made-- > first;)
            if (path[made] == '/') {
                path[made] = '\0';
                sys.rmdir(path);
                path[made] = '/';
            }
        errno = failed;
        return -1;
    }
    return 0;
}

static char *xdg_folder(const char *variable, const char *default_below_home, const char *below,
                        struct error *err)
{
    size_t own;
    struct stat info;
    char *path = xdg_path(variable, default_below_home, below, &own, err);
    if (!path || (sys.stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return path;
    if (make(path, own) == 0)
        return path;
    error_set_errno(err, errno, "cannot make folder %s (%s can name another place)", path,
                    variable);
    free(path);
    return NULL;
}

char *xdg_cache_folder(const char *below, struct error *err)
{
    return xdg_folder("XDG_CACHE_HOME", ".cache", below, err);
}

char *xdg_state_folder(const char *below, struct error *err)
{
    return xdg_folder("XDG_STATE_HOME", ".local/state", below, err);
}

char *xdg_cache_path(const char *below, struct error *err)
{
    size_t own;
    return xdg_path("XDG_CACHE_HOME", ".cache", below, &own, err);
}

char *xdg_state_path(const char *below, struct error *err)
{
    size_t own;
    return xdg_path("XDG_STATE_HOME", ".local/state", below, &own, err);
}

/* "<place>/spectrum-<uid>", or a new one; false with errno. The name is only taken where it is as
 * this user's mkdir() would make it: in a folder that all may write to, whoever comes first has the
 * name, and could look into what is put there. */
static bool make_private(struct buffer *path, const char *place)
{
    struct stat info;
    buffer_clear(path);
    buffer_format(path, "%s/spectrum-%ld", place, (long)geteuid());
    if (path->failed)
        return false;
    if ((sys.mkdir(path->data, 0700) == 0 || errno == EEXIST) &&
        sys.lstat(path->data, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
        (info.st_mode & 0077) == 0)
        return true;
    buffer_text(path, "-XXXXXX");
    return !path->failed && sys.mkdtemp(path->data);
}

const char *xdg_temporary_place(struct error *err)
{
    const char *chosen = getenv("TMPDIR");
    const char *place = chosen && chosen[0] ? chosen : "/var/tmp";
    if (sys.access(place, W_OK | X_OK) != 0 && place != chosen)
        place = "/tmp";
    if (sys.access(place, W_OK | X_OK) == 0)
        return place;
    error_set_errno(err, errno,
                    "cannot write temporary files to %s (TMPDIR can name another place)", place);
    return NULL;
}

char *xdg_temporary_folder(const char *below, struct error *err)
{
    const char *place = xdg_temporary_place(err);
    struct buffer path = BUFFER_INIT;
    if (!place)
        return NULL;
    if (!make_private(&path, place)) {
        error_set_errno(err, errno, "cannot make folder %s (TMPDIR can name another place)",
                        buffer_string(&path));
        buffer_free(&path);
        return NULL;
    }
    buffer_format(&path, "/%s", below);
    if (buffer_check(&path, err) == 0 && (sys.mkdir(path.data, 0700) == 0 || errno == EEXIST))
        return path.data;
    if (!path.failed)
        error_set_errno(err, errno, "cannot make folder %s", path.data);
    buffer_free(&path);
    return NULL;
}

/* Opens a folder and locks it; -1: somebody has it, or it is gone. */
static int lock_folder(const char *path)
{
    struct stat info;
    int fd = sys.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (sys.flock(fd, LOCK_EX | LOCK_NB) == 0 && sys.fstat(fd, &info) == 0 && info.st_nlink > 0)
        return fd;
    sys.close(fd);
    return -1;
}

static void remove_left(const char *folder)
{
    DIR *entries = sys.opendir(folder);
    for (struct dirent *entry; entries && (entry = sys.readdir(entries));) {
        char *left = entry->d_name[0] != '.' ? path_join(folder, entry->d_name, NULL) : NULL;
        int fd = left ? lock_folder(left) : -1;
        if (fd >= 0) {
            folder_remove(left);
            sys.close(fd);
        }
        free(left);
    }
    if (entries)
        sys.closedir(entries);
}

char *xdg_scratch_folder(const char *below, int *lock, struct error *err)
{
    enum { TRIES = 16 };
    *lock = -1;
    for (int i = 0; i < TRIES; i++) {
        char *folder = xdg_temporary_folder(below, err), *path = NULL;
        if (folder && i == 0)
            remove_left(folder);
        path = folder ? path_join(folder, "XXXXXX", err) : NULL;
        free(folder);
        if (!path)
            return NULL;
        if (sys.mkdtemp(path) && (*lock = lock_folder(path)) >= 0)
            return path;
        /* Another run has taken it, or what it lies in, for a dead one's. */
        if (i == TRIES - 1)
            error_set_errno(err, errno, "cannot make folder %s (TMPDIR can name another place)",
                            path);
        free(path);
    }
    return NULL;
}

void xdg_scratch_remove(char *path, int lock)
{
    if (!path)
        return;
    folder_remove(path);
    sys.close(lock);
    /* The two above are made when wanted, and one in use is not empty. */
    for (int above = 0; above < 2; above++) {
        *strrchr(path, '/') = '\0';
        sys.rmdir(path);
    }
    free(path);
}

void path_put_home(struct buffer *out, const char *path)
{
    size_t name = path[0] == '~' ? strcspn(path, "/") : 0;
    const char *home = name == 1 ? getenv("HOME") : NULL;
    char user[256] = "";
    const struct passwd *entry = NULL;
    if (name > 1 && name <= sizeof user) {
        snprintf(user, sizeof user, "%.*s", (int)name - 1, path + 1);
        entry = getpwnam(user);
    } else if (name == 1 && !home) {
        entry = getpwuid(getuid());
    }
    home = entry ? entry->pw_dir : home;
    size_t length = home ? strlen(home) : 0;
    while (length > 0 && home[length - 1] == '/')
        length--;
    if (home)
        buffer_append(out, home, length);
    buffer_text(out, home ? path + name : path);
    if (out->length == 0 && home)
        buffer_byte(out, '/');
}

/* --- notes beside what is cached --- */

enum { NAMES = 8 }; /* of data, in a note; the others are counted */

static void put_path(struct json_writer *json, const char *key, const char *path)
{
    char *whole = sys.realpath(path, NULL);
    json_text(json, key, whole ? whole : path);
    free(whole);
}

void cache_note_save(const char *file, const char *model, const char *const *data, size_t count)
{
    struct buffer path = BUFFER_INIT, text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    buffer_format(&path, "%s" CACHE_NOTE_ENDING, file);
    bool wanted = buffer_check(&path, NULL) == 0 && sys.access(file, F_OK) == 0 &&
                  sys.access(path.data, F_OK) != 0;
    json_begin(&json, "spectrum.cache-note");
    if (model)
        put_path(&json, "model", model);
    if (count > 0) {
        json_list(&json, "data");
        for (size_t i = 0; i < count && i < NAMES; i++)
            put_path(&json, NULL, data[i]);
        json_end(&json);
    }
    if (count > NAMES)
        json_count(&json, "more", count - NAMES);
    json_end(&json);
    if (json_finish(&json, NULL) == 0 && wanted && text.length <= CACHE_NOTE_MAX)
        file_save_private(path.data, text.data, text.length, NULL);
    buffer_free(&path);
    buffer_free(&text);
}

cJSON *cache_note_parse(const struct buffer *text)
{
    const char *format = "";
    int64_t version = 0;
    cJSON *note =
        text->length > 0 ? json_parse(text->data, text->length, JSON_STRICT, "note", NULL) : NULL;
    if (note && json_get_string(note, "format", &format) &&
        strcmp(format, "spectrum.cache-note") == 0 && json_get_int64(note, "version", &version) &&
        version == 1)
        return note;
    cJSON_Delete(note);
    return NULL;
}
