#include "job/training/training.h"

#include "job/job_after.h"
#include "job/job_dir.h"
#include "job/job_progress.h"
#include "job/launch.h"
#include "job/lock.h"
#include "job/training/run_more.h"
#include "job/training/run_observer.h"
#include "job/training/run_probe.h"
#include "job/training/run_record.h"
#include "job/training/run_reselect.h"
#include "job/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A sitting and its parts, in the order in which they are opened. The state is the sitting's; an
 * observer, a proof and a choice on the way borrow the others. */
struct training {
    struct run_sitting sitting;
    struct run_lines lines;
    struct job_progress_writer progress; /* its watch is the sitting's */
    struct run_base base;
    char *state; /* of sitting.state; NULL: none */
    struct run_more more;
    struct run_data data;
    struct run_choice choice;
    struct run_setup setup;
    bool recorded; /* job.json is there: it stays what it is until the resume succeeds */
    bool begun;    /* nothing can refuse the start any more */
    const struct training_elsewhere *elsewhere; /* NULL: this program's trainer */
    int64_t step_elsewhere;                     /* the last that was taken there; -1: none */
};

static void begin(struct training *training, const struct training_request *request,
                  const struct training_view *view, bool resume, bool dry)
{
    *training = (struct training){.sitting = {.request = request,
                                              .view = view,
                                              .job = dry ? NULL : request->run,
                                              .resume = resume,
                                              .dry = dry}};
    run_base_begin(&training->base, &training->sitting);
    run_setup_begin(&training->setup, &training->sitting);
}

/* In the reverse order of the parts; each takes one that was never opened. */
static void end(struct training *training)
{
    job_progress_close(&training->progress);
    run_lines_close(&training->lines);
    run_setup_close(&training->setup);
    run_choice_close(&training->choice);
    run_data_close(&training->data);
    run_base_close(&training->base);
    run_more_close(&training->more);
    free(training->state);
}

static int write_record(const struct training *training, struct error *err)
{
    return run_record_write(&training->base, &training->data, &training->setup, err);
}

/* --- opening --- */

/* What was asked for goes on record before anything can fail, so that a start that failed says what
 * it was and can be resumed. A resume has its record. */
static int begin_record(struct training *training, struct error *err)
{
    struct run_sitting *sitting = &training->sitting;
    const char *run = sitting->request->run;
    sitting->supervisor = job_end_with_supervisor(run);
    if (run_lines_open(&training->lines, sitting, err) != 0)
        return -1;
    job_progress_open(&training->progress, run);
    sitting->work = &training->progress.watch;
    work_tell(sitting->work, WORK_LOADING, 0, 0); /* files are opened and checked */
    state_remove_leftovers(run);
    job_dir_remove_left(run);
    training->recorded = sitting->resume && job_dir_has(run, "job.json");
    if (training->recorded)
        return 0;
    if (write_record(training, err) != 0)
        return -1;
    job_trust_note(run);
    return 0;
}

/* Which state a resume continues from, found whole before anything else is read. */
static int find_checkpoint(struct training *training, struct error *err)
{
    struct run_sitting *sitting = &training->sitting;
    const char *run = sitting->request->run;
    const struct state_choice choice = {.step = sitting->request->from_step};
    struct error why = ERROR_INIT;
    bool digested;
    if (choice.step == 0 && state_latest_step(run, &why) < 0 && why.kind == ERROR_NONE)
        return 0;
    sitting->state = training->state = state_choose(run, &choice, err);
    if (!training->state || state_check(training->state, STATE_ALL, &digested, err) != 0)
        return -1;
    if (!digested)
        run_warn(sitting,
                 "%s is an earlier version's and has no SHA-256: whether it is as it was written "
                 "cannot be said",
                 training->state);
    return 0;
}

static void say_wait(void *sitting, const char *job)
{
    run_say(sitting, "waits until %s has completed", job);
}

/* For the jobs of --after; a run that has a checkpoint has begun. */
static int wait_for_others(struct training *training, struct error *err)
{
    struct run_sitting *sitting = &training->sitting;
    const struct training_request *request = sitting->request;
    if (sitting->state || request->after.count == 0)
        return 0;
    return job_after_wait(request->run, &request->after, run_should_stop, say_wait, sitting, err);
}

/* The steps that were added to the run, of which the trainer is to know before it is made. */
static int find_more(struct training *training, struct error *err)
{
    if (run_more_open(&training->more, &training->sitting, err) != 0)
        return -1;
    training->setup.settings.parts = training->more.parts;
    training->setup.settings.part_count = training->more.count;
    return 0;
}

/* Every part that a dry run has, too. */
static int open_parts(struct training *training, struct error *err)
{
    struct run_base *base = &training->base;
    struct run_data *data = &training->data;
    struct run_setup *setup = &training->setup;
    if (run_base_open(base, err) != 0)
        return -1;
    /* where it began is known once: a resume finds the base made */
    if (!training->recorded && base->start && write_record(training, err) != 0)
        return -1;
    if (run_data_open(data, base, &setup->settings, err) != 0 ||
        run_setup_identify(setup, base, data, err) != 0)
        return -1;
    if (!training->recorded && write_record(training, err) != 0)
        return -1;
    if (run_choice_make(&training->choice, base, err) != 0 ||
        run_setup_open(setup, &training->choice, err) != 0 || run_reselect_check(setup, err) != 0)
        return -1;
    return run_setup_check_disk(setup, err);
}

/* From here on the run is what comes after that state. */
static int go_back_to_checkpoint(struct training *training, bool *exact, struct error *err)
{
    const struct run_sitting *sitting = &training->sitting;
    struct trainer *trainer = training->setup.trainer;
    if (!training->state) {
        run_say(sitting, "there is no checkpoint yet: the run begins at step 0");
        return 0;
    }
    if (trainer_resume(trainer, training->state, exact, err) != 0 ||
        state_leave_later(sitting->request->run, trainer_progress(trainer)->step, err) != 0)
        return -1;
    if (!*exact)
        run_warn(sitting, "resuming on another machine, thread count or version: the numbers "
                          "will not be the same to the bit");
    return 0;
}

/* What was found out, in one struct for the view; `exact`: a resume continues to the bit. */
static void tell_start(const struct training *training, bool exact)
{
    const struct run_sitting *sitting = &training->sitting;
    const struct run_setup *setup = &training->setup;
    const struct optimizer *optimizer = trainer_optimizer(setup->trainer);
    const struct model *model = training->base.model;
    struct training_start start = {
        .request = sitting->request,
        .model = model,
        .optimizer = optimizer,
        .memory = trainer_memory(setup->trainer),
        .memory_free = setup->free_bytes,
        .disk = setup->disk,
        .recomputed = setup->settings.recomputed,
        .steps = trainer_steps(setup->trainer),
        .warmup = setup->course->schedule.warmup,
        .progress = *trainer_progress(setup->trainer),
        .trained_tensors = optimizer->count,
        .data = run_data_plan(&training->data, &setup->settings, setup->course),
        .precision = setup->identity.precision,
        .sample = setup->settings.sample.ids ? &training->data.prompt : NULL,
        .tokenizer = training->base.tokenizer,
        .resumed = sitting->resume,
        .exact = exact,
        .adapters = method_info(sitting->request->method)->adapters,
    };
    for (size_t i = 0; i < optimizer->count; i++)
        start.trained_parameters += optimizer_tensor(optimizer, i).numel;
    for (size_t i = 0; i < model->parameter_count; i++) {
        bool used = parameter_is_used(model, &model->parameters[i]);
        start.tensors += used;
        start.parameters += used ? model->parameters[i].numel : 0;
    }
    if (sitting->view->on_start)
        sitting->view->on_start(sitting->view->context, &start);
}

/* --- training --- */

/* To the last step, with another set of what trains where --reselect asks for it on the way. 1:
 * stopped. */
static int run_steps(struct training *training, struct error *err)
{
    struct run_setup *setup = &training->setup;
    const struct run_sitting *sitting = &training->sitting;
    struct run_proof proof;
    struct run_observer observer = {.sitting = &training->sitting,
                                    .tokenizer = training->base.tokenizer,
                                    .setup = setup,
                                    .lines = &training->lines,
                                    .proof = &proof};
    struct run_reselect reselect = {
        .choice = &training->choice, .setup = setup, .lines = &training->lines, .proof = &proof};
    run_proof_begin(&proof, sitting->request->run, &training->data.set, training->base.model,
                    sitting->resume);
    struct train_observer callbacks = run_observer_callbacks(&observer);
    int status = 0;
    while (status == 0) {
        if (run_reselect_is_due(&reselect) && run_reselect_choose(&reselect, &callbacks, err) != 0)
            return -1;
        int64_t until = run_reselect_next(&reselect);
        run_lines_begin(&training->lines);
        status = trainer_run_until(setup->trainer, until, &callbacks, err);
        if (until >= trainer_steps(setup->trainer))
            break;
    }
    return status;
}

/* Opens everything, keeps the records, trains. 1: stopped. */
static int train(struct training *training, struct error *err)
{
    const struct run_sitting *sitting = &training->sitting;
    bool exact = true, resume = sitting->resume;
    enum training_stage stage = resume ? TRAINING_RESUMES : TRAINING_STARTS;
    if (begin_record(training, err) != 0 || training_check(sitting->request, stage, err) != 0 ||
        run_base_keep_template(&training->base, err) != 0 ||
        (resume && (find_checkpoint(training, err) != 0 || find_more(training, err) != 0)) ||
        wait_for_others(training, err) != 0 || open_parts(training, err) != 0 ||
        (resume && go_back_to_checkpoint(training, &exact, err) != 0) ||
        write_record(training, err) != 0)
        return -1;
    run_lines_describe(&training->lines);
    int64_t step = trainer_progress(training->setup.trainer)->step;
    if (resume && run_lines_event(&training->lines, "resume", step, err) != 0)
        return -1;
    if (training->more.added &&
        run_lines_more(&training->lines, &training->more.parts[training->more.count - 1], err) != 0)
        return -1;
    tell_start(training, exact);
    training->begun = true;
    int status = run_steps(training, err);
    return status < 0 || job_metrics_flush(&training->lines.writer, err) == 0 ? status : -1;
}

/* --- another engine in the trainer's place --- */

/* The parts of a run without a trainer. Which device computes here does not matter to it. */
static int open_parts_elsewhere(struct training *training, struct error *err)
{
    struct run_base *base = &training->base;
    struct run_data *data = &training->data;
    struct run_setup *setup = &training->setup;
    return run_base_open(base, err) == 0 && run_data_open(data, base, &setup->settings, err) == 0 &&
                   run_setup_identify(setup, base, data, err) == 0 &&
                   run_choice_make(&training->choice, base, err) == 0 &&
                   run_setup_open_course(setup, &training->choice, err) == 0
               ? write_record(training, err)
               : -1;
}

static int prepare_elsewhere(struct training *training, struct error *err)
{
    const struct training_parts parts = {&training->sitting, &training->base, &training->data,
                                         &training->choice, &training->setup};
    const struct training_elsewhere *elsewhere = training->elsewhere;
    return wait_for_others(training, err) == 0 && open_parts_elsewhere(training, err) == 0
               ? elsewhere->prepare(elsewhere->context, &parts, err)
               : -1;
}

/* A resume has its folder, which stands alone: nothing of what it was made from is opened again. */
static int train_elsewhere(struct training *training, struct error *err)
{
    struct run_sitting *sitting = &training->sitting;
    const struct training_elsewhere *elsewhere = training->elsewhere;
    enum training_stage stage = sitting->resume ? TRAINING_RESUMES : TRAINING_STARTS;
    if (begin_record(training, err) != 0 || training_check(sitting->request, stage, err) != 0 ||
        run_base_keep_template(&training->base, err) != 0 ||
        (!sitting->resume && prepare_elsewhere(training, err) != 0))
        return -1;
    if (sitting->request->dry_run && !sitting->resume)
        return error_set_kind(err, ERROR_NOT_STARTED,
                              "the folder is written, and nothing was started: `spectrum resume "
                              "%s`, or its launch.sh, starts it",
                              sitting->request->run);
    training->begun = true;
    run_lines_describe(&training->lines);
    return elsewhere->run(elsewhere->context, sitting, &training->lines, &training->step_elsewhere,
                          err);
}

/* --- how it ended --- */

/* -1: none yet. A resume that ends while it opens its data stands where its checkpoint does. A start
 * that was refused when there was a trainer already has none: the folder is free for the next one. */
static int64_t last_step(const struct training *training)
{
    const struct trainer *trainer = training->setup.trainer;
    int64_t saved = state_latest_step(training->sitting.request->run, NULL);
    int64_t step = trainer && training->begun ? trainer_progress(trainer)->step : -1;
    if (training->elsewhere)
        step = training->step_elsewhere;
    return step > saved ? step : saved;
}

/* result.json, which the supervisor leaves as it is (launch.c). After a failure the error stands,
 * also where the result cannot be written. */
static int write_result(const struct run_sitting *sitting, int status, int64_t step,
                        struct error *err)
{
    char message[ERROR_TEXT_MAX];
    struct job_result result = {.message = message, .last_step = step};
    result.status = status < 0 && err->kind == ERROR_NOT_STARTED ? "not started"
                    : status < 0                                 ? "failed"
                    : status > 0                                 ? "stopped"
                                                                 : "completed";
    bool left = sitting->supervisor && getppid() != sitting->supervisor;
    const char *why = status > 0 && left ? "its supervisor was killed; " : "";
    if (status < 0)
        snprintf(message, sizeof message, "%s", err->text);
    else if (result.last_step < 0)
        snprintf(message, sizeof message, "%s%s before the first step", why, result.status);
    else
        snprintf(message, sizeof message, "%s%s at step %lld", why, result.status,
                 (long long)result.last_step);
    return job_result_write(sitting->request->run, &result, status < 0 ? NULL : err);
}

/* The result is written before anything is freed and before the lock goes; a start that was refused
 * leaves no copy of a template, which the next start would take for its own. */
static int run_as_job(const struct training_request *request, bool resume,
                      const struct training_view *view, const struct training_elsewhere *elsewhere,
                      struct error *err)
{
    struct training training;
    /* A supervisor holds the lock for its worker; a run in a terminal holds its own. */
    bool supervised = job_lock_is_parents(request->run);
    if (!supervised && job_lock_take(request->run, err) != 0)
        return -1;
    begin(&training, request, view, resume, false);
    training.elsewhere = elsewhere;
    training.step_elsewhere = -1;
    int status = elsewhere ? train_elsewhere(&training, err) : train(&training, err);
    if (status < 0 && err->kind == ERROR_INTERRUPTED) /* in the scan, or while it waited */
        status = 1;
    int64_t step = last_step(&training);
    if (status < 0 && step < 0 && !resume)
        run_base_drop_template(&training.base);
    if (write_result(&training.sitting, status, step, err) != 0 && status == 0)
        status = -1;
    end(&training);
    if (!supervised)
        job_lock_release(request->run);
    if (status > 0 && step < 0)
        return error_set_kind(err, ERROR_INTERRUPTED,
                              "stopped before the first step; `spectrum resume %s` continues",
                              request->run);
    if (status > 0)
        return error_set_kind(err, ERROR_INTERRUPTED,
                              "stopped after step %lld; `spectrum resume %s` continues",
                              (long long)step, request->run);
    return status;
}

int training_run(const struct training_request *request, bool resume,
                 const struct training_view *view, struct error *err)
{
    return run_as_job(request, resume, view, NULL, err);
}

int training_run_elsewhere(const struct training_request *request, bool resume,
                           const struct training_view *view,
                           const struct training_elsewhere *elsewhere, struct error *err)
{
    return run_as_job(request, resume, view, elsewhere, err);
}

/* --- without a run --- */

/* The same parts in the same order, without record, lines and lock. */
static int run_dry(struct training *training, struct training_probe *probe, struct error *err)
{
    const struct training_view *view = training->sitting.view;
    bool probes = training->sitting.request->probe;
    if (run_base_keep_template(&training->base, err) != 0 || open_parts(training, err) != 0 ||
        write_record(training, err) != 0)
        return -1;
    tell_start(training, true);
    if (probes && run_probe(probe, &training->setup, err) != 0)
        return -1;
    if (probes && view->on_probe)
        view->on_probe(view->context, probe);
    return 0;
}

/* The run up to its first step, without a folder. */
int training_dry_run(const struct training_request *request, const struct training_view *view,
                     struct error *err)
{
    struct training training;
    struct training_probe probe;
    if (training_check(request, TRAINING_ASKED, err) != 0)
        return -1;
    begin(&training, request, view, false, true);
    int status = run_dry(&training, &probe, err);
    end(&training);
    return status;
}

/* A probe is a job, so it has a job.json; nothing resumes it. */
static int write_probe_record(const char *job, const struct training_request *request,
                              struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_begin(&json, "spectrum.job");
    json_text(&json, "command", "probe");
    json_text(&json, "model", request->model);
    job_put_arguments(&json, request->argc, request->argv);
    json_end(&json);
    return job_dir_save_json(job, "job.json", &json, err);
}

static int append_probe(struct job_metrics_writer *writer, const struct training_probe *probe,
                        struct error *err)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    json_object(&json, NULL);
    json_text(&json, "event", "probe");
    json_object(&json, "probe");
    training_put_probe(&json, probe);
    json_end(&json);
    json_end(&json);
    int status = job_metrics_append(writer, &line, err);
    buffer_free(&line);
    return status == 0 ? 0 : -1; /* nobody will write it later */
}

/* The sitting is dry: of the run that would be nothing is made. */
int training_probe_job(const char *job, const struct training_request *request,
                       const struct training_view *view, struct error *err)
{
    struct training training;
    struct training_probe probe;
    struct job_metrics_writer writer;
    if (job_metrics_open(&writer, job, err) != 0)
        return -1;
    begin(&training, request, view, false, true);
    job_progress_open(&training.progress, job);
    training.sitting.work = &training.progress.watch;
    work_tell(training.sitting.work, WORK_LOADING, 0, 0);
    training.sitting.job = job;
    training.sitting.supervisor = job_end_with_supervisor(job);
    int status = write_probe_record(job, request, err);
    if (status == 0 &&
        (training_check(request, TRAINING_ASKED, err) != 0 ||
         run_dry(&training, &probe, err) != 0 || append_probe(&writer, &probe, err) != 0))
        status = -1;
    end(&training);
    job_metrics_close(&writer);
    return status;
}
