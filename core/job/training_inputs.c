/* The trainer's inputs, and settings that fit a memory limit. */
#include "base/text.h"
#include "job/training_memory.h"
#include "job/training_parts.h"

void training_gather_inputs(struct training *training)
{
    training->inputs = (struct train_inputs){
        .model = training->model,
        .backend = training->backend,
        .recipe = training_recipe(training->request, &training->choice),
        .train = &training->train,
        .eval = training->eval.count > 0 ? &training->eval : NULL,
        .run = training->request->run,
        .identity = &training->identity,
    };
    training->inputs.recipe.touched = training->touched;
}

/* What the run will take is known, and with --memory-limit how many blocks the backward pass
 * computes anew, before anything is allocated; what does not fit even so is refused. */
int training_fit_memory(struct training *training, struct error *err)
{
    uint64_t limit = training->request->memory_limit;
    struct train_settings *s = &training->settings;
    struct memory_plan *plan = NULL;
    if (training_memory(&plan, training->request, &training->inputs, s, err) != 0)
        return -1;
    training->planned_bytes = plan->total;
    memory_plan_free(plan);
    if (limit > 0 && training->planned_bytes > limit)
        return error_set(err,
                         "the run needs %s, with every block computed anew in the backward pass, "
                         "and --memory-limit is %s; a lower --batch, --seq-len or --top, "
                         "--frozen-dtype nf4, --optimizer adamw-8bit, or --master none, needs less",
                         bytes_text((double)training->planned_bytes).text,
                         bytes_text((double)limit).text);
    if (s->recomputed > 0)
        training_say(training,
                     "to fit --memory-limit the backward pass computes %lld of %lld blocks anew",
                     (long long)s->recomputed, (long long)training->model->config.layers);
    return 0;
}
