#include "checkpoint/hub.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/xdg.h"

#include <stdlib.h>
#include <string.h>

enum { REVISION_MAX = 200 }; /* bytes of refs/main */

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

char *checkpoint_hub_repository(const char *hub, const char *name)
{
    struct buffer path = BUFFER_INIT;
    buffer_format(&path, "%s/models--", hub);
    for (const char *at = name; *at; at++)
        buffer_append(&path, *at == '/' ? "--" : at, *at == '/' ? 2 : 1);
    if (!path.failed)
        return path.data;
    buffer_free(&path);
    return NULL;
}

/* What refs/main says; it is cleared where there is none. */
static int read_revision(struct buffer *out, const char *path, struct error *err)
{
    int there = file_find(path, err);
    if (there > 0 && file_read_all(out, path, REVISION_MAX, err) != 0)
        there = -1;
    if (there > 0)
        out->data[strcspn(out->data, " \r\n/")] = '\0';
    return there;
}

/* refs/main has the commit, snapshots/COMMIT its files. A name with ".." or a second "/" is no name
 * of a hub's, and leads nowhere. */
int hub_snapshot(char **out, const char *name, struct error *err)
{
    struct buffer path = BUFFER_INIT, revision = BUFFER_INIT;
    const char *slash = strchr(name, '/');
    *out = NULL;
    if (!name[0] || (slash && strchr(slash + 1, '/')) || strstr(name, ".."))
        return 0;
    char *hub = checkpoint_hub_folder();
    char *folder = hub ? checkpoint_hub_repository(hub, name) : NULL;
    buffer_format(&path, "%s/refs/main", folder ? folder : "");
    int there =
        folder && !path.failed ? read_revision(&revision, path.data, err) : error_no_memory(err);
    if (there > 0) {
        buffer_clear(&path);
        buffer_format(&path, "%s/snapshots/%s", folder, revision.data);
        there = path.failed ? error_no_memory(err) : folder_find(path.data, err);
    }
    if (there > 0 && !(*out = string_copy(path.data, err)))
        there = -1;
    buffer_free(&path);
    buffer_free(&revision);
    free(folder);
    free(hub);
    return there;
}
