#include "job/metrics.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "job/job_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { LINE_CAP = 1 << 20, CHUNK = 4 << 20 };

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
    return metrics->path ? 0 : -1;
}

static enum job_line_kind kind_of(const cJSON *line)
{
    return json_get(line, "event")       ? JOB_LINE_EVENT
           : json_get(line, "eval_loss") ? JOB_LINE_EVALUATION
                                         : JOB_LINE_TRAINING;
}

static bool is_resume(const struct job_line *line)
{
    const char *event = NULL;
    return line->kind == JOB_LINE_EVENT && line->step >= 0 &&
           json_get_string(line->json, "event", &event) && strcmp(event, "resume") == 0;
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
            if (line->step >= below[line->kind]) {
                cJSON_Delete(line->json);
                line->json = NULL;
            } else {
                below[line->kind] = line->step;
            }
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->lines[i].json)
            metrics->lines[kept++] = metrics->lines[i];
    metrics->count = kept;
    metrics->replacing = false;
}

static int take_line(struct job_metrics *metrics, const char *text, size_t length,
                     struct error *err)
{
    struct job_line line = {.step = -1};
    line.json = json_parse(text, length, JSON_STRICT, metrics->path, NULL);
    if (!cJSON_IsObject(line.json)) {
        cJSON_Delete(line.json);
        metrics->skipped++;
        return 0;
    }
    json_get_int64(line.json, "step", &line.step);
    line.kind = kind_of(line.json);
    if (array_reserve((void **)&metrics->lines, &metrics->capacity, metrics->count + 1,
                      sizeof *metrics->lines, err) != 0) {
        cJSON_Delete(line.json);
        return -1;
    }
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
        if (line && take_line(metrics, text + start, line, err) != 0)
            return -1;
        *added += line > 0;
        start += line + 1;
    }
    if (length - start > LINE_CAP) {
        metrics->skipped++;
        start = length;
    }
    metrics->offset += start;
    return 0;
}

int job_metrics_update(struct job_metrics *metrics, size_t *added, struct error *err)
{
    uint64_t size = 0;
    *added = 0;
    if (sys.access(metrics->path, F_OK) != 0)
        return 0;
    int status = 0, fd = file_open_read(metrics->path, &size, err);
    if (fd < 0)
        return -1;
    if (size < metrics->offset) /* the job began anew */
        metrics->offset = 0;
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
    sys.close(fd);
    free(chunk);
    return chunk ? status : -1;
}

void job_metrics_free(struct job_metrics *metrics)
{
    for (size_t i = 0; i < metrics->count; i++)
        cJSON_Delete(metrics->lines[i].json);
    free(metrics->lines);
    free(metrics->path);
    *metrics = (struct job_metrics){0};
}

const cJSON *job_metrics_last(const struct job_metrics *metrics, const char *key)
{
    double value;
    for (size_t i = metrics->count; i-- > 0;)
        if (json_get_double(metrics->lines[i].json, key, &value))
            return metrics->lines[i].json;
    return NULL;
}

int64_t job_metrics_last_step(const struct job_metrics *metrics)
{
    for (size_t i = metrics->count; i-- > 0;)
        if (metrics->lines[i].kind == JOB_LINE_TRAINING && metrics->lines[i].step >= 0)
            return metrics->lines[i].step;
    return -1;
}
