#include "tui/app/cost.h"

#include "compute/backend.h"
#include "compute/machine.h"
#include "train/transformer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool *trained_modules(const struct plan *plan, bool full, struct error *err)
{
    const struct model *model = plan_model(plan);
    bool *trained = array_alloc(model->module_count, sizeof *trained, err);
    for (size_t i = 0; trained && i < model->module_count; i++)
        trained[i] = full || plan_trains(plan, model->modules[i].name);
    return trained;
}

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

static int estimate(struct cost *cost, const struct plan *plan, const struct settings *settings,
                    struct error *err)
{
    struct memory_plan *memory = NULL;
    struct backend *backend = NULL;
    int64_t seq_len = settings_integer(settings, SETTING_SEQ_LEN);
    bool bf16 = settings_is(settings, SETTING_DTYPE, "auto")
                    ? machine_has_bf16()
                    : settings_is(settings, SETTING_DTYPE, "bf16");
    struct transformer_options options = {
        .recipe = {.trained =
                       trained_modules(plan, settings_is(settings, SETTING_METHOD, "full"), err)},
        .tokens = seq_len * settings_integer(settings, SETTING_BATCH),
        .max_positions = seq_len,
        .storage = bf16 ? STORAGE_BF16 : STORAGE_F32,
        .masters = bf16 && settings_is(settings, SETTING_MASTER, "fp32"),
        .generation = true, /* a run has samples */
    };
    int status =
        options.recipe.trained && open_backend(&backend, settings->values[SETTING_DEVICE], err) == 0
            ? transformer_plan(&memory, backend, plan_model(plan), &options, err)
            : -1;
    if (status == 0) {
        memcpy(cost->bytes, memory->bytes, sizeof cost->bytes);
        cost->total = memory->total;
    }
    memory_plan_free(memory);
    backend_close(backend);
    free((void *)(uintptr_t)options.recipe.trained);
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
