#include "job/training/run_choice.h"

#include "base/folder.h"
#include "base/memory.h"
#include "job/job_dir.h"
#include "model/score_rows.h"
#include "model/score_table.h"
#include "plan/control.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"

#include <stdlib.h>

/* --- the plan --- */

static int read_plan(struct run_choice *choice, const char *path, struct error *err)
{
    static const struct scan_choice all_but_biases = {.modules = "(?<!\\.bias)$"};
    const struct model *model = choice->base->model;
    if (scan_for_model(&choice->outline, NULL, model, &all_but_biases, err) != 0 ||
        plan_new(&choice->plan, choice->outline, model, err) != 0)
        return -1;
    return plan_read(choice->plan, path, err);
}

/* For scan_run(). */
static void tell_row(void *context, const struct scan_row *row, const double *values, int64_t count,
                     size_t done, size_t total, double seconds, bool cached)
{
    const struct run_sitting *sitting = context;
    (void)row, (void)values, (void)count, (void)seconds, (void)cached;
    work_tell(sitting->work, WORK_SCANNING, done, total);
}

/* --top: the best by SNR, of a scan that is in the cache or made now on the run's device. */
static int rank_plan(struct run_choice *choice, struct error *err)
{
    const struct training_request *request = choice->sitting->request;
    const struct run_base *base = choice->base;
    const struct scan_options options = {
        .use_cache = true, .threads = (int)request->threads, .empty_noise = request->empty_noise};
    const struct scan_observer observer = {
        .context = choice->sitting, .on_row = tell_row, .should_stop = run_should_stop};
    char line[SCAN_LINE_MAX];
    run_say(choice->sitting, "scanning %s", base->path);
    if (scan_run(&choice->scanned, base->model, base->backend, &options, &observer, err) != 0)
        return -1;
    for (size_t i = 0; scan_say(choice->scanned->scan, i, line, sizeof line); i++)
        run_say(choice->sitting, "%s", line);
    if (plan_new(&choice->plan, choice->scanned->scan, base->model, err) != 0)
        return -1;
    return plan_select(choice->plan, request->top, PLAN_BY_TYPE, err);
}

/* The plan that was asked for, in one of three ways. A file says itself whether embeddings and head
 * train; for the other two there are --no-embeddings and --no-head. */
static int choose_plan(struct run_choice *choice, struct error *err)
{
    const struct training_request *request = choice->sitting->request;
    struct control control;
    if (request->plan)
        return read_plan(choice, request->plan, err);
    if (!request->select) {
        if (rank_plan(choice, err) != 0)
            return -1;
    } else if (control_parse(&control, request->select, err) != 0 ||
               control_plan(&choice->plan, &choice->outline, &control, choice->base->model,
                            (uint64_t)request->seed, err) != 0) {
        return -1;
    }
    if (request->no_embeddings && plan_set_embeddings(choice->plan, false, err) != 0)
        return -1;
    return request->no_head ? plan_set_head(choice->plan, false, err) : 0;
}

int run_choice_write_plan(const struct run_choice *choice, struct error *err)
{
    struct buffer plan = BUFFER_INIT;
    if (choice->sitting->dry)
        return 0;
    plan_put(&plan, choice->plan, PLAN_YAML, choice->base->path);
    int status = job_dir_save(choice->sitting->request->run, "plan.yaml", &plan, err);
    buffer_free(&plan);
    return status;
}

/* --- what of it trains --- */

/* A run that would train nothing, or, with adapters, no adapter: its export would be a PEFT folder
 * that PEFT refuses. */
static int check_choice(const struct run_choice *choice, struct error *err)
{
    const struct training_request *request = choice->sitting->request;
    const struct method_info *method = method_info(request->method);
    size_t trained = 0, adapted = 0;
    for (size_t i = 0; i < choice->base->model->parameter_count; i++) {
        trained += choice->choice.trained[i];
        adapted += choice->choice.adapted[i];
    }
    if (method->adapters && adapted == 0 && method->plan)
        return error_set(err,
                         "the plan has no linear layer of a block that an adapter could stand "
                         "beside: --method %s would train none; a higher --top, or a plan with "
                         "such layers, or --method spectrum, which trains what the plan names",
                         method_names[request->method]);
    if (method->adapters && adapted == 0)
        return error_set(err,
                         "%s has no linear layer that --method %s puts an adapter beside (q, k, v, "
                         "o, gate, up and down projections); --method spectrum or full trains it",
                         choice->base->path, method_names[request->method]);
    return trained + adapted > 0
               ? 0
               : error_set(err, "the plan trains nothing: a higher --top, or without "
                                "--no-embeddings and --no-head");
}

/* Where tokens were added, the tables with their rows train. */
static int check_added(const struct run_choice *choice, struct error *err)
{
    const struct model *model = choice->base->model;
    for (size_t i = 0; choice->base->added_tokens && i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        bool table = parameter->role == ROLE_EMBEDDING || parameter->role == ROLE_HEAD;
        if (table && parameter_is_used(model, parameter) && !choice->choice.trained[i])
            return error_set(err,
                             "--add-tokens: the plan freezes %s, where new tokens have rows that "
                             "nothing was trained of; a plan with it trains them",
                             parameter->name);
    }
    return 0;
}

/* A plan may have biases; beside an adapter they stay as they are. */
static void tell_biases(const struct run_choice *choice)
{
    const struct model *model = choice->base->model;
    size_t count = 0;
    if (!choice->plan || !method_info(choice->sitting->request->method)->adapters)
        return;
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        count += parameter->bias && plan_trains(choice->plan, parameter->name);
    }
    if (count > 0)
        run_say(choice->sitting,
                "%zu biases of the plan stay frozen: an adapter has none, as in PEFT", count);
}

/* --- with --reselect --- */

/* What trains and what did, as the state has it. Where the run went back to an earlier state
 * (--step), plan.yaml is made to say what trained there. */
static int choose_as_left(struct run_choice *choice, struct error *err)
{
    const struct model *model = choice->base->model;
    struct method_choice *which = &choice->choice;
    if (state_read_sets(choice->sitting->state, model, choice->sitting->request->optimizer,
                        which->trained, choice->touched, err) != 0)
        return -1;
    for (size_t i = 0; i < model->parameter_count; i++)
        which->frozen[i] =
            parameter_is_linear(&model->parameters[i]) && !which->trained[i] && !choice->touched[i];
    if (choice->sitting->request->from_step == 0)
        return 0;
    const char **names = array_alloc(model->parameter_count, sizeof *names, err);
    size_t count = 0;
    for (size_t i = 0; names && i < model->parameter_count; i++)
        if (which->trained[i])
            names[count++] = model->parameters[i].name;
    int status = names ? plan_set_names(choice->plan, names, count, NULL, err) : -1;
    free(names);
    return status == 0 ? run_choice_write_plan(choice, err) : -1;
}

/* A set that changes is what the last state has. Scores come from the base's scan, which is in the
 * cache, and from what the state has trained when it is chosen next. */
static int choose_changing(struct run_choice *choice, struct error *err)
{
    const struct model *model = choice->base->model;
    const struct run_sitting *sitting = choice->sitting;
    choice->touched = array_alloc(model->parameter_count, sizeof *choice->touched, err);
    if (!choice->touched || choose_plan(choice, err) != 0 ||
        method_choose(&choice->choice, sitting->request->method, model, choice->plan, err) != 0 ||
        check_choice(choice, err) != 0)
        return -1;
    return sitting->resume && sitting->state ? choose_as_left(choice, err)
                                             : run_choice_write_plan(choice, err);
}

/* --- all of it --- */

int run_choice_make(struct run_choice *choice, const struct run_base *base, struct error *err)
{
    const struct training_request *request = base->sitting->request;
    *choice = (struct run_choice){.sitting = base->sitting, .base = base};
    if (request->reselect > 0)
        return choose_changing(choice, err) == 0 ? check_added(choice, err) : -1;
    if (method_info(request->method)->plan && base->sitting->resume &&
        job_dir_has(request->run, "plan.yaml")) {
        /* it is what the run trains, whatever has become of the file or scan that it came from */
        char *path = path_join(request->run, "plan.yaml", err);
        int status = path ? read_plan(choice, path, err) : -1;
        free(path);
        if (status != 0)
            return -1;
    } else if (method_info(request->method)->plan) {
        if (choose_plan(choice, err) != 0 || run_choice_write_plan(choice, err) != 0)
            return -1;
    }
    if (method_choose(&choice->choice, request->method, base->model, choice->plan, err) != 0 ||
        check_choice(choice, err) != 0)
        return -1;
    tell_biases(choice);
    return check_added(choice, err);
}

void run_choice_close(struct run_choice *choice)
{
    method_choice_free(&choice->choice);
    free(choice->touched);
    plan_free(choice->plan);
    scan_free(choice->outline);
    scan_result_free(choice->scanned);
}
