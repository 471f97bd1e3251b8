/* The loop of a run. What a trainer is made of and in which order, make_parts() says; a step is
 *
 *     batches -> forwards, back -> is the loss finite, no spike? -> optimiser -> report
 *       -> evaluation, where it is due -> checkpoint, where it is due or the evaluation the best
 *
 * Between two steps the observer is asked for commands. Rules that several functions keep:
 *
 * 1. progress.step counts steps that are complete; the one under way is progress.step + 1.
 * 2. saved_step is the step whose state is on disk as it is in memory; -1 where there is none, or
 *    where an evaluation was noted since.
 * 3. No state is saved before the frozen tensors have been compared (save()).
 * 4. A function that returns 1 was told to stop, and the run saves before it ends.
 */
#include "train/trainer.h"

#include "base/process.h"
#include "train/generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trainer {
    const struct train_inputs *inputs;
    struct train_settings settings;
    struct course course;
    struct transformer *transformer;
    struct optimizer *optimizer;
    struct integrity *integrity;
    struct packing *eval_packing;
    struct progress progress;
    int64_t saved_step; /* of the state on disk; -1: none */
    int32_t *sample;    /* space for the prompt and what follows it */
};

/* --- making --- */

void trainer_fill_identity(struct run_identity *identity, const struct train_settings *settings,
                           const struct recipe *recipe)
{
    snprintf(identity->precision, sizeof identity->precision, "%s%s%s%s%s",
             settings->storage == STORAGE_BF16 ? "bf16" : "fp32",
             settings->masters ? "+masters" : "", recipe->quantized ? "+frozen " : "",
             recipe->quantized ? storage_name(recipe->frozen) : "",
             optimizer_rows[recipe->optimizer].precision);
    identity->optimizer = recipe->optimizer;
    identity->seq_len = settings->seq_len;
    identity->batch = settings->batch;
    identity->accumulate = settings->accumulate;
    identity->seed = (int64_t)settings->optimizer.seed;
    identity->rank = recipe->rank;
    identity->alpha = recipe->alpha;
    identity->frozen = recipe->quantized ? recipe->frozen : settings->storage;
}

/* Clipping needs all gradients before the first update, and accumulation their sum. */
static bool updates_in_backward(const struct train_settings *s)
{
    return s->optimizer.clip <= 0 && s->accumulate == 1;
}

/* What of the settings decides on memory and passes; plan and trainer take them from here alike. */
static struct transformer_options options_of(const struct train_inputs *inputs,
                                             const struct train_settings *s)
{
    return (struct transformer_options){.recipe = inputs->recipe,
                                        .tokens = s->batch * s->seq_len,
                                        .max_positions = s->seq_len,
                                        .storage = s->storage,
                                        .masters = s->masters,
                                        .generation = s->sample.ids != NULL,
                                        .recomputed = s->recomputed,
                                        .updates_in_backward = updates_in_backward(s),
                                        .seed = s->optimizer.seed,
                                        .z_loss = (float)s->z_loss,
                                        .neftune = (float)s->neftune,
                                        .layout_only = inputs->layout_only,
                                        .work = inputs->work};
}

int trainer_plan(struct memory_plan **out, const struct train_inputs *inputs,
                 const struct train_settings *settings, struct error *err)
{
    const struct transformer_options options = options_of(inputs, settings);
    return transformer_plan(out, inputs->backend, inputs->model, &options, err);
}

static int plan_with(struct memory_plan **out, const struct train_inputs *inputs,
                     struct train_settings *settings, int64_t recomputed, struct error *err)
{
    memory_plan_free(*out);
    *out = NULL;
    settings->recomputed = recomputed;
    return trainer_plan(out, inputs, settings, err);
}

/* Tried first is the run as it is: most fit, and one recomputed block may take more than none. From
 * one on it is less with every block, so that the answer is found by halving. */
int trainer_fit(struct memory_plan **out, const struct train_inputs *inputs,
                struct train_settings *settings, uint64_t limit, struct error *err)
{
    int64_t least = 0, most = inputs->model->config.layers, tried = 0;
    *out = NULL;
    while (least < most) {
        if (plan_with(out, inputs, settings, tried, err) != 0)
            return -1;
        if ((*out)->total <= limit)
            most = tried;
        else
            least = tried + 1;
        tried = (least + most) / 2;
    }
    return *out && settings->recomputed == least ? 0 : plan_with(out, inputs, settings, least, err);
}

/* Data first, as the schedule counts its rows, and the sample's space; then the transformer, which
 * takes the run's memory, what steps it, and what watches that frozen tensors stay. */
static int make_parts(struct trainer *trainer, struct error *err)
{
    struct train_settings *s = &trainer->settings;
    const struct train_inputs *inputs = trainer->inputs;
    size_t sample = (size_t)(s->sample.count + s->sample.more);
    if (course_open(&trainer->course, inputs->train, s, err) != 0)
        return -1;
    s->steps = trainer->course.steps;
    if (inputs->eval && packing_new(&trainer->eval_packing, inputs->eval, s->optimizer.seed, false,
                                    s->pad, err) != 0)
        return -1;
    if (s->sample.ids && !(trainer->sample = array_alloc(sample, sizeof *trainer->sample, err)))
        return -1;
    const struct transformer_options options = options_of(inputs, s);
    if (transformer_new(&trainer->transformer, inputs->backend, inputs->model, &options, err) !=
            0 ||
        optimizer_new(&trainer->optimizer, trainer->transformer, &s->optimizer, err) != 0)
        return -1;
    if (trainer->optimizer->count == 0)
        return error_set(err, "nothing would train: the plan freezes every tensor");
    if (inputs->layout_only)
        return 0;
    return integrity_new(&trainer->integrity, trainer->optimizer, err);
}

/* On an error all that was made is freed: trainer_free() takes a trainer with parts missing. */
int trainer_new(struct trainer **out, const struct train_inputs *inputs,
                const struct train_settings *settings, struct error *err)
{
    struct trainer *trainer = array_alloc(1, sizeof *trainer, err);
    if (!trainer)
        return -1;
    *trainer = (struct trainer){.inputs = inputs, .settings = *settings, .saved_step = -1};
    if (make_parts(trainer, err) != 0) {
        trainer_free(trainer);
        return -1;
    }
    trainer_fill_identity(inputs->identity, &trainer->settings, &inputs->recipe);
    *out = trainer;
    return 0;
}

void trainer_free(struct trainer *trainer)
{
    if (!trainer)
        return;
    integrity_free(trainer->integrity);
    optimizer_free(trainer->optimizer);
    transformer_free(trainer->transformer);
    course_close(&trainer->course);
    packing_free(trainer->eval_packing);
    free(trainer->sample);
    free(trainer);
}

/* Data goes on at the row after the last step's. */
int trainer_resume(struct trainer *trainer, const char *folder, bool *exact, struct error *err)
{
    if (state_load(folder, trainer->optimizer, &trainer->progress, trainer->inputs->identity, exact,
                   err) != 0 ||
        integrity_note_loaded(trainer->integrity, err) != 0)
        return -1;
    course_seek(&trainer->course, trainer->progress.position);
    trainer->saved_step = trainer->progress.step;
    return 0;
}

int trainer_carry(struct trainer *trainer, const char *folder, struct error *err)
{
    if (state_carry(folder, trainer->optimizer, &trainer->progress, trainer->inputs->identity,
                    err) != 0 ||
        integrity_note_loaded(trainer->integrity, err) != 0)
        return -1;
    course_seek(&trainer->course, trainer->progress.position);
    trainer->saved_step = trainer->progress.step; /* from there it comes to be the same again */
    return 0;
}

const struct optimizer *trainer_optimizer(const struct trainer *trainer)
{
    return trainer->optimizer;
}

struct frozen_count trainer_frozen(const struct trainer *trainer)
{
    return integrity_frozen(trainer->integrity);
}

const struct memory_plan *trainer_memory(const struct trainer *trainer)
{
    return trainer->transformer->network.plan;
}

bool trainer_resident(const struct trainer *trainer, uint64_t out[MEMORY_CATEGORIES])
{
    return network_resident(&trainer->transformer->network, out);
}

const struct progress *trainer_progress(const struct trainer *trainer)
{
    return &trainer->progress;
}

int64_t trainer_steps(const struct trainer *trainer)
{
    return trainer->settings.steps;
}

const struct course *trainer_course(const struct trainer *trainer)
{
    return &trainer->course;
}

/* --- the loop --- */

static struct noise_draw draw_of(const struct trainer *trainer, int64_t batch)
{
    return (struct noise_draw){trainer->settings.optimizer.seed, trainer->progress.step + 1,
                               (uint32_t)batch};
}

/* What the losses of a step's batches say: to continue, 0, to leave the step out, 1, or to end,
 * -1. */
static int check_loss(struct trainer *trainer, struct train_report *report,
                      const struct loss_sums *sums, double weight, struct error *err)
{
    double limit = trainer->settings.spike_guard;
    report->loss = sums->entropy / weight;
    report->z_loss = sums->z / weight;
    if (!isfinite(report->loss + report->z_loss))
        return error_set_kind(err, ERROR_NOT_FINITE, "step %lld: the loss is not finite",
                              (long long)trainer->progress.step + 1);
    report->left_out = limit > 0 && spike_found(&trainer->progress.spikes, limit, report->loss,
                                                &report->spike_score);
    return report->left_out;
}

/* Gradients of the whole window, then the update. Each batch adds the gradient of its own sum of
 * w * loss; the factor 1 / sum of w, which is known when the last batch has been read, is the
 * optimiser's gradient_scale, so nothing has to be rescaled. */
static int step_of_window(struct trainer *trainer, struct train_report *report, struct taken *taken,
                          struct error *err)
{
    struct loss_sums sums;
    int read = 1;
    transformer_clear(trainer->transformer);
    for (int64_t i = 0; i < trainer->settings.accumulate; i++) {
        if ((read = course_read(&trainer->course, taken, err)) <= 0)
            break;
        transformer_train(trainer->transformer, &trainer->course.batch, draw_of(trainer, i), NULL);
    }
    if (read < 0 || transformer_loss(trainer->transformer, &sums, err) != 0)
        return -1;
    int verdict = check_loss(trainer, report, &sums, taken->weight, err);
    if (verdict != 0)
        return verdict;
    return optimizer_step(trainer->optimizer, trainer->progress.step + 1, report->rate,
                          1 / taken->weight, &report->norm, err);
}

/* For a sink: check_loss() in the middle of a pass, and what it said. */
struct loss_check {
    struct trainer *trainer;
    struct train_report *report;
    double weight;
    struct error *err;
    int verdict;
};

static bool wants_gradients(void *context, const struct loss_sums *sums)
{
    struct loss_check *check = context;
    check->verdict = check_loss(check->trainer, check->report, sums, check->weight, check->err);
    return check->verdict == 0;
}

/* Each tensor is updated as soon as its gradient is there. One batch is the whole step here
 * (updates_in_backward()), so sum of w is known before the pass. */
static int step_in_backward(struct trainer *trainer, struct train_report *report,
                            struct taken *taken, struct error *err)
{
    if (course_read(&trainer->course, taken, err) < 0)
        return -1;
    enum { NOT_CHECKED = 2 };
    struct loss_check check = {trainer, report, taken->weight, err, NOT_CHECKED};
    struct loss_sums sums;
    struct gradient_sink sink = optimizer_begin(trainer->optimizer, trainer->progress.step + 1,
                                                report->rate, 1 / taken->weight);
    sink.check_loss = wants_gradients;
    sink.loss_context = &check;
    transformer_clear(trainer->transformer);
    transformer_train(trainer->transformer, &trainer->course.batch, draw_of(trainer, 0), &sink);
    if (check.verdict == NOT_CHECKED) /* the device is lost: this says so */
        return transformer_loss(trainer->transformer, &sums, err) != 0 ? -1 : 1;
    return check.verdict != 0 ? check.verdict
                              : optimizer_end(trainer->optimizer, &report->norm, err);
}

/* The rate is that of the steps that are complete: the first has the rate of 0. Time is measured to
 * where the device is done. A step that was left out counts as a step, with its data. */
static int take_step(struct trainer *trainer, struct train_report *report, struct error *err)
{
    struct progress *progress = &trainer->progress;
    struct backend *backend = trainer->inputs->backend;
    double began = clock_seconds();
    struct taken taken = {0};
    *report = (struct train_report){
        .rate = schedule_rate(&trainer->course.schedule, progress->step), .norm = NAN};
    int status = updates_in_backward(&trainer->settings)
                     ? step_in_backward(trainer, report, &taken, err)
                     : step_of_window(trainer, report, &taken, err);
    if (status < 0 || backend->wait(backend->self, err) != 0)
        return -1;
    report->step_seconds = clock_seconds() - began;
    if (!report->left_out)
        integrity_note_step(trainer->integrity, report->rate, report->norm);
    progress->step++;
    report->step_tokens = taken.tokens;
    progress->tokens += taken.tokens;
    progress->supervised += taken.supervised;
    progress->seconds += report->step_seconds;
    progress->position = packing_position(trainer->course.packing);
    report->progress = *progress;
    return 0;
}

/* Says of an error that names what is not finite where that is, as far as it is known, what is left
 * of the run, and what to do; other errors stay as they are. */
static int explain(const struct trainer *trainer, struct error *err)
{
    const struct train_settings *s = &trainer->settings;
    struct error why = *err;
    char left[160] = "there is no checkpoint before it";
    int64_t good = state_latest_step(trainer->inputs->run, NULL);
    if (why.kind != ERROR_NOT_FINITE)
        return -1;
    bool named = strstr(why.text, NOT_FINITE_TEXT);
    char *tensor = named ? NULL : state_find_not_finite(trainer->optimizer);
    if (good >= 0)
        snprintf(left, sizeof left,
                 "the last good one is that of step %lld, which eval, generate and export take",
                 (long long)good);
    error_set_kind(err, ERROR_NOT_FINITE,
                   "%s%s%s%s; no checkpoint was written from it, and %s; a new run with a lower "
                   "--lr%s%s may help",
                   why.text, tensor ? "; " : "", tensor ? tensor : "",
                   tensor ? " " NOT_FINITE_TEXT : "", left,
                   s->optimizer.clip > 0 ? "" : ", or with --clip 1,",
                   s->storage == STORAGE_F32 ? "" : ", or with --dtype fp32,");
    free(tensor);
    return -1;
}

/* AdamW moves a weight by at most rate * factor * (1 - beta1) / sqrt(1 - beta2), about 3 times the
 * rate by its usual constants and 1000 times by the largest --beta2, Lion by the rate, Muon by less
 * than the rate times the root of the matrix' longer side; and AdamW's second moment overflows
 * where a gradient's element has 2^64. A step far below both ends leaves what was finite finite.
 * Another one is looked at before it counts. */
static int check_step(const struct trainer *trainer, const struct train_report *report,
                      struct error *err)
{
    const struct optimizer *optimizer = trainer->optimizer;
    const double *factors = optimizer->settings.factors;
    double largest = 1;
    for (size_t i = 0; factors && i < optimizer->count; i++)
        largest = fmax(largest, factors[optimizer->tensors[i]]);
    bool far = optimizer->settings.clip > 0 || !(report->norm > 0x1p60);
    if (far && report->rate * largest < 0x1p100)
        return 0;
    char *tensor = state_find_not_finite(optimizer);
    int status = tensor ? error_set_kind(err, ERROR_NOT_FINITE, "step %lld: %s " NOT_FINITE_TEXT,
                                         (long long)report->progress.step, tensor)
                        : 0;
    free(tensor);
    return status;
}

int trainer_check_frozen(const struct trainer *trainer, struct error *err)
{
    return integrity_check_frozen(trainer->integrity, err);
}

/* Unless it is on disk; one that is there for its evaluation alone is written again when it is due.
 */
static int save(struct trainer *trainer, const struct train_observer *observer, bool for_best,
                struct error *err)
{
    struct progress *progress = &trainer->progress;
    int64_t step = progress->step;
    bool there = step == trainer->saved_step && (for_best || !progress->for_best);
    if (there || step == 0)
        return 0;
    work_tell(trainer->inputs->work, WORK_SAVING, 0, 0);
    if (trainer_check_frozen(trainer, err) != 0)
        return -1;
    progress->for_best = for_best;
    if (state_save(trainer->inputs->run, trainer->optimizer, progress, trainer->inputs->identity,
                   trainer->inputs->work, err) != 0) {
        if (err->kind != ERROR_NOT_FINITE)
            return error_prefix(err, "the checkpoint of step %lld was not written",
                                (long long)step);
        error_prefix(err, "step %lld", (long long)step);
        return explain(trainer, err);
    }
    trainer->saved_step = step;
    state_prune(trainer->inputs->run, step, trainer->settings.keep, progress->best.step);
    return observer->on_saved ? observer->on_saved(observer->context, step, err) : 0;
}

int trainer_save(struct trainer *trainer, const struct train_observer *observer, struct error *err)
{
    return save(trainer, observer, false, err);
}

/* Who waits for a sample. */
struct sample_wait {
    const struct work_watch *work;
    bool (*should_stop)(void *context);
    void *context;
    int64_t made, more; /* tokens */
};

static void note_token(void *context, int32_t id)
{
    struct sample_wait *wait = context;
    (void)id;
    work_tell(wait->work, WORK_SAMPLING, (uint64_t)++wait->made, (uint64_t)wait->more);
}

static bool sample_should_stop(void *context)
{
    const struct sample_wait *wait = context;
    return wait->should_stop && wait->should_stop(wait->context);
}

int trainer_sample(struct trainer *trainer, bool past_ends, const struct work_watch *work,
                   bool (*should_stop)(void *context), void *context, int64_t *made,
                   struct error *err)
{
    const struct train_settings *s = &trainer->settings;
    static const struct sampling likeliest = {0};
    struct sample_wait wait = {work, should_stop, context, 0, s->sample.more};
    const struct generation_watch watch = {note_token, sample_should_stop, &wait};
    int64_t count = s->sample.count;
    work_tell(work, WORK_SAMPLING, 0, (uint64_t)s->sample.more);
    memcpy(trainer->sample, s->sample.ids, (size_t)count * sizeof *trainer->sample);
    int status =
        generate(trainer->transformer, trainer->sample, &count, count + s->sample.more,
                 s->sample.more, past_ends ? NULL : &s->sample.ends, &likeliest, &watch, err);
    *made = count - s->sample.count;
    return status;
}

/* After each evaluation, where a prompt was given and somebody looks. */
static int show_sample(struct trainer *trainer, const struct train_observer *observer,
                       struct error *err)
{
    int64_t made;
    if (!trainer->settings.sample.ids || !observer->on_sample)
        return 0;
    if (trainer_sample(trainer, false, trainer->inputs->work, observer->should_stop,
                       observer->context, &made, err) != 0)
        return -1;
    return observer->on_sample(observer->context, trainer->progress.step, trainer->sample,
                               trainer->settings.sample.count + made, err);
}

/* Takes the evaluation down, which the state on disk does not know: *better where it is the best so
 * far. That of the base has no state, and is none of them. */
static int note_evaluation(struct trainer *trainer, double loss, bool *better, struct error *err)
{
    struct progress *progress = &trainer->progress;
    if (!isfinite(loss)) {
        error_set_kind(err, ERROR_NOT_FINITE, "step %lld: the evaluation loss is not finite",
                       (long long)progress->step);
        return explain(trainer, err);
    }
    if (progress->step == 0)
        return 0;
    progress->evaluated = (struct evaluated){progress->step, loss};
    *better = progress->best.step == 0 || loss < progress->best.loss;
    if (*better)
        progress->best = progress->evaluated;
    trainer->saved_step = -1;
    return 0;
}

int trainer_evaluate(struct evaluation *out, struct trainer *trainer,
                     const struct evaluation_watch *watch, struct error *err)
{
    return evaluate(out, trainer->transformer, trainer->eval_packing, &trainer->course.batch,
                    trainer->settings.batch, watch, err);
}

/* 1: the observer does not want to wait for it. */
static int evaluate_now(struct trainer *trainer, const struct train_observer *observer,
                        bool *better, struct error *err)
{
    struct evaluation evaluation;
    struct error trouble = ERROR_INIT;
    const struct evaluation_watch watch = {observer->should_stop, observer->context,
                                           trainer->inputs->work};
    if (trainer->eval_packing) {
        if (trainer_evaluate(&evaluation, trainer, &watch, &trouble) != 0) {
            if (trouble.kind == ERROR_INTERRUPTED)
                return 1;
            return error_set_kind(err, trouble.kind, "%s", trouble.text);
        }
        if (note_evaluation(trainer, evaluation.loss, better, err) != 0)
            return -1;
        if (observer->on_evaluation &&
            observer->on_evaluation(observer->context, trainer->progress.step, &evaluation, err) !=
                0)
            return -1;
    }
    return show_sample(trainer, observer, err);
}

int trainer_step(struct trainer *trainer, struct train_report *report, struct error *err)
{
    if (take_step(trainer, report, err) != 0 || check_step(trainer, report, err) != 0)
        return explain(trainer, err);
    return 0;
}

/* How many steps are taken. */
static void tell_step(const struct trainer *trainer)
{
    work_tell(trainer->inputs->work, WORK_TRAINING, (uint64_t)trainer->progress.step,
              (uint64_t)trainer->settings.steps);
}

/* Evaluation before the checkpoint, which then knows of it: one that is the best so far is saved
 * even where no checkpoint is due. */
static int step_and_report(struct trainer *trainer, const struct train_observer *observer,
                           struct error *err)
{
    const struct train_settings *s = &trainer->settings;
    struct train_report report;
    bool better = false;
    if (trainer_step(trainer, &report, err) != 0)
        return -1;
    tell_step(trainer);
    if (observer->on_step && observer->on_step(observer->context, &report, err) != 0)
        return -1;
    int64_t step = trainer->progress.step;
    int status = step_is_due(step, s->eval_every, s->steps)
                     ? evaluate_now(trainer, observer, &better, err)
                     : 0;
    bool due = step_is_due(step, s->save_every, s->steps);
    if (status == 0 && (better || due))
        status = save(trainer, observer, !due, err);
    return status;
}

/* What was commanded before a step; 1: to stop. */
static int poll_commands(struct trainer *trainer, const struct train_observer *observer,
                         struct error *err)
{
    enum train_command command;
    while (observer->poll_command &&
           (command = observer->poll_command(observer->context)) != TRAIN_CONTINUE) {
        if (command == TRAIN_STOP)
            return 1;
        if (trainer_save(trainer, observer, err) != 0)
            return -1;
    }
    return 0;
}

/* The base's evaluation; or, in a resume, the one that a stop broke off, which the state on disk
 * does not have. */
static int begin(struct trainer *trainer, const struct train_observer *observer, struct error *err)
{
    const struct train_settings *s = &trainer->settings;
    int64_t step = trainer->progress.step;
    bool better = false, missed = trainer->eval_packing && trainer->progress.evaluated.step != step;
    bool due = step == 0 ? s->eval_every > 0 : missed && step_is_due(step, s->eval_every, s->steps);
    int status = due ? evaluate_now(trainer, observer, &better, err) : 0;
    return status == 0 && due ? trainer_save(trainer, observer, err) : status;
}

int trainer_run(struct trainer *trainer, const struct train_observer *observer, struct error *err)
{
    return trainer_run_until(trainer, trainer->settings.steps, observer, err);
}

/* A run of several parts (--reselect) ends where its last part does: only then have the trained
 * tensors had all of their steps and must have moved. */
int trainer_run_until(struct trainer *trainer, int64_t until, const struct train_observer *observer,
                      struct error *err)
{
    int64_t last = trainer->settings.steps < until ? trainer->settings.steps : until;
    tell_step(trainer);
    int status = begin(trainer, observer, err);
    while (status == 0 && trainer->progress.step < last) {
        status = poll_commands(trainer, observer, err);
        if (status == 0)
            status = step_and_report(trainer, observer, err);
    }
    if (status == 1 && trainer_save(trainer, observer, err) != 0)
        return -1;
    bool ends = status == 0 && last == trainer->settings.steps;
    return ends && integrity_check_trained(trainer->integrity, err) != 0 ? -1 : status;
}
