/* What trains: from a plan file, by percentage, or everything; in a resume, as the run has it. */
#include "base/folder.h"
#include "base/memory.h"
#include "job/job_dir.h"
#include "job/training_parts.h"
#include "model/score_rows.h"
#include "model/score_table.h"
#include "plan/control.h"
#include "plan/plan_read.h"

#include <stdlib.h>

static int read_plan(struct training *training, const char *path, struct error *err)
{
    static const char all_but_biases[] = "(?<!\\.bias)$";
    if (scan_for_model(&training->outline, NULL, training->model, all_but_biases, err) != 0 ||
        plan_new(&training->plan, training->outline, training->model, err) != 0)
        return -1;
    return plan_read(training->plan, path, err);
}

static int rank_plan(struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    const struct scan_options options = {
        .use_cache = true, .threads = (int)request->threads, .empty_noise = request->empty_noise};
    const struct scan_observer observer = {.context = training,
                                           .should_stop = training_should_stop};
    char line[SCAN_LINE_MAX];
    training_say(training, "scanning %s", training->model_path);
    if (scan_run(&training->scanned, training->model, training->backend, &options, &observer,
                 err) != 0)
        return -1;
    for (size_t i = 0; scan_say(training->scanned->scan, i, line, sizeof line); i++)
        training_say(training, "%s", line);
    if (plan_new(&training->plan, training->scanned->scan, training->model, err) != 0 ||
        plan_select(training->plan, request->top, PLAN_BY_TYPE, err) != 0)
        return -1;
    return 0;
}

static int control(struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    struct control control;
    return control_parse(&control, request->select, err) == 0
               ? control_plan(&training->plan, &training->outline, &control, training->model,
                              (uint64_t)request->seed, err)
               : -1;
}

static int choose_plan(struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    if (request->plan)
        return read_plan(training, request->plan, err);
    if ((request->select ? control(training, err) : rank_plan(training, err)) != 0 ||
        (request->no_embeddings && plan_set_embeddings(training->plan, false, err) != 0))
        return -1;
    return request->no_head ? plan_set_head(training->plan, false, err) : 0;
}

/* RUN/plan.yaml is what the run trains, whatever has become of the file or scan it came from. */
static int read_own_plan(struct training *training, struct error *err)
{
    char *path = path_join(training->request->run, "plan.yaml", err);
    int status = path ? read_plan(training, path, err) : -1;
    free(path);
    return status;
}

static int make_plan(struct training *training, bool resume, struct error *err)
{
    if (resume && job_dir_has(training->request->run, "plan.yaml"))
        return read_own_plan(training, err);
    return choose_plan(training, err) == 0 ? training_write_plan(training, err) : -1;
}

/* A run that would train nothing, or, with adapters, no adapter: its export would be a PEFT folder
 * that PEFT refuses. */
static int check_choice(const struct training *training, struct error *err)
{
    const struct method_info *method = method_info(training->request->method);
    size_t trained = 0, adapted = 0;
    for (size_t i = 0; i < training->model->parameter_count; i++) {
        trained += training->choice.trained[i];
        adapted += training->choice.adapted[i];
    }
    if (method->adapters && adapted == 0 && method->plan)
        return error_set(err,
                         "the plan has no linear layer of a block that an adapter could stand "
                         "beside: --method %s would train none; a higher --top, or a plan with "
                         "such layers, or --method spectrum, which trains what the plan names",
                         method_names[training->request->method]);
    if (method->adapters && adapted == 0)
        return error_set(err,
                         "%s has no linear layer that --method %s puts an adapter beside (q, k, v, "
                         "o, gate, up and down projections); --method spectrum or full trains it",
                         training->model_path, method_names[training->request->method]);
    return trained + adapted > 0
               ? 0
               : error_set(err, "the plan trains nothing: a higher --top, or without "
                                "--no-embeddings and --no-head");
}

/* A set that changes is what the last state has. Scores come from the base's scan, which is in the
 * cache, and from what the state has trained when it is chosen again. */
static int choose_changing(struct training *training, bool resume, struct error *err)
{
    const struct model *model = training->model;
    training->touched = array_alloc(model->parameter_count, sizeof *training->touched, err);
    if (!training->touched || choose_plan(training, err) != 0 ||
        method_choose(&training->choice, training->request->method, model, training->plan, err) !=
            0 ||
        check_choice(training, err) != 0)
        return -1;
    return resume && training->state ? training_choose_as_left(training, training->state, err)
                                     : training_write_plan(training, err);
}

/* A plan may have biases; beside an adapter they stay as they are. */
static void tell_biases(const struct training *training)
{
    size_t count = 0;
    if (!training->plan || !method_info(training->request->method)->adapters)
        return;
    for (size_t i = 0; i < training->model->parameter_count; i++) {
        const struct parameter *parameter = &training->model->parameters[i];
        count += parameter->bias && plan_trains(training->plan, parameter->name);
    }
    if (count > 0)
        training_say(training,
                     "%zu biases of the plan stay frozen: an adapter has none, as in PEFT", count);
}

int training_choose(struct training *training, bool resume, struct error *err)
{
    if (training->request->reselect > 0)
        return choose_changing(training, resume, err);
    const struct model *model = training->model;
    enum training_method method = training->request->method;
    if (method_info(method)->plan && make_plan(training, resume, err) != 0)
        return -1;
    if (method_choose(&training->choice, method, model, training->plan, err) != 0 ||
        check_choice(training, err) != 0)
        return -1;
    tell_biases(training);
    return 0;
}
