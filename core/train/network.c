/* The weights of a run in one arena on the device, and what lies where in it. The host reads a
 * weight in f32 and stores it as the run has it: f32, bf16 (to nearest, its fp32 master beside it),
 * or in fewer bits. */
#include "train/network.h"

#include "base/number.h"
#include "base/random.h"
#include "compute/quantize.h"
#include "model/rope.h"

#include <math.h>
#include <stdlib.h>

/* --- what lies where --- */

struct place network_planned_place(const struct network *network, int buffer)
{
    if (buffer < 0)
        return (struct place){NULL, 0};
    return (struct place){network->arena, network->plan->buffers[buffer].offset};
}

struct place network_place(const struct network *network, size_t tensor, enum tensor_slot slot)
{
    return network_planned_place(network, network->plan->tensors[tensor][slot]);
}

/* Of tensor `number`: its weight, master, gradient or a state, as a tensor that operations take.
 * Scales lie in slots of their own. */
struct tensor network_values(const struct network *network, size_t number, enum tensor_slot slot)
{
    struct run_tensor shape = network_tensor(network, number);
    struct tensor tensor = {.data = network_place(network, number, slot),
                            .storage = STORAGE_F32,
                            .rows = shape.rows,
                            .cols = shape.cols};
    if (slot == TENSOR_WEIGHT) {
        tensor.storage = network_storage(network, number);
        tensor.scales = network_place(network, number, TENSOR_SCALES);
    } else if (slot >= TENSOR_STATE && slot < TENSOR_STATE_SCALES) {
        tensor.storage = optimizer_storage(network->recipe.optimizer, shape.parameter, shape.numel);
        tensor.scales = network_place(
            network, number, (enum tensor_slot)(slot + TENSOR_STATE_SCALES - TENSOR_STATE));
    }
    return tensor;
}

struct run_tensor network_tensor(const struct network *network, size_t tensor)
{
    return run_tensor(network->model, network->recipe.rank, tensor);
}

struct place network_run_place(const struct network *network, enum run_slot slot)
{
    return network_planned_place(network, network->plan->run[slot]);
}

struct tensor network_workspace(const struct network *network, enum run_slot slot)
{
    int buffer = network->plan->run[slot];
    return tensor_of_bytes(network_planned_place(network, buffer),
                           buffer < 0 ? 0 : network->plan->buffers[buffer].bytes);
}

enum storage network_storage(const struct network *network, size_t tensor)
{
    return tensor < network->model->parameter_count
               ? recipe_storage(&network->recipe, tensor, network->storage)
               : network->storage;
}

/* f32 values to where bf16 is stored, to nearest: a first value is not rounded by chance. */
static int write_rounded(struct network *network, struct place place, const float *values,
                         size_t count, struct error *err)
{
    struct backend *backend = network->backend;
    uint16_t *rounded = array_alloc(count, sizeof *rounded, err);
    if (!rounded)
        return -1;
    for (size_t i = 0; i < count; i++)
        rounded[i] = bf16_from_float(values[i]);
    backend->write(backend->self, place, rounded, count * sizeof *rounded);
    free(rounded);
    return 0;
}

/* Quantised on the host, as a device need not have that operation; only codes and scales are
 * copied. */
static int write_quantized(struct network *network, size_t tensor, const float *values,
                           size_t count, struct error *err)
{
    struct backend *backend = network->backend;
    enum storage storage = network_storage(network, tensor);
    struct stored_bytes bytes = storage_bytes(storage, (int64_t)count);
    void *data = array_alloc(bytes.data, 1, err);
    void *scales = data ? array_alloc(bytes.scales, 1, err) : NULL;
    if (scales) {
        quantize_weight(data, scales, storage, values, (int64_t)count);
        backend->write(backend->self, network_place(network, tensor, TENSOR_WEIGHT), data,
                       bytes.data);
        backend->write(backend->self, network_place(network, tensor, TENSOR_SCALES), scales,
                       bytes.scales);
    }
    int result = scales ? 0 : -1;
    free(data);
    free(scales);
    return result;
}

/* A frozen weight in fewer bits, or one in the run's own type; the master gets the values
 * unrounded. */
int network_write_weight(struct network *network, size_t tensor, const float *values,
                         struct error *err)
{
    size_t count = (size_t)network_tensor(network, tensor).numel;
    struct place place = network_place(network, tensor, TENSOR_WEIGHT);
    struct place master = network_place(network, tensor, TENSOR_MASTER);
    struct backend *backend = network->backend;
    if (network_storage(network, tensor) != network->storage)
        return write_quantized(network, tensor, values, count, err);
    if (master.buffer)
        backend->write(backend->self, master, values, count * 4);
    if (network->storage == STORAGE_BF16)
        return write_rounded(network, place, values, count, err);
    backend->write(backend->self, place, values, count * 4);
    return 0;
}

/* One NaN makes every loss NaN, and names nothing. */
static int check_finite(const struct parameter *parameter, const float *values, struct error *err)
{
    for (int64_t i = 0; i < parameter->numel; i++)
        if (!isfinite(values[i]))
            return error_set_kind(err, ERROR_NOT_FINITE,
                                  "tensor %s has %s at row %lld, column %lld: no loss can be "
                                  "computed; mend the checkpoint or fetch it again",
                                  parameter->name, isnan(values[i]) ? "NaN" : "Inf",
                                  (long long)(i / parameter->cols),
                                  (long long)(i % parameter->cols));
    return 0;
}

/* One tensor is in host memory at a time, as f32, and goes from there to what the run stores. */
static int load_weights(struct network *network, const struct work_watch *work, struct error *err)
{
    const struct model *model = network->model;
    int64_t most = 0;
    for (size_t i = 0; i < model->parameter_count; i++)
        if (model->parameters[i].numel > most)
            most = model->parameters[i].numel;
    float *values = array_alloc((size_t)most, sizeof *values, err);
    if (!values)
        return -1;
    int result = 0;
    for (size_t i = 0; i < model->parameter_count && result == 0; i++) {
        if (!parameter_is_used(model, &model->parameters[i]))
            continue;
        work_tell(work, WORK_LOADING, i, model->parameter_count);
        result = model_read_f32(model, &model->parameters[i], values, err);
        if (result == 0)
            result = check_finite(&model->parameters[i], values, err);
        if (result == 0)
            result = network_write_weight(network, i, values, err);
    }
    free(values);
    return result;
}

/* A of a new adapter; B stays zero, so that the model begins as its base is. */
static int init_adapter(struct network *network, size_t tensor, uint64_t seed, struct error *err)
{
    struct run_tensor a = network_tensor(network, tensor);
    float *values = array_alloc((size_t)a.numel, sizeof *values, err);
    if (!values)
        return -1;
    run_tensor_draw(&a, tensor, seed, values);
    int result = network_write_weight(network, tensor, values, err);
    free(values);
    return result;
}

static void fill_zero(struct network *network, struct place place, size_t bytes)
{
    backend_run(network->backend,
                &(struct op_call){OP_FILL_ZERO, .fill_zero = {tensor_of_bytes(place, bytes)}});
}

/* Weights and masters of all B lie where zeros are wanted. */
static void clear_adapter(struct network *network, size_t tensor)
{
    static const enum tensor_slot slots[] = {TENSOR_WEIGHT, TENSOR_MASTER};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        int buffer = network->plan->tensors[tensor][slots[i]];
        if (buffer >= 0)
            fill_zero(network, network_planned_place(network, buffer),
                      network->plan->buffers[buffer].bytes);
    }
}

static int init_adapters(struct network *network, uint64_t seed, struct error *err)
{
    const struct model *model = network->model;
    for (size_t i = 0; i < model->parameter_count; i++) {
        if (!network->recipe.adapted || !network->recipe.adapted[i])
            continue;
        const struct parameter *parameter = &model->parameters[i];
        clear_adapter(network, run_tensor_index(model, parameter, PART_B));
        if (init_adapter(network, run_tensor_index(model, parameter, PART_A), seed, err) != 0)
            return -1;
    }
    return 0;
}

/* Row p of the table, [positions, head_dim]: with f_i the frequency of pair i (model/rope.h) and a
 * what a scaling puts on attention (1 without),
 *
 *     table[p][i] = a cos(p f_i),    table[p][head_dim / 2 + i] = a sin(p f_i)
 *
 * The angle is a product in f32, as transformers has it. */
void rope_fill(float *table, const struct model_config *config, int64_t positions)
{
    int64_t half = config->head_dim / 2;
    for (int64_t pair = 0; pair < half; pair++) {
        float frequency = rope_frequency(config, pair);
        for (int64_t position = 0; position < positions; position++) {
            float angle = (float)position * frequency, *row = table + position * config->head_dim;
            row[pair] = (float)(config->rope_attention * cos(angle));
            row[half + pair] = (float)(config->rope_attention * sin(angle));
        }
    }
}

/* Cosines and sines of all positions, made once on the host. */
static int load_rope(struct network *network, struct error *err)
{
    size_t count = (size_t)(network->max_positions * network->config->head_dim);
    float *table = array_alloc(count, sizeof *table, err);
    if (!table)
        return -1;
    rope_fill(table, network->config, network->max_positions);
    network->backend->write(network->backend->self, network_run_place(network, RUN_ROPE), table,
                            count * sizeof *table);
    free(table);
    return 0;
}

void network_clear(struct network *network)
{
    const struct memory_plan *plan = network->plan;
    struct place gradients = {network->arena, plan->region[MEMORY_GRADIENTS]};
    fill_zero(network, network_run_place(network, RUN_LOSS), 2 * sizeof(double));
    if (plan->bytes[MEMORY_GRADIENTS] > 0)
        fill_zero(network, gradients, plan->bytes[MEMORY_GRADIENTS]);
}

/* By category, as the arena has them one after another. */
bool network_resident(const struct network *network, uint64_t out[MEMORY_CATEGORIES])
{
    const struct backend *backend = network->backend;
    const struct memory_plan *plan = network->plan;
    for (int i = 0; i < MEMORY_CATEGORIES; i++) {
        const struct place region = {network->arena, plan->region[i]};
        size_t bytes = 0;
        if (!backend->resident || !backend->resident(backend->self, &bytes, region, plan->bytes[i]))
            return false;
        out[i] = bytes;
    }
    return true;
}

/* Gradients are summed from zero, an optimiser's state begins at zero; nothing else needs a first
 * value. */
static void clear_state(struct network *network)
{
    const struct memory_plan *plan = network->plan;
    struct place states = {network->arena, plan->region[MEMORY_OPTIMIZER]};
    fill_zero(network, states, plan->bytes[MEMORY_OPTIMIZER]);
    network_clear(network);
}

/* With `layout_only` there is a plan and no memory: for what only wants to know sizes. On an error
 * the plan is freed, too. */
int network_init(struct network *network, struct backend *backend,
                 const struct memory_request *request, struct memory_plan *plan, uint64_t seed,
                 bool layout_only, const struct work_watch *work, struct error *err)
{
    const struct model *model = request->model;
    *network = (struct network){.backend = backend,
                                .model = model,
                                .config = &model->config,
                                .recipe = request->recipe,
                                .storage = request->storage,
                                .tokens = request->tokens,
                                .max_positions = request->max_positions,
                                .plan = plan};
    network->arena = backend->alloc(backend->self, layout_only ? 1 : plan->total, err);
    if (network->arena && layout_only)
        return 0;
    if (!network->arena || load_weights(network, work, err) != 0 ||
        init_adapters(network, seed, err) != 0 || load_rope(network, err) != 0) {
        network_free(network);
        return -1;
    }
    clear_state(network);
    return 0;
}

void network_free(struct network *network)
{
    if (network->arena)
        network->backend->free(network->backend->self, network->arena);
    memory_plan_free(network->plan);
    *network = (struct network){0};
}
