#include "job/metrics.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/json_flat.h"
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
    KEYS = 16,            /* values that are asked for again and again */
    VOIDS_MAX = 1 << 16   /* returns to an earlier step that are known */
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
    return sys.flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
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

int job_metrics_flush(struct job_metrics_writer *writer, struct error *err)
{
    struct buffer *held = &writer->held;
    struct stat before;
    if (held->length == 0)
        return 0;
    if (sys.fstat(writer->fd, &before) != 0)
        return error_set_errno(err, errno, "cannot read %s", writer->path);
    if (file_write(writer->fd, held->data, held->length, writer->path, err) != 0) {
        /* What there was room for goes again: all of it is still held, and nobody else appends. */
        if (sys.ftruncate(writer->fd, before.st_size) != 0)
            end_partial_line(writer->fd, writer->path, NULL);
        return -1;
    }
    buffer_clear(held);
    return 0;
}

int job_metrics_append(struct job_metrics_writer *writer, const struct buffer *object,
                       struct error *err)
{
    struct buffer *held = &writer->held;
    struct error why = ERROR_INIT;
    buffer_append(held, buffer_string(object), object->length);
    buffer_byte(held, '\n');
    if (buffer_check(object, err) != 0 || buffer_check(held, err) != 0)
        return -1;
    if (job_metrics_flush(writer, &why) == 0)
        return 0;
    if (err)
        *err = why;
    return why.kind == ERROR_NO_ROOM && held->length <= JOB_METRICS_HELD_MAX ? 1 : -1;
}

void job_metrics_close(struct job_metrics_writer *writer)
{
    if (writer->fd >= 0)
        sys.close(writer->fd);
    buffer_free(&writer->held);
    free(writer->path);
    *writer = (struct job_metrics_writer){.fd = -1};
}

int job_metrics_follow(struct job_metrics *metrics, const char *job, struct error *err)
{
    *metrics = (struct job_metrics){.last = {-1, -1}, .most = JOB_LINES_MAX};
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
    metrics->begun = offset;
    metrics->midway = offset > 0;
    metrics->count = 0;
    metrics->voids[0].count = metrics->voids[1].count = 0;
    metrics->last[0] = metrics->last[1] = -1;
    metrics->replacing = false;
    forget_found(metrics);
}

/* The same member from a tree, which it points into. */
static struct json_flat flat_of(const cJSON *json, const char *key)
{
    const cJSON *item = json_get(json, key);
    struct json_flat flat = {.key = key, .kind = JSON_FLAT_ABSENT};
    if (!item)
        return flat;
    flat.kind = JSON_FLAT_OTHER;
    if (cJSON_IsNumber(item)) {
        flat.kind = JSON_FLAT_NUMBER;
        flat.number = item->valuedouble;
    } else if (cJSON_IsString(item)) {
        flat.kind = JSON_FLAT_TEXT;
        flat.text = item->valuestring;
        flat.length = strlen(item->valuestring);
    }
    return flat;
}

/* Kind, step and value of a line; false: it is no object. Most are plain, and need no tree. */
static bool read_line(struct job_line *line, const char *text, size_t length, const char *path)
{
    enum { STEP, LOSS, EVAL_LOSS, EVENT, COUNT };
    struct json_flat members[COUNT] = {
        [STEP] = {.key = "step"},
        [LOSS] = {.key = "loss"},
        [EVAL_LOSS] = {.key = "eval_loss"},
        [EVENT] = {.key = "event"},
    };
    *line = (struct job_line){.step = -1, .value = NAN, .length = (uint32_t)length};
    cJSON *json = NULL;
    if (!json_flat_read(text, length, members, COUNT)) {
        json = json_parse(text, length, JSON_STRICT, path, NULL);
        if (!cJSON_IsObject(json)) {
            cJSON_Delete(json);
            return false;
        }
        for (int i = 0; i < COUNT; i++)
            members[i] = flat_of(json, members[i].key);
    }
    long long step;
    if (json_flat_int64(&members[STEP], &step))
        line->step = step;
    line->kind = members[EVENT].kind != JSON_FLAT_ABSENT       ? JOB_LINE_EVENT
                 : members[EVAL_LOSS].kind != JSON_FLAT_ABSENT ? JOB_LINE_EVALUATION
                                                               : JOB_LINE_TRAINING;
    const struct json_flat *value = &members[line->kind == JOB_LINE_TRAINING ? LOSS : EVAL_LOSS];
    if (line->kind == JOB_LINE_EVENT)
        line->value =
            members[EVENT].length == 6 && memcmp(members[EVENT].text, "resume", 6) == 0 ? 1 : NAN;
    else if (value->kind == JSON_FLAT_NUMBER)
        line->value = value->number;
    cJSON_Delete(json);
    return true;
}

/* A resume has the value 1, which other events have not. */
static bool is_resume(const struct job_line *line)
{
    return line->kind == JOB_LINE_EVENT && line->step >= 0 && line->value == 1;
}

/* Lines of the kind before `offset` and of `step` or later ones no longer count. What was void from
 * a step on that is not earlier is void by this, so that steps rise in a list. */
static int add_void(struct job_metrics *metrics, int kind, uint64_t offset, int64_t step,
                    struct error *err)
{
    struct job_voids *voids = &metrics->voids[kind];
    while (voids->count > 0 && voids->list[voids->count - 1].step >= step)
        voids->count--;
    if (voids->count == VOIDS_MAX) /* no run goes back so often: its first lines count again */
        memmove(voids->list, voids->list + VOIDS_MAX / 2,
                (voids->count = VOIDS_MAX / 2) * sizeof *voids->list);
    if (array_reserve((void **)&voids->list, &voids->capacity, voids->count + 1,
                      sizeof *voids->list, err) != 0)
        return -1;
    voids->list[voids->count++] = (struct job_void){offset, step};
    metrics->replacing = true;
    return 0;
}

/* What of the earlier lines the new one makes void. forget_replaced() then looks at them all, once
 * an update. */
static int note_voids(struct job_metrics *metrics, const struct job_line *line, struct error *err)
{
    const int64_t *last = metrics->last;
    for (int kind = 0; kind < JOB_LINE_EVENT; kind++) {
        int64_t from = is_resume(line) ? line->step + 1 : line->step;
        bool concerns = is_resume(line) || (int)line->kind == kind;
        if (concerns && from >= 0 && from <= last[kind] &&
            add_void(metrics, kind, line->offset, from, err) != 0)
            return -1;
    }
    return 0;
}

static void drop_void(struct job_metrics *metrics)
{
    size_t kept = 0;
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->lines[i].length > 0)
            metrics->lines[kept++] = metrics->lines[i];
    metrics->count = kept;
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
    drop_void(metrics);
    metrics->replacing = false;
    forget_found(metrics);
}

/* Of four lines of a kind the two stay that have its lowest and its highest value, as a graph of
 * them all would show. */
struct quartet {
    struct job_line *lines[4];
    int count;
};

static void thin_quartet(struct quartet *four)
{
    int low = 0, high = 0;
    for (int i = 1; i < 4; i++) {
        double value = four->lines[i]->value;
        if (isnan(four->lines[low]->value) || value < four->lines[low]->value)
            low = i;
        if (isnan(four->lines[high]->value) || value >= four->lines[high]->value)
            high = i;
    }
    for (int i = 0; i < 4; i++)
        if (i != low && i != high)
            four->lines[i]->length = 0;
    four->count = 0;
}

/* Lines of the earlier half go, and the newer half stays as it is. Events stay, unless there are so
 * many that they are none a run has. */
static void thin(struct job_metrics *metrics)
{
    struct quartet fours[JOB_LINE_EVENT + 1] = {{.count = 0}};
    if (metrics->replacing)
        forget_replaced(metrics);
    size_t half = metrics->count / 2, events = 0;
    for (size_t i = 0; i < half; i++)
        events += metrics->lines[i].kind == JOB_LINE_EVENT;
    for (size_t i = 0; i < half; i++) {
        struct job_line *line = &metrics->lines[i];
        struct quartet *four = &fours[line->kind];
        if (line->kind == JOB_LINE_EVENT && events <= half / 2)
            continue;
        four->lines[four->count++] = line;
        if (four->count == 4)
            thin_quartet(four);
    }
    drop_void(metrics);
}

static int take_line(void *context, const char *text, size_t length, uint64_t offset,
                     struct error *err)
{
    struct job_metrics *metrics = context;
    struct job_line line;
    if (!read_line(&line, text, length, metrics->path)) {
        metrics->skipped++;
        return 0;
    }
    line.offset = offset;
    if (metrics->count >= metrics->most)
        thin(metrics);
    if (array_reserve((void **)&metrics->lines, &metrics->capacity, metrics->count + 1,
                      sizeof *metrics->lines, err) != 0 ||
        note_voids(metrics, &line, err) != 0)
        return -1;
    if (line.kind != JOB_LINE_EVENT && line.step >= 0)
        metrics->last[line.kind] = line.step;
    metrics->lines[metrics->count++] = line;
    metrics->taken++;
    return 0;
}

/* A file, a line at a time. */
struct lines {
    int fd;
    const char *path;
    uint64_t offset; /* what is before it was read */
    bool midway;     /* the offset may be inside a line, whose rest is passed over */
    bool endless;    /* a line was too long, and was passed over */
    size_t count;    /* lines that were taken */
    int (*take)(void *context, const char *text, size_t length, uint64_t offset, struct error *err);
    void *context;
};

/* Takes the whole lines of a chunk; the rest is read again, unless no line can be so long. */
static int take_chunk(struct lines *lines, const char *text, size_t length, struct error *err)
{
    size_t start = 0;
    int status = 0;
    for (const char *end; status == 0 && (end = memchr(text + start, '\n', length - start));) {
        size_t line = (size_t)(end - text) - start;
        if (line && !lines->midway) {
            status = lines->take(lines->context, text + start, line, lines->offset + start, err);
            lines->count++;
        }
        lines->midway = false;
        start += line + 1;
    }
    if (status == 0 && length - start > LINE_CAP) {
        lines->endless = !lines->midway || lines->endless;
        lines->midway = true;
        start = length;
    }
    lines->offset += start;
    return status;
}

/* Up to `size`. */
static int read_lines(struct lines *lines, uint64_t size, struct error *err)
{
    int status = 0;
    uint64_t appended = size > lines->offset ? size - lines->offset : 0;
    char *chunk = array_alloc(appended < CHUNK ? (size_t)appended : CHUNK, 1, err);
    for (uint64_t before = UINT64_MAX;
         chunk && status == 0 && lines->offset < size && lines->offset != before;) {
        uint64_t left = size - lines->offset;
        size_t length = left < CHUNK ? (size_t)left : CHUNK;
        before = lines->offset;
        status = file_read_at(lines->fd, chunk, length, lines->offset, lines->path, err);
        if (status == 0)
            status = take_chunk(lines, chunk, length, err);
    }
    free(chunk);
    return chunk ? status : -1;
}

/* What was appended to the open file, from the offset on. */
static int take_rest(struct job_metrics *metrics, int fd, uint64_t size, size_t *added,
                     struct error *err)
{
    struct lines lines = {.fd = fd,
                          .path = metrics->path,
                          .offset = metrics->offset,
                          .midway = metrics->midway,
                          .take = take_line,
                          .context = metrics};
    int status = read_lines(&lines, size, err);
    metrics->offset = lines.offset;
    metrics->midway = lines.midway;
    *added += lines.count;
    if (lines.endless) {
        metrics->skipped++;
        snprintf(
            metrics->damage, sizeof metrics->damage,
            "a line of metrics.jsonl is longer than %d bytes, or has no end: it is passed over",
            LINE_CAP);
    }
    if (metrics->replacing)
        forget_replaced(metrics);
    return status;
}

/* Who reads all lines that count, and how far the lists of what does not were looked at. */
struct reading {
    const struct job_metrics *metrics;
    size_t passed[2];
    bool (*take)(void *context, const char *text, size_t length);
    void *context;
    bool ended;
};

static int read_counting(void *context, const char *text, size_t length, uint64_t offset,
                         struct error *err)
{
    struct reading *reading = context;
    struct job_line line;
    (void)err;
    if (reading->ended || !read_line(&line, text, length, reading->metrics->path))
        return 0;
    if (line.kind != JOB_LINE_EVENT && line.step >= 0) {
        const struct job_voids *voids = &reading->metrics->voids[line.kind];
        size_t *at = &reading->passed[line.kind];
        while (*at < voids->count && voids->list[*at].offset <= offset)
            ++*at;
        if (*at < voids->count && voids->list[*at].step <= line.step)
            return 0;
    }
    reading->ended = !reading->take(reading->context, text, length);
    return 0;
}

int job_metrics_read(const struct job_metrics *metrics, struct job_metrics_place *place,
                     bool (*take)(void *context, const char *text, size_t length), void *context,
                     struct error *err)
{
    struct reading reading = {.metrics = metrics, .take = take, .context = context};
    if (place->offset < metrics->begun || place->offset > metrics->offset)
        *place = (struct job_metrics_place){metrics->begun, metrics->begun > 0};
    if (place->offset == metrics->offset)
        return 0;
    uint64_t size = 0;
    int fd = file_open_read(metrics->path, &size, err);
    if (fd < 0)
        return -1;
    struct lines lines = {.fd = fd,
                          .path = metrics->path,
                          .offset = place->offset,
                          .midway = place->midway,
                          .take = read_counting,
                          .context = &reading};
    int status = read_lines(&lines, size < metrics->offset ? size : metrics->offset, err);
    *place = (struct job_metrics_place){lines.offset, lines.midway};
    sys.close(fd);
    return status;
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
    free(metrics->voids[0].list);
    free(metrics->voids[1].list);
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

/* Can it have the key? Of the losses the line itself says so; texts are rare. */
static bool may_have(const struct job_line *line, const char *key)
{
    if (strcmp(key, "loss") == 0)
        return line->kind == JOB_LINE_TRAINING && !isnan(line->value);
    if (strcmp(key, "eval_loss") == 0)
        return line->kind == JOB_LINE_EVALUATION && !isnan(line->value);
    return strcmp(key, "text") != 0 || line->kind == JOB_LINE_EVENT; /* a sample, which are few */
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
