#include "train/pass.h"

struct pass pass_begin(struct network *network, const struct batch *batch)
{
    const struct model_config *config = network->config;
    struct backend *backend = network->backend;
    int64_t T = batch->tokens;
    struct pass pass = {
        .network = network,
        .backend = backend,
        .config = config,
        .type = network->storage,
        .tokens = T,
        .documents = {batch->offsets, batch->documents},
        .ids = tensor_at(network_run_place(network, RUN_IDS), STORAGE_I32, 1, T),
        .positions = tensor_at(network_run_place(network, RUN_POSITIONS), STORAGE_I32, 1, T),
        .targets = tensor_at(network_run_place(network, RUN_TARGETS), STORAGE_I32, 1, T),
        .rope = tensor_at(network_run_place(network, RUN_ROPE), STORAGE_F32, network->max_positions,
                          config->head_dim)};
    size_t bytes = (size_t)T * sizeof(int32_t);
    backend->write(backend->self, pass.ids.data, batch->ids, bytes);
    backend->write(backend->self, pass.positions.data, batch->positions, bytes);
    if (batch->targets)
        backend->write(backend->self, pass.targets.data, batch->targets, bytes);
    if (batch->weights) {
        pass.weights = tensor_at(network_run_place(network, RUN_WEIGHTS), STORAGE_F32, 1, T);
        backend->write(backend->self, pass.weights.data, batch->weights, bytes);
    }
    return pass;
}

int64_t pass_q_width(const struct pass *pass)
{
    return pass->config->heads * pass->config->head_dim;
}

int64_t pass_kv_width(const struct pass *pass)
{
    return pass->config->kv_heads * pass->config->head_dim;
}

/* --- activations --- */

struct tensor pass_block(const struct pass *pass, int layer, enum block_slot slot)
{
    const struct memory_plan *plan = pass->network->plan;
    int buffer = (pass->recompute ? plan->recomputed : plan->blocks)[layer][slot];
    struct place place = network_planned_place(pass->network, buffer);
    struct slot_shape shape =
        block_slot_shape(pass->config, pass->network->recipe.rank, pass->type, slot);
    return slot == SLOT_LSE ? tensor_at(place, shape.storage, shape.width, pass->tokens)
                            : tensor_at(place, shape.storage, pass->tokens, shape.width);
}

struct tensor pass_rows(const struct pass *pass, enum run_slot slot, int64_t cols)
{
    return tensor_at(network_run_place(pass->network, slot), pass->type, pass->tokens, cols);
}

struct tensor pass_output(const struct pass *pass, int layer)
{
    return layer + 1 < pass->config->layers ? pass_block(pass, layer + 1, SLOT_INPUT)
                                            : pass_rows(pass, RUN_OUTPUT, pass->config->hidden);
}

/* --- parameters --- */

const struct parameter *pass_parameter(const struct pass *pass, enum parameter_role role, int layer,
                                       bool bias)
{
    return model_role(pass->network->model, role, layer, bias);
}

struct tensor pass_values(const struct pass *pass, const struct parameter *parameter,
                          enum tensor_slot slot)
{
    if (!parameter)
        return (struct tensor){0};
    return network_values(pass->network, (size_t)(parameter - pass->network->model->parameters),
                          slot);
}

struct tensor pass_fresh_gradient(const struct pass *pass, const struct parameter *parameter)
{
    struct tensor gradient = pass_values(pass, parameter, TENSOR_GRADIENT);
    if (tensor_is_there(&gradient) && pass->sink)
        pass_run(pass, &(struct op_call){OP_FILL_ZERO, .fill_zero = {gradient}});
    return gradient;
}

struct tensor pass_weight(const struct pass *pass, enum parameter_role role, int layer)
{
    return pass_values(pass, pass_parameter(pass, role, layer, false), TENSOR_WEIGHT);
}

struct tensor pass_linear_weight(const struct pass *pass, enum parameter_role role, int layer)
{
    struct tensor weight = pass_weight(pass, role, layer);
    if (weight.storage == pass->type)
        return weight;
    struct tensor dense = tensor_at(network_run_place(pass->network, RUN_DENSE), pass->type,
                                    weight.rows, weight.cols);
    pass_run(pass,
             &(struct op_call){OP_DEQUANTIZE, .dequantize = {.out = dense, .weight = weight}});
    return dense;
}

struct adapter pass_adapter(const struct pass *pass, enum parameter_role role, int layer)
{
    const struct network *t = pass->network;
    const struct parameter *parameter = pass_parameter(pass, role, layer, false);
    size_t a = run_tensor_index(t->model, parameter, PART_A);
    size_t b = run_tensor_index(t->model, parameter, PART_B);
    struct adapter adapter = {.low = pass_block(pass, layer, low_slot(role))};
    if (!tensor_is_there(&adapter.low))
        return adapter;
    adapter.scale = (float)(t->recipe.alpha / (double)t->recipe.rank);
    adapter.a = network_values(t, a, TENSOR_WEIGHT);
    adapter.b = network_values(t, b, TENSOR_WEIGHT);
    adapter.grad_a = network_values(t, a, TENSOR_GRADIENT);
    adapter.grad_b = network_values(t, b, TENSOR_GRADIENT);
    return adapter;
}

enum parameter_role pass_head_role(const struct pass *pass)
{
    return pass->config->tied ? ROLE_EMBEDDING : ROLE_HEAD;
}

/* --- operations of both directions --- */

void pass_rotate(const struct pass *pass, struct tensor x, bool backward)
{
    pass_run(pass, &(struct op_call){OP_ROPE, .rope = {.x = x,
                                                       .table = pass->rope,
                                                       .positions = pass->positions,
                                                       .backward = backward}});
}

void pass_norm(const struct pass *pass, enum parameter_role role, int layer, struct tensor out,
               struct tensor rstd, struct tensor x)
{
    pass_run(pass,
             &(struct op_call){OP_RMSNORM_FORWARD,
                               .rmsnorm_forward = {.out = out,
                                                   .rstd = rstd,
                                                   .x = x,
                                                   .weight = pass_weight(pass, role, layer),
                                                   .epsilon = (float)pass->config->norm_eps}});
}
