/* A repository's place in the local Hugging Face cache, laid out as huggingface_hub 2.4 does, so that
 * what either has fetched the other finds:
 *
 *     <hub>/CACHEDIR.TAG                                 what tells backups to pass it over
 *     <hub>/.locks/models--org--name/<etag>.lock         flock: one process at a time fetches a blob
 *     <hub>/models--org--name/blobs/<etag>               a content, under what names it
 *                            /blobs/<etag>.incomplete    its first bytes, which the next one goes on from
 *                            /snapshots/<commit>/<file>  a relative link to the blob
 *                            /refs/<revision>            the commit, without a line's end
 *
 * A blob appears by a rename, when it is whole and its digest is right; a link and a reference
 * appear by one, too. A process that is killed leaves an .incomplete file and nothing that is wrong.
 */
#ifndef SPECTRUM_HUB_HUB_CACHE_H
#define SPECTRUM_HUB_HUB_CACHE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct hub_cache {
    char *hub;    /* the cache */
    char *folder; /* the repository's in it */
    char *locks;
    char *snapshot; /* of the commit */
    bool links;     /* false: snapshots hold the files themselves */
};

/* What the cache knows of a repository without its hub: the commit of a revision, and what of it is
 * there, in the words of the hub's own answer (repository_parse()). 1; 0: it has none of that
 * revision. */
int hub_cache_list(struct buffer *out, const char *hub, const char *name, const char *revision,
                   struct error *err);

/* Names the places; makes none. */
int hub_cache_open(struct hub_cache *out, const char *hub, const char *name, const char *commit,
                   bool links, struct error *err);
void hub_cache_close(struct hub_cache *cache);

/* Makes the folders that are missing, and CACHEDIR.TAG. */
int hub_cache_make(const struct hub_cache *cache, struct error *err);

/* The file in the snapshot, or the blob of that etag: 1, and its bytes; 0: it is not there; -1:
 * that cannot be told. */
int hub_cache_find_snapshot(uint64_t *bytes, const struct hub_cache *cache, const char *file,
                            struct error *err);
int hub_cache_find_blob(uint64_t *bytes, const struct hub_cache *cache, const char *etag,
                        struct error *err);
/* Likewise the .incomplete file. */
int hub_cache_find_incomplete(uint64_t *bytes, const struct hub_cache *cache, const char *etag,
                              struct error *err);

/* Newly allocated; NULL: no memory. */
char *hub_cache_blob(const struct hub_cache *cache, const char *etag, const char *ending,
                     struct error *err);

/* Takes the blob's lock if it is free: its descriptor, to be closed with sys.close(). -2: somebody
 * has it. A file system without locks does without. */
int hub_cache_lock(const struct hub_cache *cache, const char *etag, struct error *err);

/* Puts the blob into the snapshot under the file's name. `new_blob`: it is this process's own, and
 * may be moved there where links are none. */
int hub_cache_link(const struct hub_cache *cache, const char *etag, const char *file, bool new_blob,
                   struct error *err);

/* Notes the commit of a revision, unless the revision is a commit. */
int hub_cache_refer(const struct hub_cache *cache, const char *revision, const char *commit,
                    struct error *err);

#endif
