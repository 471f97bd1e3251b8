#include "tui/app/cost.h"

#include "compute/backend.h"
#include "compute/machine.h"
#include "train/tensors.h"
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

/* The back end is asked only how much workspace it takes; nothing is computed. */
static int open_backend(struct backend **backend, const char *device, struct error *err)
{
    if (backend_open(backend, device, 1, err) != 0)
        return -1;
    if ((*backend)->train)
        return 0;
    backend_close(*backend);
    return backend_open(backend, "reference", 1, err);
}

/* As a run makes it of the same options. Alpha takes no memory. */
static int make_recipe(struct recipe *recipe, const struct method_choice *choice,
                       const struct settings *settings, struct error *err)
{
    *recipe = (struct recipe){.trained = choice->trained};
    if (method_info(settings_method(settings))->adapters) {
        recipe->adapted = choice->adapted;
        recipe->rank = settings_integer(settings, SETTING_RANK);
    }
    if (storage_by_name(&recipe->frozen, settings_frozen(settings)))
        recipe->quantized = choice->frozen;
    return optimizer_by_name(&recipe->moments, settings->values[SETTING_OPTIMIZER], err);
}

static void count(struct cost *cost, const struct model *model, const struct recipe *recipe)
{
    for (size_t i = 0; i < model->module_count; i++) {
        const struct module *module = &model->modules[i];
        if (module_is_used(model, module))
            cost->parameters += module->parameters;
        if (recipe->trained[i])
            cost->trained_parameters += module->parameters;
        if (!recipe->adapted || !recipe->adapted[i])
            continue;
        cost->adapted++;
        for (int part = PART_A; part <= PART_B; part++) {
            size_t tensor = run_tensor_index(model, module, (enum tensor_part)part);
            cost->adapter_parameters += run_tensor(model, recipe->rank, tensor).parameters;
        }
    }
}

/* What of a run's settings its memory depends on; samples of some text are a run's default. */
static struct train_settings run_settings(const struct settings *settings)
{
    static const int32_t sample[1];
    bool bf16 = settings_is(settings, SETTING_DTYPE, "auto")
                    ? machine_has_bf16()
                    : settings_is(settings, SETTING_DTYPE, "bf16");
    return (struct train_settings){
        .seq_len = settings_integer(settings, SETTING_SEQ_LEN),
        .batch = settings_integer(settings, SETTING_BATCH),
        .accumulate = settings_integer(settings, SETTING_ACCUMULATE),
        .steps = settings->values[SETTING_STEPS][0] ? settings_integer(settings, SETTING_STEPS) : 0,
        .save_every = settings_integer(settings, SETTING_SAVE_EVERY),
        .keep = TRAIN_KEEP,
        .optimizer = {.clip = settings_number(settings, SETTING_CLIP)},
        .storage = bf16 ? STORAGE_BF16 : STORAGE_F32,
        .masters = bf16 && settings_is(settings, SETTING_MASTER, "fp32"),
        .sample = {.ids = sample},
    };
}

static int plan_memory(struct cost *cost, const struct model *model, const struct recipe *recipe,
                       const struct settings *settings, struct error *err)
{
    struct memory_plan *memory = NULL;
    struct train_inputs inputs = {.model = model, .recipe = *recipe};
    struct train_settings run = run_settings(settings);
    uint64_t limit = settings_bytes(settings, SETTING_MEMORY_LIMIT);
    int status = open_backend(&inputs.backend, settings->values[SETTING_DEVICE], err);
    if (status == 0)
        status = limit > 0 ? trainer_fit(&memory, &inputs, &run, limit, err)
                           : trainer_plan(&memory, &inputs, &run, err);
    if (status == 0) {
        cost->recomputed = run.recomputed;
        cost->over_limit = limit > 0 && memory->total > limit;
        memcpy(cost->bytes, memory->bytes, sizeof cost->bytes);
        cost->total = memory->total;
    }
    if (status == 0) /* a part of the data is held back for evaluation, unless it has one */
        status = training_disk_look(&cost->disk, model, recipe, &run, true,
                                    settings->values[SETTING_RUN], err);
    memory_plan_free(memory);
    backend_close(inputs.backend);
    return status;
}

static int estimate(struct cost *cost, const struct plan *plan, const struct settings *settings,
                    struct error *err)
{
    const struct model *model = plan_model(plan);
    struct method_choice choice;
    struct recipe recipe;
    int status = method_choose(&choice, settings_method(settings), model, plan, err);
    if (status == 0)
        status = make_recipe(&recipe, &choice, settings, err);
    if (status == 0) {
        count(cost, model, &recipe);
        status = plan_memory(cost, model, &recipe, settings, err);
    }
    method_choice_free(&choice);
    return status;
}

void cost_estimate(struct cost *cost, const struct plan *plan, const struct settings *settings)
{
    struct error err = ERROR_INIT;
    *cost = (struct cost){0};
    if (!plan_model(plan))
        snprintf(cost->why, sizeof cost->why, "only a scan is open, not the model");
    else if (estimate(cost, plan, settings, &err) != 0)
        snprintf(cost->why, sizeof cost->why, "%s", err.text);
    else
        cost->known = true;
}
