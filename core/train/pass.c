#include "train/pass.h"

struct pass pass_begin(struct transformer *transformer, const struct batch *batch)
{
    const struct model_config *config = transformer->config;
    struct backend *backend = transformer->backend;
    struct pass pass = {.transformer = transformer,
                        .ops = transformer->ops,
                        .self = backend->self,
                        .config = config,
                        .type = transformer->storage,
                        .tokens = batch->tokens,
                        .documents = {batch->offsets, batch->documents},
                        .shape = {batch->tokens, (int)config->heads, (int)config->kv_heads,
                                  (int)config->head_dim, 0},
                        .wide = config->heads * config->head_dim,
                        .narrow = config->kv_heads * config->head_dim,
                        .ids = transformer_run_place(transformer, RUN_IDS),
                        .positions = transformer_run_place(transformer, RUN_POSITIONS),
                        .targets = {transformer_run_place(transformer, RUN_TARGETS),
                                    transformer_run_place(transformer, RUN_WEIGHTS)},
                        .rope = transformer_run_place(transformer, RUN_ROPE)};
    size_t bytes = (size_t)batch->tokens * sizeof(int32_t);
    backend->write(backend->self, pass.ids, batch->ids, bytes);
    backend->write(backend->self, pass.positions, batch->positions, bytes);
    if (batch->targets)
        backend->write(backend->self, pass.targets.ids, batch->targets, bytes);
    if (batch->weights)
        backend->write(backend->self, pass.targets.weights, batch->weights, bytes);
    else
        pass.targets.weights = (struct place){NULL, 0};
    return pass;
}

struct place pass_run_place(const struct pass *pass, enum run_slot slot)
{
    return transformer_run_place(pass->transformer, slot);
}

struct place pass_block_place(const struct pass *pass, int layer, enum block_slot slot)
{
    const struct memory_plan *plan = pass->transformer->plan;
    return transformer_planned_place(pass->transformer,
                                     (pass->again ? plan->again : plan->blocks)[layer][slot]);
}

struct place pass_output_place(const struct pass *pass, int layer)
{
    return layer + 1 < pass->config->layers ? pass_block_place(pass, layer + 1, SLOT_INPUT)
                                            : pass_run_place(pass, RUN_OUTPUT);
}

const struct module *pass_module(const struct pass *pass, enum module_role role, int layer,
                                 bool bias)
{
    return model_role(pass->transformer->model, role, layer, bias);
}

struct place pass_module_place(const struct pass *pass, const struct module *module,
                               enum tensor_slot slot)
{
    if (!module)
        return (struct place){NULL, 0};
    return transformer_place(pass->transformer,
                             (size_t)(module - pass->transformer->model->modules), slot);
}

struct place pass_fresh_gradient(const struct pass *pass, const struct module *module)
{
    struct place place = pass_module_place(pass, module, TENSOR_GRADIENT);
    if (place.buffer && pass->sink)
        pass->ops->fill_zero(pass->self, place, (size_t)module->parameters * sizeof(float));
    return place;
}

struct adapter pass_adapter(const struct pass *pass, enum module_role role, int layer)
{
    const struct transformer *t = pass->transformer;
    const struct module *module = pass_module(pass, role, layer, false);
    size_t a = run_tensor_index(t->model, module, PART_A);
    size_t b = run_tensor_index(t->model, module, PART_B);
    int64_t rank = t->recipe.rank;
    struct adapter adapter = {.low = pass_block_place(pass, layer, low_slot(role))};
    if (!adapter.low.buffer)
        return adapter;
    adapter.rank = rank;
    adapter.scale = (float)(t->recipe.alpha / (double)rank);
    adapter.a = (struct weight){.data = transformer_place(t, a, TENSOR_WEIGHT),
                                .storage = pass->type,
                                .rows = rank,
                                .cols = module->cols};
    adapter.b = (struct weight){.data = transformer_place(t, b, TENSOR_WEIGHT),
                                .storage = pass->type,
                                .rows = module->rows,
                                .cols = rank};
    adapter.grad_a = transformer_place(t, a, TENSOR_GRADIENT);
    adapter.grad_b = transformer_place(t, b, TENSOR_GRADIENT);
    return adapter;
}

struct weight pass_weight(const struct pass *pass, enum module_role role, int layer)
{
    const struct module *module = pass_module(pass, role, layer, false);
    return (struct weight){.data = pass_module_place(pass, module, TENSOR_WEIGHT),
                           .storage = pass->type,
                           .rows = module->rows,
                           .cols = module->cols};
}

struct weight pass_linear_weight(const struct pass *pass, enum module_role role, int layer)
{
    const struct transformer *t = pass->transformer;
    struct weight weight = pass_weight(pass, role, layer);
    size_t tensor = (size_t)(pass_module(pass, role, layer, false) - t->model->modules);
    weight.storage = transformer_storage(t, tensor);
    if (weight.storage == pass->type)
        return weight;
    weight.scales = transformer_place(t, tensor, TENSOR_SCALES);
    struct place dense = pass_run_place(pass, RUN_DENSE);
    pass->ops->dequantize(pass->self, dense, pass->type, weight);
    return (struct weight){
        .data = dense, .storage = pass->type, .rows = weight.rows, .cols = weight.cols};
}

enum module_role pass_head_role(const struct pass *pass)
{
    return pass->config->tied ? ROLE_EMBEDDING : ROLE_HEAD;
}

struct attention_shape pass_shape(const struct pass *pass, int layer)
{
    struct attention_shape shape = pass->shape;
    shape.window = (int)model_window(pass->config, layer);
    return shape;
}

void pass_rotate(const struct pass *pass, struct place x, int heads, bool backward)
{
    pass->ops->rope(pass->self, x, pass->type, pass->rope, pass->positions, pass->tokens, heads,
                    (int)pass->config->head_dim, backward);
}
