/* --reselect N: every N steps what has trained is scanned again, and what trains is chosen again.
 *
 * It happens behind the checkpoint of that step: everything is read back from there, so a run that
 * is resumed from it does the same. Scores of what never trained are those of the base.
 */
#include "base/folder.h"
#include "base/memory.h"
#include "compute/spectra.h"
#include "job/training_parts.h"
#include "spectra/score.h"
#include "spectra/scratch.h"

#include <inttypes.h>
#include <stdlib.h>

int training_check_reselect(const struct training *training, struct error *err)
{
    int64_t every = training->request->reselect, steps = trainer_steps(training->trainer);
    if (every < steps)
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "--reselect %" PRId64 " would choose nothing again: the run has %" PRId64
                          " step%s",
                          every, steps, steps == 1 ? "" : "s");
}

/* The next step behind which the set changes; the last step is none. */
int64_t training_reselect_step(const struct training *training)
{
    int64_t every = training->request->reselect;
    int64_t step = trainer_progress(training->trainer)->step;
    return every > 0 ? (step / every + 1) * every : INT64_MAX;
}

bool training_must_reselect(const struct training *training)
{
    int64_t every = training->request->reselect;
    int64_t step = trainer_progress(training->trainer)->step;
    return every > 0 && step > 0 && step % every == 0 && step < trainer_steps(training->trainer) &&
           step != training->reselected;
}

/* A row's score from the weight as it is now. */
static int rescore_row(const struct training *training, struct scan_row *row,
                       const struct checkpoint *weights, const struct tensor_info *tensor,
                       struct scratch *scratch, struct error *err)
{
    const struct backend *backend = training->backend;
    int64_t count = row->rows < row->cols ? row->rows : row->cols;
    if (scratch_reserve(scratch, backend, row->rows, row->cols, err) != 0)
        return error_prefix(err, "scanning %s again", row->module);
    double *values = array_alloc((size_t)count, sizeof *values, err);
    int status = values ? 0 : -1;
    if (status == 0)
        status = checkpoint_read_f32(weights, tensor, 0, tensor->elements, scratch->matrix, err);
    if (status == 0)
        status = backend->spectra->values(backend->self, values, scratch->matrix, row->rows,
                                          row->cols, scratch->workspace, err);
    if (status == 0) {
        enum empty_noise rule = training->request->empty_noise;
        struct null_model null = null_model_find(row->rows, row->cols, rule);
        score_row(row, values, count, &null, ESTIMATOR_REFERENCE, rule);
    }
    free(values);
    return status;
}

/* Rows of what the state has weights of: all that ever trained. */
static int rescore(struct training *training, const char *state, struct error *err)
{
    struct scan *scan = training->scanned->scan;
    struct checkpoint *weights = NULL;
    struct scratch scratch = {0};
    char *path = path_join(state, "weights.safetensors", err);
    int status = path ? checkpoint_open(&weights, path, err) : -1;
    for (size_t i = 0; i < scan->count && status == 0; i++) {
        struct buffer name = BUFFER_INIT;
        buffer_format(&name, "%s.weight", scan->rows[i].module);
        const struct tensor_info *tensor = checkpoint_find(weights, buffer_string(&name));
        if (tensor && tensor->elements == scan->rows[i].parameters)
            status = rescore_row(training, &scan->rows[i], weights, tensor, &scratch, err);
        buffer_free(&name);
    }
    scratch_free(&scratch);
    checkpoint_close(weights);
    free(path);
    return status;
}

/* What is best now; how many modules begin to train, and how many end. */
static int choose_again(struct training *training, struct method_choice *next, size_t *begun,
                        size_t *ended, struct error *err)
{
    const struct method_choice *before = &training->choice;
    *begun = *ended = 0;
    plan_refresh(training->plan);
    if (plan_select(training->plan, training->request->top, PLAN_BY_TYPE, err) != 0 ||
        method_choose(next, training->request->method, training->model, training->plan, err) != 0)
        return -1;
    for (size_t i = 0; i < training->model->parameter_count; i++) {
        *begun += next->trained[i] && !before->trained[i];
        *ended += before->trained[i] && !next->trained[i];
    }
    return 0;
}

/* Takes the choice, and opens a trainer for it that goes on from the state. A trainer reads
 * training->choice and ->touched as long as it lives: they change here alone, between two of them.
 */
static int open_again(struct training *training, struct method_choice *next, const char *state,
                      struct error *err)
{
    trainer_free(training->trainer);
    training->trainer = NULL;
    for (size_t i = 0; i < training->model->parameter_count; i++) {
        training->touched[i] |= training->choice.trained[i]; /* what has trained stays touched */
        next->frozen[i] &= !training->touched[i];            /* its base's copy is not it */
    }
    method_choice_free(&training->choice);
    training->choice = *next;
    *next = (struct method_choice){0};
    training->settings.recomputed = 0;
    training_gather_inputs(training);
    return training_fit_memory(training, err) == 0 &&
                   trainer_new(&training->trainer, &training->inputs, &training->settings, err) == 0
               ? trainer_carry(training->trainer, state, err)
               : -1;
}

int training_reselect(struct training *training, const struct train_observer *observer,
                      struct error *err)
{
    size_t begun = 0, ended = 0;
    struct method_choice next = {0};
    if (trainer_save(training->trainer, observer, err) != 0)
        return -1;
    int64_t step = trainer_progress(training->trainer)->step;
    char *state = state_choose(training->request->run, &(struct state_choice){.step = step}, err);
    int status = state ? rescore(training, state, err) : -1;
    if (status == 0)
        status = choose_again(training, &next, &begun, &ended, err);
    if (status == 0 && begun + ended > 0)
        status = open_again(training, &next, state, err);
    method_choice_free(&next);
    free(state);
    if (status != 0)
        return error_prefix(err, "choosing again behind step %" PRId64, step);
    training->reselected = step;
    training->proof_due |= begun > 0;
    training->steps_seen = 0;
    training_say(training, "step %" PRId64 ": chosen again; %zu tensors begin to train, %zu end",
                 step, begun, ended);
    return training_write_plan(training, err) == 0
               ? training_note_reselect(training, step, begun, ended, err)
               : -1;
}

/* plan.yaml says what trains: gone back to an earlier state, that is what trained there. */
static int plan_as_left(struct training *training, struct error *err)
{
    const struct model *model = training->model;
    const char **names = array_alloc(model->parameter_count, sizeof *names, err);
    size_t count = 0;
    for (size_t i = 0; names && i < model->parameter_count; i++)
        if (training->choice.trained[i])
            names[count++] = model->parameters[i].name;
    int status = names ? plan_set_names(training->plan, names, count, err) : -1;
    free(names);
    return status == 0 ? training_write_plan(training, err) : -1;
}

int training_choose_as_left(struct training *training, const char *state, struct error *err)
{
    size_t count = training->model->parameter_count;
    if (state_read_sets(state, training->model, training->choice.trained, training->touched, err) !=
        0)
        return -1;
    for (size_t i = 0; i < count; i++)
        training->choice.frozen[i] = parameter_is_linear(&training->model->parameters[i]) &&
                                     !training->choice.trained[i] && !training->touched[i];
    return training->request->from_step > 0 ? plan_as_left(training, err) : 0;
}
