#include "hub/fetch.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/limits.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_MAX = 64 << 20 };

/* --- what there is --- */

/* The revision's commit and the names of its files. */
int hub_list(struct repository *out, struct hub *hub, const char *name, const char *revision,
             struct error *err)
{
    static const char what[] = "the list of files";
    struct buffer path = BUFFER_INIT, text = BUFFER_INIT;
    if (repository_check_name(name, err) != 0 || repository_check_revision(revision, err) != 0 ||
        hub_check_online(hub, err) != 0)
        return -1;
    buffer_text(&path, "api/models/");
    url_put_part(&path, name, true);
    buffer_text(&path, "/revision/");
    url_put_part(&path, revision, false);
    char *url = buffer_check(&path, err) == 0 ? hub_url(hub, path.data, err) : NULL;
    int status = url ? hub_read(&text, hub, url, REPOSITORY_INFO_MAX, name, what, err) : -1;
    if (status == 0)
        status = repository_parse(out, buffer_string(&text), text.length, url, err);
    free(url);
    buffer_free(&path);
    buffer_free(&text);
    return status;
}

/* The same of what is here, for who is to ask nobody. */
static int list_offline(struct repository *out, const struct hub *hub, const char *name,
                        const char *revision, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    int there = hub_cache_list(&text, hub->settings.folder, name, revision, err);
    int status = there > 0 ? repository_parse(out, buffer_string(&text), text.length,
                                              hub->settings.folder, err)
                           : -1;
    if (there == 0 && hub_check_online(hub, err) != 0)
        error_prefix(err, "the cache in %s has no %s at %s", hub->settings.folder, name, revision);
    buffer_free(&text);
    return status;
}

/* The shards of the index, from the snapshot where it is there. */
static int choose_shards(struct fetch *fetch, struct hub *hub, struct file_choice *choice,
                         struct error *err)
{
    struct buffer text = BUFFER_INIT;
    char *path = path_join(fetch->cache.snapshot, choice->index, err);
    uint64_t bytes; /* a link whose blob is gone is made anew */
    int there = path ? hub_cache_find_snapshot(&bytes, &fetch->cache, choice->index, err) : -1,
        status = there < 0 ? -1 : 0;
    if (there > 0)
        status = file_read_all(&text, path, INDEX_MAX, err);
    else if (there == 0)
        status = remote_file_read(&text, hub, fetch->options.name, fetch->repository.commit,
                                  choice->index, INDEX_MAX, err);
    if (status == 0)
        status = repository_choose_shards(choice, &fetch->repository, buffer_string(&text),
                                          text.length, err);
    free(path);
    buffer_free(&text);
    return status;
}

/* What is in the snapshot is whole, and nobody need be asked about it. */
static int look(struct fetch *fetch, struct hub *hub, struct fetch_file *file, struct error *err)
{
    const struct hub_cache *cache = &fetch->cache;
    struct remote_file *remote = &file->remote;
    int there = hub_cache_find_snapshot(&file->have, cache, file->name, err);
    if (there > 0) {
        file->state = FETCH_THERE;
        file->linked = true;
        remote->bytes = file->have;
    } else {
        if (there < 0 || remote_file_look(remote, NULL, hub, fetch->options.name,
                                          fetch->repository.commit, file->name, err) != 0)
            return -1;
        there = hub_cache_find_blob(&file->have, cache, remote->etag, err);
        if (there > 0 && file->have != remote->bytes)
            return error_set(err,
                             "%s/blobs/%s has %" PRIu64 " bytes, the hub says that it has %" PRIu64
                             ": remove it, and fetch again",
                             cache->folder, remote->etag, file->have, remote->bytes);
        if (there < 0 ||
            (there == 0 && hub_cache_find_incomplete(&file->have, cache, remote->etag, err) < 0))
            return -1;
        file->state = there ? FETCH_THERE : FETCH_NEEDED;
        if (file->have > remote->bytes)
            file->have = 0;
    }
    if (__builtin_add_overflow(fetch->bytes, file->remote.bytes, &fetch->bytes))
        return error_set(err, "the files of %s together are larger than can be counted",
                         fetch->options.name);
    fetch->missing += file->remote.bytes - file->have;
    return 0;
}

/* What is to be fetched is known, file by file with its size, before a byte of it is. */
int fetch_plan(struct fetch *out, struct hub *hub, const struct fetch_options *options,
               struct error *err)
{
    struct file_choice choice = {NULL, NULL};
    int status = -1;
    *out = (struct fetch){.options = *options, .offline = hub->settings.offline};
    if ((out->offline
             ? list_offline(&out->repository, hub, options->name, options->revision, err)
             : hub_list(&out->repository, hub, options->name, options->revision, err)) != 0 ||
        hub_cache_open(&out->cache, hub->settings.folder, options->name, out->repository.commit,
                       !hub->settings.disable_symlinks, err) != 0 ||
        repository_choose(&choice, &out->repository, options->patterns, options->pattern_count,
                          options->name, err) != 0 ||
        (choice.index && choose_shards(out, hub, &choice, err) != 0) ||
        !(out->files = array_alloc(out->repository.count, sizeof *out->files, err)))
        goto out;
    status = 0;
    for (size_t i = 0; i < out->repository.count && status == 0; i++) {
        if (!choice.taken[i])
            continue;
        struct fetch_file *file = &out->files[out->count++];
        file->name = out->repository.files[i];
        status = look(out, hub, file, err);
    }
out:
    file_choice_free(&choice);
    if (status != 0)
        fetch_free(out);
    return status;
}

/* --- fetching it --- */

/* A file and who watches it. */
struct watched {
    const struct fetch_watch *watch;
    const struct fetch_file *file;
};

static void on_bytes(void *context, uint64_t have)
{
    const struct watched *watched = context;
    if (watched->watch->on_bytes)
        watched->watch->on_bytes(watched->watch->context, watched->file, have);
}

/* A link is made only to a complete blob, so a snapshot has whole files or none. */
static int fetch_one(struct fetch *fetch, struct hub *hub, struct fetch_file *file,
                     const struct fetch_watch *watch, struct error *err)
{
    struct watched watched = {watch, file};
    const struct download_watch downloads = {&watched, on_bytes};
    bool made = false;
    if (!file->linked) {
        if (file->state == FETCH_NEEDED &&
            download_blob(&made, hub, &fetch->cache, &file->remote, fetch->options.name,
                          fetch->repository.commit, file->name, &downloads, err) != 0)
            return -1;
        if (hub_cache_link(&fetch->cache, file->remote.etag, file->name, made, err) != 0)
            return -1;
    }
    if (made)
        file->state = FETCH_DONE;
    file->linked = true;
    if (watch->on_file)
        watch->on_file(watch->context, file);
    return 0;
}

int fetch_run(struct fetch *fetch, struct hub *hub, const struct fetch_watch *watch,
              struct error *err)
{
    if (fetch->offline) /* what was found is in the snapshot */
        return 0;
    if (disk_check(fetch->cache.folder, fetch->missing, err) != 0 ||
        hub_cache_make(&fetch->cache, err) != 0)
        return -1;
    for (size_t i = 0; i < fetch->count; i++)
        if (fetch_one(fetch, hub, &fetch->files[i], watch, err) != 0)
            return -1;
    return hub_cache_refer(&fetch->cache, fetch->options.revision, fetch->repository.commit, err);
}

void fetch_free(struct fetch *fetch)
{
    repository_free(&fetch->repository);
    hub_cache_close(&fetch->cache);
    free(fetch->files);
    *fetch = (struct fetch){.files = NULL};
}
