#include "train/memory_plan.h"

#include <stdlib.h>
#include <string.h>

/* Ticks: the embedding is 0; block l takes six ticks forwards; then final norm, head, and two ticks
 * a block backwards, from the last block to the first. */
enum { PHASE_NORM1, PHASE_QKV, PHASE_ATTENTION, PHASE_MIDDLE, PHASE_MLP, PHASE_DOWN, PHASES };
enum { BACK_MLP, BACK_ATTENTION };

static const uint64_t ALIGNMENT = 64, BYTES_MAX = (uint64_t)1 << 62;

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

/* --- what the backward pass needs --- */

static bool module_trains(const struct memory_request *request, const struct module *module)
{
    return request->trained && request->trained[module - request->model->modules];
}

static bool trains(const struct memory_request *request, enum module_role role, int layer,
                   bool bias)
{
    const struct module *module = model_role(request->model, role, layer, bias);
    return module && module_trains(request, module);
}

static bool trains_any(const struct memory_request *request, enum module_role role, int layer)
{
    return trains(request, role, layer, false) || trains(request, role, layer, true);
}

static struct block_needs block_needs(const struct memory_request *request, int layer, bool below)
{
    struct block_needs needs;
    needs.norm1 = below || trains(request, ROLE_INPUT_NORM, layer, false);
    needs.qkv = needs.norm1 || trains_any(request, ROLE_Q, layer) ||
                trains_any(request, ROLE_K, layer) || trains_any(request, ROLE_V, layer) ||
                trains(request, ROLE_Q_NORM, layer, false) ||
                trains(request, ROLE_K_NORM, layer, false);
    needs.middle = needs.qkv || trains_any(request, ROLE_O, layer);
    needs.norm2 = needs.middle || trains(request, ROLE_POST_NORM, layer, false);
    needs.gate_up =
        needs.norm2 || trains_any(request, ROLE_GATE, layer) || trains_any(request, ROLE_UP, layer);
    needs.output = needs.gate_up || trains_any(request, ROLE_DOWN, layer);
    return needs;
}

static void find_needs(struct backward_needs *needs, const struct memory_request *request)
{
    needs->embedding = trains(request, ROLE_EMBEDDING, -1, false);
    needs->head =
        request->model->config.tied ? needs->embedding : trains(request, ROLE_HEAD, -1, false);
    needs->final_norm = trains(request, ROLE_FINAL_NORM, -1, false);
    bool below = needs->embedding;
    for (int layer = 0; layer < request->model->config.layers; layer++) {
        needs->blocks[layer] = block_needs(request, layer, below);
        below = needs->blocks[layer].output;
    }
    needs->stream = below || needs->final_norm;
}

/* --- the list of buffers --- */

static int add(struct planner *planner, enum memory_category category, int first, int last,
               uint64_t count, uint64_t size)
{
    struct memory_plan *plan = planner->plan;
    uint64_t bytes;
    if (planner->failed)
        return -1;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > BYTES_MAX) {
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
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    plan->buffers[plan->count] = (struct planned_buffer){category, first, last, bytes, 0};
    return (int)plan->count++;
}

static int add_lasting(struct planner *planner, enum memory_category category, uint64_t count,
                       uint64_t size)
{
    return add(planner, category, 0, tick_end(planner), count, size);
}

static void add_modules(struct planner *planner)
{
    const struct memory_request *request = planner->request;
    size_t size = storage_size(request->storage);
    bool masters = request->masters && request->storage == STORAGE_BF16;
    for (size_t i = 0; i < request->model->module_count; i++) {
        const struct module *module = &request->model->modules[i];
        int *slots = planner->plan->modules[i];
        for (int slot = 0; slot < MODULE_SLOTS; slot++)
            slots[slot] = -1;
        if (!module_is_used(request->model, module))
            continue;
        uint64_t count = (uint64_t)module->parameters;
        slots[MODULE_WEIGHT] = add_lasting(planner, MEMORY_WEIGHTS, count, size);
        if (!module_trains(request, module))
            continue;
        slots[MODULE_GRADIENT] = add_lasting(planner, MEMORY_GRADIENTS, count, 4);
        slots[MODULE_M] = add_lasting(planner, MEMORY_OPTIMIZER, count, 4);
        slots[MODULE_V] = add_lasting(planner, MEMORY_OPTIMIZER, count, 4);
        if (masters)
            slots[MODULE_MASTER] = add_lasting(planner, MEMORY_MASTERS, count, 4);
    }
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
    bool keep_norm = trains(request, ROLE_Q, layer, false) ||
                     trains(request, ROLE_K, layer, false) || trains(request, ROLE_V, layer, false);
    bool keep_attention = needs->qkv || trains(request, ROLE_O, layer, false);

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
        trains(request, ROLE_GATE, layer, false) || trains(request, ROLE_UP, layer, false);
    bool keep_swiglu = trains(request, ROLE_DOWN, layer, false);

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
        add(planner, MEMORY_ACTIVATIONS, head + 1, end, tokens * wide + 4 * ALIGNMENT, size);
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
    run[RUN_GRAD_STREAM] = run[RUN_GRAD_NORM] = run[RUN_GRAD_WIDE] = -1;
    if (plan->needs.stream)
        add_gradient_slots(planner);
    run[RUN_IDS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_TARGETS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_POSITIONS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_ROPE] = add_lasting(planner, MEMORY_WORKSPACE, (uint64_t)request->max_positions,
                                (uint64_t)config->head_dim * 4);
    run[RUN_LOSS] = add_lasting(planner, MEMORY_WORKSPACE, 2, 8);
    run[RUN_SQUARES] = add_lasting(planner, MEMORY_WORKSPACE, request->model->module_count, 8);
    run[RUN_ATTENTION_WORKSPACE] = add(planner, MEMORY_WORKSPACE, final + 2, tick_end(planner),
                                       request->attention_workspace, 1);
    run[RUN_HEAD_WORKSPACE] =
        add(planner, MEMORY_WORKSPACE, final + 1, final + 1, request->head_workspace, 1);
    bool generation = request->generation;
    run[RUN_ROW] = generation ? add_lasting(planner, MEMORY_WORKSPACE, 1, row) : -1;
    run[RUN_LOGITS] =
        generation ? add_lasting(planner, MEMORY_WORKSPACE, (uint64_t)config->vocab, size) : -1;
}

/* --- places --- */

static bool lives_together(const struct planned_buffer *a, const struct planned_buffer *b)
{
    return a->category == b->category && a->first <= b->last && b->first <= a->last;
}

/* Largest first; equal sizes in the order of their making, so that the layout is reproducible. */
static int compare_placing(const void *a, const void *b)
{
    const struct planned_buffer *x = *(struct planned_buffer *const *)a;
    const struct planned_buffer *y = *(struct planned_buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int compare_offset(const void *a, const void *b)
{
    const struct planned_buffer *x = *(struct planned_buffer *const *)a;
    const struct planned_buffer *y = *(struct planned_buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest gap that fits between the placed buffers which live at the same time. */
static uint64_t find_gap(const struct planned_buffer *buffer, struct planned_buffer *const *placed,
                         size_t count, struct planned_buffer **meeting)
{
    size_t met = 0;
    for (size_t i = 0; i < count; i++)
        if (lives_together(buffer, placed[i]))
            meeting[met++] = placed[i];
    qsort(meeting, met, sizeof *meeting, compare_offset);
    uint64_t offset = 0;
    for (size_t i = 0; i < met; i++) {
        if (meeting[i]->offset >= offset + buffer->bytes)
            break;
        uint64_t end = meeting[i]->offset + meeting[i]->bytes;
        offset = end > offset ? end : offset;
    }
    return offset;
}

/* Places a category whose buffers come and go: first fit, largest first. */
static void place_shared(struct memory_plan *plan, enum memory_category category,
                         struct planned_buffer **order, struct planned_buffer **meeting)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->buffers[i].category == category)
            order[count++] = &plan->buffers[i];
    qsort(order, count, sizeof *order, compare_placing);
    for (size_t i = 0; i < count; i++) {
        order[i]->offset = find_gap(order[i], order, i, meeting);
        uint64_t end = order[i]->offset + order[i]->bytes;
        plan->bytes[category] = end > plan->bytes[category] ? end : plan->bytes[category];
    }
}

/* Places a category whose buffers all last: one after another. */
static void place_lasting(struct memory_plan *plan, enum memory_category category)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->buffers[i].category == category) {
            plan->buffers[i].offset = plan->bytes[category];
            plan->bytes[category] += plan->buffers[i].bytes;
        }
}

static int place_all(struct memory_plan *plan, struct error *err)
{
    struct planned_buffer **order = array_alloc(2 * plan->count + 1, sizeof *order, err);
    if (!order)
        return -1;
    for (int category = 0; category < MEMORY_CATEGORIES; category++) {
        if (category == MEMORY_ACTIVATIONS || category == MEMORY_WORKSPACE)
            place_shared(plan, category, order, order + plan->count);
        else
            place_lasting(plan, category);
        plan->region[category] = plan->total;
        plan->total += plan->bytes[category];
    }
    for (size_t i = 0; i < plan->count; i++)
        plan->buffers[i].offset += plan->region[plan->buffers[i].category];
    free(order);
    return plan->total < BYTES_MAX ? 0 : error_set(err, "the run needs more memory than exists");
}

static struct memory_plan *new_plan(const struct model *model, struct error *err)
{
    struct memory_plan *plan = array_alloc(1, sizeof *plan, err);
    if (!plan)
        return NULL;
    size_t layers = (size_t)model->config.layers;
    plan->needs.blocks = array_alloc(layers, sizeof *plan->needs.blocks, err);
    plan->modules = array_alloc(model->module_count, sizeof *plan->modules, err);
    plan->blocks = array_alloc(layers, sizeof *plan->blocks, err);
    if (plan->needs.blocks && plan->modules && plan->blocks)
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
    find_needs(&plan->needs, request);
    add_modules(&planner);
    for (int layer = 0; layer < planner.layers; layer++) {
        add_attention_half(&planner, layer);
        add_mlp_half(&planner, layer);
    }
    add_run_slots(&planner);
    if (planner.failed || place_all(plan, err) != 0) {
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
    free(plan->modules);
    free(plan->blocks);
    free(plan->buffers);
    free(plan);
}
