/* The local Hugging Face cache: where it is, and what a repository's name stands for in it. */
#include "checkpoint/internal.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool checkpoint_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

char *checkpoint_hub_folder(void)
{
    /* In huggingface_hub's order (its constants.py); a variable that is set to nothing is unset. */
    static const struct {
        const char *variable, *below;
    } places[] = {
        {"HF_HUB_CACHE", NULL},
        {"HUGGINGFACE_HUB_CACHE", NULL},
        {"HF_HOME", "hub"},
        {"XDG_CACHE_HOME", "huggingface/hub"},
        {"HOME", ".cache/huggingface/hub"},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = getenv(places[i].variable);
        if (value && value[0])
            return places[i].below ? path_join(value, places[i].below, NULL)
                                   : string_copy(value, NULL);
    }
    return NULL;
}

/* "<hub>/models--org--name", or "<hub>/models--name" for the repositories without an owner. */
static void put_repository(struct buffer *path, const char *hub, const char *name)
{
    buffer_format(path, "%s/models--", hub);
    for (const char *at = name; *at; at++)
        buffer_append(path, *at == '/' ? "--" : at, *at == '/' ? 2 : 1);
}

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
