#include "hub/remote.h"

#include "base/memory.h"
#include "hub/download.h"
#include "hub/fetch.h"
#include "hub/repository.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 2 << 20, RENEWALS_MAX = 3 };

/* A file. Its URL and ETag are guarded by the model's mutex. */
struct source {
    struct hub_model *model;
    const char *file; /* the repository's */
    struct remote_file remote;
    char url[HTTP_URL_MAX];   /* where its bytes are now */
    char etag[HTTP_TEXT_MAX]; /* that these come with */
    bool has_etag;            /* some came */
    struct source *next;
};

/* A part of a range that is under way. */
struct piece {
    struct source *source;
    char *out;
    uint64_t offset;
    size_t count, got;
};

/* What one thread asks by. */
struct line {
    struct hub hub; /* the model's, with a session of its own */
    struct piece pieces[HTTP_AT_ONCE];
    struct http_request requests[HTTP_AT_ONCE];
    struct http_answer answers[HTTP_AT_ONCE];
    char urls[HTTP_AT_ONCE][HTTP_URL_MAX];
    struct line *next;
};

struct hub_model {
    struct hub *hub;
    char *name;
    struct repository repository;
    struct checkpoint_place place;
    bool (*should_stop)(void *context);
    void *context;
    pthread_mutex_t mutex;
    struct source *sources;
    struct line *idle; /* lines that no thread has; guarded, too */
};

/* --- lines --- */

static void line_free(struct line *line)
{
    if (line)
        http_close(line->hub.session);
    free(line);
}

/* Each thread that reads has a connection of its own while it reads; those that are idle are
 * kept. */
static struct line *take_line(struct hub_model *model, struct error *err)
{
    pthread_mutex_lock(&model->mutex);
    struct line *line = model->idle;
    if (line)
        model->idle = line->next;
    pthread_mutex_unlock(&model->mutex);
    if (line)
        return line;
    line = array_alloc(1, sizeof *line, err);
    if (!line)
        return NULL;
    line->hub = *model->hub;
    line->hub.session = NULL;
    if (http_open(&line->hub.session, model->should_stop, model->context, err) == 0)
        return line;
    line_free(line);
    return NULL;
}

static void give_line(struct hub_model *model, struct line *line)
{
    pthread_mutex_lock(&model->mutex);
    line->next = model->idle;
    model->idle = line;
    pthread_mutex_unlock(&model->mutex);
}

/* --- pieces --- */

static bool is_same_etag(struct source *source, const char *etag)
{
    pthread_mutex_lock(&source->model->mutex);
    if (!source->has_etag)
        snprintf(source->etag, sizeof source->etag, "%s", etag);
    source->has_etag = true;
    bool same = strcmp(source->etag, etag) == 0;
    pthread_mutex_unlock(&source->model->mutex);
    return same;
}

/* Of another content, or of other bytes, none is taken. */
static int accept_piece(void *context, const struct http_answer *answer, struct error *err)
{
    struct piece *piece = context;
    struct source *source = piece->source;
    uint64_t last = piece->offset + piece->count - 1;
    piece->got = 0;
    if (answer->status != 206)
        return error_set(err,
                         "the server ignores ranges (it answers with status 200 and the whole "
                         "file), so the model cannot be read where it is: `spectrum fetch` it");
    if (answer->range_total != (int64_t)source->remote.bytes)
        return error_set(err,
                         "the server says that it has %" PRId64 " bytes, the hub %" PRIu64
                         ": it became another while it was read",
                         answer->range_total, source->remote.bytes);
    if (answer->range_first != (int64_t)piece->offset || answer->range_last != (int64_t)last)
        return error_set(err,
                         "the server sends bytes %" PRId64 " to %" PRId64 " where %" PRIu64
                         " to %" PRIu64 " were asked for",
                         answer->range_first, answer->range_last, piece->offset, last);
    if (!is_same_etag(source, answer->etag))
        return error_set(err, "its ETag became another while it was read: start again, so that all "
                              "of it is of one content");
    return 0;
}

/* There are never more than the request's `most`, which is the piece's count. */
static int take_bytes(void *context, const void *bytes, size_t count, struct error *err)
{
    struct piece *piece = context;
    (void)err;
    memcpy(piece->out + piece->got, bytes, count);
    piece->got += count;
    return 0;
}

/* The file's address may have been renewed by another thread: it is copied under the lock. */
static void ask_for(struct line *line, size_t i)
{
    struct piece *piece = &line->pieces[i];
    struct source *source = piece->source;
    const struct hub_settings *settings = &line->hub.settings;
    pthread_mutex_lock(&source->model->mutex);
    memcpy(line->urls[i], source->url, sizeof line->urls[i]);
    pthread_mutex_unlock(&source->model->mutex);
    bool own = url_same_host(line->urls[i], settings->endpoint);
    piece->got = 0;
    line->requests[i] = (struct http_request){.url = line->urls[i],
                                              .token = own ? settings->token : NULL,
                                              .ranged = true,
                                              .first = piece->offset,
                                              .most = piece->count,
                                              .patience = settings->download_patience,
                                              .accept = accept_piece,
                                              .sink = take_bytes,
                                              .context = piece};
}

/* The address of a large file holds for a while, an hour or so: another is asked for, unless a thread
 * has done so since `url` was taken. It must be of the same content. */
static int renew(struct line *line, struct source *source, const char *url, struct error *err)
{
    struct hub_model *model = source->model;
    struct remote_file remote;
    char place[HTTP_URL_MAX];
    pthread_mutex_lock(&model->mutex);
    bool renewed = strcmp(source->url, url) != 0;
    pthread_mutex_unlock(&model->mutex);
    if (renewed)
        return 0;
    if (remote_file_look(&remote, place, &line->hub, model->name, model->repository.commit,
                         source->file, err) != 0)
        return -1;
    if (strcmp(remote.etag, source->remote.etag) != 0 || remote.bytes != source->remote.bytes)
        return error_set(err, "%s of %s: the hub says that it is another file now", source->file,
                         model->name);
    pthread_mutex_lock(&model->mutex);
    memcpy(source->url, place, sizeof place);
    pthread_mutex_unlock(&model->mutex);
    return 0;
}

/* What is to be done about an answer. */
enum verdict { TAKEN, AGAIN, RENEW, REFUSED };

/* A signed address expires in the middle of a long read: then it is asked for again (RENEW), which
 * is no fault. */
static enum verdict judge(const struct piece *piece, struct http_answer *answer)
{
    int status = answer->status;
    if (answer->trouble.kind == ERROR_NONE && status == 206 && piece->got == piece->count)
        return TAKEN;
    if (answer->trouble.kind == ERROR_NONE && status == 206) {
        error_set(&answer->trouble, "it ends %zu bytes too early", piece->count - piece->got);
        answer->transient = true;
    }
    if (hub_may_pass(answer))
        return AGAIN;
    bool moved = status == 401 || status == 403 || status == 404 || status == 410 ||
                 (status >= 301 && status <= 308);
    return answer->trouble.kind == ERROR_NONE && moved ? RENEW : REFUSED;
}

/* Until each of the line's first `count` pieces is there. What is not goes to the front and is asked for
 * again: after a wait, or at another address. As long as pieces come there are tries left. */
static int receive(struct line *line, size_t count, struct error *err)
{
    const char *name = line->pieces[0].source->model->name;
    int tries = 1, renewals = 0;
    while (count > 0) {
        const struct http_answer *late = NULL;
        size_t left = 0;
        bool moved = false;
        for (size_t i = 0; i < count; i++)
            ask_for(line, i);
        if (http_run(line->hub.session, line->requests, line->answers, count, err) != 0)
            return -1;
        for (size_t i = 0; i < count; i++) {
            struct source *source = line->pieces[i].source;
            struct http_answer *answer = &line->answers[i];
            enum verdict verdict = judge(&line->pieces[i], answer);
            if (verdict == TAKEN)
                continue;
            if (verdict == REFUSED || (verdict == AGAIN && tries > HUB_TRIES) ||
                (verdict == RENEW && renewals >= RENEWALS_MAX))
                return hub_refusal(&line->hub, answer, name, source->file, err);
            if (verdict == RENEW && renew(line, source, line->urls[i], err) != 0)
                return -1;
            moved |= verdict == RENEW;
            if (verdict == AGAIN)
                late = answer;
            line->pieces[left++] = line->pieces[i];
        }
        if (left < count)
            tries = 1, renewals = 0;
        renewals += moved;
        if (late && hub_wait(&line->hub, late, tries++, line->pieces[0].source->file, err) != 0)
            return -1;
        count = left;
    }
    return 0;
}

/* --- the place --- */

/* Cut into pieces, as many at once as a session has places; a range's pieces may come in any
 * order. */
static int read_ranges(void *context, const struct byte_range *ranges, size_t count,
                       struct error *err)
{
    struct source *source = context;
    struct line *line = take_line(source->model, err);
    size_t begun = 0;
    int status = line ? 0 : -1;
    for (size_t i = 0; i < count && status == 0; i++) {
        for (size_t at = 0; at < ranges[i].count && status == 0; at += PIECE) {
            size_t left = ranges[i].count - at;
            line->pieces[begun++] = (struct piece){.source = source,
                                                   .out = (char *)ranges[i].out + at,
                                                   .offset = ranges[i].offset + at,
                                                   .count = left < PIECE ? left : PIECE};
            if (begun < HTTP_AT_ONCE)
                continue;
            status = receive(line, begun, err);
            begun = 0;
        }
    }
    if (status == 0 && begun > 0)
        status = receive(line, begun, err);
    if (line)
        give_line(source->model, line);
    return status;
}

/* A digest says it all; an etag that is none may be another content's elsewhere. */
static void put_identity(void *context, struct hash *hash)
{
    const struct source *source = context;
    const struct hub_model *model = source->model;
    hash_optional(hash, "hub");
    hash_optional(hash, source->remote.etag);
    hash_update(hash, &source->remote.bytes, sizeof source->remote.bytes);
    if (remote_file_is_checked(&source->remote))
        return;
    hash_optional(hash, model->hub->settings.endpoint);
    hash_optional(hash, model->name);
    hash_optional(hash, model->repository.commit);
    hash_optional(hash, source->file);
}

/* `file` is one of the place's list. */
static int open_source(void *context, struct byte_source *out, const char *file, struct error *err)
{
    struct hub_model *model = context;
    struct source *source = array_alloc(1, sizeof *source, err);
    if (!source)
        return -1;
    source->model = model;
    source->next = model->sources;
    model->sources = source;
    for (size_t i = 0; i < model->repository.count; i++)
        if (strcmp(model->repository.files[i], file) == 0)
            source->file = model->repository.files[i];
    if (remote_file_look(&source->remote, source->url, model->hub, model->name,
                         model->repository.commit, file, err) != 0)
        return -1;
    *out = (struct byte_source){.context = source,
                                .size = source->remote.bytes,
                                .read = read_ranges,
                                .put_identity = put_identity};
    return 0;
}

static int read_document(void *context, struct buffer *out, const char *file, uint64_t most,
                         struct error *err)
{
    struct hub_model *model = context;
    return remote_file_read(out, model->hub, model->name, model->repository.commit, file, most,
                            err);
}

/* As a place that checkpoint_open_place() reads from; its files are opened when they are asked
 * for. */
int hub_model_open(struct hub_model **out, struct hub *hub, const char *name, const char *revision,
                   bool (*should_stop)(void *context), void *context, struct error *err)
{
    *out = NULL;
    struct hub_model *model = array_alloc(1, sizeof *model, err);
    if (!model)
        return -1;
    pthread_mutex_init(&model->mutex, NULL);
    model->hub = hub;
    model->should_stop = should_stop;
    model->context = context;
    model->name = string_copy(name, err);
    if (!model->name || hub_list(&model->repository, hub, name, revision, err) != 0) {
        hub_model_close(model);
        return -1;
    }
    model->place = (struct checkpoint_place){.context = model,
                                             .name = model->name,
                                             .files = model->repository.files,
                                             .count = model->repository.count,
                                             .open = open_source,
                                             .read = read_document};
    *out = model;
    return 0;
}

/* After the checkpoint that reads from it: its sources are then used by nobody. */
void hub_model_close(struct hub_model *model)
{
    if (!model)
        return;
    while (model->sources) {
        struct source *next = model->sources->next;
        free(model->sources);
        model->sources = next;
    }
    while (model->idle) {
        struct line *next = model->idle->next;
        line_free(model->idle);
        model->idle = next;
    }
    repository_free(&model->repository);
    pthread_mutex_destroy(&model->mutex);
    free(model->name);
    free(model);
}

const struct checkpoint_place *hub_model_place(const struct hub_model *model)
{
    return &model->place;
}
