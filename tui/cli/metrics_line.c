#include "tui/cli/metrics_line.h"

#include "base/json.h"
#include "base/json_flat.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void metrics_line_step(struct buffer *out, const struct step_line *line)
{
    buffer_format(out, "step %" PRId64, line->step);
    if (line->steps > 0)
        buffer_format(out, "/%" PRId64, line->steps);
    if (!isnan(line->loss))
        buffer_format(out, "  loss %.4f", line->loss);
    if (!isnan(line->norm))
        buffer_format(out, "  norm %.3g", line->norm);
    if (!isnan(line->rate))
        buffer_format(out, "  lr %.3g", line->rate);
    if (!isnan(line->tokens_per_s))
        buffer_format(out, "  %.0f tokens/s", line->tokens_per_s);
    buffer_byte(out, '\n');
}

void metrics_line_evaluation(struct buffer *out, int64_t step, double loss, double tokens)
{
    buffer_format(out, "step %" PRId64 "  evaluation loss %.4f", step, loss);
    if (!isnan(tokens))
        buffer_format(out, " over %.0f tokens", tokens);
    buffer_byte(out, '\n');
}

void metrics_line_sample(struct buffer *out, int64_t step, const char *text)
{
    char *copy = string_copy(text, NULL), *rest = copy;
    buffer_format(out, "step %" PRId64 "  sample:\n", step);
    for (char *line; (line = strsep(&rest, "\n"));) {
        utf8_sanitize(line);
        buffer_format(out, "    %s\n", line);
    }
    free(copy);
}

static double number(const cJSON *json, const char *key)
{
    double value = NAN;
    json_get_double(json, key, &value);
    return value;
}

/* A scan's row. */
static void put_row(struct buffer *out, const cJSON *json)
{
    char module[256];
    const char *name = "";
    double snr = number(json, "snr"), done = number(json, "done"), total = number(json, "total");
    json_get_string(json, "module", &name);
    utf8_copy(module, sizeof module, name);
    buffer_text(out, module);
    if (!isnan(snr))
        buffer_format(out, "  SNR %.5g", snr);
    if (!isnan(done) && !isnan(total))
        buffer_format(out, "  (%.0f of %.0f)", done, total);
    buffer_byte(out, '\n');
}

static void put_event(struct buffer *out, const cJSON *json, const char *event, int64_t step)
{
    const char *text = "";
    if (strcmp(event, "row") == 0)
        put_row(out, json);
    else if (strcmp(event, "sample") == 0 && json_get_string(json, "text", &text))
        metrics_line_sample(out, step, text);
    else if (strcmp(event, "checkpoint") == 0)
        buffer_format(out, "step %" PRId64 "  checkpoint\n", step);
    else if (strcmp(event, "resume") == 0)
        buffer_format(out, "step %" PRId64 "  resumed behind it\n", step);
}

static void put_parsed(struct buffer *out, const cJSON *json, int64_t steps)
{
    const char *event = NULL;
    int64_t step = 0;
    json_get_int64(json, "step", &step);
    double loss = number(json, "loss"), eval_loss = number(json, "eval_loss");
    if (json_get_string(json, "event", &event))
        put_event(out, json, event, step);
    else if (!isnan(eval_loss))
        metrics_line_evaluation(out, step, eval_loss, number(json, "eval_tokens"));
    else if (!isnan(loss))
        metrics_line_step(out,
                          &(struct step_line){step, steps, loss, number(json, "grad_norm"),
                                              number(json, "lr"), number(json, "tokens_per_s")});
}

static double flat_number(const struct json_flat *member)
{
    return member->kind == JSON_FLAT_NUMBER ? member->number : NAN;
}

/* A step's line, of which a run has millions; false: it is none, or not plainly one. */
static bool put_step(struct buffer *out, const char *text, size_t length, int64_t steps)
{
    enum { STEP, LOSS, NORM, RATE, SPEED, EVENT, EVAL_LOSS, COUNT };
    struct json_flat members[COUNT] = {
        [STEP] = {.key = "step"},           [LOSS] = {.key = "loss"},
        [NORM] = {.key = "grad_norm"},      [RATE] = {.key = "lr"},
        [SPEED] = {.key = "tokens_per_s"},  [EVENT] = {.key = "event"},
        [EVAL_LOSS] = {.key = "eval_loss"},
    };
    long long step = 0;
    if (!json_flat_read(text, length, members, COUNT) || members[EVENT].kind != JSON_FLAT_ABSENT ||
        members[EVAL_LOSS].kind != JSON_FLAT_ABSENT || members[LOSS].kind != JSON_FLAT_NUMBER ||
        isnan(members[LOSS].number))
        return false;
    json_flat_int64(&members[STEP], &step);
    metrics_line_step(
        out, &(struct step_line){step, steps, members[LOSS].number, flat_number(&members[NORM]),
                                 flat_number(&members[RATE]), flat_number(&members[SPEED])});
    return true;
}

void metrics_line_put(struct buffer *out, const char *text, size_t length, int64_t steps)
{
    if (put_step(out, text, length, steps))
        return;
    cJSON *json = json_parse(text, length, JSON_STRICT, "metrics.jsonl", NULL);
    put_parsed(out, json, steps);
    cJSON_Delete(json);
}
