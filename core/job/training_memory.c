#include "job/training_memory.h"

#include "compute/devices/devices.h"
#include "compute/machine.h"

#include <stdio.h>
#include <string.h>

struct train_settings training_settings(const struct training_request *r)
{
    bool bf16 = r->dtype == WEIGHTS_AUTO ? machine_has_bf16() : r->dtype == WEIGHTS_BF16;
    return (struct train_settings){
        .steps = r->steps,
        .epochs = r->epochs,
        .seq_len = r->seq_len,
        .batch = r->batch,
        .accumulate = r->accumulate,
        .schedule = r->schedule,
        .rate = r->rate,
        .warmup = r->warmup,
        .optimizer = {.weight_decay = r->weight_decay, .clip = r->clip, .seed = (uint64_t)r->seed},
        .storage = bf16 ? STORAGE_BF16 : STORAGE_F32,
        .masters = bf16 && r->master == MASTERS_FP32,
        .z_loss = r->z_loss,
        .neftune = r->neftune,
        .spike_guard = r->spike_guard,
        .eval_every = r->eval_every,
        .save_every = r->save_every,
        .keep = r->keep,
    };
}

struct recipe training_recipe(const struct training_request *request,
                              const struct method_choice *choice)
{
    struct recipe recipe = {.trained = choice->trained, .optimizer = request->optimizer};
    if (method_info(request->method)->adapters) {
        recipe.adapted = choice->adapted;
        recipe.rank = request->rank;
        recipe.alpha = request->alpha;
    }
    if (request->frozen == FROZEN_INT8 || request->frozen == FROZEN_NF4) {
        recipe.quantized = choice->frozen;
        recipe.frozen = request->frozen == FROZEN_INT8 ? STORAGE_INT8 : STORAGE_NF4;
    }
    return recipe;
}

int training_memory(struct memory_plan **out, const struct training_request *request,
                    const struct train_inputs *inputs, struct train_settings *settings,
                    struct error *err)
{
    return request->memory_limit > 0
               ? trainer_fit(out, inputs, settings, request->memory_limit, err)
               : trainer_plan(out, inputs, settings, err);
}

/* A back end is asked only how much workspace it takes. */
static int open_backend(struct backend **backend, const char *device, struct error *err)
{
    if (backend_open(backend, device, 1, err) != 0)
        return -1;
    if (backend_can_train(*backend))
        return 0;
    backend_close(*backend);
    return backend_open(backend, "reference", 1, err);
}

static void count_parameters(struct training_estimate *out, const struct model *model,
                             const struct recipe *recipe)
{
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        if (parameter_is_used(model, parameter))
            out->parameters += parameter->numel;
        if (recipe->trained[i])
            out->trained_parameters += parameter->numel;
        if (!recipe->adapted || !recipe->adapted[i])
            continue;
        out->adapted++;
        for (int part = PART_A; part <= PART_B; part++) {
            size_t tensor = run_tensor_index(model, parameter, (enum tensor_part)part);
            out->adapter_parameters += run_tensor(model, recipe->rank, tensor).parameters;
        }
    }
}

static int estimate_memory(struct training_estimate *out, const struct training_request *request,
                           struct train_inputs *inputs, struct train_settings *settings,
                           struct error *err)
{
    struct memory_plan *memory = NULL;
    if (training_memory(&memory, request, inputs, settings, err) != 0)
        return -1;
    out->recomputed = settings->recomputed;
    out->over_limit = request->memory_limit > 0 && memory->total > request->memory_limit;
    memcpy(out->bytes, memory->bytes, sizeof out->bytes);
    out->total = memory->total;
    memory_plan_free(memory);
    return 0;
}

void training_estimate(struct training_estimate *out, const struct training_request *request,
                       const struct model *model, const struct plan *plan)
{
    struct error err = ERROR_INIT;
    struct method_choice choice;
    struct train_inputs inputs = {.model = model};
    struct train_settings settings = training_settings(request);
    static const int32_t prompt[1];
    bool evaluates = request->eval_data.count > 0 || request->eval_split > 0;
    settings.sample.ids = request->sample_tokens > 0 ? prompt : NULL;
    *out = (struct training_estimate){0};
    int status = method_choose(&choice, request->method, model, plan, &err);
    if (status == 0) {
        inputs.recipe = training_recipe(request, &choice);
        count_parameters(out, model, &inputs.recipe);
        status = open_backend(&inputs.backend, request->device, &err);
    }
    if (status == 0)
        status = estimate_memory(out, request, &inputs, &settings, &err);
    if (status == 0)
        status = training_disk_look(&out->disk, model, &inputs.recipe, &settings, evaluates,
                                    request->run ? request->run : "", &err);
    out->known = status == 0;
    snprintf(out->why, sizeof out->why, "%s", err.text);
    backend_close(inputs.backend);
    method_choice_free(&choice);
}
