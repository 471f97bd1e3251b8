/* The file that the tokens of a data set are kept in (loader.h has its parts): written once from
 * front to back, checked whole before a byte of it counts.
 *
 * The trailer's `content` is the fingerprint of ids, weights, offsets and kinds, `check` that of
 * everything after them. A file is good where its sizes add up to its length, its key is the one
 * that was asked for, both fingerprints agree, every weight is finite and not below 0, no id is
 * negative, and offsets and ends ascend to what the trailer says.
 */
#include "text/dataset/loader.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 18, VERSION = 3, NOTES_BYTES_MAX = 1 << 16, BYTE_ORDER_MARK = 0x01020304 };

static const char MAGIC[16] = "spectrum.tokens";

struct trailer {
    char magic[sizeof MAGIC];
    uint32_t version, byte_order;
    uint64_t tokens, documents, supervised, sources, left_out, weighted, templated, undesired;
    uint64_t notes;                                    /* bytes */
    char key[HASH_TEXT_SIZE], content[HASH_TEXT_SIZE]; /* content: of all before the ends */
    char check[HASH_TEXT_SIZE];                        /* of ends, notes and the trailer above */
    char zero[5];
};

/* Of a token: its id and its weight. */
enum { TOKEN_BYTES = sizeof(int32_t) + sizeof(float) };

/* Of everything but the tokens, which have a fingerprint of their own. */
static int trailer_check(const struct trailer *trailer, const uint64_t *ends, const char *notes,
                         char out[HASH_TEXT_SIZE], struct error *err)
{
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    hash_update(hash, ends, trailer->sources * sizeof *ends);
    hash_update(hash, notes, trailer->notes);
    hash_update(hash, trailer, offsetof(struct trailer, check));
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}

/* --- writing --- */

/* Ids are written in place and weights into a second file without a name, which is appended in the
 * end: how many ids there will be is known only then. */
int token_writer_open(struct token_writer *w, const char *path, bool temporary, struct error *err)
{
    *w = (struct token_writer){.temporary = temporary, .weights_fd = -1, .file = {.fd = -1}};
    char *folder = path_folder(path, err);
    w->hash = folder ? hash_new(err) : NULL;
    int status = w->hash ? 0 : -1;
    if (status == 0 && temporary) {
        w->file.path = string_copy(path, err);
        w->file.fd = w->file.path ? file_open_nameless(folder, err) : -1;
        status = w->file.fd < 0 ? -1 : 0;
    } else if (status == 0) {
        status = file_writer_open_private(&w->file, path, err);
    }
    if (status == 0 && (w->weights_fd = file_open_nameless(folder, err)) < 0)
        status = -1;
    free(folder);
    if (status == 0)
        return 0;
    bool begun = w->hash != NULL;
    token_writer_abort(w);
    w->broken = begun;
    return -1;
}

void token_writer_abort(struct token_writer *w)
{
    if (w->weights_fd >= 0)
        sys.close(w->weights_fd);
    file_writer_abort(&w->file);
    hash_free(w->hash);
    w->hash = NULL;
    w->weights_fd = -1;
}

static int put(struct token_writer *w, int fd, const void *data, size_t count, struct error *err)
{
    if (file_write(fd, data, count, w->file.path, err) == 0)
        return 0;
    w->broken = true;
    return -1;
}

int token_writer_put(struct token_writer *w, const int32_t *ids, const float *weights, size_t count,
                     struct error *err)
{
    hash_update(w->hash, ids, count * sizeof *ids);
    w->tokens += count;
    return put(w, w->file.fd, ids, count * sizeof *ids, err) != 0 ||
                   put(w, w->weights_fd, weights, count * sizeof *weights, err) != 0
               ? -1
               : 0;
}

/* Ends, notes and the trailer, whose fingerprints are of what was written before it and of these.
 */
static int put_trailer(struct token_writer *w, const struct dataset *data, const char *key,
                       struct error *err)
{
    struct buffer notes = BUFFER_INIT;
    struct json_writer json = {.out = &notes};
    json_list(&json, NULL);
    json_layout(&json, JSON_COMPACT);
    notes_put(&json, &data->recognised);
    notes_put(&json, &data->unread);
    notes_put(&json, &data->absent);
    json_end(&json);
    struct trailer trailer = {.version = VERSION,
                              .byte_order = BYTE_ORDER_MARK,
                              .tokens = w->tokens,
                              .documents = data->documents,
                              .supervised = data->supervised,
                              .sources = data->source_count,
                              .left_out = data->left_out,
                              .weighted = data->weighted,
                              .templated = data->templated,
                              .undesired = data->undesired,
                              .notes = notes.length};
    uint64_t *ends = array_alloc(data->source_count, sizeof *ends, err);
    int status = -1;
    if (!ends || buffer_check(&notes, err) != 0)
        goto out;
    for (size_t i = 0; i < data->source_count; i++)
        ends[i] = data->sources[i].end;
    memcpy(trailer.magic, MAGIC, sizeof MAGIC);
    memcpy(trailer.key, key, HASH_TEXT_SIZE);
    hash_text(w->hash, trailer.content);
    if (trailer_check(&trailer, ends, buffer_string(&notes), trailer.check, err) != 0 ||
        put(w, w->file.fd, ends, data->source_count * sizeof *ends, err) != 0 ||
        put(w, w->file.fd, buffer_string(&notes), notes.length, err) != 0)
        goto out;
    status = put(w, w->file.fd, &trailer, sizeof trailer, err);
out:
    buffer_free(&notes);
    free(ends);
    return status;
}

int token_writer_finish(struct token_writer *w, const struct dataset *data, const char *key,
                        struct error *err)
{
    uint64_t bytes = w->tokens * sizeof(float);
    char *chunk = array_alloc(CHUNK, 1, err);
    int status = -1;
    if (!chunk)
        goto out;
    for (uint64_t at = 0; at < bytes; at += CHUNK) { /* the weights come after the ids now */
        size_t count = bytes - at < CHUNK ? (size_t)(bytes - at) : CHUNK;
        if (file_read_at(w->weights_fd, chunk, count, at, w->file.path, err) != 0)
            goto out;
        hash_update(w->hash, chunk, count);
        if (put(w, w->file.fd, chunk, count, err) != 0)
            goto out;
    }
    bytes = (data->documents + 1) * sizeof *data->offsets;
    hash_update(w->hash, data->offsets, bytes);
    if (put(w, w->file.fd, data->offsets, bytes, err) != 0)
        goto out;
    hash_update(w->hash, data->kinds, data->documents);
    if (put(w, w->file.fd, data->kinds, data->documents, err) != 0 ||
        put_trailer(w, data, key, err) != 0)
        goto out;
    if (w->temporary) {
        status = w->file.fd;
        w->file.fd = -1;
    } else {
        status = file_writer_commit(&w->file, err);
        w->broken = status != 0;
    }
out:
    free(chunk);
    token_writer_abort(w);
    return status;
}

/* --- reading --- */

/* A file of tokens being checked. */
struct checker {
    const char *path;
    int fd;
    struct trailer trailer;
    struct hash *hash;
    int32_t largest_id;
};

static int refuse(const struct checker *c, const char *what, struct error *err)
{
    return error_set(err, "%s: %s", c->path, what);
}

/* The trailer is the file's last bytes: a file that was cut off has none. */
static int read_trailer(struct checker *c, uint64_t size, const char *key, size_t sources,
                        struct error *err)
{
    struct trailer *t = &c->trailer;
    if (size < sizeof *t)
        return refuse(c, "it is cut off", err);
    if (file_read_at(c->fd, t, sizeof *t, size - sizeof *t, c->path, err) != 0)
        return -1;
    if (memcmp(t->magic, MAGIC, sizeof MAGIC) != 0 || t->version != VERSION ||
        t->byte_order != BYTE_ORDER_MARK || memcmp(t->zero, "\0\0\0\0", sizeof t->zero) != 0)
        return refuse(c, "it is not a file of tokens of this version, or it is cut off", err);
    if (memcmp(t->key, key, HASH_TEXT_SIZE) != 0 || t->sources != sources)
        return refuse(c, "it belongs to other data", err);
    /* The sizes add up to the file's; none is so large that adding them wraps. */
    uint64_t room = size - sizeof *t;
    bool fit = t->tokens <= room / TOKEN_BYTES && t->documents < room / 8 &&
               t->sources <= room / 8 && t->notes <= NOTES_BYTES_MAX &&
               t->tokens * TOKEN_BYTES + (t->documents + 1) * 8 + t->documents + t->sources * 8 +
                       t->notes ==
                   room;
    return fit ? 0 : refuse(c, "its sizes do not add up", err);
}

/* Bytes [from, to) into the hash; the ids among them into the largest. */
static int check_bytes(struct checker *c, uint64_t from, uint64_t to, bool ids, struct error *err)
{
    int32_t *chunk = array_alloc(CHUNK, 1, err);
    int status = chunk ? 0 : -1;
    while (status == 0 && from < to) {
        size_t count = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        status = file_read_at(c->fd, chunk, count, from, c->path, err);
        if (status != 0)
            break;
        hash_update(c->hash, chunk, count);
        for (size_t i = 0; ids && i < count / sizeof *chunk; i++)
            if ((uint32_t)chunk[i] > (uint32_t)c->largest_id)
                c->largest_id = chunk[i];
        if (!ids && !token_weights_fit((const float *)(const void *)chunk, count / 4))
            status = refuse(c, "its content is damaged", err);
        from += count;
    }
    free(chunk);
    return status;
}

/* All that follows ids and weights. */
static int read_index(struct dataset *out, struct checker *c, struct error *err)
{
    const struct trailer *t = &c->trailer;
    uint64_t at = t->tokens * TOKEN_BYTES, *ends = array_alloc(t->sources, sizeof *ends, err);
    size_t bytes = (size_t)(t->documents + 1) * sizeof *out->offsets;
    char check[HASH_TEXT_SIZE], *notes = array_alloc((size_t)t->notes + 1, 1, err);
    struct dataset_notes *lists[] = {&out->recognised, &out->unread, &out->absent};
    cJSON *tree = NULL;
    out->offsets = array_alloc((size_t)t->documents + 1, sizeof *out->offsets, err);
    out->kinds = array_alloc((size_t)t->documents + 1, sizeof *out->kinds, err);
    out->sources = array_alloc(t->sources, sizeof *out->sources, err);
    uint64_t at_ends = at + bytes + t->documents, at_notes = at_ends + t->sources * sizeof *ends;
    int status = -1;
    if (!ends || !notes || !out->offsets || !out->kinds || !out->sources ||
        file_read_at(c->fd, out->offsets, bytes, at, c->path, err) != 0 ||
        file_read_at(c->fd, out->kinds, (size_t)t->documents, at + bytes, c->path, err) != 0 ||
        file_read_at(c->fd, ends, t->sources * sizeof *ends, at_ends, c->path, err) != 0 ||
        file_read_at(c->fd, notes, (size_t)t->notes, at_notes, c->path, err) != 0 ||
        trailer_check(t, ends, notes, check, err) != 0)
        goto out;
    hash_update(c->hash, out->offsets, bytes);
    hash_update(c->hash, out->kinds, (size_t)t->documents);
    hash_text(c->hash, out->fingerprint);
    for (size_t i = 0; i < t->sources; i++)
        out->sources[i] = (struct dataset_source){.end = ends[i], .weight = 1};
    if (memcmp(check, t->check, HASH_TEXT_SIZE) != 0 ||
        memcmp(out->fingerprint, t->content, HASH_TEXT_SIZE) != 0) {
        refuse(c, "its content is damaged", err);
        goto out;
    }
    tree = json_parse(notes, t->notes, JSON_STRICT, c->path, err);
    status = tree ? 0 : -1;
    for (int i = 0; i < 3 && status == 0; i++)
        status = notes_get(lists[i], cJSON_GetArrayItem(tree, i), err);
out:
    cJSON_Delete(tree);
    free(notes);
    free(ends);
    return status;
}

/* Everything is read once here. What the fingerprints cannot say, that offsets and ends ascend,
 * is looked at after them. */
static int read_checked(struct dataset *out, struct checker *c, uint64_t size, const char *key,
                        size_t sources, struct error *err)
{
    const struct trailer *t = &c->trailer;
    uint64_t ends = 0;
    if (read_trailer(c, size, key, sources, err) != 0 ||
        check_bytes(c, 0, t->tokens * 4, true, err) != 0 ||
        check_bytes(c, t->tokens * 4, t->tokens * TOKEN_BYTES, false, err) != 0 ||
        read_index(out, c, err) != 0)
        return -1;
    out->documents = (size_t)t->documents;
    out->tokens = t->tokens;
    out->supervised = t->supervised;
    out->left_out = (size_t)t->left_out;
    out->weighted = t->weighted != 0;
    out->templated = t->templated != 0;
    out->undesired = (size_t)t->undesired;
    out->source_count = sources;
    bool fit = c->largest_id >= 0 && out->documents > 0 && out->offsets[0] == 0 &&
               out->offsets[out->documents] == out->tokens;
    for (size_t i = 0; fit && i < out->documents; i++)
        fit = out->offsets[i] < out->offsets[i + 1];
    for (size_t i = 0; fit && i < sources; i++) {
        fit = out->sources[i].end >= ends;
        ends = out->sources[i].end;
    }
    return fit && ends == out->documents ? 0 : refuse(c, "its content is damaged", err);
}

/* The checked file is given to the data set, its descriptor with it. */
int token_file_open(struct dataset *out, const char *path, int fd, const char *key,
                    size_t source_count, struct error *err)
{
    struct checker c = {.path = path, .fd = fd};
    struct token_reader *file = NULL;
    struct stat info;
    uint64_t size = 0;
    int status = -1;
    *out = (struct dataset){0};
    if (fd > 0 && sys.fstat(fd, &info) == 0)
        size = (uint64_t)info.st_size;
    else if (fd <= 0 && (c.fd = file_open_read(path, &size, err)) < 0)
        return -1;
    c.hash = hash_new(err);
    if (!c.hash || read_checked(out, &c, size, key, source_count, err) != 0 ||
        !(file = array_alloc(1, sizeof *file, err)))
        goto out;
    *file = (struct token_reader){c.fd, string_copy(path, err), c.trailer.tokens, c.largest_id};
    if (!file->path)
        goto out;
    out->file = file;
    status = 0;
out:
    hash_free(c.hash);
    if (status != 0) {
        free(file);
        sys.close(c.fd);
        dataset_free(out);
    }
    return status;
}
