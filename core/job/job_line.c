#include "job/job_line.h"

#include "base/json.h"
#include "base/json_flat.h"

#include <math.h>
#include <string.h>

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
