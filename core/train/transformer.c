#include "train/pass.h"

#include "base/number.h"
#include "base/random.h"
#include "compute/quantize.h"

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
    struct memory_request request = {.model = model,
                                     .recipe = options->recipe,
                                     .tokens = options->tokens,
                                     .max_positions = options->max_positions,
                                     .storage = options->storage,
                                     .masters = options->masters,
                                     .generation = options->generation,
                                     .recomputed = options->recomputed,
                                     .updates_in_backward = options->updates_in_backward};
    request.attention_workspace = ops->attention_workspace(backend->self, shape, options->storage);
    request.head_workspace = ops->head_workspace(backend->self, options->tokens, config->hidden,
                                                 config->vocab, options->storage);
    return request;
}

int transformer_plan(struct memory_plan **out, struct backend *backend, const struct model *model,
                     const struct transformer_options *options, struct error *err)
{
    if (model_check_computable(model, err) != 0)
        return -1;
    if (model->config.rope_scaling == ROPE_DYNAMIC &&
        options->max_positions > model->config.max_positions)
        return error_set(err,
                         "documents of %lld tokens: dynamic rotary scaling changes behind %lld, "
                         "which is not supported; use a --seq-len up to that",
                         (long long)options->max_positions, (long long)model->config.max_positions);
    if (!backend->train)
        return error_set(err, "the back end \"%s\" computes scans alone: use --device cpu",
                         backend->name);
    struct memory_request request = request_of(backend, model, options);
    return memory_plan_make(out, &request, err);
}

/* Where the plan put a buffer, by its index there; nowhere for -1. */
struct place transformer_planned_place(const struct transformer *transformer, int buffer)
{
    if (buffer < 0)
        return (struct place){NULL, 0};
    return (struct place){transformer->arena, transformer->plan->buffers[buffer].offset};
}

struct place transformer_place(const struct transformer *transformer, size_t tensor,
                               enum tensor_slot slot)
{
    return transformer_planned_place(transformer, transformer->plan->tensors[tensor][slot]);
}

struct run_tensor transformer_tensor(const struct transformer *transformer, size_t tensor)
{
    return run_tensor(transformer->model, transformer->recipe.rank, tensor);
}

struct place transformer_run_place(const struct transformer *transformer, enum run_slot slot)
{
    return transformer_planned_place(transformer, transformer->plan->run[slot]);
}

enum storage transformer_storage(const struct transformer *transformer, size_t tensor)
{
    return tensor < transformer->model->module_count
               ? recipe_storage(&transformer->recipe, tensor, transformer->storage)
               : transformer->storage;
}

static int write_rounded(struct transformer *transformer, struct place place, const float *values,
                         size_t count, struct error *err)
{
    struct backend *backend = transformer->backend;
    uint16_t *rounded = array_alloc(count, sizeof *rounded, err);
    if (!rounded)
        return -1;
    for (size_t i = 0; i < count; i++)
        rounded[i] = bf16_from_float(values[i]);
    backend->write(backend->self, place, rounded, count * sizeof *rounded);
    free(rounded);
    return 0;
}

static int write_quantized(struct transformer *transformer, size_t tensor, const float *values,
                           size_t count, struct error *err)
{
    struct backend *backend = transformer->backend;
    enum storage storage = transformer_storage(transformer, tensor);
    struct stored_bytes bytes = quantized_bytes(storage, (int64_t)count);
    void *data = array_alloc(bytes.data, 1, err);
    void *scales = data ? array_alloc(bytes.scales, 1, err) : NULL;
    if (scales) {
        quantize_weight(data, scales, storage, values, (int64_t)count);
        backend->write(backend->self, transformer_place(transformer, tensor, TENSOR_WEIGHT), data,
                       bytes.data);
        backend->write(backend->self, transformer_place(transformer, tensor, TENSOR_SCALES), scales,
                       bytes.scales);
    }
    int result = scales ? 0 : -1;
    free(data);
    free(scales);
    return result;
}

int transformer_write_weight(struct transformer *transformer, size_t tensor, const float *values,
                             struct error *err)
{
    size_t count = (size_t)transformer_tensor(transformer, tensor).parameters;
    struct place place = transformer_place(transformer, tensor, TENSOR_WEIGHT);
    struct place master = transformer_place(transformer, tensor, TENSOR_MASTER);
    struct backend *backend = transformer->backend;
    if (transformer_storage(transformer, tensor) != transformer->storage)
        return write_quantized(transformer, tensor, values, count, err);
    if (master.buffer)
        backend->write(backend->self, master, values, count * 4);
    if (transformer->storage == STORAGE_BF16)
        return write_rounded(transformer, place, values, count, err);
    backend->write(backend->self, place, values, count * 4);
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

/* A of a new adapter; B stays zero, so that the model begins as its base is. */
static int init_adapter(struct transformer *transformer, size_t tensor, uint64_t seed,
                        struct error *err)
{
    struct run_tensor a = transformer_tensor(transformer, tensor);
    float *values = array_alloc((size_t)a.parameters, sizeof *values, err);
    if (!values)
        return -1;
    struct random_stream stream = {seed ^ (uint64_t)tensor << 32, 0};
    double bound = 1 / sqrt((double)a.cols);
    for (int64_t i = 0; i < a.parameters; i++)
        values[i] = (float)(bound * (2 * random_uniform(&stream) - 1));
    int result = transformer_write_weight(transformer, tensor, values, err);
    free(values);
    return result;
}

/* Weights and masters of all B lie where zeros are wanted. */
static void clear_adapter(struct transformer *transformer, size_t tensor)
{
    static const enum tensor_slot slots[] = {TENSOR_WEIGHT, TENSOR_MASTER};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        int buffer = transformer->plan->tensors[tensor][slots[i]];
        if (buffer >= 0)
            transformer->ops->fill_zero(transformer->backend->self,
                                        transformer_planned_place(transformer, buffer),
                                        transformer->plan->buffers[buffer].bytes);
    }
}

static int init_adapters(struct transformer *transformer, uint64_t seed, struct error *err)
{
    const struct model *model = transformer->model;
    for (size_t i = 0; i < model->module_count; i++) {
        if (!transformer->recipe.adapted || !transformer->recipe.adapted[i])
            continue;
        const struct module *module = &model->modules[i];
        clear_adapter(transformer, run_tensor_index(model, module, PART_B));
        if (init_adapter(transformer, run_tensor_index(model, module, PART_A), seed, err) != 0)
            return -1;
    }
    return 0;
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
                                        .recipe = options->recipe,
                                        .storage = options->storage,
                                        .tokens = options->tokens,
                                        .max_positions = options->max_positions,
                                        .z_loss = options->z_loss,
                                        .neftune = options->neftune};
    if (transformer_plan(&transformer->plan, backend, model, options, err) != 0)
        goto failed;
    transformer->arena =
        backend->alloc(backend->self, options->layout_only ? 1 : transformer->plan->total, err);
    if (transformer->arena && options->layout_only) {
        *out = transformer;
        return 0;
    }
    if (!transformer->arena || load_weights(transformer, err) != 0 ||
        init_adapters(transformer, options->seed, err) != 0 || load_rope(transformer, err) != 0)
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

/* --- for the trainer --- */

void transformer_clear(struct transformer *transformer)
{
    const struct memory_plan *plan = transformer->plan;
    struct place gradients = {transformer->arena, plan->region[MEMORY_GRADIENTS]};
    void *self = transformer->backend->self;
    transformer->ops->fill_zero(self, transformer_run_place(transformer, RUN_LOSS),
                                sizeof(struct loss_sums));
    if (plan->bytes[MEMORY_GRADIENTS] > 0)
        transformer->ops->fill_zero(self, gradients, plan->bytes[MEMORY_GRADIENTS]);
}

void transformer_run(struct transformer *transformer, const struct batch *batch,
                     bool with_gradients)
{
    struct pass pass = pass_begin(transformer, batch);
    pass_embed(&pass);
    pass_forward(&pass);
    pass_head_loss(&pass, with_gradients);
    if (with_gradients)
        pass_backward(&pass);
}

static bool is_wanted(struct transformer *transformer, const struct gradient_sink *sink)
{
    struct loss_sums sums;
    struct error trouble = ERROR_INIT;
    if (!sink->wants)
        return true;
    return transformer_loss(transformer, &sums, &trouble) == 0 && sink->wants(sink->asker, &sums);
}

void transformer_train(struct transformer *transformer, const struct batch *batch,
                       struct noise_draw draw, const struct gradient_sink *sink)
{
    struct pass pass = pass_begin(transformer, batch);
    const uint32_t key[2] = {(uint32_t)(draw.seed ^ draw.seed >> 32), (uint32_t)draw.step};
    pass.sink = sink;
    pass_embed(&pass);
    if (transformer->neftune > 0)
        pass.ops->add_noise(pass.self, pass_block_place(&pass, 0, SLOT_INPUT), pass.type,
                            pass.config->hidden, pass.documents, transformer->neftune, key,
                            draw.batch);
    pass_forward(&pass);
    pass_head_loss(&pass, true);
    if (!sink || is_wanted(transformer, sink))
        pass_backward(&pass);
}

int transformer_loss(struct transformer *transformer, struct loss_sums *sums, struct error *err)
{
    struct backend *backend = transformer->backend;
    if (backend->wait(backend->self, err) != 0)
        return -1;
    backend->read(backend->self, sums, transformer_run_place(transformer, RUN_LOSS), sizeof *sums);
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

void transformer_ask(struct transformer *transformer, bool (*should_stop)(void *context),
                     void *context)
{
    transformer->should_stop = should_stop;
    transformer->asked = context;
    transformer->stopped = false;
}

int transformer_logits(struct transformer *transformer, const int32_t *ids, int64_t count,
                       float *logits, struct error *err)
{
    int64_t most = transformer_longest(transformer);
    if (count < 1 || count > most)
        return error_set(err, "a text of %lld tokens; this transformer takes 1 to %lld",
                         (long long)count, (long long)most);
    if (transformer_check_tokens(transformer->model, ids, (size_t)count, NULL, err) != 0)
        return -1;
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
    pass_embed(&pass);
    pass_forward(&pass);
    size_t row = (size_t)transformer->config->hidden * storage_size(transformer->storage);
    struct place last = pass_run_place(&pass, RUN_FINAL_NORM),
                 single = pass_run_place(&pass, RUN_ROW);
    last.offset += (size_t)(count - 1) * row;
    transformer->ops->copy(pass.self, single, last, row);
    transformer->ops->linear_forward(pass.self, pass_run_place(&pass, RUN_LOGITS), REPLACE, single,
                                     pass.type, pass_weight(&pass, pass_head_role(&pass), -1),
                                     (struct place){NULL, 0}, 1);
    int result = pass_is_stopped(&pass)
                     ? error_set_kind(err, ERROR_INTERRUPTED, "the generation was interrupted")
                     : read_logits(transformer, logits, err);
    free(positions);
    return result;
}
