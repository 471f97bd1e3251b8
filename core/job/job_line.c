#include "job/job_line.h"

#include "base/file.h"
#include "base/json.h"
#include "base/json_flat.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4 << 20 };

/* --- one line --- */

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

/* Most lines are plain, and need no tree (base/json_flat.h). */
bool job_line_read(struct job_line *line, const char *text, size_t length, const char *path)
{
    enum { STEP, LOSS, EVAL_LOSS, GRAD_NORMS, EVENT, COUNT };
    struct json_flat members[COUNT] = {
        [STEP] = {.key = "step"},           [LOSS] = {.key = "loss"},
        [EVAL_LOSS] = {.key = "eval_loss"}, [GRAD_NORMS] = {.key = "grad_norms"},
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
    line->kind = members[EVENT].kind != JSON_FLAT_ABSENT        ? JOB_LINE_EVENT
                 : members[EVAL_LOSS].kind != JSON_FLAT_ABSENT  ? JOB_LINE_EVALUATION
                 : members[GRAD_NORMS].kind != JSON_FLAT_ABSENT ? JOB_LINE_GRADIENTS
                                                                : JOB_LINE_TRAINING;
    const struct json_flat *value = &members[line->kind == JOB_LINE_TRAINING ? LOSS : EVAL_LOSS];
    if (line->kind == JOB_LINE_EVENT) /* a resume has the value 1, and other events NaN */
        line->value =
            members[EVENT].length == 6 && memcmp(members[EVENT].text, "resume", 6) == 0 ? 1 : NAN;
    else if (line->kind != JOB_LINE_GRADIENTS && value->kind == JSON_FLAT_NUMBER)
        line->value = value->number;
    cJSON_Delete(json);
    return true;
}

bool job_line_is_resume(const struct job_line *line)
{
    return line->kind == JOB_LINE_EVENT && line->step >= 0 && line->value == 1;
}

/* --- a file, a line at a time --- */

/* Takes the whole lines of a chunk. What is left is read with the next chunk, unless it is longer
 * than a line can be. */
static int take_chunk(struct job_lines *lines, const char *text, size_t length, struct error *err)
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
    if (status == 0 && length - start > JOB_LINE_CAP) {
        lines->endless = !lines->midway || lines->endless;
        lines->midway = true;
        start = length;
    }
    lines->offset += start;
    return status;
}

/* A chunk begins at a line, so that a line which it cuts is in the next one whole; where a chunk
 * takes nothing (one partial line at the end of the file) the rest waits for what is appended. */
int job_lines_read(struct job_lines *lines, uint64_t size, struct error *err)
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
