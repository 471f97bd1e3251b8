#include "hub/hub_cache.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/sys.h"
#include "checkpoint/hub.h"
#include "hub/repository.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* What the CACHEDIR.TAG specification begins the file with, and where that stands. */
static const char tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                          "# A cache directory tag (https://bford.info/cachedir/): this folder can "
                          "be made again.\n";

/* "<a>/<b>/<c>". */
static char *joined(const char *a, const char *b, const char *c, struct error *err)
{
    char *folder = path_join(a, b, err);
    char *path = folder ? path_join(folder, c, err) : NULL;
    free(folder);
    return path;
}

/* Paths alone: nothing is made before there is something to put there. */
int hub_cache_open(struct hub_cache *out, const char *hub, const char *name, const char *commit,
                   bool links, struct error *err)
{
    *out = (struct hub_cache){.links = links};
    out->hub = string_copy(hub, err);
    out->folder = checkpoint_hub_repository(hub, name);
    out->locks = out->folder ? joined(hub, ".locks", path_last(out->folder), err) : NULL;
    out->snapshot = out->folder ? joined(out->folder, "snapshots", commit, err) : NULL;
    if (out->hub && out->folder && out->locks && out->snapshot)
        return 0;
    hub_cache_close(out);
    return error_no_memory(err);
}

void hub_cache_close(struct hub_cache *cache)
{
    free(cache->hub);
    free(cache->folder);
    free(cache->locks);
    free(cache->snapshot);
    *cache = (struct hub_cache){0};
}

int hub_cache_make(const struct hub_cache *cache, struct error *err)
{
    char *blobs = path_join(cache->folder, "blobs", err);
    char *refs = path_join(cache->folder, "refs", err);
    char *note = path_join(cache->hub, "CACHEDIR.TAG", err);
    int status = blobs && refs && note ? folder_make(blobs, err) : -1;
    if (status == 0)
        status = folder_make(refs, err);
    if (status == 0)
        status = folder_make(cache->locks, err);
    if (status == 0)
        status = folder_make(cache->snapshot, err);
    if (status == 0 && sys.access(note, F_OK) != 0)
        file_save(note, tag, sizeof tag - 1, NULL); /* for backups alone */
    free(blobs);
    free(refs);
    free(note);
    return status;
}

/* --- what is there --- */

/* Takes the path. */
static int find_file(uint64_t *bytes, char *path, struct error *err)
{
    struct stat info;
    int there = path ? file_look(path, &info, err) : -1;
    *bytes = 0;
    if (there > 0 && !S_ISREG(info.st_mode))
        there = error_set(err, "%s is not a regular file; remove it, and fetch again", path);
    if (there > 0)
        *bytes = (uint64_t)info.st_size;
    free(path);
    return there;
}

int hub_cache_find_snapshot(uint64_t *bytes, const struct hub_cache *cache, const char *file,
                            struct error *err)
{
    return find_file(bytes, path_join(cache->snapshot, file, err), err);
}

char *hub_cache_blob(const struct hub_cache *cache, const char *etag, const char *ending,
                     struct error *err)
{
    struct buffer path = BUFFER_INIT;
    buffer_format(&path, "%s/blobs/%s%s", cache->folder, etag, ending);
    if (buffer_check(&path, err) == 0)
        return path.data;
    buffer_free(&path);
    return NULL;
}

int hub_cache_find_blob(uint64_t *bytes, const struct hub_cache *cache, const char *etag,
                        struct error *err)
{
    return find_file(bytes, hub_cache_blob(cache, etag, "", err), err);
}

int hub_cache_find_incomplete(uint64_t *bytes, const struct hub_cache *cache, const char *etag,
                              struct error *err)
{
    return find_file(bytes, hub_cache_blob(cache, etag, ".incomplete", err), err);
}

/* Files of a snapshot's folder and, as deep as a repository's names are taken, of those in it;
 * `inside`: what stands before their names. */
static int put_files(struct json_writer *json, const char *path, const char *inside, int depth,
                     struct error *err)
{
    enum { DEPTH_MAX = 16 };
    struct dirent *entry;
    DIR *folder = sys.opendir(path);
    int more = folder ? 1 : error_set_errno(err, errno, "cannot read folder %s", path);
    while (more > 0 && (more = folder_read(folder, path, &entry, err)) > 0) {
        struct buffer name = BUFFER_INIT;
        struct stat info, own;
        buffer_format(&name, "%s%s", inside, entry->d_name);
        char *whole = buffer_check(&name, err) == 0 ? path_join(path, entry->d_name, err) : NULL;
        more = whole ? 1 : -1;
        int there = whole ? file_look(whole, &info, err) : -1; /* 0: a link whose blob is gone */
        bool inner = there > 0 && sys.lstat(whole, &own) == 0 && S_ISDIR(own.st_mode);
        if (there < 0) {
            more = -1;
        } else if (inner && depth < DEPTH_MAX) {
            buffer_byte(&name, '/');
            more = put_files(json, whole, buffer_string(&name), depth + 1, err) == 0 ? 1 : -1;
        } else if (there > 0 && S_ISREG(info.st_mode)) {
            json_object(json, NULL);
            json_text(json, "rfilename", buffer_string(&name));
            json_end(json);
        }
        free(whole);
        buffer_free(&name);
    }
    if (folder)
        sys.closedir(folder);
    return more;
}

/* refs/REVISION has the commit; a commit is its own revision. */
int hub_cache_list(struct buffer *out, const char *hub, const char *name, const char *revision,
                   struct error *err)
{
    struct buffer commit = BUFFER_INIT;
    struct json_writer json = {.out = out};
    char *folder = checkpoint_hub_repository(hub, name), *snapshot = NULL;
    char *ref = folder ? joined(folder, "refs", revision, err) : NULL;
    int there = ref ? file_find(ref, err) : -1;
    if (there > 0 && file_read_all(&commit, ref, 100, err) != 0)
        there = -1;
    else if (there == 0)
        buffer_text(&commit, revision);
    if (there >= 0) {
        snapshot = joined(folder, "snapshots", buffer_string(&commit), err);
        there = snapshot ? folder_find(snapshot, err) : -1;
    }
    if (there > 0) {
        json_object(&json, NULL);
        json_text(&json, "sha", buffer_string(&commit));
        json_list(&json, "siblings");
        there = put_files(&json, snapshot, "", 0, err) == 0 ? 1 : -1;
        json_end(&json);
        json_end(&json);
    }
    if (there > 0 && json_finish(&json, err) != 0)
        there = -1;
    free(snapshot);
    free(ref);
    free(folder);
    buffer_free(&commit);
    return there;
}

/* --- what is put there --- */

/* Without waiting: -2 is "another one has it". A lock of a process that was killed is free. */
int hub_cache_lock(const struct hub_cache *cache, const char *etag, struct error *err)
{
    struct buffer path = BUFFER_INIT;
    buffer_format(&path, "%s/%s.lock", cache->locks, etag);
    if (buffer_check(&path, err) != 0)
        return -1;
    int fd = sys.open(path.data, O_RDWR | O_CREAT, 0664);
    if (fd < 0)
        error_set_errno(err, errno, "cannot make the lock %s", path.data);
    else if (sys.flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        sys.close(fd);
        fd = -2;
    }
    buffer_free(&path);
    return fd;
}

/* "../../blobs/<etag>", with one more "../" for each folder that the file lies in. */
static void put_target(struct buffer *out, const char *etag, const char *file)
{
    buffer_text(out, "../../");
    for (; *file; file++)
        if (*file == '/')
            buffer_text(out, "../");
    buffer_format(out, "blobs/%s", etag);
}

/* The link under a name of its own, then over what is there. */
static int put_link(const char *target, const char *path, struct error *err)
{
    char *temporary = path_temporary(path, err);
    int status = temporary ? 0 : -1;
    if (status == 0 && sys.symlink(target, temporary) != 0)
        status = error_set_errno(err, errno, "cannot make the link %s", path);
    if (status == 0 && sys.rename(temporary, path) != 0) {
        status = error_set_errno(err, errno, "cannot make the link %s", path);
        sys.unlink(temporary);
    }
    free(temporary);
    return status;
}

/* Where links are none and the blob is not this process's to move. */
static int copy_blob(const char *blob, const char *path, struct error *err)
{
    enum { PIECE = 1 << 20 };
    struct file_writer writer;
    uint64_t size = 0;
    int fd = file_open_read(blob, &size, err);
    char *piece = fd >= 0 ? array_alloc(PIECE, 1, err) : NULL;
    int status = piece ? file_writer_open(&writer, path, err) : -1;
    if (status == 0) {
        for (uint64_t at = 0; at < size && status == 0; at += PIECE) {
            size_t count = size - at < PIECE ? (size_t)(size - at) : PIECE;
            status = file_read_at(fd, piece, count, at, blob, err);
            if (status == 0)
                status = file_writer_put(&writer, piece, count, err);
        }
        if (status == 0)
            status = file_writer_commit(&writer, err);
        else
            file_writer_abort(&writer);
    }
    free(piece);
    if (fd >= 0)
        sys.close(fd);
    return status;
}

/* As huggingface_hub lays it out: a relative link into blobs/, or, where links are not wanted, the
 * file itself, moved there if it is new and copied otherwise. */
int hub_cache_link(const struct hub_cache *cache, const char *etag, const char *file, bool new_blob,
                   struct error *err)
{
    struct buffer target = BUFFER_INIT;
    char *path = path_join(cache->snapshot, file, err);
    char *folder = path ? path_folder(path, err) : NULL;
    char *blob = folder ? hub_cache_blob(cache, etag, "", err) : NULL;
    int status = blob ? folder_make(folder, err) : -1;
    put_target(&target, etag, file);
    if (status == 0)
        status = buffer_check(&target, err);
    if (status == 0 && cache->links)
        status = put_link(target.data, path, err);
    else if (status == 0 && !new_blob)
        status = copy_blob(blob, path, err);
    else if (status == 0 && sys.rename(blob, path) != 0)
        status = error_set_errno(err, errno, "cannot move %s to %s", blob, path);
    buffer_free(&target);
    free(path);
    free(folder);
    free(blob);
    return status;
}

/* A branch's or tag's name for the commit; a commit needs none. The file is left alone where it
 * says so already. */
int hub_cache_refer(const struct hub_cache *cache, const char *revision, const char *commit,
                    struct error *err)
{
    struct buffer known = BUFFER_INIT;
    if (strcmp(revision, commit) == 0)
        return 0;
    char *path = joined(cache->folder, "refs", revision, err);
    char *folder = path ? path_folder(path, err) : NULL;
    int status = folder ? folder_make(folder, err) : -1;
    bool same = status == 0 && file_read_all(&known, path, 100, NULL) == 0 &&
                strcmp(buffer_string(&known), commit) == 0;
    if (status == 0 && !same)
        status = file_save(path, commit, strlen(commit), err);
    buffer_free(&known);
    free(path);
    free(folder);
    return status;
}
