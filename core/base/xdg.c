#include "base/xdg.h"

#include "base/buffer.h"
#include "base/file.h"

#include <stdlib.h>

static char *xdg_folder(const char *variable, const char *default_below_home, const char *below,
                        struct error *err)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    struct buffer path = BUFFER_INIT;
    /* The specification: a path that is not absolute is to be ignored. */
    if (base && base[0] == '/')
        buffer_format(&path, "%s/spectrum/%s", base, below);
    else if (home && home[0] == '/')
        buffer_format(&path, "%s/%s/spectrum/%s", home, default_below_home, below);
    else
        error_set(err, "neither %s nor HOME is set to an absolute path", variable);
    if (!path.data || buffer_check(&path, err) != 0 || folder_make(path.data, err) != 0) {
        buffer_free(&path);
        return NULL;
    }
    return path.data;
}

char *xdg_cache_folder(const char *below, struct error *err)
{
    return xdg_folder("XDG_CACHE_HOME", ".cache", below, err);
}

char *xdg_state_folder(const char *below, struct error *err)
{
    return xdg_folder("XDG_STATE_HOME", ".local/state", below, err);
}
