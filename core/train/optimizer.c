/* A step of the optimiser over all trained tensors, in one of two ways:
 *
 * * all at the end (optimizer_step): the gradients of the step's batches are summed, their norm is
 *   found, they are clipped, the tensors are stepped;
 * * during the backward pass (optimizer_begin, optimizer_end): a tensor is stepped as soon as its
 *   gradient is there, whose memory then serves the next. The norm is known only at the end, so
 *   there is no clipping.
 *
 *     norm = sqrt(sum over all trained tensors of |scale gradient|^2)
 *     clipping: scale := scale min(1, clip / norm)
 */
#include "train/optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What trains is what the plan has a gradient for; `place_of` finds a tensor's place in that
 * list. */
int optimizer_new(struct optimizer **out, struct transformer *transformer,
                  const struct optimizer_settings *settings, struct error *err)
{
    size_t most = run_tensor_count(transformer->network.model);
    struct optimizer *optimizer = array_alloc(1, sizeof *optimizer, err);
    if (!optimizer)
        return -1;
    *optimizer = (struct optimizer){.transformer = transformer, .settings = *settings};
    optimizer->constants = settings->constants
                               ? *settings->constants
                               : optimizer_usual(transformer->network.recipe.optimizer);
    optimizer->tensors = array_alloc(most, sizeof *optimizer->tensors, err);
    optimizer->norms = array_alloc(most, sizeof *optimizer->norms, err);
    optimizer->place_of = array_alloc(most, sizeof *optimizer->place_of, err);
    optimizer->since = array_alloc(most, sizeof *optimizer->since, err);
    if (!optimizer->tensors || !optimizer->norms || !optimizer->place_of || !optimizer->since) {
        optimizer_free(optimizer);
        return -1;
    }
    for (size_t i = 0; i < most; i++)
        if (network_place(&transformer->network, i, TENSOR_GRADIENT).buffer) {
            optimizer->place_of[i] = optimizer->count;
            optimizer->tensors[optimizer->count++] = i;
        }
    *out = optimizer;
    return 0;
}

void optimizer_free(struct optimizer *optimizer)
{
    if (!optimizer)
        return;
    free(optimizer->tensors);
    free(optimizer->norms);
    free(optimizer->place_of);
    free(optimizer->since);
    free(optimizer);
}

struct run_tensor optimizer_tensor(const struct optimizer *optimizer, size_t i)
{
    return network_tensor(&optimizer->transformer->network, optimizer->tensors[i]);
}

static void clear_squares(struct optimizer *optimizer)
{
    const struct network *network = &optimizer->transformer->network;
    struct tensor squares = tensor_at(network_run_place(network, RUN_SQUARES), STORAGE_F64, 1,
                                      (int64_t)optimizer->count);
    backend_run(network->backend, &(struct op_call){OP_FILL_ZERO, .fill_zero = {squares}});
}

/* Of the gradient as it is summed; tensor i has its own f64 of RUN_SQUARES, so each has its
 * norm. */
static void sum_squares(struct optimizer *optimizer, size_t i)
{
    const struct network *network = &optimizer->transformer->network;
    struct place sum = network_run_place(network, RUN_SQUARES);
    sum.offset += i * sizeof(double);
    backend_run(
        network->backend,
        &(struct op_call){
            OP_SUM_SQUARES,
            .sum_squares = {.sum = tensor_at(sum, STORAGE_F64, 1, 1),
                            .x = network_values(network, optimizer->tensors[i], TENSOR_GRADIENT)}});
}

/* Each tensor's norm into ->norms, and that of all together:
 *
 *     |g_i| = scale * sqrt(sum of squares of g_i),    |g| = scale * sqrt(sum over i of those sums)
 *
 * The sums are f64 on the device; this waits for them. A norm that is not finite is an error that
 * names the first tensor that has none. */
static int read_norms(struct optimizer *optimizer, int64_t step, double scale, double *norm,
                      struct error *err)
{
    struct network *network = &optimizer->transformer->network;
    struct backend *backend = network->backend;
    const char *bad = NULL;
    double total = 0;
    if (backend->wait(backend->self, err) != 0)
        return -1;
    backend->read(backend->self, optimizer->norms, network_run_place(network, RUN_SQUARES),
                  optimizer->count * sizeof(double));
    for (size_t i = 0; i < optimizer->count; i++) {
        total += optimizer->norms[i];
        optimizer->norms[i] = scale * sqrt(optimizer->norms[i]);
        if (!bad && !isfinite(optimizer->norms[i]))
            bad = optimizer_tensor(optimizer, i).parameter->name;
    }
    *norm = scale * sqrt(total);
    if (isfinite(*norm))
        return 0;
    return error_set_kind(err, ERROR_NOT_FINITE, "step %lld: the gradient of %s is not finite",
                          (long long)step, bad ? bad : "their sum");
}

/* The tensor's step, by its rule. */
static void update(struct optimizer *optimizer, size_t i, int64_t step,
                   struct step_settings settings)
{
    const struct network *network = &optimizer->transformer->network;
    const struct optimizer_settings *s = &optimizer->settings;
    size_t number = optimizer->tensors[i];
    const struct parameter *parameter = optimizer_tensor(optimizer, i).parameter;
    const struct optimizer_rule *rule = optimizer_rule_of(network->recipe.optimizer, parameter);
    settings.weight_decay = optimizer_is_matrix(parameter) ? (float)s->weight_decay : 0;
    settings.lr *= s->factors ? (float)s->factors[number] : 1;
    settings.tensor = (uint32_t)number;
    struct step_tensors tensors = {
        .parameter = network_values(network, number, TENSOR_WEIGHT),
        .master = network_values(network, number, TENSOR_MASTER),
        .gradient = network_values(network, number, TENSOR_GRADIENT),
        .workspace = network_workspace(network, RUN_OPTIMIZER_WORKSPACE),
    };
    for (int k = 0; k < optimizer_state_count(rule); k++)
        tensors.states[k] = network_values(network, number, (enum tensor_slot)(TENSOR_STATE + k));
    struct op_call call =
        rule->step(&tensors, settings, &optimizer->constants, step - optimizer->since[i]);
    backend_run(network->backend, &call);
}

/* What all tensors of a step have in common. The key is of the stochastic rounding: seed and step,
 * so that a resumed run rounds as one that was never stopped. */
static struct step_settings settings_of(const struct optimizer *optimizer, int64_t step,
                                        double rate, double gradient_scale)
{
    const struct optimizer_settings *s = &optimizer->settings;
    return (struct step_settings){
        .lr = (float)rate,
        .gradient_scale = (float)gradient_scale,
        .key = {(uint32_t)(s->seed ^ s->seed >> 32), (uint32_t)step},
    };
}

int optimizer_step(struct optimizer *optimizer, int64_t step, double rate, double gradient_scale,
                   double *norm, struct error *err)
{
    const struct optimizer_settings *s = &optimizer->settings;
    clear_squares(optimizer);
    for (size_t i = 0; i < optimizer->count; i++)
        sum_squares(optimizer, i);
    if (read_norms(optimizer, step, gradient_scale, norm, err) != 0)
        return -1;
    /* clipping: g *= min(1, clip / (|g| + 1e-6)), a factor of the scale that each step has
     * anyway */
    double clip = s->clip > 0 ? fmin(1, s->clip / (*norm + 1e-6)) : 1;
    struct step_settings settings = settings_of(optimizer, step, rate, gradient_scale * clip);
    for (size_t i = 0; i < optimizer->count; i++)
        update(optimizer, i, step, settings);
    return 0;
}

/* The sink's take(): the tensor's gradient is complete, and its memory is another's after this. */
static void take_gradient(void *context, size_t tensor)
{
    struct optimizer *optimizer = context;
    size_t i = optimizer->place_of[tensor];
    sum_squares(optimizer, i);
    update(optimizer, i, optimizer->step, optimizer->now);
}

struct gradient_sink optimizer_begin(struct optimizer *optimizer, int64_t step, double rate,
                                     double gradient_scale)
{
    optimizer->step = step;
    optimizer->scale = gradient_scale;
    optimizer->now = settings_of(optimizer, step, rate, gradient_scale);
    clear_squares(optimizer);
    return (struct gradient_sink){.context = optimizer, .take = take_gradient};
}

int optimizer_end(struct optimizer *optimizer, double *norm, struct error *err)
{
    return read_norms(optimizer, optimizer->step, optimizer->scale, norm, err);
}
