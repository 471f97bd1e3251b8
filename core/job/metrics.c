#include "job/metrics.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "job/job_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    LINE_CAP = 1 << 20,
    CHUNK = 4 << 20,
    WINDOW = 256 << 10,   /* bytes that are read at once for lines that are read again */
    LOOK_BACK = 4096,     /* lines in which a value that not every line has is sought */
    END_FIRST = 8 << 10,  /* bytes of the end in which the last step is sought first, */
    END_GROWS = 16,       /* and how much more where it is not there */
    HUGE_READ = 64 << 20, /* bytes that are read of a file that is too large */
    KEYS = 16             /* values that are asked for again and again */
};

/* What was found for a key, and how much had been looked at. */
struct found {
    char key[32];
    cJSON *json;
    size_t looked; /* metrics.taken then */
};

struct job_metrics_cache {
    struct found found[KEYS];
    size_t count;
    uint64_t start; /* where the window begins */
    size_t length;
    char *window;
};

static int end_partial_line(int fd, const char *path, struct error *err)
{
    struct stat info;
    char last = '\n';
    if (sys.fstat(fd, &info) != 0)
        return error_set_errno(err, errno, "cannot read %s", path);
    if (info.st_size > 0 && sys.pread(fd, &last, 1, info.st_size - 1) != 1)
        return error_set_errno(err, errno, "cannot read %s", path);
    return last == '\n' ? 0 : file_write(fd, "\n", 1, path, err);
}

/* False: another holds it. A file system without locks lets everyone in. */
static bool lock_file(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

bool job_metrics_are_written(const char *job)
{
    char *path = job_dir_confine(job, NULL) == 0 ? path_join(job, "metrics.jsonl", NULL) : NULL;
    int fd = path ? sys.open(path, O_RDWR, 0) : -1;
    bool written = fd >= 0 && !lock_file(fd);
    if (fd >= 0)
        sys.close(fd);
    free(path);
    return written;
}

int job_metrics_open(struct job_metrics_writer *writer, const char *job, struct error *err)
{
    *writer = (struct job_metrics_writer){.fd = -1};
    if (job_dir_confine(job, err) != 0 || !(writer->path = path_join(job, "metrics.jsonl", err)))
        return -1;
    writer->fd = sys.open(writer->path, O_RDWR | O_CREAT | O_APPEND, 0666);
    if (writer->fd < 0)
        error_set_errno(err, errno, "cannot write %s", writer->path);
    else if (!lock_file(writer->fd))
        error_set(err, "another process writes %s: two may not run in one folder", writer->path);
    else if (end_partial_line(writer->fd, writer->path, err) == 0)
        return 0;
    job_metrics_close(writer);
    return -1;
}

int job_metrics_append(struct job_metrics_writer *writer, const struct buffer *object,
                       struct error *err)
{
    struct buffer line = BUFFER_INIT;
    buffer_append(&line, buffer_string(object), object->length);
    buffer_byte(&line, '\n');
    int status = buffer_check(object, err) == 0 && buffer_check(&line, err) == 0
                     ? file_write(writer->fd, line.data, line.length, writer->path, err)
                     : -1;
    buffer_free(&line);
    return status;
}

void job_metrics_close(struct job_metrics_writer *writer)
{
    if (writer->fd >= 0)
        sys.close(writer->fd);
    free(writer->path);
    *writer = (struct job_metrics_writer){.fd = -1};
}

int job_metrics_follow(struct job_metrics *metrics, const char *job, struct error *err)
{
    *metrics = (struct job_metrics){.last = {-1, -1}};
    if (job_dir_confine(job, err) == 0)
        metrics->path = path_join(job, "metrics.jsonl", err);
    if (metrics->path)
        metrics->cache = array_alloc(1, sizeof *metrics->cache, err);
    return metrics->path && metrics->cache ? 0 : -1;
}

/* Lines were forgotten: what was found may be among them. */
static void forget_found(struct job_metrics *metrics)
{
    struct job_metrics_cache *cache = metrics->cache;
    for (size_t i = 0; i < cache->count; i++)
        cJSON_Delete(cache->found[i].json);
    cache->count = 0;
}

/* Reading begins at `offset`, as if nothing had been read. */
static void begin_at(struct job_metrics *metrics, uint64_t offset)
{
    metrics->offset = offset;
    metrics->midway = offset > 0;
    metrics->count = 0;
    metrics->last[0] = metrics->last[1] = -1;
    metrics->replacing = false;
    forget_found(metrics);
}

static enum job_line_kind kind_of(const cJSON *line)
{
    return json_get(line, "event")       ? JOB_LINE_EVENT
           : json_get(line, "eval_loss") ? JOB_LINE_EVALUATION
                                         : JOB_LINE_TRAINING;
}

static bool names_resume(const cJSON *json)
{
    const char *event = NULL;
    return json_get_string(json, "event", &event) && strcmp(event, "resume") == 0;
}

/* A resume has the value 1, which other events have not. */
static bool is_resume(const struct job_line *line)
{
    return line->kind == JOB_LINE_EVENT && line->step >= 0 && line->value == 1;
}

/* Does it make earlier lines void? Then forget_replaced() must look at them all, once an update. */
static bool replaces(const struct job_metrics *metrics, const struct job_line *line)
{
    const int64_t *last = metrics->last;
    if (is_resume(line))
        return last[JOB_LINE_TRAINING] > line->step || last[JOB_LINE_EVALUATION] > line->step;
    return line->kind != JOB_LINE_EVENT && line->step >= 0 && line->step <= last[line->kind];
}

/* From the end: a line of a step makes void what is before it of its kind and of that step or a
 * later one, a resume what is of later steps. What stays rises, so that it is one pass. */
static void forget_replaced(struct job_metrics *metrics)
{
    int64_t below[] = {INT64_MAX, INT64_MAX};
    for (size_t i = metrics->count; i-- > 0;) {
        struct job_line *line = &metrics->lines[i];
        if (is_resume(line)) {
            for (int kind = 0; kind < JOB_LINE_EVENT; kind++)
                if (below[kind] > line->step + 1)
                    below[kind] = line->step + 1;
        } else if (line->kind != JOB_LINE_EVENT && line->step >= 0) {
            if (line->step >= below[line->kind])
                line->length = 0;
            else
                below[line->kind] = line->step;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->lines[i].length > 0)
            metrics->lines[kept++] = metrics->lines[i];
    metrics->count = kept;
    metrics->replacing = false;
    forget_found(metrics);
}

/* Every second line of the earlier half goes: what a graph of the whole shows stays, and so does
 * the newer half as it is. */
static void thin(struct job_metrics *metrics)
{
    if (metrics->replacing)
        forget_replaced(metrics);
    size_t half = metrics->count / 2, kept = 0;
    for (size_t i = 0; i < metrics->count; i++)
        if (i >= half || i % 2 == 0)
            metrics->lines[kept++] = metrics->lines[i];
    metrics->count = kept;
}

static int take_line(struct job_metrics *metrics, const char *text, size_t length, uint64_t offset,
                     struct error *err)
{
    struct job_line line = {.step = -1, .value = NAN, .offset = offset, .length = (uint32_t)length};
    cJSON *json = json_parse(text, length, JSON_STRICT, metrics->path, NULL);
    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        metrics->skipped++;
        return 0;
    }
    json_get_int64(json, "step", &line.step);
    line.kind = kind_of(json);
    if (line.kind == JOB_LINE_EVENT)
        line.value = names_resume(json) ? 1 : NAN;
    else
        json_get_double(json, line.kind == JOB_LINE_TRAINING ? "loss" : "eval_loss", &line.value);
    cJSON_Delete(json);
    if (metrics->count >= JOB_LINES_MAX)
        thin(metrics);
    if (array_reserve((void **)&metrics->lines, &metrics->capacity, metrics->count + 1,
                      sizeof *metrics->lines, err) != 0)
        return -1;
    metrics->replacing |= replaces(metrics, &line);
    if (line.kind != JOB_LINE_EVENT && line.step >= 0)
        metrics->last[line.kind] = line.step;
    metrics->lines[metrics->count++] = line;
    metrics->taken++;
    return 0;
}

/* Takes in the whole lines of a chunk; the rest is read again, unless no line can be so long. */
static int take_chunk(struct job_metrics *metrics, const char *text, size_t length, size_t *added,
                      struct error *err)
{
    size_t start = 0;
    for (const char *end; (end = memchr(text + start, '\n', length - start));) {
        size_t line = (size_t)(end - text) - start;
        if (line && !metrics->midway &&
            take_line(metrics, text + start, line, metrics->offset + start, err) != 0)
            return -1;
        *added += line > 0 && !metrics->midway;
        metrics->midway = false;
        start += line + 1;
    }
    if (length - start > LINE_CAP) {
        metrics->skipped += !metrics->midway;
        snprintf(
            metrics->damage, sizeof metrics->damage,
            "a line of metrics.jsonl is longer than %d bytes, or has no end: it is passed over",
            LINE_CAP);
        metrics->midway = true;
        start = length;
    }
    metrics->offset += start;
    return 0;
}

/* What was appended to the open file, from the offset on. */
static int take_rest(struct job_metrics *metrics, int fd, uint64_t size, size_t *added,
                     struct error *err)
{
    int status = 0;
    uint64_t appended = size > metrics->offset ? size - metrics->offset : 0;
    char *chunk = array_alloc(appended < CHUNK ? (size_t)appended : CHUNK, 1, err);
    for (uint64_t before = UINT64_MAX;
         chunk && status == 0 && metrics->offset < size && metrics->offset != before;) {
        uint64_t left = size - metrics->offset;
        size_t length = left < CHUNK ? (size_t)left : CHUNK;
        before = metrics->offset;
        status = file_read_at(fd, chunk, length, metrics->offset, metrics->path, err);
        if (status == 0)
            status = take_chunk(metrics, chunk, length, added, err);
    }
    if (metrics->replacing)
        forget_replaced(metrics);
    free(chunk);
    return chunk ? status : -1;
}

/* A line counts, or does not, for what comes behind it: a step that the end has is the last one,
 * and where it has none more of it is read. */
static int take_end(struct job_metrics *metrics, int fd, uint64_t size, size_t *added,
                    struct error *err)
{
    uint64_t most = size < JOB_METRICS_MAX ? size : HUGE_READ;
    for (uint64_t length = END_FIRST; length < most; length *= END_GROWS) {
        *added = 0;
        begin_at(metrics, size - length);
        if (take_rest(metrics, fd, size, added, err) != 0)
            return -1;
        if (job_metrics_last_step(metrics) >= 0)
            return 0;
    }
    *added = 0;
    begin_at(metrics, size - most);
    return take_rest(metrics, fd, size, added, err);
}

int job_metrics_update(struct job_metrics *metrics, size_t *added, struct error *err)
{
    uint64_t size = 0;
    *added = 0;
    if (sys.access(metrics->path, F_OK) != 0)
        return 0;
    int fd = file_open_read(metrics->path, &size, err);
    if (fd < 0)
        return -1;
    metrics->cache->length = 0;
    if (size < metrics->offset) /* the job began anew */
        begin_at(metrics, 0);
    bool huge = size - metrics->offset > JOB_METRICS_MAX;
    if (huge)
        begin_at(metrics, size - HUGE_READ);
    int status = metrics->end_only && metrics->offset == 0 && size > END_FIRST
                     ? take_end(metrics, fd, size, added, err)
                     : take_rest(metrics, fd, size, added, err);
    if (huge)
        snprintf(metrics->damage, sizeof metrics->damage,
                 "metrics.jsonl has %" PRIu64
                 " bytes, more than any run writes: only its last %d MiB are read",
                 size, HUGE_READ >> 20);
    sys.close(fd);
    return status;
}

void job_metrics_free(struct job_metrics *metrics)
{
    if (metrics->cache) {
        forget_found(metrics);
        free(metrics->cache->window);
    }
    free(metrics->cache);
    free(metrics->lines);
    free(metrics->path);
    *metrics = (struct job_metrics){0};
}

/* The window so that it begins with the line; what lies behind or before it is often asked next. */
static int read_window(const struct job_metrics *metrics, const struct job_line *line)
{
    struct job_metrics_cache *cache = metrics->cache;
    uint64_t size = 0, end = line->offset + line->length;
    int fd = file_open_read(metrics->path, &size, NULL);
    if (fd < 0 || end > size) {
        if (fd >= 0)
            sys.close(fd);
        return -1;
    }
    size_t most = line->length > WINDOW ? line->length : WINDOW;
    size_t length = size - line->offset < most ? (size_t)(size - line->offset) : most;
    free(cache->window);
    cache->window = array_alloc(length, 1, NULL);
    int status = cache->window
                     ? file_read_at(fd, cache->window, length, line->offset, metrics->path, NULL)
                     : -1;
    cache->start = line->offset;
    cache->length = status == 0 ? length : 0;
    sys.close(fd);
    return status;
}

cJSON *job_metrics_json(const struct job_metrics *metrics, size_t i)
{
    const struct job_line *line = &metrics->lines[i];
    const struct job_metrics_cache *cache = metrics->cache;
    if ((line->offset < cache->start ||
         line->offset + line->length > cache->start + cache->length) &&
        read_window(metrics, line) != 0)
        return NULL;
    return json_parse(cache->window + (line->offset - cache->start), line->length, JSON_STRICT,
                      metrics->path, NULL);
}

typedef bool has_function(const cJSON *json, const char *key);

static bool has_number(const cJSON *json, const char *key)
{
    double value;
    return json_get_double(json, key, &value);
}

static bool has_more(const cJSON *json, const char *key)
{
    const cJSON *value = json_get(json, key);
    return cJSON_IsString(value) || cJSON_IsObject(value);
}

/* Can it have the key? Of the losses the line itself says so. */
static bool may_have(const struct job_line *line, const char *key)
{
    if (strcmp(key, "loss") == 0)
        return line->kind == JOB_LINE_TRAINING && !isnan(line->value);
    if (strcmp(key, "eval_loss") == 0)
        return line->kind == JOB_LINE_EVALUATION && !isnan(line->value);
    return true;
}

/* What is new since the last look is looked at, from the end on. */
static const cJSON *find_last(const struct job_metrics *metrics, const char *key, has_function *has)
{
    struct job_metrics_cache *cache = metrics->cache;
    size_t at = 0;
    while (at < cache->count && strcmp(cache->found[at].key, key) != 0)
        at++;
    if (at == KEYS)
        cJSON_Delete(cache->found[--at].json);
    struct found *found = &cache->found[at];
    if (at == cache->count || strcmp(found->key, key) != 0) {
        *found = (struct found){.json = NULL};
        snprintf(found->key, sizeof found->key, "%s", key);
        cache->count = at + 1 > cache->count ? at + 1 : cache->count;
    }
    size_t news = metrics->taken - found->looked, parsed = 0;
    size_t until = news < metrics->count ? metrics->count - news : 0;
    found->looked = metrics->taken;
    for (size_t i = metrics->count; i-- > until && parsed < LOOK_BACK;) {
        if (!may_have(&metrics->lines[i], key))
            continue;
        cJSON *json = job_metrics_json(metrics, i);
        parsed++;
        if (has(json, key)) {
            cJSON_Delete(found->json);
            found->json = json;
            break;
        }
        cJSON_Delete(json);
    }
    return found->json;
}

const cJSON *job_metrics_last(const struct job_metrics *metrics, const char *key)
{
    return find_last(metrics, key, has_number);
}

const cJSON *job_metrics_last_with(const struct job_metrics *metrics, const char *key)
{
    return find_last(metrics, key, has_more);
}

int64_t job_metrics_last_step(const struct job_metrics *metrics)
{
    for (size_t i = metrics->count; i-- > 0;)
        if (metrics->lines[i].kind == JOB_LINE_TRAINING && metrics->lines[i].step >= 0)
            return metrics->lines[i].step;
    return -1;
}
