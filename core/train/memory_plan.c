#include "compute/quantize.h"
#include "train/memory_parts.h"

#include <stdlib.h>
#include <string.h>

/* Ticks: the embedding is 0; block l takes six ticks forwards; then final norm, head, and two ticks
 * a block backwards, from the last block to the first. */
enum { PHASE_NORM1, PHASE_QKV, PHASE_ATTENTION, PHASE_MIDDLE, PHASE_MLP, PHASE_DOWN, PHASES };
enum { BACK_MLP, BACK_ATTENTION };

struct planner {
    const struct memory_request *request;
    const struct model_config *config;
    struct memory_plan *plan;
    struct error *err;
    int layers;
    bool failed;
};

static int tick_forward(int layer, int phase)
{
    return 1 + PHASES * layer + phase;
}

static int tick_final_norm(const struct planner *planner)
{
    return 1 + PHASES * planner->layers;
}

static int tick_backward(const struct planner *planner, int layer, int half)
{
    return tick_final_norm(planner) + 3 + 2 * (planner->layers - 1 - layer) + half;
}

static int tick_end(const struct planner *planner)
{
    return tick_backward(planner, 0, BACK_ATTENTION) + 1;
}

/* --- the list of buffers --- */

static int add(struct planner *planner, enum memory_category category, int first, int last,
               uint64_t count, uint64_t size)
{
    struct memory_plan *plan = planner->plan;
    uint64_t bytes;
    if (planner->failed)
        return -1;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > MEMORY_BYTES_MAX) {
        planner->failed = true;
        return error_set(planner->err,
                         "a buffer of %llu x %llu bytes is too large to plan: check "
                         "the sequence length and the batch size",
                         (unsigned long long)count, (unsigned long long)size);
    }
    if (array_reserve((void **)&plan->buffers, &plan->capacity, plan->count + 1,
                      sizeof *plan->buffers, planner->err) != 0) {
        planner->failed = true;
        return -1;
    }
    bytes = (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    plan->buffers[plan->count] = (struct planned_buffer){category, first, last, bytes, 0};
    return (int)plan->count++;
}

static int add_lasting(struct planner *planner, enum memory_category category, uint64_t count,
                       uint64_t size)
{
    return add(planner, category, 0, tick_end(planner), count, size);
}

/* What is kept of one tensor that trains, besides its weight. */
static void add_training_state(struct planner *planner, int *slots, uint64_t count)
{
    const struct memory_request *request = planner->request;
    struct stored_bytes moment =
        moment_bytes(moment_type_for(request->recipe.moments, (int64_t)count), (int64_t)count);
    slots[TENSOR_GRADIENT] = add_lasting(planner, MEMORY_GRADIENTS, count, 4);
    for (int i = 0; i < 2; i++) {
        slots[TENSOR_M + i] = add_lasting(planner, MEMORY_OPTIMIZER, moment.data, 1);
        if (moment.scales > 0)
            slots[TENSOR_M_SCALES + i] = add_lasting(planner, MEMORY_OPTIMIZER, moment.scales, 1);
    }
    if (request->masters && request->storage == STORAGE_BF16)
        slots[TENSOR_MASTER] = add_lasting(planner, MEMORY_MASTERS, count, 4);
}

static void add_tensor(struct planner *planner, size_t index)
{
    const struct memory_request *request = planner->request;
    struct run_tensor tensor = run_tensor(request->model, request->recipe.rank, index);
    uint64_t count = (uint64_t)tensor.parameters;
    int *slots = planner->plan->tensors[index];
    bool adapter = tensor.part != PART_MODULE;
    bool used = adapter ? request_adapts(request, tensor.module)
                        : module_is_used(request->model, tensor.module);
    bool trains =
        adapter ? request->recipe.trained != NULL : request_trains(request, tensor.module);
    for (int slot = 0; slot < TENSOR_SLOTS; slot++)
        slots[slot] = -1;
    if (!used)
        return;
    struct stored_bytes stored =
        quantized_bytes(request_storage(request, &tensor), tensor.parameters);
    slots[TENSOR_WEIGHT] = add_lasting(planner, MEMORY_WEIGHTS, stored.data, 1);
    if (stored.scales > 0)
        slots[TENSOR_SCALES] = add_lasting(planner, MEMORY_WEIGHTS, stored.scales, 1);
    if (trains)
        add_training_state(planner, slots, count);
}

/* Adds a buffer that lives from one forward phase to another, or, when kept, to the backward pass
 * of its half of the block. */
static int add_block_slot(struct planner *planner, int layer, int first, int last, bool kept,
                          int half, int64_t width, size_t size)
{
    int end = kept ? tick_backward(planner, layer, half) : tick_forward(layer, last);
    return add(planner, MEMORY_ACTIVATIONS, tick_forward(layer, first), end,
               (uint64_t)planner->request->tokens, (uint64_t)width * size);
}

static void add_raw_heads(struct planner *planner, int layer)
{
    const struct model_config *config = planner->config;
    bool kept = planner->plan->needs.blocks[layer].qkv;
    int *slots = planner->plan->blocks[layer];
    const struct {
        enum block_slot raw, rstd;
        int64_t heads;
    } parts[] = {{SLOT_RAW_Q, SLOT_RSTD_Q, config->heads},
                 {SLOT_RAW_K, SLOT_RSTD_K, config->kv_heads}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        slots[parts[i].raw] = add_block_slot(planner, layer, PHASE_QKV, PHASE_QKV, kept,
                                             BACK_ATTENTION, parts[i].heads * config->head_dim,
                                             storage_size(planner->request->storage));
        slots[parts[i].rstd] = add_block_slot(planner, layer, PHASE_QKV, PHASE_QKV, kept,
                                              BACK_ATTENTION, parts[i].heads, 4);
    }
}

static void add_attention_half(struct planner *planner, int layer)
{
    const struct memory_request *request = planner->request;
    const struct model_config *config = planner->config;
    const struct block_needs *needs = &planner->plan->needs.blocks[layer];
    int *slots = planner->plan->blocks[layer];
    size_t size = storage_size(request->storage);
    int64_t wide = config->heads * config->head_dim, narrow = config->kv_heads * config->head_dim;
    bool keep_norm = request_learns(request, ROLE_Q, layer) ||
                     request_learns(request, ROLE_K, layer) ||
                     request_learns(request, ROLE_V, layer);
    bool keep_attention = needs->qkv || request_learns(request, ROLE_O, layer);

    int made = layer == 0 ? 0 : tick_forward(layer - 1, PHASE_DOWN);
    int end = needs->norm1 ? tick_backward(planner, layer, BACK_ATTENTION)
                           : tick_forward(layer, PHASE_MIDDLE);
    slots[SLOT_INPUT] = add(planner, MEMORY_ACTIVATIONS, made, end, (uint64_t)request->tokens,
                            (uint64_t)config->hidden * size);
    slots[SLOT_NORM1] = add_block_slot(planner, layer, PHASE_NORM1, PHASE_QKV, keep_norm,
                                       BACK_ATTENTION, config->hidden, size);
    slots[SLOT_RSTD1] = add_block_slot(planner, layer, PHASE_NORM1, PHASE_NORM1, needs->norm1,
                                       BACK_ATTENTION, 1, 4);
    slots[SLOT_RAW_Q] = slots[SLOT_RAW_K] = slots[SLOT_RSTD_Q] = slots[SLOT_RSTD_K] = -1;
    if (config->head_norms)
        add_raw_heads(planner, layer);
    slots[SLOT_Q] = add_block_slot(planner, layer, PHASE_QKV, PHASE_ATTENTION, needs->qkv,
                                   BACK_ATTENTION, wide, size);
    slots[SLOT_K] = add_block_slot(planner, layer, PHASE_QKV, PHASE_ATTENTION, needs->qkv,
                                   BACK_ATTENTION, narrow, size);
    slots[SLOT_V] = add_block_slot(planner, layer, PHASE_QKV, PHASE_ATTENTION, needs->qkv,
                                   BACK_ATTENTION, narrow, size);
    slots[SLOT_ATTENTION] = add_block_slot(planner, layer, PHASE_ATTENTION, PHASE_MIDDLE,
                                           keep_attention, BACK_ATTENTION, wide, size);
    slots[SLOT_LSE] = add_block_slot(planner, layer, PHASE_ATTENTION, PHASE_ATTENTION, needs->qkv,
                                     BACK_ATTENTION, config->heads, 4);
}

static void add_mlp_half(struct planner *planner, int layer)
{
    const struct memory_request *request = planner->request;
    const struct model_config *config = planner->config;
    const struct block_needs *needs = &planner->plan->needs.blocks[layer];
    int *slots = planner->plan->blocks[layer];
    size_t size = storage_size(request->storage);
    bool keep_norm =
        request_learns(request, ROLE_GATE, layer) || request_learns(request, ROLE_UP, layer);
    bool keep_swiglu = request_learns(request, ROLE_DOWN, layer);

    slots[SLOT_MIDDLE] = add_block_slot(planner, layer, PHASE_MIDDLE, PHASE_DOWN, needs->norm2,
                                        BACK_MLP, config->hidden, size);
    slots[SLOT_NORM2] = add_block_slot(planner, layer, PHASE_MLP, PHASE_MLP, keep_norm, BACK_MLP,
                                       config->hidden, size);
    slots[SLOT_RSTD2] =
        add_block_slot(planner, layer, PHASE_MLP, PHASE_MLP, needs->norm2, BACK_MLP, 1, 4);
    slots[SLOT_GATE] = add_block_slot(planner, layer, PHASE_MLP, PHASE_DOWN, needs->gate_up,
                                      BACK_MLP, config->intermediate, size);
    slots[SLOT_UP] = add_block_slot(planner, layer, PHASE_MLP, PHASE_DOWN, needs->gate_up, BACK_MLP,
                                    config->intermediate, size);
    slots[SLOT_SWIGLU] = add_block_slot(planner, layer, PHASE_DOWN, PHASE_DOWN, keep_swiglu,
                                        BACK_MLP, config->intermediate, size);
}

/* What A makes of each adapted layer's input, [T, rank]. */
static void add_low_slots(struct planner *planner, int layer)
{
    static const struct {
        enum module_role role;
        int phase, half;
    } parts[] = {{ROLE_Q, PHASE_QKV, BACK_ATTENTION}, {ROLE_K, PHASE_QKV, BACK_ATTENTION},
                 {ROLE_V, PHASE_QKV, BACK_ATTENTION}, {ROLE_O, PHASE_MIDDLE, BACK_ATTENTION},
                 {ROLE_GATE, PHASE_MLP, BACK_MLP},    {ROLE_UP, PHASE_MLP, BACK_MLP},
                 {ROLE_DOWN, PHASE_DOWN, BACK_MLP}};
    const struct memory_request *request = planner->request;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct module *module = model_role(request->model, parts[i].role, layer, false);
        int *slot = &planner->plan->blocks[layer][low_slot(parts[i].role)];
        *slot = -1;
        if (request_adapts(request, module))
            *slot = add_block_slot(planner, layer, parts[i].phase, parts[i].phase,
                                   request->recipe.trained != NULL, parts[i].half,
                                   request->recipe.rank, storage_size(request->storage));
    }
}

static void add_gradient_slots(struct planner *planner)
{
    const struct model_config *config = planner->config;
    struct memory_plan *plan = planner->plan;
    uint64_t size = storage_size(planner->request->storage);
    uint64_t tokens = (uint64_t)planner->request->tokens;
    /* four matrices one after another, each beginning at a multiple of 64 bytes */
    int64_t attention = 2 * (config->heads + config->kv_heads) * config->head_dim;
    uint64_t wide = (uint64_t)(attention > config->intermediate ? attention : config->intermediate);
    int head = tick_final_norm(planner) + 1, end = tick_end(planner);
    plan->run[RUN_GRAD_STREAM] =
        add(planner, MEMORY_ACTIVATIONS, head, end, tokens, (uint64_t)config->hidden * size);
    plan->run[RUN_GRAD_NORM] =
        add(planner, MEMORY_ACTIVATIONS, head, end, tokens, (uint64_t)config->hidden * size);
    plan->run[RUN_GRAD_WIDE] =
        add(planner, MEMORY_ACTIVATIONS, head + 1, end, tokens * wide + 4 * MEMORY_ALIGNMENT, size);
    if (planner->request->recipe.adapted)
        plan->run[RUN_GRAD_LOW] = add(planner, MEMORY_ACTIVATIONS, head + 1, end, tokens,
                                      (uint64_t)planner->request->recipe.rank * size);
}

static uint64_t largest_quantized(const struct memory_request *request)
{
    int64_t largest = 0;
    for (size_t i = 0; request->recipe.quantized && i < request->model->module_count; i++) {
        int64_t parameters = request->model->modules[i].parameters;
        if (request->recipe.quantized[i] && parameters > largest)
            largest = parameters;
    }
    return (uint64_t)largest;
}

static void add_run_slots(struct planner *planner)
{
    const struct memory_request *request = planner->request;
    const struct model_config *config = planner->config;
    struct memory_plan *plan = planner->plan;
    uint64_t size = storage_size(request->storage), tokens = (uint64_t)request->tokens;
    uint64_t row = (uint64_t)config->hidden * size;
    int final = tick_final_norm(planner);
    int kept = plan->needs.stream ? final + 2 : final;
    int *run = plan->run;
    run[RUN_OUTPUT] = add(planner, MEMORY_ACTIVATIONS,
                          tick_forward(planner->layers - 1, PHASE_DOWN), kept, tokens, row);
    run[RUN_FINAL_NORM] = add(planner, MEMORY_ACTIVATIONS, final, final + 1, tokens, row);
    run[RUN_FINAL_RSTD] = add(planner, MEMORY_ACTIVATIONS, final, kept, tokens, 4);
    run[RUN_GRAD_STREAM] = run[RUN_GRAD_NORM] = run[RUN_GRAD_WIDE] = run[RUN_GRAD_LOW] = -1;
    if (plan->needs.stream)
        add_gradient_slots(planner);
    run[RUN_IDS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_TARGETS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_POSITIONS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_ROPE] = add_lasting(planner, MEMORY_WORKSPACE, (uint64_t)request->max_positions,
                                (uint64_t)config->head_dim * 4);
    uint64_t dense = largest_quantized(request);
    run[RUN_DENSE] = dense > 0 ? add_lasting(planner, MEMORY_WORKSPACE, dense, size) : -1;
    run[RUN_LOSS] = add_lasting(planner, MEMORY_WORKSPACE, 2, 8);
    run[RUN_SQUARES] = add_lasting(planner, MEMORY_WORKSPACE, run_tensor_count(request->model), 8);
    run[RUN_ATTENTION_WORKSPACE] = add(planner, MEMORY_WORKSPACE, final + 2, tick_end(planner),
                                       request->attention_workspace, 1);
    run[RUN_HEAD_WORKSPACE] =
        add(planner, MEMORY_WORKSPACE, final + 1, final + 1, request->head_workspace, 1);
    bool generation = request->generation;
    run[RUN_ROW] = generation ? add_lasting(planner, MEMORY_WORKSPACE, 1, row) : -1;
    run[RUN_LOGITS] =
        generation ? add_lasting(planner, MEMORY_WORKSPACE, (uint64_t)config->vocab, size) : -1;
}

static struct memory_plan *new_plan(const struct model *model, struct error *err)
{
    struct memory_plan *plan = array_alloc(1, sizeof *plan, err);
    if (!plan)
        return NULL;
    size_t layers = (size_t)model->config.layers;
    plan->needs.blocks = array_alloc(layers, sizeof *plan->needs.blocks, err);
    plan->tensors = array_alloc(run_tensor_count(model), sizeof *plan->tensors, err);
    plan->blocks = array_alloc(layers, sizeof *plan->blocks, err);
    if (plan->needs.blocks && plan->tensors && plan->blocks)
        return plan;
    memory_plan_free(plan);
    return NULL;
}

int memory_plan_make(struct memory_plan **out, const struct memory_request *request,
                     struct error *err)
{
    struct memory_plan *plan = new_plan(request->model, err);
    if (!plan)
        return -1;
    struct planner planner = {
        request, &request->model->config, plan, err, (int)request->model->config.layers, false};
    memory_find_needs(&plan->needs, request);
    for (size_t i = 0; i < run_tensor_count(request->model); i++)
        add_tensor(&planner, i);
    for (int layer = 0; layer < planner.layers; layer++) {
        add_attention_half(&planner, layer);
        add_mlp_half(&planner, layer);
        add_low_slots(&planner, layer);
    }
    add_run_slots(&planner);
    if (planner.failed || memory_place_all(plan, err) != 0) {
        memory_plan_free(plan);
        return -1;
    }
    *out = plan;
    return 0;
}

void memory_plan_free(struct memory_plan *plan)
{
    if (!plan)
        return;
    free(plan->needs.blocks);
    free(plan->tensors);
    free(plan->blocks);
    free(plan->buffers);
    free(plan);
}
