/* The trainer's observer: metrics.jsonl for whoever follows, requests from whoever steers. */
#include "base/process.h"
#include "base/utf8.h"
#include "job/requests.h"
#include "job/training_parts.h"

#include <math.h>
#include <unistd.h>

/* A line of metrics.jsonl: begin_line() or begin_event(), members, append(), which ends it. */
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

/* Lines for which the disk has no room wait (metrics.h): the steps go on, and what they made is
 * lost only if there is no room for the next checkpoint either. */
static int append(struct training *training, struct json_writer *json, struct error *err)
{
    struct error why = ERROR_INIT;
    json_end(json);
    int status = job_metrics_append(&training->metrics, json->out, &why);
    buffer_free(json->out);
    if (status < 0 && err)
        *err = why;
    if (status < 0)
        return -1;
    if (status > 0 && !training->metrics_wait)
        training_say(training, "%s: its lines wait in memory for room, and training continues",
                     why.text);
    training->metrics_wait = status > 0;
    return 0;
}

static void put_bytes(struct json_writer *json, const char *key, size_t bytes)
{
    if (bytes > 0)
        json_count(json, key, bytes);
}

/* What is not known is absent. */
static void put_known(struct json_writer *json, const char *key, double value)
{
    if (!isnan(value))
        json_real(json, key, value);
}

/* The plan, and what it can be held against: what the process has, the most that it had, and what
 * it had before it took what was planned. */
static void put_memory(struct json_writer *json, const struct training *training)
{
    const struct memory_plan *plan = trainer_memory(training->trainer);
    json_object(json, "memory_bytes");
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        json_count(json, memory_category_name((enum memory_category)i), plan->bytes[i]);
    json_end(json);
    put_bytes(json, "process_bytes", process_resident_bytes());
    put_bytes(json, "process_peak_bytes", process_peak_bytes());
    put_bytes(json, "process_base_bytes", training->base_bytes);
}

static int write_step(struct training *training, const struct train_report *report,
                      struct error *err)
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
    put_memory(&json, training);
    return append(training, &json, err);
}

/* A step that the spike guard left out. */
static int write_spike(struct training *training, const struct train_report *report,
                       struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    long long step = (long long)report->progress.step;
    training_say(training,
                 "step %lld was left out: its loss %.4f stands %.1f deviations above the "
                 "last ones",
                 step, report->loss, report->spike_score);
    begin_event(&json, "spike", step);
    json_real(&json, "loss", report->loss);
    if (isfinite(report->spike_score))
        json_real(&json, "z", report->spike_score);
    return append(training, &json, err);
}

/* proof.json behind the first step. Adapters begin with B zero and A without a gradient, and the
 * warm-up with the rate 0: behind the third step that counts A has one too, and then it is written
 * again, complete. */
static int prove(struct training *training, int64_t step, struct error *err)
{
    enum { STEPS = 3 };
    if (!training->proof_due)
        return 0;
    training->steps_seen++;
    training->proof_due = training_waits_for_adapters(training) && training->steps_seen < STEPS;
    if (training->proof_due && training->steps_seen > 1)
        return 0;
    if (training_write_proof(training, step, err) != 0)
        return -1;
    return training_check_proof(training, !training->proof_due, err);
}

static int on_step(void *context, const struct train_report *report, struct error *err)
{
    struct training *training = context;
    if (write_step(training, report, err) != 0)
        return -1;
    if (report->left_out && write_spike(training, report, err) != 0)
        return -1;
    if (!report->left_out && prove(training, report->progress.step, err) != 0)
        return -1;
    if (training->view->on_step)
        training->view->on_step(training->view->context, report, trainer_steps(training->trainer));
    return 0;
}

static int on_evaluation(void *context, int64_t step, const struct evaluation *evaluation,
                         struct error *err)
{
    struct training *training = context;
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_line(&json, step);
    json_real(&json, "eval_loss", evaluation->loss);
    json_count(&json, "eval_tokens", evaluation->tokens);
    if (append(training, &json, err) != 0)
        return -1;
    if (training->view->on_evaluation)
        training->view->on_evaluation(training->view->context, step, evaluation);
    return 0;
}

static int on_sample(void *context, int64_t step, const int32_t *ids, int64_t count,
                     struct error *err)
{
    struct training *training = context;
    struct buffer text = BUFFER_INIT, line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    int status = tokenizer_decode(training->tokenizer, ids, (size_t)count, true, &text, err);
    if (status == 0) {
        if (text.data)
            utf8_mend(text.data);
        begin_event(&json, "sample", step);
        json_text(&json, "text", buffer_string(&text));
        status = append(training, &json, err);
    }
    if (status == 0 && training->view->on_sample)
        training->view->on_sample(training->view->context, step, buffer_string(&text));
    buffer_free(&text);
    return status;
}

static int write_event(struct training *training, const char *event, int64_t step,
                       struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_event(&json, event, step);
    return append(training, &json, err);
}

static int on_saved(void *context, int64_t step, struct error *err)
{
    if (training_prove_frozen(context, step, err) != 0)
        return -1;
    return write_event(context, "checkpoint", step, err);
}

int training_note_reselect(struct training *training, int64_t step, size_t begun, size_t ended,
                           struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    begin_event(&json, "reselect", step);
    json_count(&json, "begin", begun);
    json_count(&json, "end", ended);
    return append(training, &json, err);
}

int training_note_resume(struct training *training, struct error *err)
{
    return write_event(training, "resume", trainer_progress(training->trainer)->step, err);
}

static enum train_wish wish(void *context)
{
    struct training *training = context;
    const char *run = training->request->run;
    if (training_should_stop(training))
        return TRAIN_STOP;
    if (!training->paused && !job_request_take(run, JOB_REQUEST_PAUSE, NULL))
        return job_request_take(run, JOB_REQUEST_CHECKPOINT, NULL) ? TRAIN_CHECKPOINT : TRAIN_GO_ON;
    enum job_wish asked = job_pause(run, training_should_stop, training);
    training->paused = asked == JOB_CHECKPOINT;
    return asked == JOB_STOP         ? TRAIN_STOP
           : asked == JOB_CHECKPOINT ? TRAIN_CHECKPOINT
                                     : TRAIN_GO_ON;
}

struct train_observer training_observer(struct training *training)
{
    return (struct train_observer){training, on_step, on_evaluation,       on_sample,
                                   on_saved, wish,    training_should_stop};
}
