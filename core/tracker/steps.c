#include "tracker/steps.h"

#include "base/decimal.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/process.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- names --- */

/* What is meant by the same thing here and there. Others keep the tool's name: a speed per device,
 * say, is not ours of the whole run. */
static const struct {
    const char *theirs, *ours;
    double factor;
} names[] = {
    {"learning_rate", "lr", 1},
    {"throughput", "tokens_per_s", 1},       /* LLaMA-Factory: tokens of all processes a second */
    {"memory(GiB)", "device_bytes", 0x1p30}, /* ms-swift: reserved on the device */
};

/* Keys of metrics.jsonl that are no plain numbers. */
static const char *const taken[] = {"event", "grad_norms", NULL};

/* Names by which a step is given; these are not numbers of the step. */
static const char *const step_keys[] = {"step",      "current_steps", "global_step",
                                        "iteration", "iter",          "_step"};
static const char *const pair_keys[] = {"global_step/max_steps", "iteration"};
static const char *const total_keys[] = {"total_steps", "max_steps"};

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}
#define IS_ONE_OF(name, list) is_one_of(name, list, sizeof(list) / sizeof *(list))

/* "train/loss" is "loss", "eval/loss" is "eval_loss". */
static void our_name(char out[STEPS_NAME], const char *theirs, double *value)
{
    const char *name = strncmp(theirs, "train/", 6) == 0 ? theirs + 6 : theirs;
    bool evaluation = strncmp(name, "eval/", 5) == 0;
    utf8_copy(out, STEPS_NAME, name);
    if (evaluation && strlen(out) > 5)
        out[4] = '_';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i].theirs) == 0) {
            snprintf(out, STEPS_NAME, "%s", names[i].ours);
            *value *= names[i].factor;
        }
    if (text_is_one_of(out, taken))
        snprintf(out, STEPS_NAME, "log/%.140s", name);
}

/* --- lines --- */

static bool is_evaluation(const char *name)
{
    return strncmp(name, "eval_", 5) == 0;
}

static void put_line(struct steps *steps, bool evaluation)
{
    struct json_writer json = {.out = steps->lines};
    bool any = false;
    for (size_t i = 0; i < steps->count; i++)
        any |= steps->values[i].here && is_evaluation(steps->values[i].name) == evaluation;
    if (!any)
        return;
    json_object(&json, NULL);
    json_integer(&json, "step", steps->step);
    for (size_t i = 0; i < steps->count; i++) {
        const struct step_value *value = &steps->values[i];
        if (value->here && is_evaluation(value->name) == evaluation)
            json_real(&json, value->name, value->value);
    }
    json_end(&json);
    json_finish(&json, NULL);
}

void steps_flush(struct steps *steps, double hold)
{
    if (!steps->fresh || clock_seconds() - steps->since < hold)
        return;
    put_line(steps, false);
    put_line(steps, true);
    steps->fresh = false;
}

static void put_late(struct steps *steps, int64_t step, const char *name, double value)
{
    struct json_writer json = {.out = steps->lines};
    json_object(&json, NULL);
    json_text(&json, "event", "late");
    json_integer(&json, "step", step);
    json_real(&json, name, value);
    json_end(&json);
    json_finish(&json, NULL);
}

/* --- numbers --- */

static const int64_t STEP_LARGEST = INT64_C(1) << 53; /* JSON's readers are exact up to there */

/* NULL: nothing has come under that name. */
static struct step_value *find_value(struct steps *steps, const char *name)
{
    for (size_t i = 0; i < steps->count; i++)
        if (strcmp(steps->values[i].name, name) == 0)
            return &steps->values[i];
    return NULL;
}

/* The place of a name; NULL: all are taken. */
static struct step_value *place_of(struct steps *steps, const char *name)
{
    struct step_value *value = find_value(steps, name);
    if (value || steps->count == STEPS_VALUES)
        return value;
    value = &steps->values[steps->count++];
    *value = (struct step_value){.last = -1};
    snprintf(value->name, sizeof value->name, "%s", name);
    return value;
}

static void begin_step(struct steps *steps, int64_t step)
{
    steps_flush(steps, 0);
    for (size_t i = 0; i < steps->count; i++) {
        steps->values[i].here = false;
        if (steps->values[i].last > step) /* it went back: later steps no longer count */
            steps->values[i].last = step;
    }
    steps->step = step;
}

/* `ours`: the name as it will stand in the line. */
static void put_named(struct steps *steps, int64_t step, const char *ours, double value)
{
    if (strcmp(ours, "train_runtime") == 0) /* transformers' Trainer writes it once, at its end */
        steps->ended = true;
    if (IS_ONE_OF(ours, step_keys) || IS_ONE_OF(ours, total_keys))
        return;
    struct step_value *at = place_of(steps, ours);
    if (!at) {
        steps->left_out++;
        return;
    }
    if (step < steps->step && at->last < step) {
        put_late(steps, step, ours, value);
        at->last = step;
        return;
    }
    if (step != steps->step)
        begin_step(steps, step);
    if (!steps->fresh)
        steps->since = clock_seconds();
    if (!isfinite(value) && strcmp(ours, "loss") == 0 && !steps->diverged) {
        steps->diverged = true;
        steps->diverged_at = step;
    }
    at->value = value;
    at->last = step;
    at->given = steps->inside;
    at->here = steps->fresh = true;
}

void steps_put(struct steps *steps, int64_t step, const char *name, double value)
{
    char ours[STEPS_NAME];
    double as_ours = value;
    if (step < 0 || step > STEP_LARGEST)
        return;
    if (strlen(name) >= STEPS_NAME - sizeof "log/") {
        steps->left_out++;
        return;
    }
    our_name(ours, name, &as_ours);
    const struct step_value *before = find_value(steps, ours);
    if (before && before->given) { /* by another name of the same object */
        utf8_copy(ours, sizeof ours, name);
        as_ours = value;
    }
    put_named(steps, step, ours, as_ours);
}

void steps_go_back(struct steps *steps, int64_t step)
{
    struct json_writer json = {.out = steps->lines};
    if (step < 0 || step > STEP_LARGEST)
        return;
    begin_step(steps, step);
    json_object(&json, NULL);
    json_text(&json, "event", "resume");
    json_integer(&json, "step", step);
    json_end(&json);
    json_finish(&json, NULL);
}

/* From one object to the next, or to a number by itself. */
static void begin_object(struct steps *steps, bool inside)
{
    steps->inside = inside;
    for (size_t i = 0; i < steps->count; i++)
        steps->values[i].given = false;
}

void steps_put_object(struct steps *steps, int64_t step, const cJSON *object)
{
    const cJSON *item;
    double value;
    begin_object(steps, true);
    cJSON_ArrayForEach(item, object)
    {
        if (!item->string)
            continue;
        if (cJSON_IsNumber(item))
            steps_put(steps, step, item->string, item->valuedouble);
        else if (cJSON_IsString(item) && decimal_read(&value, item->valuestring))
            steps_put(steps, step, item->string, value);
    }
    begin_object(steps, false);
}

void steps_begin_anew(struct steps *steps)
{
    if (steps->step >= 0)
        steps_go_back(steps, 0);
    for (size_t i = 0; i < steps->count; i++)
        steps->values[i].last = -1;
    steps->step = -1;
    steps->total = 0;
    steps->ended = steps->diverged = false;
}

/* --- which step --- */

/* "3/10" */
static bool read_pair(const char *text, int64_t *step, int64_t *total)
{
    char first[24];
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof first)
        return false;
    snprintf(first, sizeof first, "%.*s", (int)(slash - text), text);
    return decimal_read_whole(step, first) && decimal_read_whole(total, slash + 1) && *step >= 0 &&
           *total > 0;
}

int64_t steps_of(const cJSON *object, int64_t *total)
{
    int64_t step = -1, all = 0;
    const char *pair;
    for (size_t i = 0; i < sizeof pair_keys / sizeof *pair_keys && step < 0; i++)
        if (json_get_string(object, pair_keys[i], &pair) && !read_pair(pair, &step, &all))
            step = -1;
    /* of W&B's counter of calls and the run's own step, both in one object, the run's */
    if (step < 0)
        json_get_int64(object, "train/global_step", &step);
    for (size_t i = 0; i < sizeof step_keys / sizeof *step_keys && step < 0; i++)
        if (!json_get_int64(object, step_keys[i], &step) &&
            json_get_string(object, step_keys[i], &pair) && !decimal_read_whole(&step, pair))
            step = -1;
    for (size_t i = 0; i < sizeof total_keys / sizeof *total_keys && all <= 0; i++)
        json_get_int64(object, total_keys[i], &all);
    if (all > 0)
        *total = all;
    return step < 0 ? -1 : step;
}
