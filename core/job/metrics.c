#include "job/metrics.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
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

int job_metrics_open(struct job_metrics_writer *writer, const char *job, struct error *err)
{
    *writer = (struct job_metrics_writer){.fd = -1, .path = path_join(job, "metrics.jsonl", err)};
    if (!writer->path)
        return -1;
    writer->fd = sys.open(writer->path, O_RDWR | O_CREAT | O_APPEND, 0666);
    if (writer->fd < 0)
        error_set_errno(err, errno, "cannot write %s", writer->path);
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
    *metrics = (struct job_metrics){.path = path_join(job, "metrics.jsonl", err)};
    return metrics->path ? 0 : -1;
}

/* What makes two lines of a step the same: training, evaluation, or an event (never the same). */
static int kind_of(const cJSON *line)
{
    return json_get(line, "event") ? 2 : json_get(line, "eval_loss") ? 1 : 0;
}

static void drop(struct job_metrics *metrics, size_t index)
{
    cJSON_Delete(metrics->lines[index].json);
    metrics->count--;
    memmove(metrics->lines + index, metrics->lines + index + 1,
            (metrics->count - index) * sizeof *metrics->lines);
}

/* Lines that the new one makes void. Steps rise, so that it looks only at the end. */
static void forget_replaced(struct job_metrics *metrics, const cJSON *line, int64_t step)
{
    const char *event = NULL;
    bool resume = json_get_string(line, "event", &event) && strcmp(event, "resume") == 0;
    int kind = kind_of(line);
    for (size_t i = metrics->count; i-- > 0 && step >= 0;) {
        const struct job_line *old = &metrics->lines[i];
        if (old->step >= 0 && old->step < step)
            break;
        if (old->step >= 0 && kind_of(old->json) != 2 &&
            (resume ? old->step > step : old->step == step && kind_of(old->json) == kind))
            drop(metrics, i);
    }
}

static int take_line(struct job_metrics *metrics, const char *text, size_t length,
                     struct error *err)
{
    cJSON *json = json_parse(text, length, JSON_STRICT, metrics->path, NULL);
    int64_t step = -1;
    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        metrics->skipped++;
        return 0;
    }
    json_get_int64(json, "step", &step);
    forget_replaced(metrics, json, step);
    if (array_reserve((void **)&metrics->lines, &metrics->capacity, metrics->count + 1,
                      sizeof *metrics->lines, err) != 0) {
        cJSON_Delete(json);
        return -1;
    }
    metrics->lines[metrics->count++] = (struct job_line){step, json};
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
    if (access(metrics->path, F_OK) != 0)
        return 0;
    int status = 0, fd = file_open_read(metrics->path, &size, err);
    if (fd < 0)
        return -1;
    char *chunk = array_alloc(CHUNK, 1, err);
    for (uint64_t before = UINT64_MAX;
         chunk && status == 0 && metrics->offset < size && metrics->offset != before;) {
        uint64_t left = size - metrics->offset;
        size_t length = left < CHUNK ? (size_t)left : CHUNK;
        before = metrics->offset;
        status = file_read_at(fd, chunk, length, metrics->offset, metrics->path, err);
        if (status == 0)
            status = take_chunk(metrics, chunk, length, added, err);
    }
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
        if (kind_of(metrics->lines[i].json) == 0 && metrics->lines[i].step >= 0)
            return metrics->lines[i].step;
    return -1;
}
