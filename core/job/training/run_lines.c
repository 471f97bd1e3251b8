#include "job/training/run_lines.h"

#include "base/limits.h"
#include "base/process.h"

#include <math.h>

int run_lines_open(struct run_lines *lines, const struct run_sitting *sitting, struct error *err)
{
    *lines = (struct run_lines){.sitting = sitting};
    lines->open = job_metrics_open(&lines->writer, sitting->request->run, err) == 0;
    return lines->open ? 0 : -1;
}

void run_lines_close(struct run_lines *lines)
{
    if (lines->open)
        job_metrics_close(&lines->writer);
}

/* --- a line: begin_line() or begin_event(), members, append(), which ends it and frees its text --- */

static void begin_line(struct json_writer *json, int64_t step)
{
    json_object(json, NULL);
    json_integer(json, "step", step);
}

static void begin_event(struct json_writer *json, const char *event, int64_t step)
{
    json_object(json, NULL);
    json_text(json, "event", event);
    json_integer(json, "step", step);
}

/* That lines wait is said at the first of them, and again after one that did not have to. */
static int append(struct run_lines *lines, struct json_writer *json, struct error *err)
{
    struct error why = ERROR_INIT;
    json_end(json);
    int status = job_metrics_append(&lines->writer, json->out, &why);
    buffer_free(json->out);
    if (status < 0 && err)
        *err = why;
    if (status < 0)
        return -1;
    if (status > 0 && !lines->waits)
        run_say(lines->sitting, "%s: its lines wait in memory for room, and training continues",
                why.text);
    lines->waits = status > 0;
    return 0;
}

/* What is not known is absent. */
static void put_known(struct json_writer *json, const char *key, double value)
{
    if (!isnan(value))
        json_real(json, key, value);
}

static void put_bytes(struct json_writer *json, const char *key, size_t bytes)
{
    if (bytes > 0)
        json_count(json, key, bytes);
}

int run_lines_step(struct run_lines *lines, const struct train_report *report,
                   const struct memory_plan *memory, size_t base_bytes, struct error *err)
{
    const struct progress *progress = &report->progress;
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_line(&json, progress->step);
    json_real(&json, "time_s", progress->seconds);
    json_count(&json, "tokens", progress->tokens);
    json_count(&json, "supervised_tokens", progress->supervised);
    put_known(&json, "loss", report->loss);
    put_known(&json, "lr", report->rate);
    put_known(&json, "grad_norm", report->norm);
    put_known(&json, "tokens_per_s", (double)report->step_tokens / report->step_seconds);
    put_known(&json, "step_s", report->step_seconds);
    if (report->z_loss > 0)
        json_real(&json, "z_loss", report->z_loss);
    json_object(&json, "memory_bytes");
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        json_count(&json, memory_category_name((enum memory_category)i), memory->bytes[i]);
    json_end(&json);
    /* what the process has, the most that it had, and what it had before it took the plan's memory */
    put_bytes(&json, "process_bytes", process_resident_bytes());
    put_bytes(&json, "process_peak_bytes", process_peak_bytes());
    put_bytes(&json, "process_base_bytes", base_bytes);
    return append(lines, &json, err);
}

int run_lines_spike(struct run_lines *lines, const struct train_report *report, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    long long step = (long long)report->progress.step;
    run_say(lines->sitting,
            "step %lld was left out: its loss %.4f stands %.1f deviations above the last ones",
            step, report->loss, report->spike_score);
    begin_event(&json, "spike", step);
    json_real(&json, "loss", report->loss);
    if (isfinite(report->spike_score))
        json_real(&json, "z", report->spike_score);
    return append(lines, &json, err);
}

int run_lines_evaluation(struct run_lines *lines, int64_t step, const struct evaluation *evaluation,
                         struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_line(&json, step);
    json_real(&json, "eval_loss", evaluation->loss);
    json_count(&json, "eval_tokens", evaluation->tokens);
    return append(lines, &json, err);
}

int run_lines_sample(struct run_lines *lines, int64_t step, const char *text, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_event(&json, "sample", step);
    json_text(&json, "text", text);
    return append(lines, &json, err);
}

int run_lines_reselect(struct run_lines *lines, int64_t step, size_t begun, size_t ended,
                       struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_event(&json, "reselect", step);
    json_count(&json, "begin", begun);
    json_count(&json, "end", ended);
    return append(lines, &json, err);
}

int run_lines_event(struct run_lines *lines, const char *event, int64_t step, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_event(&json, event, step);
    return append(lines, &json, err);
}
