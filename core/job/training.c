#include "job/training.h"

#include "job/job_dir.h"
#include "job/launch.h"
#include "job/lock.h"
#include "job/training_parts.h"
#include "job/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Which state a resume goes on from, found whole before anything else is read. */
static int find_checkpoint(struct training *training, struct error *err)
{
    const struct state_choice choice = {.step = training->request->from_step};
    struct error why = ERROR_INIT;
    bool digested;
    if (choice.step == 0 && state_latest_step(training->request->run, &why) < 0 &&
        why.kind == ERROR_NONE)
        return 0;
    training->state = state_choose(training->request->run, &choice, err);
    if (!training->state || state_check(training->state, STATE_ALL, &digested, err) != 0)
        return -1;
    if (!digested)
        training_say(training,
                     "%s is an earlier version's and has no SHA-256: whether it is as it was "
                     "written cannot be said",
                     training->state);
    return 0;
}

/* From here on the run is what comes behind that state. */
static int go_back_to_checkpoint(struct training *training, bool *exact, struct error *err)
{
    if (!training->state) {
        training_say(training, "there is no checkpoint yet: the run begins again");
        return 0;
    }
    if (trainer_resume(training->trainer, training->state, exact, err) != 0 ||
        state_leave_later(training->request->run, trainer_progress(training->trainer)->step, err) !=
            0)
        return -1;
    if (!*exact)
        training_say(training, "resuming on another machine, thread count or version: the numbers "
                               "will not be the same to the bit");
    return 0;
}

static void tell_start(const struct training *training, bool resumed, bool exact)
{
    const struct optimizer *optimizer = trainer_optimizer(training->trainer);
    const struct model *model = training->model;
    struct training_start start = {
        .model = model,
        .optimizer = optimizer,
        .memory = trainer_memory(training->trainer),
        .memory_free = training->free_bytes,
        .disk = training->disk,
        .recomputed = training->settings.recomputed,
        .steps = trainer_steps(training->trainer),
        .warmup = trainer_warmup(training->trainer),
        .progress = *trainer_progress(training->trainer),
        .trained_tensors = optimizer->count,
        .data = training_data_plan(training),
        .precision = training->identity.precision,
        .sample = training->settings.sample.ids ? &training->prompt : NULL,
        .tokenizer = training->tokenizer,
        .resumed = resumed,
        .exact = exact,
        .adapters = method_info(training->request->method)->adapters,
    };
    for (size_t i = 0; i < optimizer->count; i++)
        start.trained_parameters += optimizer_tensor(optimizer, i).parameters;
    for (size_t i = 0; i < model->parameter_count; i++) {
        bool used = parameter_is_used(model, &model->parameters[i]);
        start.tensors += used;
        start.parameters += used ? model->parameters[i].numel : 0;
    }
    if (training->view->on_start)
        training->view->on_start(training->view->context, &start);
}

/* What was asked for goes on record before anything can fail, so that a start that failed says what
 * it was and can be resumed. A resume has its record. */
static int begin_record(struct training *training, bool resume, struct error *err)
{
    const char *run = training->request->run;
    training->supervisor = job_end_with_supervisor(run);
    if (job_metrics_open(&training->metrics, run, err) != 0)
        return -1;
    training->metrics_open = true;
    state_remove_leftovers(run);
    job_dir_remove_left(run);
    training->recorded = resume && job_dir_has(run, "job.json");
    if (training->recorded)
        return 0;
    if (training_write_job(training, err) != 0)
        return -1;
    job_trust_note(run);
    return 0;
}

/* To the end, with another set of what trains where that is chosen again on the way. */
static int run(struct training *training, const struct train_observer *observer, struct error *err)
{
    int status = 0;
    while (status == 0) {
        if (training_must_reselect(training) && training_reselect(training, observer, err) != 0)
            return -1;
        int64_t until = training_reselect_step(training);
        status = trainer_run_until(training->trainer, until, observer, err);
        if (until >= trainer_steps(training->trainer))
            break;
    }
    return status;
}

/* Opens everything, keeps the records, trains. 1: stopped. */
static int train(struct training *training, bool resume, struct error *err)
{
    bool exact = true;
    if (begin_record(training, resume, err) != 0 ||
        training_check(training->request, resume ? TRAINING_RESUMES : TRAINING_STARTS, err) != 0 ||
        training_keep_template(training, resume, err) != 0 ||
        (resume && find_checkpoint(training, err) != 0) ||
        training_open(training, resume, err) != 0 || training_check_disk(training, err) != 0 ||
        (resume && go_back_to_checkpoint(training, &exact, err) != 0) ||
        training_write_job(training, err) != 0 ||
        (resume && training_note_resume(training, err) != 0))
        return -1;
    tell_start(training, resume, exact);
    training->proof_due = !resume || !training_is_proved(training);
    struct train_observer observer = training_observer(training);
    int status = run(training, &observer, err);
    return status < 0 || job_metrics_flush(&training->metrics, err) == 0 ? status : -1;
}

/* -1: none yet. A resume that ends while it opens its data stands where its checkpoint does. */
static int64_t last_step(const struct training *training)
{
    int64_t saved = state_latest_step(training->request->run, NULL);
    int64_t step = training->trainer ? trainer_progress(training->trainer)->step : -1;
    return step > saved ? step : saved;
}

static int write_result(const struct training *training, int status, int64_t step,
                        struct error *err)
{
    char message[ERROR_TEXT_MAX];
    struct job_result result = {.message = message, .last_step = step};
    result.status = status < 0 ? "failed" : status > 0 ? "stopped" : "completed";
    bool left = training->supervisor && getppid() != training->supervisor;
    const char *why = status > 0 && left ? "its supervisor was killed; " : "";
    if (status < 0)
        snprintf(message, sizeof message, "%s", err->text);
    else if (result.last_step < 0)
        snprintf(message, sizeof message, "%s%s before the first step", why, result.status);
    else
        snprintf(message, sizeof message, "%s%s at step %lld", why, result.status,
                 (long long)result.last_step);
    return job_result_write(training->request->run, &result, status < 0 ? NULL : err);
}

/* A supervisor holds the lock for its worker; a run in a terminal holds its own. */
static int take_lock(const char *run, bool *taken, struct error *err)
{
    *taken = false;
    if (job_lock_is_parents(run))
        return 0;
    if (job_lock_take(run, err) != 0)
        return -1;
    *taken = true;
    return 0;
}

int training_run(const struct training_request *request, bool resume,
                 const struct training_view *view, struct error *err)
{
    struct training training = {.request = request, .view = view};
    bool locked;
    if (take_lock(request->run, &locked, err) != 0)
        return -1;
    int status = train(&training, resume, err);
    if (status < 0 && err->kind == ERROR_INTERRUPTED) /* in the scan */
        status = 1;
    int64_t step = last_step(&training);
    if (status < 0 && step < 0 && !resume)
        training_drop_template(&training);
    if (write_result(&training, status, step, err) != 0 && status == 0)
        status = -1;
    training_close(&training);
    if (locked)
        job_lock_release(request->run);
    if (status > 0 && step < 0)
        return error_set_kind(err, ERROR_INTERRUPTED,
                              "stopped before the first step; `spectrum resume %s` goes on",
                              request->run);
    if (status > 0)
        return error_set_kind(err, ERROR_INTERRUPTED,
                              "stopped behind step %lld; `spectrum resume %s` goes on",
                              (long long)step, request->run);
    return status;
}

int training_dry_run(const struct training_request *request, const struct training_view *view,
                     struct error *err)
{
    struct training training = {.request = request, .view = view, .dry = true};
    int status = -1;
    if (training_check(request, TRAINING_ASKED, err) == 0 &&
        training_keep_template(&training, false, err) == 0)
        status = training_open(&training, false, err);
    if (status == 0)
        status = training_check_disk(&training, err);
    if (status == 0)
        status = training_write_job(&training, err);
    if (status == 0)
        tell_start(&training, false, true);
    training_close(&training);
    return status;
}
