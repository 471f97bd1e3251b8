/* A model of the hub, or files of one, into the local Hugging Face cache.
 *
 *     fetch_plan -> (what there is to do) -> fetch_run -> fetch_free
 *
 * This is the face of core/hub, beside hub_request.h (who is asked, and how) and remote.h (a model that
 * is read where it is, and not fetched). Reading order: settings, http, hub_request, repository,
 * hub_cache, download, fetch.
 *
 * A fetch that ends before its end, by a signal, a full disk or a cut line, keeps what it has:
 * the next one goes on. The revision's reference is written last, so that a model which is found in
 * the cache by its name is whole.
 */
#ifndef SPECTRUM_HUB_FETCH_H
#define SPECTRUM_HUB_FETCH_H

#include "hub/download.h"
#include "hub/repository.h"

struct fetch_options {
    const char *name, *revision; /* "org/name"; "main" */
    const char *const *patterns; /* NULL: what a model is read from (repository.h) */
    size_t pattern_count;
};

enum fetch_state {
    FETCH_THERE,  /* in the snapshot already, or a blob of it in the cache */
    FETCH_NEEDED, /* some or all of it is to come */
    FETCH_DONE    /* came now */
};

struct fetch_file {
    const char *name; /* the repository's */
    struct remote_file remote;
    enum fetch_state state;
    bool linked;   /* it is in the snapshot */
    uint64_t have; /* bytes that are there already */
};

struct fetch {
    struct fetch_options options;
    struct repository repository;
    struct hub_cache cache;
    struct fetch_file *files;
    size_t count;
    uint64_t bytes, missing; /* of all files; what is to come */
    bool offline;            /* the hub was not asked: files are those that the cache has */
};

struct fetch_watch {
    void *context;
    /* `have` of the file's bytes are there. */
    void (*on_bytes)(void *context, const struct fetch_file *file, uint64_t have);
    /* It is whole, and in the snapshot. */
    void (*on_file)(void *context, const struct fetch_file *file);
};

/* Asks the hub what there is, and looks what of it is here. Writes nothing. Offline, what the cache
 * has of the revision is all that there is, as huggingface_hub has it. The options' texts must
 * outlive the fetch. */
int fetch_plan(struct fetch *out, struct hub *hub, const struct fetch_options *options,
               struct error *err);

/* Fetches what is missing, once there is room for it. */
int fetch_run(struct fetch *fetch, struct hub *hub, const struct fetch_watch *watch,
              struct error *err);
void fetch_free(struct fetch *fetch);

/* The answer that repository_parse() reads. */
int hub_list(struct repository *out, struct hub *hub, const char *name, const char *revision,
             struct error *err);

#endif
