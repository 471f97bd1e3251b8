/* Passes over whole batches: training, evaluation, the logits of one text. The arena is taken once,
 * when the transformer is made; each pass lays its batch into it and runs. */
#include "train/transformer.h"

#include "base/number.h"
#include "train/backward.h"

#include <stdio.h>
#include <stdlib.h>

/* --- making --- */

/* Shapes alone: nothing is there yet. */
static size_t attention_workspace(const struct backend *backend, const struct model_config *config,
                                  const struct transformer_options *options)
{
    const struct place none = {NULL, 0};
    int64_t d = config->head_dim;
    struct tensor q = tensor_at(none, options->storage, options->tokens, config->heads * d);
    struct tensor k = tensor_at(none, options->storage, options->tokens, config->kv_heads * d);
    return backend_workspace(
        backend,
        &(struct op_call){OP_ATTENTION_BACKWARD,
                          .attention_backward = {.q = q, .k = k, .v = k, .head_dim = (int)d}});
}

static size_t head_workspace(const struct backend *backend, const struct model_config *config,
                             const struct transformer_options *options)
{
    const struct place none = {NULL, 0};
    struct tensor x = tensor_at(none, options->storage, options->tokens, config->hidden);
    struct tensor head = tensor_at(none, options->storage, config->vocab, config->hidden);
    return backend_workspace(backend,
                             &(struct op_call){OP_HEAD_LOSS, .head_loss = {.x = x, .head = head}});
}

/* The most that the step of one tensor takes. */
static size_t optimizer_workspace(const struct backend *backend,
                                  const struct memory_request *request)
{
    const struct model *model = request->model;
    size_t most = 0;
    for (size_t i = 0; i < run_tensor_count(model); i++) {
        struct run_tensor tensor = run_tensor(model, request->recipe.rank, i);
        if (!request_tensor_is_trained(request, &tensor))
            continue;
        struct tensor parameter =
            tensor_at((struct place){NULL, 0}, request->storage, tensor.rows, tensor.cols);
        struct op_call call =
            optimizer_rule_of(request->recipe.optimizer, tensor.parameter)
                ->step(&(struct step_tensors){.parameter = parameter}, (struct step_settings){0},
                       &(struct optimizer_constants){0}, 1);
        size_t bytes = backend_workspace(backend, &call);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* What back end and model ask of a plan. The optimiser's workspace depends on the rest of it. */
static struct memory_request request_of(const struct backend *backend, const struct model *model,
                                        const struct transformer_options *options)
{
    struct memory_request request = {
        .model = model,
        .recipe = options->recipe,
        .tokens = options->tokens,
        .max_positions = options->max_positions,
        .storage = options->storage,
        .masters = options->masters,
        .generation = options->generation,
        .recomputed = options->recomputed,
        .updates_in_backward = options->updates_in_backward,
        .attention_workspace = attention_workspace(backend, &model->config, options),
        .head_workspace = head_workspace(backend, &model->config, options)};
    request.optimizer_workspace = optimizer_workspace(backend, &request);
    return request;
}

/* Refused before any memory is taken: what is not computable, and what no device of this kind can
 * do. */
int transformer_plan(struct memory_plan **out, struct backend *backend, const struct model *model,
                     const struct transformer_options *options, struct error *err)
{
    if (model_check_computable(model, err) != 0)
        return -1;
    if (model->config.rope_scaling == ROPE_DYNAMIC &&
        options->max_positions > model->config.max_positions)
        return error_set(err,
                         "documents of %lld tokens: dynamic rotary scaling changes after %lld, "
                         "which is not supported; use a --seq-len up to that",
                         (long long)options->max_positions, (long long)model->config.max_positions);
    if (!backend_can_train(backend))
        return error_set(err, "the back end \"%s\" computes scans alone: use --device cpu",
                         backend->name);
    struct memory_request request = request_of(backend, model, options);
    return memory_plan_make(out, &request, err);
}

/* The plan is the network's from network_init() on, which also frees it where that fails. */
int transformer_new(struct transformer **out, struct backend *backend, const struct model *model,
                    const struct transformer_options *options, struct error *err)
{
    struct transformer *transformer = array_alloc(1, sizeof *transformer, err);
    struct memory_plan *plan = NULL;
    if (!transformer || transformer_plan(&plan, backend, model, options, err) != 0)
        goto failed;
    transformer->z_loss = options->z_loss;
    transformer->neftune = options->neftune;
    struct memory_request request = request_of(backend, model, options);
    if (network_init(&transformer->network, backend, &request, plan, options->seed,
                     options->layout_only, options->work, err) != 0)
        goto failed;
    *out = transformer;
    return 0;
failed:
    free(transformer);
    return -1;
}

void transformer_free(struct transformer *transformer)
{
    if (!transformer)
        return;
    network_free(&transformer->network);
    free(transformer);
}

/* --- which tokens it takes --- */

/* Token ids come from a tokenizer, rows of the embedding from the model: where a token was added
 * without a row, or the two do not belong together, an id would read past the weights. */
static int refuse(const struct model *model, int32_t id, const struct tokenizer *tokenizer,
                  struct error *err)
{
    const char *text = tokenizer ? tokenizer_token_text(tokenizer, id) : NULL;
    char name[64] = "";
    if (text)
        snprintf(name, sizeof name, "\"%.40s\" is ", text);
    return error_set(err,
                     "%sthe tokenizer's token %d, but the model has %lld (rows of its embedding): "
                     "leave it out of the text, give the embedding a row for it (transformers: "
                     "resize_token_embeddings), or take the tokenizer that belongs to the model",
                     name, id, (long long)model_vocab(model));
}

int transformer_check_tokens(const struct model *model, const int32_t *ids, size_t count,
                             const struct tokenizer *tokenizer, struct error *err)
{
    int64_t vocab = model_vocab(model);
    for (size_t i = 0; vocab > 0 && i < count; i++)
        if (ids[i] < 0 || ids[i] >= vocab)
            return refuse(model, ids[i], tokenizer, err);
    return 0;
}

int transformer_check_ids(const struct model *model, const struct dataset *data,
                          const struct tokenizer *tokenizer, struct error *err)
{
    const int32_t largest = dataset_largest_id(data);
    return transformer_check_tokens(model, &largest, 1, tokenizer, err);
}

/* --- for the trainer --- */

void transformer_clear(struct transformer *transformer)
{
    network_clear(&transformer->network);
}

static struct pass begin(struct transformer *transformer, const struct batch *batch)
{
    struct pass pass = pass_begin(&transformer->network, batch);
    pass.z_loss = transformer->z_loss;
    return pass;
}

void transformer_run(struct transformer *transformer, const struct batch *batch,
                     bool with_gradients)
{
    struct pass pass = begin(transformer, batch);
    forward_embed(&pass);
    forward_blocks(&pass);
    forward_head_loss(&pass, with_gradients);
    if (with_gradients)
        backward_run(&pass);
}

/* The loss is read in the middle of a pass, which waits for the device: only a sink that asks for
 * it pays that. An error says the same as false, and is found again when the pass's loss is
 * read. */
static bool passes_check(struct transformer *transformer, const struct gradient_sink *sink)
{
    struct loss_sums sums;
    struct error trouble = ERROR_INIT;
    if (!sink->check_loss)
        return true;
    return transformer_loss(transformer, &sums, &trouble) == 0 &&
           sink->check_loss(sink->loss_context, &sums);
}

/* On the embeddings of the batch alone. The key is made of seed and step, so a resumed run draws
 * what the uninterrupted one does. */
static void add_noise(const struct pass *pass, float neftune, struct noise_draw draw)
{
    pass_run(pass, &(struct op_call){
                       OP_ADD_NOISE,
                       .add_noise = {
                           .x = pass_block(pass, 0, SLOT_INPUT),
                           .documents = pass->documents,
                           .alpha = neftune,
                           .key = {(uint32_t)(draw.seed ^ draw.seed >> 32), (uint32_t)draw.step},
                           .batch = draw.batch,
                       }});
}

/* With a sink the losses are looked at between the passes, since the backward pass updates
 * weights. */
void transformer_train(struct transformer *transformer, const struct batch *batch,
                       struct noise_draw draw, const struct gradient_sink *sink)
{
    struct pass pass = begin(transformer, batch);
    pass.sink = sink;
    forward_embed(&pass);
    if (transformer->neftune > 0)
        add_noise(&pass, transformer->neftune, draw);
    forward_blocks(&pass);
    forward_head_loss(&pass, true);
    if (!sink || passes_check(transformer, sink))
        backward_run(&pass);
}

int transformer_loss(struct transformer *transformer, struct loss_sums *sums, struct error *err)
{
    struct backend *backend = transformer->network.backend;
    if (backend->wait(backend->self, err) != 0)
        return -1;
    backend->read(backend->self, sums, network_run_place(&transformer->network, RUN_LOSS),
                  sizeof *sums);
    return 0;
}

int64_t transformer_longest(const struct transformer *transformer)
{
    return transformer->network.tokens < transformer->network.max_positions
               ? transformer->network.tokens
               : transformer->network.max_positions;
}

/* Of the last token, in f32 whatever the run's type is. */
static int read_logits(struct transformer *transformer, float *logits, struct error *err)
{
    struct backend *backend = transformer->network.backend;
    struct place place = network_run_place(&transformer->network, RUN_LOGITS);
    size_t vocab = (size_t)transformer->network.config->vocab;
    if (backend->wait(backend->self, err) != 0)
        return -1;
    if (transformer->network.storage == STORAGE_F32) {
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
    transformer->stop_context = context;
}

/* logits [1, vocab] = h W_head^T, h [1, H] the last token's row of the final norm, which is copied
 * to where a tensor may begin: the others' logits are never computed. */
static void last_logits(const struct pass *pass)
{
    const struct network *network = pass->network;
    int64_t hidden = network->config->hidden, vocab = network->config->vocab;
    size_t row = (size_t)hidden * storage_size(pass->type);
    struct place last = network_run_place(network, RUN_FINAL_NORM);
    struct place single = network_run_place(network, RUN_ROW);
    struct place logits = network_run_place(network, RUN_LOGITS);
    last.offset += (size_t)(pass->tokens - 1) * row;
    pass_run(pass, &(struct op_call){OP_COPY, .copy = {.out = tensor_of_bytes(single, row),
                                                       .from = tensor_of_bytes(last, row)}});
    pass_run(pass, &(struct op_call){OP_LINEAR_FORWARD,
                                     .linear_forward = {
                                         .out = tensor_at(logits, pass->type, 1, vocab),
                                         .x = tensor_at(single, pass->type, 1, hidden),
                                         .weight = pass_weight(pass, pass_head_role(pass), -1),
                                     }});
}

/* One text as a batch of one document. It may be stopped between two halves of a block. */
int transformer_logits(struct transformer *transformer, const int32_t *ids, int64_t count,
                       float *logits, struct error *err)
{
    int64_t most = transformer_longest(transformer);
    if (count < 1 || count > most)
        return error_set(err, "a text of %lld tokens; this transformer takes 1 to %lld",
                         (long long)count, (long long)most);
    if (transformer_check_tokens(transformer->network.model, ids, (size_t)count, NULL, err) != 0)
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
    struct pass pass = begin(transformer, &batch);
    pass.should_stop = transformer->should_stop;
    pass.stop_context = transformer->stop_context;
    forward_embed(&pass);
    int result = 0;
    if (!forward_blocks(&pass))
        result = error_set_kind(err, ERROR_INTERRUPTED, "the generation was interrupted");
    if (result == 0) {
        last_logits(&pass);
        result = read_logits(transformer, logits, err);
    }
    free(positions);
    return result;
}

/* --- the loss of documents ---
 *
 *     loss = sum of w_t (-log p_t) / sum of w_t,    over the supervised targets t of all rows
 *
 * One quotient of sums at the end, not a mean of the batches' means: the last batch may be
 * short. */

/* The mean loss of all targets by their weights; always in the same order, from the first row
 * on. */
int evaluate(struct evaluation *out, struct transformer *transformer, struct packing *packing,
             struct batch *batch, int64_t rows, const struct evaluation_watch *watch,
             struct error *err)
{
    double sum = 0, weight = 0;
    int filled;
    uint64_t done = 0, batches = (packing_rows(packing) + (uint64_t)rows - 1) / (uint64_t)rows;
    *out = (struct evaluation){0};
    packing_seek(packing, (struct packing_position){0, 0});
    while ((filled = packing_next(packing, batch, rows, err)) > 0) {
        struct loss_sums sums;
        work_tell(watch->work, WORK_EVALUATING, done++, batches);
        if (watch->should_stop && watch->should_stop(watch->context))
            return error_set_kind(err, ERROR_INTERRUPTED, "the evaluation was interrupted");
        transformer_clear(transformer);
        transformer_run(transformer, batch, false);
        if (transformer_loss(transformer, &sums, err) != 0)
            return -1;
        sum += sums.entropy;
        weight += batch->weight;
        out->tokens += (uint64_t)batch->supervised;
    }
    out->loss = weight > 0 ? sum / weight : 0;
    return filled < 0 ? -1 : 0;
}
