#include "job/training/run_reselect.h"

#include "base/folder.h"
#include "spectra/rescore.h"

#include <inttypes.h>
#include <stdlib.h>

int run_reselect_check(const struct run_setup *setup, struct error *err)
{
    int64_t every = setup->sitting->request->reselect, steps = trainer_steps(setup->trainer);
    if (every < steps)
        return 0;
    return error_set_kind(err, ERROR_USAGE,
                          "--reselect %" PRId64 " would never choose a second time: the run has "
                          "%" PRId64 " step%s",
                          every, steps, steps == 1 ? "" : "s");
}

int64_t run_reselect_next(const struct run_reselect *reselect)
{
    int64_t every = reselect->setup->sitting->request->reselect;
    int64_t step = trainer_progress(reselect->setup->trainer)->step;
    return every > 0 ? (step / every + 1) * every : INT64_MAX;
}

/* `last` is not kept in a state: a sitting that begins at such a step makes the choice once more,
 * of the same weights, and comes to the same. */
bool run_reselect_is_due(const struct run_reselect *reselect)
{
    const struct trainer *trainer = reselect->setup->trainer;
    int64_t every = reselect->setup->sitting->request->reselect;
    int64_t step = trainer_progress(trainer)->step;
    return every > 0 && step > 0 && step % every == 0 && step < trainer_steps(trainer) &&
           step != reselect->last;
}

/* Rows of what the state has weights of: all that ever trained. */
static int rescore(struct run_choice *choice, const char *state, struct error *err)
{
    const struct training_request *request = choice->sitting->request;
    struct checkpoint *weights = NULL;
    char *path = path_join(state, "weights.safetensors", err);
    int status = path ? checkpoint_open(&weights, path, err) : -1;
    if (status == 0)
        status = scan_rescore(choice->scanned->scan, weights, choice->base->backend,
                              (int)request->threads, request->empty_noise, err);
    checkpoint_close(weights);
    free(path);
    return status;
}

/* Takes the choice, and makes a trainer for it that continues from the state. What has trained
 * stays touched: the base's copy is not it, so it is not quantised. */
static int take(struct run_reselect *reselect, struct method_choice *next, const char *state,
                struct error *err)
{
    struct run_choice *choice = reselect->choice;
    run_setup_drop_trainer(reselect->setup);
    for (size_t i = 0; i < choice->base->model->parameter_count; i++) {
        choice->touched[i] |= choice->choice.trained[i];
        next->frozen[i] &= !choice->touched[i];
    }
    method_choice_free(&choice->choice);
    choice->choice = *next;
    *next = (struct method_choice){0};
    return run_setup_reopen(reselect->setup, state, err);
}

/* The state of this step is written first and read back, rather than what is in memory: a resume
 * from it has nothing else, and must choose the same. Where the choice stays what it was the
 * trainer stays, too. */
int run_reselect_choose(struct run_reselect *reselect, const struct train_observer *observer,
                        struct error *err)
{
    struct run_choice *choice = reselect->choice;
    const struct run_sitting *sitting = choice->sitting;
    const struct training_request *request = sitting->request;
    struct method_choice next = {0};
    size_t begun = 0, ended = 0;
    if (trainer_save(reselect->setup->trainer, observer, err) != 0)
        return -1;
    int64_t step = trainer_progress(reselect->setup->trainer)->step;
    char *state = state_choose(sitting->request->run, &(struct state_choice){.step = step}, err);
    int status = state ? rescore(choice, state, err) : -1;
    if (status == 0) {
        plan_refresh(choice->plan);
        status = plan_select(choice->plan, request->top, PLAN_BY_TYPE, err);
    }
    if (status == 0)
        status = method_choose(&next, request->method, choice->base->model, choice->plan, err);
    for (size_t i = 0; status == 0 && i < choice->base->model->parameter_count; i++) {
        begun += next.trained[i] && !choice->choice.trained[i];
        ended += choice->choice.trained[i] && !next.trained[i];
    }
    if (status == 0 && begun + ended > 0)
        status = take(reselect, &next, state, err);
    method_choice_free(&next);
    free(state);
    if (status != 0)
        return error_prefix(err, "the choice of what trains after step %" PRId64, step);
    reselect->last = step;
    run_proof_renew(reselect->proof, begun > 0);
    run_say(sitting, "step %" PRId64 ": chosen again; %zu tensors begin to train, %zu end", step,
            begun, ended);
    if (run_choice_write_plan(choice, err) != 0)
        return -1;
    return run_lines_reselect(reselect->lines, step, begun, ended, err);
}
