/* One file of a repository: what the hub says of it, and its content into the cache.
 *
 *     HEAD /org/name/resolve/<commit>/<file>   X-Repo-Commit, X-Linked-Etag or ETag, X-Linked-Size or
 *                                              Content-Length; large files redirect to where they are
 *
 * The etag of a large file is the SHA-256 of its content, of a small one git's name for it, the SHA-1
 * of "blob <size>\0" and the content. A blob is kept only where that is so.
 */
#ifndef SPECTRUM_HUB_DOWNLOAD_H
#define SPECTRUM_HUB_DOWNLOAD_H

#include "hub/hub_cache.h"
#include "hub/hub_request.h"

enum { ETAG_MAX = 129 };

struct remote_file {
    char etag[ETAG_MAX]; /* a safe name (repository_etag_is_safe()) */
    uint64_t bytes;
};

/* Can the content be held against its etag? */
bool remote_file_is_checked(const struct remote_file *file);

/* Where a file of a commit is asked for; newly allocated. */
char *remote_file_url(const struct hub *hub, const char *name, const char *commit, const char *file,
                      struct error *err);

/* Asks for the above. `place[HTTP_URL_MAX]` (may be NULL) gets the URL that has the content. */
int remote_file_look(struct remote_file *out, char *place, struct hub *hub, const char *name,
                     const char *commit, const char *file, struct error *err);

/* Reads a file of at most `most` bytes into memory. */
int remote_file_read(struct buffer *out, struct hub *hub, const char *name, const char *commit,
                     const char *file, uint64_t most, struct error *err);

struct download_watch {
    void *context;
    /* So many bytes of the file are there; may be NULL. */
    void (*on_bytes)(void *context, uint64_t have);
};

/* Brings the file's content into the cache as a blob, unless it is there: goes on from its
 * .incomplete file, which stays where the download does not come to its end. *made: it was not there
 * before. Waits where another process fetches it. */
int download_blob(bool *made, struct hub *hub, const struct hub_cache *cache,
                  const struct remote_file *remote, const char *name, const char *commit,
                  const char *file, const struct download_watch *watch, struct error *err);

#endif
