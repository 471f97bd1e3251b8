#include "job/training/estimate.h"

#include "base/limits.h"
#include "base/text.h"
#include "compute/devices/devices.h"
#include "job/training/engine_memory.h"

#include <stdio.h>
#include <string.h>

/* A model's tensors as it uses them (a tied head is one with the embedding), and A [rank, cols] and
 * B [rows, rank] of each adapter. */
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
            out->adapter_parameters += run_tensor(model, recipe->rank, tensor).numel;
        }
    }
}

/* The back end is asked only how much workspace its operations take, so one thread is enough, and
 * where the device cannot train the reference stands in for it. */
static int estimate_memory(struct training_estimate *out, const struct training_request *request,
                           struct train_inputs *inputs, struct train_settings *settings,
                           struct error *err)
{
    struct memory_plan *memory = NULL;
    if (backend_open(&inputs->backend, request->device, 1, err) != 0)
        return -1;
    if (!backend_can_train(inputs->backend)) {
        backend_close(inputs->backend);
        if (backend_open(&inputs->backend, "reference", 1, err) != 0)
            return -1;
    }
    if (training_memory(&memory, request, inputs, settings, err) != 0)
        return -1;
    out->recomputed = settings->recomputed;
    memcpy(out->bytes, memory->bytes, sizeof out->bytes);
    out->total = memory->total;
    memory_plan_free(memory);
    return 0;
}

/* By the engine's rules: nothing of this program's trainer is in them. */
static void estimate_devices(struct training_estimate *out, const struct training_request *request,
                             const struct model *model, const struct method_choice *choice)
{
    int64_t devices = request->processes * request->nodes;
    struct engine_memory each = engine_memory_estimate(model, choice, request, devices, false);
    bool there = !request->offload; /* states are on the device */
    out->bytes[MEMORY_WEIGHTS] = there ? (uint64_t)each.weights : 0;
    out->bytes[MEMORY_GRADIENTS] = there ? (uint64_t)each.gradients : 0;
    out->bytes[MEMORY_OPTIMIZER] = there ? (uint64_t)each.moments : 0;
    out->bytes[MEMORY_ACTIVATIONS] = (uint64_t)each.activations;
    out->bytes[MEMORY_WORKSPACE] = (uint64_t)each.gathered;
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        out->total += out->bytes[i];
    out->devices = devices;
    out->host = (uint64_t)each.host;
    out->alone = (uint64_t)engine_memory_estimate(model, choice, request, 1, false).total;
}

void training_devices_put(struct buffer *out, const struct training_estimate *cost)
{
    if (cost->devices > 1)
        buffer_format(out, "each of %lld devices about %s", (long long)cost->devices,
                      bytes_text((double)cost->total).text);
    else
        buffer_format(out, "one device about %s", bytes_text((double)cost->total).text);
    if (cost->host > 0)
        buffer_format(out, " and %s of the host's", bytes_text((double)cost->host).text);
    if (cost->devices > 1)
        buffer_format(out, "; one device alone %s", bytes_text((double)cost->alone).text);
}

/* On an error `why` says what is not known; a form shows that in place of numbers. */
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
    if (status != 0)
        goto out;
    inputs.recipe = training_recipe(request, &choice);
    count_parameters(out, model, &inputs.recipe);
    if (request->engine != ENGINE_HERE)
        estimate_devices(out, request, model, &choice);
    else
        status = estimate_memory(out, request, &inputs, &settings, &err);
    if (status != 0)
        goto out;
    status = training_disk_look(&out->disk, model, &inputs.recipe, &settings, evaluates,
                                request->run ? request->run : "", &err);
out:
    out->known = status == 0;
    snprintf(out->why, sizeof out->why, "%s", err.text);
    backend_close(inputs.backend);
    method_choice_free(&choice);
}

/* Processes on the CPU have all that is theirs in one memory, each on its node. */
static uint64_t needed_here(const struct training_estimate *cost,
                            const struct training_request *request)
{
    return request->engine == ENGINE_HERE
               ? cost->total
               : (uint64_t)request->processes * (cost->total + cost->host);
}

void training_room_look(struct training_room *out, const struct training_estimate *cost,
                        const struct training_request *request)
{
    struct memory_limit limit;
    *out = (struct training_room){.bytes = available_memory_within(&limit)};
    out->counts =
        request->engine == ENGINE_HERE || (strcmp(request->device, "cpu") == 0 && !request->slurm);
    out->needed = needed_here(cost, request);
    out->asked = request->memory_limit > 0 && request->memory_limit < out->bytes;
    if (out->asked)
        out->bytes = request->memory_limit;
    snprintf(out->within, sizeof out->within, "%s", out->asked ? "the --memory-limit" : limit.by);
    out->fits = !cost->known || !out->counts || out->needed <= out->bytes;
}
