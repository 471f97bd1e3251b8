#include "checkpoint/hub.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/xdg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool checkpoint_is_folder(const char *path)
{
    struct stat info;
    return sys.stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* --- paths as Python has them --- */

/* "$NAME" and "${NAME}", as os.path.expandvars(): once, and one that is not set stays. */
static void put_variables(struct buffer *out, const char *path)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    while (*path) {
        size_t plain = strcspn(path, "$");
        buffer_append(out, path, plain);
        path += plain;
        if (!*path)
            break;
        bool braces = path[1] == '{';
        const char *begin = path + (braces ? 2 : 1);
        size_t length = braces ? strcspn(begin, "}") : strspn(begin, word);
        bool whole = braces ? begin[length] == '}' : length > 0;
        char *name = whole ? string_copy(begin, NULL) : NULL;
        if (name)
            name[length] = '\0';
        const char *value = name && !strchr(name, '=') ? getenv(name) : NULL;
        size_t used = whole ? (size_t)(begin - path) + length + (braces ? 1 : 0) : 1;
        if (value)
            buffer_text(out, value);
        else
            buffer_append(out, path, used);
        path += used;
        free(name);
    }
}

/* "<folder>/<name>" with both expanded; os.path.join("", name) is the name. NULL: no memory. */
static char *expanded(const char *folder, const char *name)
{
    struct buffer joined = BUFFER_INIT, home = BUFFER_INIT, out = BUFFER_INIT;
    size_t length = strlen(folder);
    buffer_format(&joined, "%s%s%s", folder,
                  length && name[0] && folder[length - 1] != '/' ? "/" : "", name);
    path_put_home(&home, buffer_string(&joined));
    put_variables(&out, buffer_string(&home));
    bool fits = !joined.failed && !home.failed && !out.failed;
    char *path = fits ? string_copy(out.length ? out.data : ".", NULL) : NULL;
    buffer_free(&joined);
    buffer_free(&home);
    buffer_free(&out);
    return path;
}

/* A name in the folder of all that Hugging Face's programs keep. */
static char *in_home(const char *name)
{
    const char *home = getenv("HF_HOME"), *xdg = getenv("XDG_CACHE_HOME");
    char *folder = home ? expanded(home, "") : expanded(xdg ? xdg : "~/.cache", "huggingface");
    char *path = folder ? path_join(folder, name, NULL) : NULL;
    free(folder);
    return path;
}

/* As huggingface_hub 2.4 has it (its constants.py). A variable that is set to nothing is set: it
 * names the current folder there, and so it does here. */
char *checkpoint_hub_folder(void)
{
    const char *hub = getenv("HF_HUB_CACHE");
    if (!hub)
        hub = getenv("HUGGINGFACE_HUB_CACHE");
    return hub ? expanded(hub, "") : in_home("hub");
}

char *checkpoint_hub_token_file(void)
{
    const char *path = getenv("HF_TOKEN_PATH");
    return path ? expanded(path, "") : in_home("token");
}

static void put_repository(struct buffer *path, const char *hub, const char *name)
{
    buffer_format(path, "%s/models--", hub);
    for (const char *at = name; *at; at++)
        buffer_append(path, *at == '/' ? "--" : at, *at == '/' ? 2 : 1);
}

char *checkpoint_hub_repository(const char *hub, const char *name)
{
    struct buffer path = BUFFER_INIT;
    put_repository(&path, hub, name);
    if (!path.failed)
        return path.data;
    buffer_free(&path);
    return NULL;
}

/* refs/main has the commit, snapshots/COMMIT its files. A name with ".." or a second "/" is no name
 * of a hub's, and leads nowhere. */
char *hub_snapshot(const char *name)
{
    struct buffer path = BUFFER_INIT, revision = BUFFER_INIT;
    char *hub = checkpoint_hub_folder(), *found = NULL;
    const char *slash = strchr(name, '/');
    if (!hub || !name[0] || (slash && strchr(slash + 1, '/')) || strstr(name, ".."))
        goto out;
    put_repository(&path, hub, name);
    buffer_text(&path, "/refs/main");
    if (path.failed || file_read_all(&revision, path.data, 200, NULL) != 0)
        goto out;
    revision.data[strcspn(revision.data, " \r\n/")] = '\0';
    buffer_clear(&path);
    put_repository(&path, hub, name);
    buffer_format(&path, "/snapshots/%s", revision.data);
    if (!path.failed && checkpoint_is_folder(path.data))
        found = string_copy(path.data, NULL);
out:
    buffer_free(&path);
    buffer_free(&revision);
    free(hub);
    return found;
}
