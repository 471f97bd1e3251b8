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
        if (!parameter_is_used(model, parameter))
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

/* What of a model's shape activations depend on: its configuration's, or, where its architecture is not
 * known, that of its tensors: as many blocks, as wide as the embedding, and inside as its widest matrix. */
struct shape {
    double layers, hidden, inner, vocab;
};

static struct shape shape_of(const struct model *model)
{
    const struct model_config *config = &model->config;
    struct shape shape = {(double)config->layers, (double)config->hidden,
                          (double)config->intermediate, (double)model_vocab(model)};
    for (size_t i = 0; config->layers == 0 && i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        shape.layers = fmax(shape.layers, parameter->layer + 1);
        if (parameter_end(model, parameter) == END_EMBEDDING)
            shape.hidden = fmax(shape.hidden, (double)parameter->cols);
        else if (parameter->layer >= 0 && parameter->tensor->rank == 2)
            shape.inner = fmax(shape.inner, (double)parameter->rows);
    }
    return shape;
}

static double activations(const struct model *model, double tokens, double d)
{
    const struct shape shape = shape_of(model);
    return tokens * (shape.layers * shape.hidden * d + (10 * shape.hidden + 4 * shape.inner) * d +
                     shape.vocab * (d + 8));
}

struct engine_memory engine_memory_estimate(const struct model *model,
                                            const struct method_choice *choice,
                                            const struct training_request *request, int64_t devices,
                                            bool whole)
{
    const struct numels sums = numels_of(model, choice, request);
    double d = training_settings(request).storage == STORAGE_F32 ? 4 : 2, n = (double)devices;
    bool replicated = !engine_info(request->engine)->shards;
    struct engine_memory memory = {.activations = activations(model, (double)request->seq_len, d)};
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
