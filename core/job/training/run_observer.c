#include "job/training/run_observer.h"

#include "base/utf8.h"
#include "job/requests.h"

/* The line first, then the proof, then the view: what a screen shows is in the files by then. A step that
 * was left out updates nothing, so it proves nothing. */
static int on_step(void *context, const struct train_report *report, struct error *err)
{
    struct run_observer *observer = context;
    const struct run_setup *setup = observer->setup;
    const struct training_view *view = observer->sitting->view;
    if (run_lines_step(observer->lines, report, trainer_memory(setup->trainer), setup->base_bytes,
                       err) != 0)
        return -1;
    if (report->left_out && run_lines_spike(observer->lines, report, err) != 0)
        return -1;
    if (!report->left_out &&
        run_proof_step(observer->proof, setup->trainer, report->progress.step, err) != 0)
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
    return run_lines_event(observer->lines, "checkpoint", step, err);
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
    enum job_command command = job_pause(run, run_should_stop, observer->sitting);
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
