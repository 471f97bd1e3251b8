#include "train/transformer.h"

#include "base/number.h"

#include <math.h>
#include <stdlib.h>

/* --- making --- */

static struct memory_request request_of(struct backend *backend, const struct model *model,
                                        const struct transformer_options *options)
{
    const struct model_config *config = &model->config;
    const struct train_ops *ops = backend->train;
    struct attention_shape shape = {options->tokens, (int)config->heads, (int)config->kv_heads,
                                    (int)config->head_dim, 0};
    struct memory_request request = {model,
                                     options->trained,
                                     options->tokens,
                                     options->max_positions,
                                     options->storage,
                                     options->masters,
                                     options->generation,
                                     0,
                                     0};
    request.attention_workspace = ops->attention_workspace(backend->self, shape, options->storage);
    request.head_workspace = ops->head_workspace(backend->self, options->tokens, config->hidden,
                                                 config->vocab, options->storage);
    return request;
}

int transformer_plan(struct memory_plan **out, struct backend *backend, const struct model *model,
                     const struct transformer_options *options, struct error *err)
{
    if (model_check_trainable(model, err) != 0)
        return -1;
    if (model->config.rope_scaling == ROPE_DYNAMIC &&
        options->max_positions > model->config.max_positions)
        return error_set(err,
                         "documents of %lld tokens: dynamic rotary scaling changes behind %lld, "
                         "which is not supported; use a --seq-len up to that",
                         (long long)options->max_positions, (long long)model->config.max_positions);
    if (!backend->train)
        return error_set(err, "the back end \"%s\" cannot train: use --device cpu", backend->name);
    struct memory_request request = request_of(backend, model, options);
    return memory_plan_make(out, &request, err);
}

/* Where the plan put a buffer, by its index there; nowhere for -1. */
static struct place planned_place(const struct transformer *transformer, int buffer)
{
    if (buffer < 0)
        return (struct place){NULL, 0};
    return (struct place){transformer->arena, transformer->plan->buffers[buffer].offset};
}

struct place transformer_place(const struct transformer *transformer, size_t module,
                               enum module_slot slot)
{
    return planned_place(transformer, transformer->plan->modules[module][slot]);
}

struct place transformer_run_place(const struct transformer *transformer, enum run_slot slot)
{
    return planned_place(transformer, transformer->plan->run[slot]);
}

int transformer_write_weight(struct transformer *transformer, size_t module, const float *values,
                             struct error *err)
{
    size_t count = (size_t)transformer->model->modules[module].parameters;
    struct place place = transformer_place(transformer, module, MODULE_WEIGHT);
    struct place master = transformer_place(transformer, module, MODULE_MASTER);
    struct backend *backend = transformer->backend;
    if (master.buffer)
        backend->write(backend->self, master, values, count * 4);
    if (transformer->storage == STORAGE_F32) {
        backend->write(backend->self, place, values, count * 4);
        return 0;
    }
    uint16_t *rounded = array_alloc(count, sizeof *rounded, err);
    if (!rounded)
        return -1;
    for (size_t i = 0; i < count; i++)
        rounded[i] = bf16_from_float(values[i]);
    backend->write(backend->self, place, rounded, count * sizeof *rounded);
    free(rounded);
    return 0;
}

/* One NaN makes every loss NaN, and names nothing. */
static int check_finite(const struct module *module, const float *values, struct error *err)
{
    for (int64_t i = 0; i < module->parameters; i++)
        if (!isfinite(values[i]))
            return error_set_kind(err, ERROR_NOT_FINITE,
                                  "tensor %s has %s at row %lld, column %lld: no loss can be "
                                  "computed; mend the checkpoint or fetch it again",
                                  module->name, isnan(values[i]) ? "NaN" : "Inf",
                                  (long long)(i / module->cols), (long long)(i % module->cols));
    return 0;
}

static int load_weights(struct transformer *transformer, struct error *err)
{
    const struct model *model = transformer->model;
    int64_t most = 0;
    for (size_t i = 0; i < model->module_count; i++)
        if (model->modules[i].parameters > most)
            most = model->modules[i].parameters;
    float *values = array_alloc((size_t)most, sizeof *values, err);
    if (!values)
        return -1;
    int result = 0;
    for (size_t i = 0; i < model->module_count && result == 0; i++) {
        if (!module_is_used(model, &model->modules[i]))
            continue;
        result = model_read_f32(model, &model->modules[i], values, err);
        if (result == 0)
            result = check_finite(&model->modules[i], values, err);
        if (result == 0)
            result = transformer_write_weight(transformer, i, values, err);
    }
    free(values);
    return result;
}

static int load_rope(struct transformer *transformer, struct error *err)
{
    size_t count = (size_t)(transformer->max_positions * transformer->config->head_dim);
    float *table = array_alloc(count, sizeof *table, err);
    if (!table)
        return -1;
    rope_fill(table, transformer->config, transformer->max_positions);
    transformer->backend->write(transformer->backend->self,
                                transformer_run_place(transformer, RUN_ROPE), table,
                                count * sizeof *table);
    free(table);
    return 0;
}

/* Gradients are summed from zero, moments begin at zero; nothing else needs a first value. */
static void clear_state(struct transformer *transformer)
{
    const struct memory_plan *plan = transformer->plan;
    struct place moments = {transformer->arena, plan->region[MEMORY_OPTIMIZER]};
    transformer->ops->fill_zero(transformer->backend->self, moments, plan->bytes[MEMORY_OPTIMIZER]);
    transformer_clear(transformer);
}

int transformer_new(struct transformer **out, struct backend *backend, const struct model *model,
                    const struct transformer_options *options, struct error *err)
{
    struct transformer *transformer = array_alloc(1, sizeof *transformer, err);
    if (!transformer)
        return -1;
    *transformer = (struct transformer){.backend = backend,
                                        .ops = backend->train,
                                        .model = model,
                                        .config = &model->config,
                                        .storage = options->storage,
                                        .tokens = options->tokens,
                                        .max_positions = options->max_positions};
    if (transformer_plan(&transformer->plan, backend, model, options, err) != 0)
        goto failed;
    transformer->arena = backend->alloc(backend->self, transformer->plan->total, err);
    if (!transformer->arena || load_weights(transformer, err) != 0 ||
        load_rope(transformer, err) != 0)
        goto failed;
    clear_state(transformer);
    *out = transformer;
    return 0;
failed:
    transformer_free(transformer);
    return -1;
}

void transformer_free(struct transformer *transformer)
{
    if (!transformer)
        return;
    if (transformer->arena)
        transformer->backend->free(transformer->backend->self, transformer->arena);
    memory_plan_free(transformer->plan);
    free(transformer);
}

/* --- one pass: what the functions below share --- */

struct pass {
    struct transformer *transformer;
    const struct train_ops *ops;
    void *self;
    const struct model_config *config;
    enum storage type;
    int64_t tokens;
    struct documents documents;
    struct attention_shape shape;
    int64_t wide, narrow; /* columns of q and of k, v */
    struct place ids, positions, targets, rope;
};

static struct pass pass_begin(struct transformer *transformer, const struct batch *batch)
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
                        .targets = transformer_run_place(transformer, RUN_TARGETS),
                        .rope = transformer_run_place(transformer, RUN_ROPE)};
    size_t bytes = (size_t)batch->tokens * sizeof(int32_t);
    backend->write(backend->self, pass.ids, batch->ids, bytes);
    backend->write(backend->self, pass.positions, batch->positions, bytes);
    if (batch->targets)
        backend->write(backend->self, pass.targets, batch->targets, bytes);
    return pass;
}

static struct place run_place(const struct pass *pass, enum run_slot slot)
{
    return transformer_run_place(pass->transformer, slot);
}

static struct place block_place(const struct pass *pass, int layer, enum block_slot slot)
{
    return planned_place(pass->transformer, pass->transformer->plan->blocks[layer][slot]);
}

/* Where a block's output goes: the next block's input. */
static struct place output_place(const struct pass *pass, int layer)
{
    return layer + 1 < pass->config->layers ? block_place(pass, layer + 1, SLOT_INPUT)
                                            : run_place(pass, RUN_OUTPUT);
}

static const struct module *find(const struct pass *pass, enum module_role role, int layer,
                                 bool bias)
{
    return model_role(pass->transformer->model, role, layer, bias);
}

static struct place module_place(const struct pass *pass, const struct module *module,
                                 enum module_slot slot)
{
    if (!module)
        return (struct place){NULL, 0};
    return transformer_place(pass->transformer,
                             (size_t)(module - pass->transformer->model->modules), slot);
}

static struct weight weight_of(const struct pass *pass, enum module_role role, int layer)
{
    const struct module *module = find(pass, role, layer, false);
    return (struct weight){.data = module_place(pass, module, MODULE_WEIGHT),
                           .storage = pass->type,
                           .rows = module->rows,
                           .cols = module->cols};
}

static enum module_role head_role(const struct pass *pass)
{
    return pass->config->tied ? ROLE_EMBEDDING : ROLE_HEAD;
}

static struct place gradient_of(const struct pass *pass, enum module_role role, int layer)
{
    return module_place(pass, find(pass, role, layer, false), MODULE_GRADIENT);
}

static void linear(const struct pass *pass, enum module_role role, int layer, struct place out,
                   struct place x)
{
    struct place bias = module_place(pass, find(pass, role, layer, true), MODULE_WEIGHT);
    pass->ops->linear_forward(pass->self, out, x, pass->type, weight_of(pass, role, layer), bias,
                              pass->tokens);
}

static void norm(const struct pass *pass, enum module_role role, int layer, struct place out,
                 struct place rstd, struct place x)
{
    pass->ops->rmsnorm_forward(pass->self, out, rstd, x, pass->type, weight_of(pass, role, layer),
                               (float)pass->config->norm_eps, pass->tokens);
}

/* q or k: the linear layer, and the norm of each head where the architecture has one. */
static void linear_heads(const struct pass *pass, enum module_role role, int layer,
                         struct place out, struct place x)
{
    bool is_q = role == ROLE_Q;
    struct place raw = block_place(pass, layer, is_q ? SLOT_RAW_Q : SLOT_RAW_K);
    struct place rstd = block_place(pass, layer, is_q ? SLOT_RSTD_Q : SLOT_RSTD_K);
    linear(pass, role, layer, raw.buffer ? raw : out, x);
    if (raw.buffer)
        pass->ops->rmsnorm_forward(
            pass->self, out, rstd, raw, pass->type,
            weight_of(pass, is_q ? ROLE_Q_NORM : ROLE_K_NORM, layer), (float)pass->config->norm_eps,
            pass->tokens * (is_q ? pass->shape.heads : pass->shape.kv_heads));
}

/* Full or sliding, as the layer has it. */
static struct attention_shape shape_of(const struct pass *pass, int layer)
{
    struct attention_shape shape = pass->shape;
    shape.window = layer >= pass->config->window_from ? pass->config->window : 0;
    return shape;
}

static void rotate(const struct pass *pass, struct place x, int heads, bool backward)
{
    pass->ops->rope(pass->self, x, pass->type, pass->rope, pass->positions, pass->tokens, heads,
                    (int)pass->config->head_dim, backward);
}

/* --- forwards --- */

static void forward_attention(const struct pass *pass, int layer)
{
    const struct train_ops *ops = pass->ops;
    struct place input = block_place(pass, layer, SLOT_INPUT);
    struct place n = block_place(pass, layer, SLOT_NORM1);
    struct place q = block_place(pass, layer, SLOT_Q), k = block_place(pass, layer, SLOT_K);
    struct place v = block_place(pass, layer, SLOT_V);
    struct place mixed = block_place(pass, layer, SLOT_ATTENTION);
    struct place middle = block_place(pass, layer, SLOT_MIDDLE);
    norm(pass, ROLE_INPUT_NORM, layer, n, block_place(pass, layer, SLOT_RSTD1), input);
    linear_heads(pass, ROLE_Q, layer, q, n);
    linear_heads(pass, ROLE_K, layer, k, n);
    linear(pass, ROLE_V, layer, v, n);
    rotate(pass, q, pass->shape.heads, false);
    rotate(pass, k, pass->shape.kv_heads, false);
    ops->attention_forward(pass->self, mixed, block_place(pass, layer, SLOT_LSE), q, k, v,
                           pass->type, shape_of(pass, layer), pass->documents);
    linear(pass, ROLE_O, layer, middle, mixed);
    ops->add(pass->self, middle, input, pass->type, pass->tokens * pass->config->hidden);
}

static void forward_mlp(const struct pass *pass, int layer)
{
    const struct train_ops *ops = pass->ops;
    struct place middle = block_place(pass, layer, SLOT_MIDDLE);
    struct place n = block_place(pass, layer, SLOT_NORM2);
    struct place gate = block_place(pass, layer, SLOT_GATE), up = block_place(pass, layer, SLOT_UP);
    struct place product = block_place(pass, layer, SLOT_SWIGLU);
    struct place output = output_place(pass, layer);
    norm(pass, ROLE_POST_NORM, layer, n, block_place(pass, layer, SLOT_RSTD2), middle);
    linear(pass, ROLE_GATE, layer, gate, n);
    linear(pass, ROLE_UP, layer, up, n);
    ops->swiglu_forward(pass->self, product, gate, up, pass->type,
                        pass->tokens * pass->config->intermediate);
    linear(pass, ROLE_DOWN, layer, output, product);
    ops->add(pass->self, output, middle, pass->type, pass->tokens * pass->config->hidden);
}

static void forward(const struct pass *pass)
{
    struct place first = block_place(pass, 0, SLOT_INPUT);
    pass->ops->embedding_forward(pass->self, first, pass->type, weight_of(pass, ROLE_EMBEDDING, -1),
                                 pass->ids, pass->tokens);
    for (int layer = 0; layer < pass->config->layers; layer++) {
        forward_attention(pass, layer);
        forward_mlp(pass, layer);
    }
    norm(pass, ROLE_FINAL_NORM, -1, run_place(pass, RUN_FINAL_NORM),
         run_place(pass, RUN_FINAL_RSTD), run_place(pass, RUN_OUTPUT));
}

static void head_loss(const struct pass *pass, bool backward)
{
    const struct backward_needs *needs = &pass->transformer->plan->needs;
    struct place none = {NULL, 0};
    struct place grad_x = backward && needs->stream ? run_place(pass, RUN_GRAD_NORM) : none;
    struct place grad_weight =
        backward && needs->head ? gradient_of(pass, head_role(pass), -1) : none;
    pass->ops->head_loss(pass->self, run_place(pass, RUN_LOSS), grad_x, grad_weight,
                         run_place(pass, RUN_FINAL_NORM), pass->type,
                         weight_of(pass, head_role(pass), -1), pass->targets, pass->tokens, 1.0f,
                         run_place(pass, RUN_HEAD_WORKSPACE));
}

/* --- backwards --- */

/* Weight and bias of one linear layer, as far as they train. */
static void linear_gradients(const struct pass *pass, enum module_role role, int layer,
                             struct place grad_out, struct place x)
{
    const struct module *weight = find(pass, role, layer, false);
    struct place gradient = gradient_of(pass, role, layer);
    struct place bias = module_place(pass, find(pass, role, layer, true), MODULE_GRADIENT);
    if (gradient.buffer)
        pass->ops->linear_backward_weight(pass->self, gradient, ADD, grad_out, x, pass->type,
                                          weight->rows, weight->cols, pass->tokens);
    if (bias.buffer)
        pass->ops->bias_backward(pass->self, bias, grad_out, pass->type, pass->tokens,
                                 weight->rows);
}

static void linear_input(const struct pass *pass, enum module_role role, int layer,
                         struct place grad_x, enum accumulate accumulate, struct place grad_out)
{
    pass->ops->linear_backward_input(pass->self, grad_x, accumulate, grad_out, pass->type,
                                     weight_of(pass, role, layer), pass->tokens);
}

/* The residual stream's gradient passes a norm's branch and adds what comes back through it. */
static void norm_backward(const struct pass *pass, enum module_role role, int layer,
                          enum accumulate accumulate, struct place x, struct place rstd)
{
    pass->ops->rmsnorm_backward(pass->self, run_place(pass, RUN_GRAD_STREAM), accumulate,
                                gradient_of(pass, role, layer), run_place(pass, RUN_GRAD_NORM), x,
                                rstd, pass->type, weight_of(pass, role, layer), pass->tokens);
}

static void backward_mlp(const struct pass *pass, int layer)
{
    const struct block_needs *needs = &pass->transformer->plan->needs.blocks[layer];
    struct place stream = run_place(pass, RUN_GRAD_STREAM), wide = run_place(pass, RUN_GRAD_WIDE);
    struct place grad_n = run_place(pass, RUN_GRAD_NORM);
    struct place gate = block_place(pass, layer, SLOT_GATE), up = block_place(pass, layer, SLOT_UP);
    struct place n = block_place(pass, layer, SLOT_NORM2);
    linear_gradients(pass, ROLE_DOWN, layer, stream, block_place(pass, layer, SLOT_SWIGLU));
    if (!needs->gate_up)
        return;
    linear_input(pass, ROLE_DOWN, layer, wide, REPLACE, stream);
    pass->ops->swiglu_backward(pass->self, gate, up, wide, gate, up, pass->type,
                               pass->tokens * pass->config->intermediate);
    linear_gradients(pass, ROLE_GATE, layer, gate, n);
    linear_gradients(pass, ROLE_UP, layer, up, n);
    if (!needs->norm2)
        return;
    linear_input(pass, ROLE_GATE, layer, grad_n, REPLACE, gate);
    linear_input(pass, ROLE_UP, layer, grad_n, ADD, up);
    norm_backward(pass, ROLE_POST_NORM, layer, ADD, block_place(pass, layer, SLOT_MIDDLE),
                  block_place(pass, layer, SLOT_RSTD2));
}

/* Four gradients share RUN_GRAD_WIDE, one behind another. */
struct attention_gradients {
    struct place out, q, k, v;
};

static struct place place_behind(struct place place, int64_t elements, enum storage type)
{
    size_t bytes = (size_t)elements * storage_size(type);
    return (struct place){place.buffer, place.offset + (bytes + 63) / 64 * 64};
}

static struct attention_gradients attention_gradients(const struct pass *pass)
{
    struct attention_gradients grad = {.out = run_place(pass, RUN_GRAD_WIDE)};
    grad.q = place_behind(grad.out, pass->tokens * pass->wide, pass->type);
    grad.k = place_behind(grad.q, pass->tokens * pass->wide, pass->type);
    grad.v = place_behind(grad.k, pass->tokens * pass->narrow, pass->type);
    return grad;
}

/* In place. */
static void head_norm_backward(const struct pass *pass, enum module_role role, int layer,
                               struct place gradient)
{
    bool is_q = role == ROLE_Q_NORM;
    int heads = is_q ? pass->shape.heads : pass->shape.kv_heads;
    pass->ops->rmsnorm_backward(pass->self, gradient, REPLACE, gradient_of(pass, role, layer),
                                gradient, block_place(pass, layer, is_q ? SLOT_RAW_Q : SLOT_RAW_K),
                                block_place(pass, layer, is_q ? SLOT_RSTD_Q : SLOT_RSTD_K),
                                pass->type, weight_of(pass, role, layer), pass->tokens * heads);
}

static void backward_scores(const struct pass *pass, int layer,
                            const struct attention_gradients *grad)
{
    linear_input(pass, ROLE_O, layer, grad->out, REPLACE, run_place(pass, RUN_GRAD_STREAM));
    pass->ops->attention_backward(
        pass->self, grad->q, grad->k, grad->v, grad->out, block_place(pass, layer, SLOT_ATTENTION),
        block_place(pass, layer, SLOT_LSE), block_place(pass, layer, SLOT_Q),
        block_place(pass, layer, SLOT_K), block_place(pass, layer, SLOT_V), pass->type,
        shape_of(pass, layer), pass->documents, run_place(pass, RUN_ATTENTION_WORKSPACE));
    rotate(pass, grad->q, pass->shape.heads, true);
    rotate(pass, grad->k, pass->shape.kv_heads, true);
    if (pass->config->head_norms) {
        head_norm_backward(pass, ROLE_Q_NORM, layer, grad->q);
        head_norm_backward(pass, ROLE_K_NORM, layer, grad->k);
    }
}

static void backward_attention(const struct pass *pass, int layer)
{
    const struct block_needs *needs = &pass->transformer->plan->needs.blocks[layer];
    struct place grad_n = run_place(pass, RUN_GRAD_NORM);
    struct place n = block_place(pass, layer, SLOT_NORM1);
    struct attention_gradients grad = attention_gradients(pass);
    if (!needs->middle)
        return;
    linear_gradients(pass, ROLE_O, layer, run_place(pass, RUN_GRAD_STREAM),
                     block_place(pass, layer, SLOT_ATTENTION));
    if (!needs->qkv)
        return;
    backward_scores(pass, layer, &grad);
    linear_gradients(pass, ROLE_Q, layer, grad.q, n);
    linear_gradients(pass, ROLE_K, layer, grad.k, n);
    linear_gradients(pass, ROLE_V, layer, grad.v, n);
    if (!needs->norm1)
        return;
    linear_input(pass, ROLE_Q, layer, grad_n, REPLACE, grad.q);
    linear_input(pass, ROLE_K, layer, grad_n, ADD, grad.k);
    linear_input(pass, ROLE_V, layer, grad_n, ADD, grad.v);
    norm_backward(pass, ROLE_INPUT_NORM, layer, ADD, block_place(pass, layer, SLOT_INPUT),
                  block_place(pass, layer, SLOT_RSTD1));
}

static void backward(const struct pass *pass)
{
    const struct backward_needs *needs = &pass->transformer->plan->needs;
    if (!needs->stream)
        return;
    norm_backward(pass, ROLE_FINAL_NORM, -1, REPLACE, run_place(pass, RUN_OUTPUT),
                  run_place(pass, RUN_FINAL_RSTD));
    for (int layer = (int)pass->config->layers - 1; layer >= 0; layer--) {
        if (!needs->blocks[layer].output)
            return;
        backward_mlp(pass, layer);
        backward_attention(pass, layer);
    }
    if (needs->embedding)
        pass->ops->embedding_backward(pass->self, gradient_of(pass, ROLE_EMBEDDING, -1),
                                      run_place(pass, RUN_GRAD_STREAM), pass->type, pass->ids,
                                      pass->tokens, pass->config->vocab, pass->config->hidden);
}

/* --- for the trainer --- */

void transformer_clear(struct transformer *transformer)
{
    const struct memory_plan *plan = transformer->plan;
    struct place gradients = {transformer->arena, plan->region[MEMORY_GRADIENTS]};
    void *self = transformer->backend->self;
    transformer->ops->fill_zero(self, transformer_run_place(transformer, RUN_LOSS), 8);
    if (plan->bytes[MEMORY_GRADIENTS] > 0)
        transformer->ops->fill_zero(self, gradients, plan->bytes[MEMORY_GRADIENTS]);
}

void transformer_run(struct transformer *transformer, const struct batch *batch,
                     bool with_gradients)
{
    struct pass pass = pass_begin(transformer, batch);
    forward(&pass);
    head_loss(&pass, with_gradients);
    if (with_gradients)
        backward(&pass);
}

int transformer_loss(struct transformer *transformer, double *loss, struct error *err)
{
    struct backend *backend = transformer->backend;
    if (backend->wait(backend->self, err) != 0)
        return -1;
    backend->read(backend->self, loss, transformer_run_place(transformer, RUN_LOSS), sizeof *loss);
    return 0;
}

int64_t transformer_longest(const struct transformer *transformer)
{
    return transformer->tokens < transformer->max_positions ? transformer->tokens
                                                            : transformer->max_positions;
}

static int read_logits(struct transformer *transformer, float *logits, struct error *err)
{
    struct backend *backend = transformer->backend;
    struct place place = transformer_run_place(transformer, RUN_LOGITS);
    size_t vocab = (size_t)transformer->config->vocab;
    if (backend->wait(backend->self, err) != 0)
        return -1;
    if (transformer->storage == STORAGE_F32) {
        backend->read(backend->self, logits, place, vocab * sizeof *logits);
        return 0;
    }
    uint16_t *narrow = array_alloc(vocab, sizeof *narrow, err);
    if (!narrow)
        return -1;
    backend->read(backend->self, narrow, place, vocab * sizeof *narrow);
    for (size_t i = 0; i < vocab; i++)
        logits[i] = bf16_to_float(narrow[i]);
    free(narrow);
    return 0;
}

int transformer_logits(struct transformer *transformer, const int32_t *ids, int64_t count,
                       float *logits, struct error *err)
{
    int64_t most = transformer_longest(transformer);
    if (count < 1 || count > most)
        return error_set(err, "a text of %lld tokens; this transformer takes 1 to %lld",
                         (long long)count, (long long)most);
    int32_t offsets[2] = {0, (int32_t)count};
    int32_t *positions = array_alloc((size_t)count, sizeof *positions, err);
    if (!positions)
        return -1;
    for (int64_t i = 0; i < count; i++)
        positions[i] = (int32_t)i;
    struct batch batch = {.tokens = count,
                          .ids = (int32_t *)ids,
                          .positions = positions,
                          .offsets = offsets,
                          .documents = 1};
    struct pass pass = pass_begin(transformer, &batch);
    forward(&pass);
    size_t row = (size_t)transformer->config->hidden * storage_size(transformer->storage);
    struct place last = run_place(&pass, RUN_FINAL_NORM), single = run_place(&pass, RUN_ROW);
    last.offset += (size_t)(count - 1) * row;
    transformer->ops->copy(pass.self, single, last, row);
    transformer->ops->linear_forward(pass.self, run_place(&pass, RUN_LOGITS), single, pass.type,
                                     weight_of(&pass, head_role(&pass), -1),
                                     (struct place){NULL, 0}, 1);
    int result = read_logits(transformer, logits, err);
    free(positions);
    return result;
}
