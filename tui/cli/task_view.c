#include "tui/cli/task_view.h"

#include "base/decimal.h"
#include "base/text.h"
#include "compute/devices/devices.h"
#include "task/task.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"
#include "tui/cli/progress_line.h"
#include "tui/cli/source_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Tokens of a row: enough for the products; longer ones are no faster. */
enum { ROW_TOKENS = 1024 };

static double items_per_second(const struct task_result *result)
{
    return result->seconds > 0 ? (double)result->items / result->seconds : NAN;
}

static void put_share(struct buffer *out, const char *name, size_t right, size_t items)
{
    struct task_share share = task_share(right, items);
    buffer_format(out, "  %s %.4f", name, share.value);
    if (isfinite(share.error))
        buffer_format(out, " ± %.4f", share.error);
}

static void put_line(struct buffer *out, const struct task_result *result)
{
    bool generates = result->task->generates;
    buffer_format(out, "%-14s  %s item%s", result->task->name,
                  decimal_text((int64_t)result->items).text, text_s(result->items));
    put_share(out, generates ? "strict-match" : "acc", result->right, result->items);
    if (generates || result->task->normalized)
        put_share(out, generates ? "flexible-extract" : "acc_norm", result->right_norm,
                  result->items);
    buffer_format(out, "  %.1f s, %.2f items/s\n", result->seconds, items_per_second(result));
}

static void put_json_share(struct json_writer *json, const char *name, const char *error_name,
                           size_t right, size_t items)
{
    struct task_share share = task_share(right, items);
    json_real(json, name, share.value);
    json_real(json, error_name, share.error);
}

static void put_task(struct json_writer *json, const struct task_result *result)
{
    bool generates = result->task->generates;
    json_object(json, NULL);
    json_text(json, "task", result->task->name);
    json_count(json, "files", result->files);
    json_count(json, "items", result->items);
    if (generates) {
        put_json_share(json, "strict_match", "strict_match_stderr", result->right, result->items);
        put_json_share(json, "flexible_extract", "flexible_extract_stderr", result->right_norm,
                       result->items);
    } else {
        put_json_share(json, "acc", "acc_stderr", result->right, result->items);
    }
    if (!generates && result->task->normalized)
        put_json_share(json, "acc_norm", "acc_norm_stderr", result->right_norm, result->items);
    json_count(json, "cut", result->cut);
    json_real(json, "seconds", result->seconds);
    json_real(json, "items_per_second", items_per_second(result));
    json_end(json);
}

static int print(const struct task_view_request *request, const struct source *source,
                 const struct task_evaluation *evaluation, const struct made_job *job,
                 struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    size_t count = task_evaluation_count(evaluation);
    const char *dtype = source_is_bf16(source, request->dtype) ? "bf16" : "fp32";
    for (size_t i = 0; !request->json && i < count; i++)
        put_line(&out, task_evaluation_result(evaluation, i));
    if (!request->json) {
        buffer_format(&out, "dtype           %s\n", dtype);
        return output_text(&out, err);
    }
    json_begin(&json, "spectrum.tasks");
    json_text(&json, "model", request->source);
    if (source->step >= 0)
        json_integer(&json, "step", source->step);
    json_text(&json, "dtype", dtype);
    json_integer(&json, "fewshot", 0);
    if (request->limit > 0)
        json_integer(&json, "limit", request->limit);
    json_list(&json, "tasks");
    for (size_t i = 0; i < count; i++)
        put_task(&json, task_evaluation_result(evaluation, i));
    json_end(&json);
    json_end(&json);
    return made_job_put(job, &json, err);
}

/* What is cut is counted as it is, and said. */
static void say_cut(const struct task_evaluation *evaluation, int64_t positions)
{
    for (size_t i = 0; i < task_evaluation_count(evaluation); i++) {
        const struct task_result *result = task_evaluation_result(evaluation, i);
        if (result->cut > 0)
            message_print("%s: %zu item%s longer than the model's %lld positions: the beginning is "
                          "left out",
                          result->task->name, result->cut, text_s(result->cut),
                          (long long)positions);
    }
}

static bool is_interrupted(void *context)
{
    return *(const volatile sig_atomic_t *)context;
}

/* Files and tokenizer first, the weights last. */
int task_view(const struct task_view_request *request, const struct made_job *job,
              struct error *err)
{
    struct source source = {0};
    struct tokenizer *tokenizer = NULL;
    struct backend *backend = NULL;
    struct transformer *transformer = NULL;
    struct task_evaluation *evaluation = NULL;
    struct end_tokens ends;
    struct progress_line line;
    const volatile sig_atomic_t *interrupted = interrupt_watch("the row in hand is given up");
    const struct work_watch *work = made_job_watch(job) ? made_job_watch(job) : &line.watch;
    const struct task_watch watch = {is_interrupted, (void *)(uintptr_t)interrupted, work};
    int status = -1;
    progress_line_open(&line);
    if (task_evaluation_open(&evaluation, request->names, request->folder, request->limit, err) !=
            0 ||
        backend_check_training(request->device, err) != 0 ||
        source_view_open(&source, &tokenizer, request->source, &request->choice, err) != 0 ||
        source_end_tokens(&ends, &source, tokenizer, err) != 0)
        goto out;
    source.work = work;
    int64_t positions = source.model->config.max_positions;
    if (task_evaluation_encode(evaluation, tokenizer, positions, ROW_TOKENS, err) != 0 ||
        backend_open(&backend, request->device, (int)request->threads, err) != 0 ||
        source_transformer(&transformer, &source, backend, task_evaluation_tokens(evaluation),
                           task_evaluation_longest(evaluation), request->dtype, true, err) != 0 ||
        task_evaluation_run(evaluation, transformer, tokenizer, &ends, &watch, err) != 0)
        goto out;
    progress_line_clear(&line);
    say_cut(evaluation, positions);
    status = print(request, &source, evaluation, job, err);
out:
    progress_line_clear(&line);
    task_evaluation_close(evaluation);
    transformer_free(transformer);
    backend_close(backend);
    tokenizer_close(tokenizer);
    source_close(&source);
    return status;
}
