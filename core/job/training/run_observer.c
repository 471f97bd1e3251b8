#include "job/training/run_observer.h"

#include "base/folder.h"
#include "base/limits.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "job/job_line.h"
#include "job/requests.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- metrics.jsonl --- */

/* Called as the run's folder is. */
static int open_others(struct run_lines *lines, const char *names, const char *run,
                       struct error *err)
{
    char *whole = sys.realpath(run, NULL), called[128];
    if (!whole)
        return error_set_errno(err, errno, "cannot find %s", run);
    utf8_copy(called, sizeof called, path_last(whole));
    int status = tracker_writers_open(&lines->others, names, whole, called, err);
    free(whole);
    return status;
}

int run_lines_open(struct run_lines *lines, const struct run_sitting *sitting, struct error *err)
{
    *lines = (struct run_lines){.sitting = sitting, .began = clock_seconds()};
    run_lines_begin(lines);
    const char *run = sitting->request->run, *log = sitting->request->log;
    lines->open = job_metrics_open(&lines->writer, run, err) == 0;
    if (lines->open && log && !sitting->request->dry_run)
        return open_others(lines, log, run, err);
    return lines->open ? 0 : -1;
}

void run_lines_describe(struct run_lines *lines)
{
    struct error why = ERROR_INIT;
    cJSON *job =
        lines->others ? job_dir_read(lines->sitting->request->run, "job.json", &why) : NULL;
    if (lines->others && (!job || tracker_writers_describe(lines->others, job, &why) != 0))
        run_warn(lines->sitting, "%s", why.text);
    cJSON_Delete(job);
}

void run_lines_close(struct run_lines *lines)
{
    if (lines->open)
        job_metrics_close(&lines->writer);
    tracker_writers_close(lines->others);
}

void run_lines_begin(struct run_lines *lines)
{
    lines->told = clock_seconds();
}

void run_lines_paused(struct run_lines *lines, double seconds)
{
    lines->began += seconds;
    lines->told += seconds;
}

/* A line is made by begin_line() or begin_event(), its members, and append(), which ends it and
 * frees its text. */

static void begin_line(struct json_writer *json, int64_t step)
{
    json_object(json, NULL);
    json_integer(json, "step", step);
}

/* An event has its name first: whoever reads lines by hand sees what it is. */
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
    struct error lost = ERROR_INIT;
    const char *line = buffer_string(json->out);
    if (lines->others && tracker_writers_put(lines->others, line, json->out->length, &lost) != 0)
        run_warn(lines->sitting, "%s", lost.text);
    int status = job_metrics_append(&lines->writer, json->out, &why);
    buffer_free(json->out);
    if (status < 0 && err)
        *err = why;
    if (status < 0)
        return -1;
    if (status > 0 && !lines->waits)
        run_warn(lines->sitting, "%s: its lines wait in memory for room, and training continues",
                 why.text);
    lines->waits = status > 0;
    lines->told = clock_seconds();
    return 0;
}

static void put_seconds(const struct run_lines *lines, struct json_writer *json)
{
    json_real(json, "seconds", clock_seconds() - lines->told);
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

static void put_categories(struct json_writer *json, const char *key,
                           const uint64_t bytes[MEMORY_CATEGORIES])
{
    json_object(json, key);
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        json_count(json, memory_category_name((enum memory_category)i), bytes[i]);
    json_end(json);
}

/* Where it is time for it again: a thousand times as long as the last look took is none. */
static void put_resident(struct run_lines *lines, struct json_writer *json,
                         const struct trainer *trainer)
{
    enum { LOOKS_APART = 1000 };
    uint64_t bytes[MEMORY_CATEGORIES];
    double begun = clock_seconds();
    if (begun < lines->look_at)
        return;
    if (trainer_resident(trainer, bytes))
        put_categories(json, "resident_bytes", bytes);
    double ended = clock_seconds();
    lines->look_at = ended + LOOKS_APART * (ended - begun);
}

/* A value that a step has not, as the norm of one that was left out, is absent. */
int run_lines_step(struct run_lines *lines, const struct train_report *report,
                   const struct trainer *trainer, size_t base_bytes, struct error *err)
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
    json_real(&json, "sitting_s", clock_seconds() - lines->began);
    if (report->z_loss > 0)
        json_real(&json, "z_loss", report->z_loss);
    put_categories(&json, "memory_bytes", trainer_memory(trainer)->bytes);
    put_resident(lines, &json, trainer);
    /* what the process has, the most that it had, and what it had before it took the plan's
     * memory */
    put_bytes(&json, "process_bytes", process_resident_bytes());
    put_bytes(&json, "process_peak_bytes", process_peak_bytes());
    put_bytes(&json, "process_base_bytes", base_bytes);
    return append(lines, &json, err);
}

/* One line of metrics has the norms of all trained tensors; where that is more than a line may be,
 * it is said once and left out. */
int run_lines_gradients(struct run_lines *lines, int64_t step, const struct optimizer *optimizer,
                        struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_line(&json, step);
    json_object(&json, "grad_norms");
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        char *name = run_tensor_name(&tensor, err);
        if (!name) {
            buffer_free(&line);
            return -1;
        }
        json_real(&json, name, optimizer->norms[i]);
        free(name);
    }
    json_end(&json);
    if (line.length < LINE_MAX_BYTES - 1)
        return append(lines, &json, err);
    if (!lines->too_long)
        run_say(lines->sitting,
                "metrics.jsonl has no grad_norms: %zu names are more than a line of it holds",
                optimizer->count);
    lines->too_long = true;
    buffer_free(&line);
    return 0;
}

/* Said on the terminal, too: a step that does not count is no small matter. */
int run_lines_spike(struct run_lines *lines, const struct train_report *report, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    long long step = (long long)report->progress.step;
    run_warn(lines->sitting,
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
    put_seconds(lines, &json);
    return append(lines, &json, err);
}

int run_lines_sample(struct run_lines *lines, int64_t step, const char *text, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_event(&json, "sample", step);
    json_text(&json, "text", text);
    put_seconds(lines, &json);
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

/* Where the curve goes on, for whoever draws it. */
int run_lines_more(struct run_lines *lines, const struct schedule_part *part, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    run_say(lines->sitting, "goes on for %lld steps after step %lld, at a learning rate of %g%s%s",
            (long long)part->steps, (long long)part->from, part->rate,
            part->kind == SCHEDULE_CONSTANT ? "" : ", which falls by the schedule ",
            part->kind == SCHEDULE_CONSTANT ? "" : schedule_name(part->kind));
    begin_event(&json, "more", part->from);
    json_integer(&json, "steps", part->steps);
    json_real(&json, "lr", part->rate);
    json_text(&json, "schedule", schedule_name(part->kind));
    return append(lines, &json, err);
}

int run_lines_checkpoint(struct run_lines *lines, int64_t step, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_event(&json, "checkpoint", step);
    put_seconds(lines, &json);
    return append(lines, &json, err);
}

int run_lines_event(struct run_lines *lines, const char *event, int64_t step, struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_event(&json, event, step);
    return append(lines, &json, err);
}

/* --- proof.json --- */

/* A proof that is there but not complete is of a run that was stopped within its first steps. */
void run_proof_begin(struct run_proof *proof, const char *run, const struct dataset *data,
                     const struct model *model, bool resume)
{
    *proof = (struct run_proof){.run = run, .data = data, .model = model, .due = true};
    if (!resume)
        return;
    cJSON *json = job_dir_read(run, "proof.json", NULL);
    proof->due = !cJSON_IsTrue(json_get(json, "complete"));
    cJSON_Delete(json);
}

void run_proof_renew(struct run_proof *proof, bool begun)
{
    proof->due |= begun;
    proof->steps_seen = 0;
}

/* Has the list this type before its end? */
static bool is_listed(const char *const *types, size_t count, const char *type)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

/* {"layers": 8, "prefix": "model.layers.", "matrices": ["self_attn.q_proj", ...]}: of every block's
 * matrices the part of the name after its number, each once. Of a model with more of them, as one
 * whose experts have tensors of their own has, the first. */
static void put_blocks(struct json_writer *json, const struct model *model)
{
    enum { TYPES_MAX = 64 };
    const char *types[TYPES_MAX], *name = NULL;
    size_t count = 0;
    int layers = 0;
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        if (parameter->layer < 0 || parameter->bias || parameter->buffer || parameter->rows < 2 ||
            parameter->cols < 2)
            continue;
        layers = parameter->layer >= layers ? parameter->layer + 1 : layers;
        name = parameter->name;
        if (count < TYPES_MAX && !is_listed(types, count, parameter->type))
            types[count++] = parameter->type;
    }
    size_t prefix = name ? strcspn(name, "0123456789") : 0;
    if (!name || !name[prefix])
        return;
    char *before = string_copy(name, NULL);
    if (!before)
        return;
    before[prefix] = '\0';
    json_object(json, "blocks");
    json_integer(json, "layers", layers);
    json_text(json, "prefix", before);
    json_list(json, "matrices");
    for (size_t i = 0; i < count; i++)
        json_text(json, NULL, types[i]);
    json_end(json);
    json_end(json);
    free(before);
}

/* The whole file; it is rewritten when it is due a second time. */
static int write_proof(const struct run_proof *proof, const struct trainer *trainer, int64_t step,
                       struct error *err)
{
    const struct optimizer *optimizer = trainer_optimizer(trainer);
    const struct dataset *data = proof->data;
    struct frozen_count frozen = trainer_frozen(trainer);
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    int64_t parameters = 0;
    int status = 0;
    json_begin(&json, "spectrum.proof");
    json_integer(&json, "step", step);
    json_flag(&json, "complete", !proof->due);
    json_object(&json, "trained");
    json_layout(&json, JSON_ROWS);
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        char *name = run_tensor_name(&tensor, err);
        if (!name) {
            status = -1;
            break;
        }
        json_object(&json, name);
        json_integer(&json, "parameters", tensor.numel);
        json_real(&json, "gradient_norm", optimizer->norms[i]);
        json_end(&json);
        parameters += tensor.numel;
        free(name);
    }
    json_end(&json);
    json_integer(&json, "trained_parameters", parameters);
    json_count(&json, "supervised_tokens", data->supervised);
    json_count(&json, "tokens", data->tokens);
    json_real(&json, "supervised_share", (double)data->supervised / (double)data->tokens);
    if (proof->model)
        put_blocks(&json, proof->model);
    json_object(&json, "frozen");
    json_count(&json, "tensors", frozen.tensors);
    json_integer(&json, "parameters", frozen.parameters);
    json_end(&json);
    json_end(&json);
    if (status == 0)
        status = json_finish(&json, err);
    if (status == 0)
        status = job_dir_save(proof->run, "proof.json", &out, err);
    buffer_free(&out);
    return status;
}

/* Without `adapters` the A of adapters may still lack theirs. */
static int check_gradients(const struct optimizer *optimizer, bool adapters, struct error *err)
{
    struct run_tensor first = {0};
    size_t without = 0;
    for (size_t i = 0; i < optimizer->count; i++) {
        struct run_tensor tensor = optimizer_tensor(optimizer, i);
        if (!(optimizer->norms[i] > 0) && (adapters || tensor.part != PART_A) && without++ == 0)
            first = tensor;
    }
    if (without == 0)
        return 0;
    char *name = run_tensor_name(&first, err);
    if (!name)
        return -1;
    error_set(err,
              "%s trains but its gradient is zero (%zu of %zu tensors, see proof.json): the "
              "supervised tokens do not depend on it, as where each stands first in its document, "
              "or where weights around it are zero; look at the data and the weights, or freeze it",
              name, without, optimizer->count);
    free(name);
    return -1;
}

int run_proof_step(struct run_proof *proof, const struct trainer *trainer, int64_t step,
                   struct error *err)
{
    enum { STEPS = 3 };
    const struct optimizer *optimizer = trainer_optimizer(trainer);
    if (!proof->due)
        return 0;
    bool waits =
        false; /* A of an adapter has no gradient as long as B is zero, which it is at first */
    for (size_t i = 0; i < optimizer->count; i++)
        waits |= optimizer_tensor(optimizer, i).part == PART_A && !(optimizer->norms[i] > 0);
    proof->steps_seen++;
    proof->due = waits && proof->steps_seen < STEPS;
    if (proof->due && proof->steps_seen > 1)
        return 0;
    if (write_proof(proof, trainer, step, err) != 0)
        return -1;
    return check_gradients(optimizer, !proof->due, err);
}

/* The rest of the file stays as it is: the norms are those of the first steps. */
int run_proof_saved(const struct run_proof *proof, const struct trainer *trainer, int64_t step,
                    struct error *err)
{
    struct frozen_count count = trainer_frozen(trainer);
    struct buffer out = BUFFER_INIT;
    if (!job_dir_has(proof->run, "proof.json"))
        return 0;
    cJSON *json = job_dir_read(proof->run, "proof.json", err);
    if (!json)
        return -1;
    cJSON_DeleteItemFromObjectCaseSensitive(json, "frozen");
    cJSON *frozen = cJSON_AddObjectToObject(json, "frozen");
    cJSON_AddNumberToObject(frozen, "tensors", (double)count.tensors);
    cJSON_AddNumberToObject(frozen, "parameters", (double)count.parameters);
    cJSON_AddNumberToObject(frozen, "unchanged_at_step", (double)step);
    struct json_writer writer = {.out = &out};
    json_tree(&writer, NULL, json);
    cJSON_Delete(json);
    return job_dir_save_json(proof->run, "proof.json", &writer, err);
}

/* --- the observer --- */

/* The lines first, then the proof, then the view: what a screen shows is in the files by then. The
 * gradients' norms come when evaluations do. A step that was left out updates nothing, so it proves
 * nothing. */
static int on_step(void *context, const struct train_report *report, struct error *err)
{
    struct run_observer *observer = context;
    const struct run_setup *setup = observer->setup;
    const struct training_view *view = observer->sitting->view;
    const struct trainer *trainer = setup->trainer;
    int64_t step = report->progress.step;
    bool due = step_is_due(step, setup->settings.eval_every, trainer_steps(trainer));
    if (run_lines_step(observer->lines, report, trainer, setup->base_bytes, err) != 0)
        return -1;
    if (report->left_out && run_lines_spike(observer->lines, report, err) != 0)
        return -1;
    if (!report->left_out && due &&
        run_lines_gradients(observer->lines, step, trainer_optimizer(trainer), err) != 0)
        return -1;
    if (!report->left_out && run_proof_step(observer->proof, trainer, step, err) != 0)
        return -1;
    if (view->on_step)
        view->on_step(view->context, report, trainer_steps(setup->trainer));
    return 0;
}

static int on_evaluation(void *context, int64_t step, const struct evaluation *evaluation,
                         struct error *err)
{
    struct run_observer *observer = context;
    const struct training_view *view = observer->sitting->view;
    if (run_lines_evaluation(observer->lines, step, evaluation, err) != 0)
        return -1;
    if (view->on_evaluation)
        view->on_evaluation(view->context, step, evaluation);
    return 0;
}

/* A sample may end within a character, whose bytes are replaced. */
static int on_sample(void *context, int64_t step, const int32_t *ids, int64_t count,
                     struct error *err)
{
    struct run_observer *observer = context;
    const struct training_view *view = observer->sitting->view;
    struct buffer text = BUFFER_INIT;
    int status = tokenizer_decode(observer->tokenizer, ids, (size_t)count, true, &text, err);
    if (status == 0 && text.data)
        utf8_mend(text.data);
    if (status == 0)
        status = run_lines_sample(observer->lines, step, buffer_string(&text), err);
    if (status == 0 && view->on_sample)
        view->on_sample(view->context, step, buffer_string(&text));
    buffer_free(&text);
    return status;
}

static int on_saved(void *context, int64_t step, struct error *err)
{
    struct run_observer *observer = context;
    if (run_proof_saved(observer->proof, observer->setup->trainer, step, err) != 0)
        return -1;
    return run_lines_checkpoint(observer->lines, step, err);
}

/* Between two steps: what is asked for now. In a pause it returns for a checkpoint, is called once
 * more when that is written, and continues to wait. */
static enum train_command poll_commands(void *context)
{
    struct run_observer *observer = context;
    const char *run = observer->sitting->request->run;
    if (run_should_stop(observer->sitting))
        return TRAIN_STOP;
    if (!observer->paused && !job_request_take(run, JOB_REQUEST_PAUSE, NULL))
        return job_request_take(run, JOB_REQUEST_CHECKPOINT, NULL) ? TRAIN_CHECKPOINT
                                                                   : TRAIN_CONTINUE;
    double began = clock_seconds();
    enum job_command command = job_pause(run, run_should_stop, observer->sitting);
    run_lines_paused(observer->lines, clock_seconds() - began);
    observer->paused = command == JOB_CHECKPOINT;
    return command == JOB_STOP         ? TRAIN_STOP
           : command == JOB_CHECKPOINT ? TRAIN_CHECKPOINT
                                       : TRAIN_CONTINUE;
}

/* Also within an evaluation, of which nothing is kept then. */
static bool should_stop(void *context)
{
    struct run_observer *observer = context;
    return run_should_stop(observer->sitting);
}

struct train_observer run_observer_callbacks(struct run_observer *observer)
{
    return (struct train_observer){observer, on_step,       on_evaluation, on_sample,
                                   on_saved, poll_commands, should_stop};
}
