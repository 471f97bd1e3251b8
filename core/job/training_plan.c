/* What trains: from a plan file, by percentage, or everything. */
#include "base/memory.h"
#include "job/training_parts.h"
#include "plan/plan_file.h"

static int read_plan(struct training *training, struct error *err)
{
    static const char all_but_biases[] = "(?<!\\.bias)$";
    if (scan_for_model(&training->outline, NULL, training->model, all_but_biases, err) != 0 ||
        plan_new(&training->plan, training->outline, training->model, err) != 0)
        return -1;
    return plan_read(training->plan, training->request->plan, err);
}

static int rank_plan(struct training *training, struct error *err)
{
    const struct training_request *request = training->request;
    const struct scan_options options = {.use_cache = true, .threads = request->threads};
    training_say(training, "scanning %s", training->model_path);
    if (scan_run(&training->scanned, training->model, training->backend, &options, NULL, err) !=
            0 ||
        plan_new(&training->plan, training->scanned->scan, training->model, err) != 0 ||
        plan_select(training->plan, request->top, PLAN_BY_TYPE, err) != 0)
        return -1;
    if (request->no_embeddings && plan_set_embeddings(training->plan, false, err) != 0)
        return -1;
    return request->no_head ? plan_set_head(training->plan, false, err) : 0;
}

int training_choose(struct training *training, struct error *err)
{
    const struct model *model = training->model;
    bool full = training->request->method == METHOD_FULL;
    training->trained = array_alloc(model->module_count, sizeof *training->trained, err);
    if (!training->trained)
        return -1;
    if (!full &&
        (training->request->plan ? read_plan(training, err) : rank_plan(training, err)) != 0)
        return -1;
    for (size_t i = 0; i < model->module_count; i++)
        training->trained[i] = module_is_used(model, &model->modules[i]) &&
                               (full || plan_trains(training->plan, model->modules[i].name));
    return 0;
}
