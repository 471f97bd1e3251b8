#include "train/optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const optimizer_names[] = {
    [MOMENTS_F32] = "adamw",
    [MOMENTS_BF16] = "adamw-bf16",
    [MOMENTS_INT8] = "adamw-8bit",
    [MOMENTS_INT8 + 1] = NULL,
};

const char *optimizer_name(enum moment_type moments)
{
    return optimizer_names[moments];
}

int optimizer_new(struct optimizer **out, struct transformer *transformer,
                  const struct optimizer_settings *settings, struct error *err)
{
    size_t most = run_tensor_count(transformer->network.model);
    struct optimizer *optimizer = array_alloc(1, sizeof *optimizer, err);
    if (!optimizer)
        return -1;
    *optimizer = (struct optimizer){.transformer = transformer, .settings = *settings};
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

/* Each tensor's norm into ->norms; the norm of all together. Waits. */
static int read_norms(struct optimizer *optimizer, double scale, double *norm, struct error *err)
{
    struct network *network = &optimizer->transformer->network;
    struct backend *backend = network->backend;
    if (backend->wait(backend->self, err) != 0)
        return -1;
    backend->read(backend->self, optimizer->norms, network_run_place(network, RUN_SQUARES),
                  optimizer->count * sizeof(double));
    double total = 0;
    for (size_t i = 0; i < optimizer->count; i++) {
        total += optimizer->norms[i];
        optimizer->norms[i] = scale * sqrt(optimizer->norms[i]);
    }
    *norm = scale * sqrt(total);
    return 0;
}

static const char *first_bad(const struct optimizer *optimizer)
{
    for (size_t i = 0; i < optimizer->count; i++)
        if (!isfinite(optimizer->norms[i]))
            return optimizer_tensor(optimizer, i).parameter->name;
    return "their sum";
}

/* Of a step's settings, what depends on the tensor. */
static void adjust(const struct optimizer *optimizer, size_t i, int64_t step,
                   struct adamw_settings *settings)
{
    const struct optimizer_settings *s = &optimizer->settings;
    const struct parameter *parameter = optimizer_tensor(optimizer, i).parameter;
    size_t number = optimizer->tensors[i];
    double own = (double)(step - optimizer->since[i]);
    bool matrix = parameter->rows > 1 && !parameter->bias;
    settings->weight_decay = matrix ? (float)s->weight_decay : 0;
    settings->lr *= s->factors ? (float)s->factors[number] : 1;
    settings->correction1 = (float)(1 - pow(s->beta1, own));
    settings->correction2 = (float)(1 - pow(s->beta2, own));
    settings->tensor = (uint32_t)number;
}

static void update(struct optimizer *optimizer, size_t i, int64_t step,
                   struct adamw_settings settings)
{
    const struct network *network = &optimizer->transformer->network;
    size_t number = optimizer->tensors[i];
    adjust(optimizer, i, step, &settings);
    backend_run(network->backend,
                &(struct op_call){OP_ADAMW,
                                  .adamw = {
                                      .parameter = network_values(network, number, TENSOR_WEIGHT),
                                      .master = network_values(network, number, TENSOR_MASTER),
                                      .m = network_values(network, number, TENSOR_M),
                                      .v = network_values(network, number, TENSOR_V),
                                      .gradient = network_values(network, number, TENSOR_GRADIENT),
                                      .settings = settings,
                                  }});
}

static int check_norm(const struct optimizer *optimizer, int64_t step, double norm,
                      struct error *err)
{
    if (isfinite(norm))
        return 0;
    return error_set_kind(err, ERROR_NOT_FINITE, "step %lld: the gradient of %s is not finite",
                          (long long)step, first_bad(optimizer));
}

static struct adamw_settings settings_of(const struct optimizer *optimizer, int64_t step,
                                         double rate, double gradient_scale)
{
    const struct optimizer_settings *s = &optimizer->settings;
    return (struct adamw_settings){
        .lr = (float)rate,
        .beta1 = (float)s->beta1,
        .beta2 = (float)s->beta2,
        .epsilon = (float)s->epsilon,
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
    if (read_norms(optimizer, gradient_scale, norm, err) != 0 ||
        check_norm(optimizer, step, *norm, err) != 0)
        return -1;
    double clip = s->clip > 0 ? fmin(1, s->clip / (*norm + 1e-6)) : 1;
    struct adamw_settings settings = settings_of(optimizer, step, rate, gradient_scale * clip);
    for (size_t i = 0; i < optimizer->count; i++)
        update(optimizer, i, step, settings);
    return 0;
}

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
    if (read_norms(optimizer, optimizer->scale, norm, err) != 0)
        return -1;
    return check_norm(optimizer, optimizer->step, *norm, err);
}
