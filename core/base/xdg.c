#include "base/xdg.h"

#include "base/buffer.h"
#include "base/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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
                rmdir(path);
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
    if (!path || (stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
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

char *xdg_state_path(const char *below, struct error *err)
{
    size_t own;
    return xdg_path("XDG_STATE_HOME", ".local/state", below, &own, err);
}

/* Made by this user's mkdir(), or found as it would be: in a folder that all may write to, whoever
 * comes first has the name. */
static bool is_private(const char *path)
{
    struct stat info;
    return (sys.mkdir(path, 0700) == 0 || errno == EEXIST) && lstat(path, &info) == 0 &&
           S_ISDIR(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & 0077) == 0;
}

char *xdg_temporary_folder(const char *below, struct error *err)
{
    const char *chosen = getenv("TMPDIR");
    struct buffer path = BUFFER_INIT;
    buffer_format(&path, "%s/spectrum-%ld", chosen && chosen[0] ? chosen : "/tmp", (long)geteuid());
    if (!path.failed && !is_private(path.data)) {
        buffer_text(&path, "-XXXXXX");
        if (!path.failed && !mkdtemp(path.data)) {
            error_set_errno(err, errno, "cannot make folder %s (TMPDIR can name another place)",
                            path.data);
            buffer_free(&path);
            return NULL;
        }
    }
    buffer_format(&path, "/%s", below);
    if (buffer_check(&path, err) == 0 && (sys.mkdir(path.data, 0700) == 0 || errno == EEXIST))
        return path.data;
    if (!path.failed)
        error_set_errno(err, errno, "cannot make folder %s", path.data);
    buffer_free(&path);
    return NULL;
}
