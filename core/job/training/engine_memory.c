#include "job/training/engine_memory.h"

#include "base/text.h"

#include <math.h>

struct numels numels_of(const struct model *model, const struct method_choice *choice,
                        const struct training_request *request)
{
    struct numels sums = {0};
    double block = 0;
    int layer = -1;
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        double numel = (double)parameter->numel;
        if (parameter->buffer || !parameter_is_used(model, parameter))
            continue;
        if (parameter->layer != layer)
            block = 0;
        layer = parameter->layer;
        *(choice->trained[i] ? &sums.trained : &sums.frozen) += numel;
        if (choice->adapted[i])
            sums.trained += (double)(request->rank * (parameter->rows + parameter->cols));
        if (layer < 0)
            sums.outside += numel;
        else
            sums.block = fmax(sums.block, block += numel);
    }
    return sums;
}

static double activations(const struct model_config *config, double tokens, double d)
{
    double hidden = (double)config->hidden, inner = (double)config->intermediate;
    return tokens * ((double)config->layers * hidden * d + (10 * hidden + 4 * inner) * d +
                     (double)config->vocab * (d + 8));
}

struct engine_memory engine_memory_estimate(const struct model *model,
                                            const struct method_choice *choice,
                                            const struct training_request *request, int64_t devices,
                                            bool whole)
{
    const struct numels sums = numels_of(model, choice, request);
    double d = training_settings(request).storage == STORAGE_F32 ? 4 : 2, n = (double)devices;
    bool replicated = !engine_info(request->engine)->shards;
    struct engine_memory memory = {.activations =
                                       activations(&model->config, (double)request->seq_len, d)};
    if (replicated) {
        memory.weights = 4 * (sums.trained + sums.frozen);
        n = 1;
    } else {
        memory.weights = 4 * sums.trained / n + d * sums.frozen / (whole ? 1 : n);
        memory.gathered = d * (2 * sums.block + sums.outside);
    }
    memory.gradients = 4 * sums.trained / n;
    memory.moments = 8 * sums.trained / n;
    double states = memory.weights + memory.gradients + memory.moments;
    memory.host = request->offload ? states : 0;
    memory.total = (request->offload ? 0 : states) + memory.gathered + memory.activations;
    return memory;
}

void engine_memory_put(struct buffer *out, const struct model *model,
                       const struct method_choice *choice, const struct training_request *request)
{
    int64_t devices = request->processes * request->nodes;
    const struct engine_memory each =
        engine_memory_estimate(model, choice, request, devices, false);
    buffer_format(out, "each of %lld device%s about %s (weights %s, gradients %s, moments %s, ",
                  (long long)devices, text_s((uint64_t)devices), bytes_text(each.total).text,
                  bytes_text(each.weights).text, bytes_text(each.gradients).text,
                  bytes_text(each.moments).text);
    if (each.gathered > 0)
        buffer_format(out, "gathered %s, ", bytes_text(each.gathered).text);
    buffer_format(out, "activations %s)", bytes_text(each.activations).text);
    if (each.host > 0)
        buffer_format(out, ", and %s of the host's memory", bytes_text(each.host).text);
    if (devices > 1)
        buffer_format(
            out, "; one device alone %s",
            bytes_text(engine_memory_estimate(model, choice, request, 1, false).total).text);
    if (devices > 1 && each.gathered > 0)
        buffer_format(
            out, "; with all frozen weights on each %s",
            bytes_text(engine_memory_estimate(model, choice, request, devices, true).total).text);
}
