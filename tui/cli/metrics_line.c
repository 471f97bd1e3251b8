#include "tui/cli/metrics_line.h"

#include "base/json.h"
#include "base/json_flat.h"
#include "base/memory.h"
#include "base/text.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"
#include "tui/session/wording.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- lines of a run in this terminal --- */

/* What is not known is left out, so a line of another version's job is shorter, not wrong. */
void metrics_line_step(struct buffer *out, const struct step_line *line)
{
    char number[32];
    buffer_format(out, "step %" PRId64, line->step);
    if (line->steps > 0)
        buffer_format(out, "/%" PRId64, line->steps);
    loss_put(line->loss, number, sizeof number);
    if (!isnan(line->loss))
        buffer_format(out, "  loss %s", number);
    if (!isnan(line->norm))
        buffer_format(out, "  norm %.3g", line->norm);
    if (!isnan(line->rate))
        buffer_format(out, "  lr %.3g", line->rate);
    whole_put(line->tokens_per_s, number, sizeof number);
    if (!isnan(line->tokens_per_s))
        buffer_format(out, "  %s tokens/s", number);
    buffer_byte(out, '\n');
}

void metrics_line_evaluation(struct buffer *out, int64_t step, double loss, double tokens)
{
    char number[32];
    loss_put(loss, number, sizeof number);
    buffer_format(out, "step %" PRId64 "  evaluation loss %s", step, number);
    whole_put(tokens, number, sizeof number);
    if (!isnan(tokens))
        buffer_format(out, " over %s tokens", number);
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

/* --- lines of metrics.jsonl, which may be anyone's --- */

/* NaN: the line does not have it. */
static double number(const cJSON *json, const char *key)
{
    double value = NAN;
    json_get_double(json, key, &value);
    return value;
}

/* Steps that were added to a run. */
static void put_more(struct buffer *out, int64_t step, const cJSON *json)
{
    double rate = number(json, "lr");
    int64_t more;
    if (!json_get_int64(json, "steps", &more))
        return;
    buffer_format(out, "step %" PRId64 "  %" PRId64 " steps more", step, more);
    if (!isnan(rate))
        buffer_format(out, ", at a learning rate of %g", rate);
    buffer_byte(out, '\n');
}

/* An event by its name, an evaluation or a step by the loss that it has; nothing for what is not
 * known, as another version's job may write it. */
static void put_parsed(struct buffer *out, const cJSON *json, int64_t steps)
{
    const char *event = NULL, *text = "";
    int64_t step = 0;
    json_get_int64(json, "step", &step);
    double loss = number(json, "loss"), eval_loss = number(json, "eval_loss");
    if (json_get_string(json, "event", &event)) {
        if (strcmp(event, "row") == 0) { /* a scan's */
            char module[256], part[32], all[32];
            const char *name = "";
            double snr = number(json, "snr"), done = number(json, "done");
            double total = number(json, "total");
            json_get_string(json, "module", &name);
            utf8_copy(module, sizeof module, name);
            buffer_text(out, module);
            if (!isnan(snr))
                buffer_format(out, "  SNR %.5g", snr);
            whole_put(done, part, sizeof part);
            whole_put(total, all, sizeof all);
            if (!isnan(done) && !isnan(total))
                buffer_format(out, "  (%s of %s)", part, all);
            buffer_byte(out, '\n');
        } else if (strcmp(event, "sample") == 0 && json_get_string(json, "text", &text))
            metrics_line_sample(out, step, text);
        else if (strcmp(event, "checkpoint") == 0)
            buffer_format(out, "step %" PRId64 "  checkpoint\n", step);
        else if (strcmp(event, "resume") == 0)
            buffer_format(out, "step %" PRId64 "  resumed from it\n", step);
        else if (strcmp(event, "more") == 0)
            put_more(out, step, json);
    } else if (!isnan(eval_loss)) {
        metrics_line_evaluation(out, step, eval_loss, number(json, "eval_tokens"));
    } else if (!isnan(loss)) {
        metrics_line_step(out,
                          &(struct step_line){step, steps, loss, number(json, "grad_norm"),
                                              number(json, "lr"), number(json, "tokens_per_s")});
    } else if (cJSON_IsNull(json_get(json, "loss"))) { /* what JSON has no number for */
        buffer_format(out, "step %" PRId64, step);
        if (steps > 0)
            buffer_format(out, "/%" PRId64, steps);
        buffer_text(out, "  loss NaN or infinite\n");
    }
}

/* A step's line, of which a run has millions: read without a tree (base/json_flat.h). False: it is
 * another, or not plainly one. */
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
    for (int i = 0; i < COUNT; i++)
        if (members[i].kind != JSON_FLAT_NUMBER)
            members[i].number = NAN; /* not known */
    json_flat_int64(&members[STEP], &step);
    metrics_line_step(out,
                      &(struct step_line){step, steps, members[LOSS].number, members[NORM].number,
                                          members[RATE].number, members[SPEED].number});
    return true;
}

/* --- following a job --- */

/* Lines on their way to a stream, which gets them in pieces of 64 KiB: a run's history may have
 * gigabytes. */
struct printer {
    struct buffer out;
    FILE *to;
    int64_t steps; /* 0: not known */
    const volatile sig_atomic_t *interrupted;
};

/* One line of the file; false ends the reading: the user or the reader has gone. */
static bool print_line(void *context, const char *text, size_t length)
{
    struct printer *printer = context;
    if (!put_step(&printer->out, text, length, printer->steps)) {
        cJSON *json = json_parse(text, length, JSON_STRICT, "metrics.jsonl", NULL);
        put_parsed(&printer->out, json, printer->steps);
        cJSON_Delete(json);
    }
    if (printer->out.length > 1 << 16) {
        fwrite(buffer_string(&printer->out), 1, printer->out.length, printer->to);
        buffer_clear(&printer->out);
    }
    return !(printer->interrupted && *printer->interrupted) && !ferror(printer->to);
}

/* The lines that came since the last time, from `place` on; `interrupted` may be NULL. */
static int print_lines(const struct job_follow *job, struct job_metrics_place *place, FILE *to,
                       const volatile sig_atomic_t *interrupted, struct error *err)
{
    struct printer printer = {.out = BUFFER_INIT, .to = to, .interrupted = interrupted};
    double steps = 0;
    job_follow_number(job, "steps", &steps);
    printer.steps = steps >= 1 && steps < 1e15 ? (int64_t)steps : 0;
    int status = job_metrics_read(&job->metrics, place, print_line, &printer, err);
    fwrite(buffer_string(&printer.out), 1, printer.out.length, to);
    fflush(to);
    buffer_free(&printer.out);
    return status;
}

int metrics_line_catch_up(const struct job_follow *job, struct job_metrics_place *place, FILE *to,
                          struct error *err)
{
    return print_lines(job, place, to, NULL, err);
}

int metrics_line_follow(struct job_follow *job, struct error *err)
{
    const volatile sig_atomic_t *interrupted = interrupt_watch(NULL);
    struct job_metrics_place place = {0};
    char state[ERROR_TEXT_MAX];
    bool paused = false, left = false;
    int printed = print_lines(job, &place, stdout, interrupted, err);
    while (printed == 0 && job_follow_lives(job) && !*interrupted && !ferror(stdout) && !left) {
        if (job_follow_pauses(job) && !paused) { /* else its silence is not understood */
            job_follow_describe(job, state, sizeof state);
            message_print("%s; `spectrum resume %s` lets it continue", state, job->path);
        }
        paused = job_follow_pauses(job);
        left = process_reader_leaves(200);
        job_follow_update(job);
        printed = print_lines(job, &place, stdout, interrupted, err);
    }
    if (printed != 0)
        return -1;
    if (*interrupted)
        return error_set_kind(err, ERROR_INTERRUPTED, "left; the job continues");
    if (ferror(stdout) || left) /* main() says so where that is to be said */
        return 0;
    const char *status = NULL;
    job_follow_describe(job, state, sizeof state);
    json_get_string(job->result, "status", &status);
    static const char *const well[] = {"completed", "stopped", "stale", NULL};
    if (status && text_is_one_of(status, well)) {
        fprintf(stderr, "%s\n", state);
        return 0;
    }
    return error_set(err, "%s: %s", job->path, state);
}
