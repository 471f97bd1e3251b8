#include "hub/download.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/sys.h"
#include "hub/repository.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what the hub says of it --- */

static bool is_hexadecimal(const char *etag, size_t digits)
{
    return strspn(etag, "0123456789abcdef") == digits && !etag[digits];
}

bool remote_file_is_checked(const struct remote_file *file)
{
    return is_hexadecimal(file->etag, 64) || is_hexadecimal(file->etag, 40);
}

/* <endpoint>/org/name/resolve/<commit>/<file>: by the commit, so that a file cannot change while
 * the others are fetched. */
char *remote_file_url(const struct hub *hub, const char *name, const char *commit, const char *file,
                      struct error *err)
{
    struct buffer path = BUFFER_INIT;
    url_put_part(&path, name, true);
    buffer_text(&path, "/resolve/");
    url_put_part(&path, commit, false);
    buffer_byte(&path, '/');
    url_put_part(&path, file, true);
    char *url = buffer_check(&path, err) == 0 ? hub_url(hub, path.data, err) : NULL;
    buffer_free(&path);
    return url;
}

/* W/"abc" and "abc" without what is around it. */
static void strip_etag(char *out, size_t size, const char *etag)
{
    if (etag[0] == 'W' && etag[1] == '/')
        etag += 2;
    size_t length = strlen(etag);
    if (length >= 2 && etag[0] == '"' && etag[length - 1] == '"') {
        etag++;
        length -= 2;
    }
    out[0] = '\0';
    if (length < size)
        snprintf(out, size, "%.*s", (int)length, etag);
}

/* Where a file is stored elsewhere, its own length and etag come in headers of the hub's. The etag
 * becomes a file's name, so it is held to what one can be. */
static int take_look(struct remote_file *out, const struct http_answer *answer, const char *commit,
                     const char *where, struct error *err)
{
    int64_t bytes = answer->linked_size >= 0 ? answer->linked_size : answer->length;
    if (!answer->commit[0])
        return error_set(err,
                         "%s: the answer has no X-Repo-Commit, so it is no hub's; look at "
                         "HF_ENDPOINT, and at a proxy on the way",
                         where);
    if (strcmp(answer->commit, commit) != 0)
        return error_set(err, "%s: asked for commit %s, the hub answers with %s", where, commit,
                         answer->commit);
    strip_etag(out->etag, sizeof out->etag,
               answer->linked_etag[0] ? answer->linked_etag : answer->etag);
    if (!repository_etag_is_safe(out->etag))
        return error_set(err,
                         "%s: the hub gives the etag \"%.60s\"; letters, digits, and - _ . + "
                         "make the name of a blob",
                         where, answer->linked_etag[0] ? answer->linked_etag : answer->etag);
    if (bytes < 0)
        return error_set(err, "%s: the hub does not say how long it is", where);
    out->bytes = (uint64_t)bytes;
    return 0;
}

/* HEAD, which follows no redirect to another host: the file's headers are the hub's own. `place` is
 * where its bytes are. */
int remote_file_look(struct remote_file *out, char *place, struct hub *hub, const char *name,
                     const char *commit, const char *file, struct error *err)
{
    struct http_answer answer;
    char here[HTTP_URL_MAX];
    char *url = remote_file_url(hub, name, commit, file, err);
    const struct http_request request = {
        .url = url, .head = true, .patience = hub->settings.etag_patience};
    int status = url ? hub_ask(hub, &request, true, &answer, here, err) : -1;
    if (status == 0) {
        bool answered = answer.trouble.kind == ERROR_NONE &&
                        (answer.status == 200 || (answer.status >= 301 && answer.status <= 308));
        status = answered ? take_look(out, &answer, commit, file, err)
                          : hub_refusal(hub, &answer, name, file, err);
    }
    if (status == 0 && place && answer.status != 200)
        status = url_resolve(place, here, answer.location, err);
    else if (status == 0 && place)
        memcpy(place, here, sizeof here);
    free(url);
    return status;
}

int remote_file_read(struct buffer *out, struct hub *hub, const char *name, const char *commit,
                     const char *file, uint64_t most, struct error *err)
{
    char *url = remote_file_url(hub, name, commit, file, err);
    int status = url ? hub_read(out, hub, url, most, name, file, err) : -1;
    free(url);
    return status;
}

/* --- its content --- */

struct download {
    struct hub *hub;
    const struct remote_file *remote;
    const struct download_watch *watch;
    char *path; /* of the .incomplete file */
    int fd;
    struct digest *digest; /* of `have` bytes; NULL: the etag is none */
    uint64_t have;
    bool refuses; /* the server, to go on in the middle */
};

static int begin_digest(struct download *download, struct error *err)
{
    char head[32];
    const char *etag = download->remote->etag;
    digest_free(download->digest);
    download->digest = NULL;
    download->have = 0;
    if (!remote_file_is_checked(download->remote))
        return 0;
    bool git = is_hexadecimal(etag, 40);
    download->digest = git ? digest_new_sha1(err) : digest_new(err);
    if (!download->digest)
        return -1;
    int length = snprintf(head, sizeof head, "blob %" PRIu64, download->remote->bytes);
    if (git)
        digest_update(download->digest, head, (size_t)length + 1); /* with its NUL */
    return 0;
}

/* Reads what an earlier one left, so that the digest and the descriptor stand after it. What is
 * longer than the file is another's. */
static int read_left(struct download *download, struct error *err)
{
    enum { PIECE = 1 << 20 };
    struct stat info;
    if (begin_digest(download, err) != 0)
        return -1;
    if (sys.fstat(download->fd, &info) != 0)
        return error_set_errno(err, errno, "cannot look at %s", download->path);
    if ((uint64_t)info.st_size > download->remote->bytes && sys.ftruncate(download->fd, 0) != 0)
        return error_set_errno(err, errno, "cannot shorten %s", download->path);
    char *piece = array_alloc(PIECE, 1, err);
    int status = piece ? 0 : -1;
    while (status == 0) {
        ssize_t got = sys.read(download->fd, piece, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            status = error_set_errno(err, errno, "cannot read %s", download->path);
        if (got <= 0)
            break;
        if (download->digest)
            digest_update(download->digest, piece, (size_t)got);
        download->have += (uint64_t)got;
    }
    free(piece);
    return status;
}

/* Opens the .incomplete file; `empty`: as an empty one. */
static int open_left(struct download *download, bool empty, struct error *err)
{
    if (download->fd >= 0)
        sys.close(download->fd);
    download->fd = sys.open(download->path, O_RDWR | O_CREAT | (empty ? O_TRUNC : 0), 0666);
    if (download->fd < 0)
        return error_set_errno(err, errno, "cannot write %s", download->path);
    return read_left(download, err);
}

/* Before the first byte is written: the server must begin where the last one ended, and the whole
 * must be as long as the hub said. A server that cannot begin in the middle is asked once more from
 * the start. */
static int accept_answer(void *context, const struct http_answer *answer, struct error *err)
{
    struct download *download = context;
    if (answer->status == 200 && download->have > 0) {
        download->refuses = true;
        return error_set(err,
                         "the server begins at the first byte where byte %" PRIu64 " was asked for",
                         download->have);
    }
    if (answer->status == 206 && (answer->range_first != (int64_t)download->have ||
                                  answer->range_total != (int64_t)download->remote->bytes))
        return error_set(err,
                         "the server sends bytes from %" PRId64 " on of %" PRId64
                         ", not from %" PRIu64 " on of %" PRIu64,
                         answer->range_first, answer->range_total, download->have,
                         download->remote->bytes);
    if (answer->status == 200 && answer->length >= 0 &&
        answer->length != (int64_t)download->remote->bytes)
        return error_set(err,
                         "the server sends %" PRId64 " bytes, the hub says that it has %" PRIu64,
                         answer->length, download->remote->bytes);
    return 0;
}

/* Written, digested and counted in one: `have` is always what the file on the disk has. */
static int take_bytes(void *context, const void *bytes, size_t count, struct error *err)
{
    struct download *download = context;
    if (file_write(download->fd, bytes, count, download->path, err) != 0)
        return -1;
    if (download->digest)
        digest_update(download->digest, bytes, count);
    download->have += count;
    if (download->watch && download->watch->on_bytes)
        download->watch->on_bytes(download->watch->context, download->have);
    return 0;
}

/* Until all bytes are there. A try that brought some is none that failed: the next is the first
 * again. */
static int receive(struct download *download, const char *url, const char *name, const char *file,
                   struct error *err)
{
    uint64_t bytes = download->remote->bytes;
    for (int tries = 1; download->have < bytes; tries++) {
        struct http_answer answer;
        uint64_t before = download->have;
        const struct http_request request = {.url = url,
                                             .ranged = before > 0,
                                             .open = true,
                                             .first = before,
                                             .most = bytes - before,
                                             .patience = download->hub->settings.download_patience,
                                             .accept = accept_answer,
                                             .sink = take_bytes,
                                             .context = download};
        if (hub_once(download->hub, &request, false, &answer, NULL, err) != 0)
            return -1;
        if (download->refuses || answer.status == 416) {
            if (before == 0 || open_left(download, true, err) != 0)
                return before == 0 ? hub_refusal(download->hub, &answer, name, file, err) : -1;
            download->refuses = false;
            continue;
        }
        bool taken = answer.status == 200 || answer.status == 206;
        bool cut = answer.trouble.kind == ERROR_NONE && taken && download->have < bytes;
        bool wrong = answer.trouble.kind != ERROR_NONE && !answer.transient;
        if (download->have == bytes && !wrong)
            break;
        if (download->have > before)
            tries = 1;
        if (tries > HUB_TRIES || (!cut && !hub_may_pass(&answer))) {
            if (cut)
                error_set(&answer.trouble, "the server ends it at byte %" PRIu64 " of %" PRIu64,
                          download->have, bytes);
            return hub_refusal(download->hub, &answer, name, file, err);
        }
        if (hub_wait(download->hub, &answer, tries, file, err) != 0)
            return -1;
    }
    return 0;
}

/* 1: as the hub says; 0: not. */
static int is_right(struct download *download)
{
    char text[DIGEST_TEXT_SIZE];
    if (!download->digest)
        return 1;
    digest_text(download->digest, text);
    return strcmp(text, download->remote->etag) == 0;
}

/* Receives, checks, and puts the blob in its place. What an earlier run left may be damaged: then it is
 * all fetched once more. */
static int complete(struct download *download, const char *blob, const char *url, const char *name,
                    const char *file, struct error *err)
{
    if (open_left(download, false, err) != 0)
        return -1;
    bool left = download->have > 0;
    if (receive(download, url, name, file, err) != 0)
        return -1;
    int right = is_right(download);
    if (!right && left) {
        if (open_left(download, true, err) != 0 || receive(download, url, name, file, err) != 0)
            return -1;
        right = is_right(download);
    }
    if (!right) {
        sys.unlink(download->path);
        return error_set(err,
                         "%s of %s: what came is not what the hub says (%s %s), and was thrown "
                         "away; try again, or look at what lies on the way (a proxy, a mirror)",
                         file, name,
                         strlen(download->remote->etag) == 64 ? "SHA-256" : "git's SHA-1",
                         download->remote->etag);
    }
    if (file_sync(download->fd) != 0)
        return error_set_errno(err, errno, "cannot write %s", download->path);
    if (sys.rename(download->path, blob) != 0)
        return error_set_errno(err, errno, "cannot rename %s to %s", download->path, blob);
    char *folder = path_folder(blob, err);
    int status = folder ? folder_sync(folder, err) : -1;
    free(folder);
    return status;
}

/* Two processes may want one blob: the second waits, says so once, and then finds it there. */
static int wait_for_lock(struct hub *hub, const struct hub_cache *cache, const char *etag,
                         const char *file, struct error *err)
{
    char line[ERROR_TEXT_MAX];
    int lock = hub_cache_lock(cache, etag, err);
    if (lock == -2 && hub->say) {
        snprintf(line, sizeof line, "%.200s: another process fetches it; waiting for that one",
                 file);
        hub->say(hub->context, line);
    }
    while (lock == -2) {
        if (http_wait(hub->session, 0.2, err) != 0)
            return -1;
        lock = hub_cache_lock(cache, etag, err);
    }
    return lock;
}

/* The lock is held until the blob is complete. Whether it is there is looked at after the lock is
 * taken, as the one who had it may have finished it. */
int download_blob(bool *made, struct hub *hub, const struct hub_cache *cache,
                  const struct remote_file *remote, const char *name, const char *commit,
                  const char *file, const struct download_watch *watch, struct error *err)
{
    struct download download = {.hub = hub, .remote = remote, .watch = watch, .fd = -1};
    char *blob = hub_cache_blob(cache, remote->etag, "", err);
    char *url = blob ? remote_file_url(hub, name, commit, file, err) : NULL;
    int lock = url ? wait_for_lock(hub, cache, remote->etag, file, err) : -1, status = -1;
    *made = false;
    if (lock < 0)
        goto out;
    download.path = hub_cache_blob(cache, remote->etag, ".incomplete", err);
    if (!download.path)
        goto out;
    if (hub_cache_blob_bytes(cache, remote->etag) >= 0) {
        status = 0;
        goto out;
    }
    status = complete(&download, blob, url, name, file, err);
    *made = status == 0;
out:
    digest_free(download.digest);
    if (download.fd >= 0)
        sys.close(download.fd);
    if (lock >= 0)
        sys.close(lock);
    free(download.path);
    free(url);
    free(blob);
    return status;
}
