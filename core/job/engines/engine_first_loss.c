#include "job/engines/engine_first_loss.h"

#include "base/limits.h"
#include "base/text.h"
#include "model/trainable.h"

#include <math.h>
#include <stdio.h>

/* A step of more operations than this takes minutes on a machine's cores, which nobody asked for. */
static const double operations_max = 2e15;

/* Two operations a weight and token. */
static double operations(const struct training_parts *parts)
{
    const struct model *model = parts->base->model;
    const struct train_settings *settings = &parts->setup->settings;
    double numel = 0;
    for (size_t i = 0; i < model->parameter_count; i++)
        numel += (double)model->parameters[i].numel;
    return 2 * numel * (double)(settings->batch * settings->accumulate * settings->seq_len);
}

static int compute(double *loss, const struct training_parts *parts,
                   const struct transformer_options *options, struct error *err)
{
    const struct train_settings *settings = &parts->setup->settings;
    struct transformer *transformer = NULL;
    struct course course;
    struct taken taken = {0};
    struct loss_sums sums;
    int read = 1, status = -1;
    if (course_open(&course, parts->setup->inputs.train, settings, err) != 0)
        return -1;
    if (transformer_new(&transformer, parts->base->backend, parts->base->model, options, err) != 0)
        goto out;
    transformer_clear(transformer);
    for (int64_t i = 0; i < settings->accumulate && read > 0; i++) {
        work_tell(parts->sitting->work, WORK_EVALUATING, (uint64_t)i,
                  (uint64_t)settings->accumulate);
        if (run_should_stop((void *)(uintptr_t)parts->sitting)) {
            error_set_kind(err, ERROR_INTERRUPTED, "interrupted");
            goto out;
        }
        if ((read = course_read(&course, &taken, err)) > 0)
            transformer_run(transformer, &course.batch, false);
    }
    if (read < 0 || transformer_loss(transformer, &sums, err) != 0)
        goto out;
    *loss = sums.entropy / taken.weight;
    status = 0;
out:
    transformer_free(transformer);
    course_close(&course);
    return status;
}

int engine_first_loss_find(struct engine_first_loss *out, const struct training_parts *parts,
                           struct error *err)
{
    const struct train_settings *settings = &parts->setup->settings;
    const struct transformer_options options = {.tokens = settings->batch * settings->seq_len,
                                                .max_positions = settings->seq_len,
                                                .storage = settings->storage,
                                                .work = parts->sitting->work};
    struct memory_plan *plan = NULL;
    struct error why = ERROR_INIT;
    *out = (struct engine_first_loss){.tolerance = settings->storage == STORAGE_F32 ? 1e-3 : 1e-2};
    if (model_check_computable(parts->base->model, &why) != 0 ||
        transformer_plan(&plan, parts->base->backend, parts->base->model, &options, &why) != 0) {
        utf8_copy(out->why, sizeof out->why, why.text);
        utf8_sanitize(out->why);
        return 0;
    }
    uint64_t needed = plan->total, there = available_memory();
    memory_plan_free(plan);
    if (needed > there)
        snprintf(out->why, sizeof out->why, "computing it here takes %s of memory, and %s are free",
                 bytes_text((double)needed).text, bytes_text((double)there).text);
    else if (operations(parts) > operations_max)
        snprintf(out->why, sizeof out->why, "computing it here takes too long");
    else if (compute(&out->loss, parts, &options, err) != 0)
        return -1;
    else if (!isfinite(out->loss))
        return error_set_kind(err, ERROR_NOT_FINITE,
                              "the loss of the first step is not finite: the model has NaN or Inf, "
                              "or values that its type cannot hold");
    else
        out->known = true;
    return 0;
}
