/* The trainer's observer: metrics.jsonl for whoever follows, requests from whoever steers. */
#include "base/utf8.h"
#include "job/requests.h"
#include "job/training_parts.h"

#include <inttypes.h>
#include <math.h>
#include <unistd.h>

/* Lines for which the disk has no room wait (metrics.h): the steps go on, and what they made is
 * lost only if there is no room for the next checkpoint either. */
static int append(struct training *training, struct buffer *line, struct error *err)
{
    struct error why = ERROR_INIT;
    int status = job_metrics_append(&training->metrics, line, &why);
    buffer_free(line);
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

static void put_bytes(struct buffer *out, const char *key, size_t bytes)
{
    if (bytes > 0)
        buffer_format(out, ", \"%s\": %zu", key, bytes);
}

/* The plan, and what it can be held against: what the process has, the most that it had, and what
 * it had before it took what was planned. */
static void put_memory(struct buffer *out, const struct training *training)
{
    const struct memory_plan *plan = trainer_memory(training->trainer);
    buffer_text(out, ", \"memory_bytes\": {");
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        buffer_format(out, "%s\"%s\": %" PRIu64, i ? ", " : "",
                      memory_category_name((enum memory_category)i), plan->bytes[i]);
    buffer_byte(out, '}');
    put_bytes(out, "process_bytes", process_resident_bytes());
    put_bytes(out, "process_peak_bytes", process_peak_bytes());
    put_bytes(out, "process_base_bytes", training->base_bytes);
}

static int write_step(struct training *training, const struct train_report *report,
                      struct error *err)
{
    const struct progress *progress = &report->progress;
    struct buffer line = BUFFER_INIT;
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"loss", report->loss},
        {"lr", report->rate},
        {"grad_norm", report->norm},
        {"tokens_per_s", (double)report->step_tokens / report->step_seconds},
        {"step_s", report->step_seconds},
    };
    buffer_format(&line, "{\"step\": %" PRId64 ", \"time_s\": ", progress->step);
    json_put_number(&line, progress->seconds);
    buffer_format(&line, ", \"tokens\": %" PRIu64 ", \"supervised_tokens\": %" PRIu64,
                  progress->tokens, progress->supervised);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (isnan(numbers[i].value))
            continue;
        buffer_format(&line, ", \"%s\": ", numbers[i].key);
        json_put_number(&line, numbers[i].value);
    }
    if (report->z_loss > 0) {
        buffer_text(&line, ", \"z_loss\": ");
        json_put_number(&line, report->z_loss);
    }
    put_memory(&line, training);
    buffer_byte(&line, '}');
    return append(training, &line, err);
}

/* A step that the spike guard left out. */
static int write_spike(struct training *training, const struct train_report *report,
                       struct error *err)
{
    struct buffer line = BUFFER_INIT;
    long long step = (long long)report->progress.step;
    training_say(training,
                 "step %lld was left out: its loss %.4f stands %.1f deviations above the "
                 "last ones",
                 step, report->loss, report->spike_score);
    buffer_format(&line, "{\"event\": \"spike\", \"step\": %lld, \"loss\": ", step);
    json_put_number(&line, report->loss);
    if (isfinite(report->spike_score)) {
        buffer_text(&line, ", \"z\": ");
        json_put_number(&line, report->spike_score);
    }
    buffer_byte(&line, '}');
    return append(training, &line, err);
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
    buffer_format(&line, "{\"step\": %" PRId64 ", \"eval_loss\": ", step);
    json_put_number(&line, evaluation->loss);
    buffer_format(&line, ", \"eval_tokens\": %" PRIu64 "}", evaluation->tokens);
    if (append(training, &line, err) != 0)
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
    int status = tokenizer_decode(training->tokenizer, ids, (size_t)count, true, &text, err);
    if (status == 0) {
        if (text.data)
            utf8_mend(text.data);
        buffer_format(&line, "{\"event\": \"sample\", \"step\": %" PRId64 ", \"text\": ", step);
        json_put_string(&line, buffer_string(&text));
        buffer_byte(&line, '}');
        status = append(training, &line, err);
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
    buffer_format(&line, "{\"event\": \"%s\", \"step\": %" PRId64 "}", event, step);
    return append(training, &line, err);
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
    buffer_format(&line,
                  "{\"event\": \"reselect\", \"step\": %" PRId64 ", \"begin\": %zu, \"end\": %zu}",
                  step, begun, ended);
    return append(training, &line, err);
}

int training_note_resume(struct training *training, struct error *err)
{
    return write_event(training, "resume", trainer_progress(training->trainer)->step, err);
}

bool training_should_stop(void *context)
{
    struct training *training = context;
    const volatile sig_atomic_t *interrupted = training->view->interrupted;
    if ((interrupted && *interrupted) ||
        (training->supervisor && getppid() != training->supervisor) ||
        (!training->dry && job_request_take(training->request->run, JOB_REQUEST_STOP, NULL)))
        training->stopping = true;
    return training->stopping;
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
