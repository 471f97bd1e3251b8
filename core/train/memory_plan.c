/* Every buffer of a run, and when it is alive; where they lie, the planner says.
 *
 * Time is counted in ticks, of which each step of the forward and backward pass has one (below). A
 * buffer lives from the tick that first writes it to the last that reads it, and buffers of one
 * category whose lives do not overlap may lie in the same place. So two rules hold for whoever
 * changes pass.c or backward.c:
 *
 * 1. What a step reads or writes must be alive at that step's tick.
 * 2. What the backward pass reads of a block is kept until then (struct row), or recomputed:
 *    then the block has a second set of buffers, alive from its recomputation on.
 */
#include "train/memory_plan.h"

#include <stdlib.h>
#include <string.h>

/* Ticks: the embedding is 0; block l takes PHASES forwards; then final norm, head, and the norm's
 * gradient; then for each block, from the last to the first, PHASES for recomputing it and BACKS
 * backwards. */
enum { PHASE_NORM1, PHASE_QKV, PHASE_ATTENTION, PHASE_MIDDLE, PHASE_MLP, PHASE_DOWN, PHASES };
enum {
    BACK_DOWN,
    BACK_GATE,
    BACK_UP,
    BACK_POST_NORM,
    BACK_O,
    BACK_SCORES,
    BACK_Q,
    BACK_K,
    BACK_V,
    BACK_INPUT_NORM,
    BACKS
};

/* A plan in the making. */
struct layout {
    const struct memory_request *request;
    const struct model_config *config;
    struct memory_plan *plan;
    struct planner planner;
    int layers;
};

static int tick_forward(int layer, int phase)
{
    return 1 + PHASES * layer + phase;
}

static int tick_final_norm(const struct layout *layout)
{
    return 1 + PHASES * layout->layers;
}

static int tick_head(const struct layout *layout)
{
    return tick_final_norm(layout) + 1;
}

static int tick_recompute(const struct layout *layout, int layer, int phase)
{
    return tick_head(layout) + 2 + (PHASES + BACKS) * (layout->layers - 1 - layer) + phase;
}

static int tick_backward(const struct layout *layout, int layer, int back)
{
    return tick_recompute(layout, layer, PHASES) + back;
}

static int tick_end(const struct layout *layout)
{
    return tick_backward(layout, 0, BACKS);
}

/* --- the list of buffers --- */

static int add_buffer(struct layout *layout, enum memory_category category, int first, int last,
                      uint64_t count, uint64_t size)
{
    return planner_add(&layout->planner, category, first, last, count, size);
}

static int add_lasting(struct layout *layout, enum memory_category category, uint64_t count,
                       uint64_t size)
{
    return add_buffer(layout, category, 0, tick_end(layout), count, size);
}

/* When a parameter's gradient is made and used up, where it is used at once. */
struct lifetime {
    int first, last;
};

/* Where gradients are used at once, one lives for the tick that makes it; a tied embedding's from
 * the head to the end, as both add to it. Else all of them live as long as the run. */
static struct lifetime gradient_lifetime(const struct layout *layout,
                                         const struct parameter *parameter)
{
    static const int backs[ROLE_COUNT] = {[ROLE_DOWN] = BACK_DOWN,
                                          [ROLE_GATE] = BACK_GATE,
                                          [ROLE_UP] = BACK_UP,
                                          [ROLE_MLP_NORM] = BACK_POST_NORM,
                                          [ROLE_O] = BACK_O,
                                          [ROLE_Q_NORM] = BACK_SCORES,
                                          [ROLE_K_NORM] = BACK_SCORES,
                                          [ROLE_Q] = BACK_Q,
                                          [ROLE_K] = BACK_K,
                                          [ROLE_V] = BACK_V,
                                          [ROLE_INPUT_NORM] = BACK_INPUT_NORM};
    int head = tick_head(layout), end = tick_end(layout);
    if (!layout->request->updates_in_backward)
        return (struct lifetime){0, end};
    if (parameter->layer >= 0) {
        int tick = tick_backward(layout, parameter->layer, backs[parameter->role]);
        return (struct lifetime){tick, tick};
    }
    if (parameter->role == ROLE_EMBEDDING)
        return (struct lifetime){layout->config->tied ? head : end, end};
    return parameter->role == ROLE_HEAD ? (struct lifetime){head, head}
                                        : (struct lifetime){head + 1, head + 1};
}

/* What is kept of one tensor that trains, besides its weight. */
static void add_training_state(struct layout *layout, const struct run_tensor *tensor, int *slots)
{
    struct lifetime gradient = gradient_lifetime(layout, tensor->parameter);
    const struct memory_request *request = layout->request;
    uint64_t count = (uint64_t)tensor->numel;
    enum optimizer_kind kind = request->recipe.optimizer;
    const struct optimizer_rule *rule = optimizer_rule_of(kind, tensor->parameter);
    struct stored_bytes state =
        storage_bytes(optimizer_storage(kind, tensor->parameter, tensor->numel), tensor->numel);
    slots[TENSOR_GRADIENT] =
        add_buffer(layout, MEMORY_GRADIENTS, gradient.first, gradient.last, count, 4);
    for (int i = 0; i < optimizer_state_count(rule); i++) {
        slots[TENSOR_STATE + i] = add_lasting(layout, MEMORY_OPTIMIZER, state.data, 1);
        if (state.scales > 0)
            slots[TENSOR_STATE_SCALES + i] = add_lasting(layout, MEMORY_OPTIMIZER, state.scales, 1);
    }
    if (request->masters && request->storage == STORAGE_BF16)
        slots[TENSOR_MASTER] = add_lasting(layout, MEMORY_MASTERS, count, 4);
}

/* The weight, and if it trains all that its step needs. Adapters count as tensors of their own. */
static void add_tensor(struct layout *layout, size_t index)
{
    const struct memory_request *request = layout->request;
    struct run_tensor tensor = run_tensor(request->model, request->recipe.rank, index);
    int *slots = layout->plan->tensors[index];
    bool adapter = tensor.part != PART_PARAMETER;
    bool used = adapter ? request_has_adapter(request, tensor.parameter)
                        : parameter_is_used(request->model, tensor.parameter);
    for (int slot = 0; slot < TENSOR_SLOTS; slot++)
        slots[slot] = -1;
    if (!used)
        return;
    struct stored_bytes stored = storage_bytes(request_storage(request, &tensor), tensor.numel);
    slots[TENSOR_WEIGHT] = add_lasting(layout, MEMORY_WEIGHTS, stored.data, 1);
    if (stored.scales > 0)
        slots[TENSOR_SCALES] = add_lasting(layout, MEMORY_WEIGHTS, stored.scales, 1);
    if (request_tensor_is_trained(request, &tensor))
        add_training_state(layout, &tensor, slots);
}

static void add_gradient_slots(struct layout *layout)
{
    const struct model_config *config = layout->config;
    struct memory_plan *plan = layout->plan;
    uint64_t size = storage_size(layout->request->storage);
    uint64_t tokens = (uint64_t)layout->request->tokens;
    /* four matrices one after another, each beginning at a multiple of 64 bytes */
    int64_t attention = 2 * (config->heads + config->kv_heads) * config->head_dim;
    uint64_t wide = (uint64_t)(attention > config->intermediate ? attention : config->intermediate);
    int head = tick_head(layout), end = tick_end(layout);
    plan->run[RUN_GRAD_STREAM] =
        add_buffer(layout, MEMORY_ACTIVATIONS, head, end, tokens, (uint64_t)config->hidden * size);
    plan->run[RUN_GRAD_NORM] =
        add_buffer(layout, MEMORY_ACTIVATIONS, head, end, tokens, (uint64_t)config->hidden * size);
    plan->run[RUN_GRAD_WIDE] = add_buffer(layout, MEMORY_ACTIVATIONS, head + 1, end,
                                          tokens * wide + 4 * MEMORY_ALIGNMENT, size);
    int64_t recomputed =
        config->hidden > config->intermediate ? config->hidden : config->intermediate;
    plan->run[RUN_RECOMPUTED] =
        add_buffer(layout, MEMORY_ACTIVATIONS, head + 1, end, tokens, (uint64_t)recomputed * size);
    if (layout->request->recipe.adapted)
        plan->run[RUN_GRAD_LOW] = add_buffer(layout, MEMORY_ACTIVATIONS, head + 1, end, tokens,
                                             (uint64_t)layout->request->recipe.rank * size);
}

/* One buffer of this many values serves all quantised weights, which are expanded one at a time. */
static uint64_t largest_quantized(const struct memory_request *request)
{
    int64_t largest = 0;
    for (size_t i = 0; request->recipe.quantized && i < request->model->parameter_count; i++) {
        int64_t parameters = request->model->parameters[i].numel;
        if (request->recipe.quantized[i] && parameters > largest)
            largest = parameters;
    }
    return (uint64_t)largest;
}

static void add_run_slots(struct layout *layout)
{
    const struct memory_request *request = layout->request;
    const struct model_config *config = layout->config;
    struct memory_plan *plan = layout->plan;
    uint64_t size = storage_size(request->storage), tokens = (uint64_t)request->tokens;
    uint64_t row = (uint64_t)config->hidden * size;
    int final = tick_final_norm(layout);
    int kept = plan->needs.stream ? final + 2 : final;
    int *run = plan->run;
    run[RUN_OUTPUT] = add_buffer(layout, MEMORY_ACTIVATIONS,
                                 tick_forward(layout->layers - 1, PHASE_DOWN), kept, tokens, row);
    run[RUN_FINAL_NORM] = add_buffer(layout, MEMORY_ACTIVATIONS, final, final + 1, tokens, row);
    run[RUN_FINAL_RSTD] = add_buffer(layout, MEMORY_ACTIVATIONS, final, kept, tokens, 4);
    run[RUN_GRAD_STREAM] = run[RUN_GRAD_NORM] = run[RUN_GRAD_WIDE] = run[RUN_GRAD_LOW] =
        run[RUN_RECOMPUTED] = -1;
    if (plan->needs.stream)
        add_gradient_slots(layout);
    run[RUN_IDS] = add_lasting(layout, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_TARGETS] = add_lasting(layout, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_WEIGHTS] = add_lasting(layout, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_POSITIONS] = add_lasting(layout, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_ROPE] = add_lasting(layout, MEMORY_WORKSPACE, (uint64_t)request->max_positions,
                                (uint64_t)config->head_dim * 4);
    uint64_t dense = largest_quantized(request);
    run[RUN_DENSE] = dense > 0 ? add_lasting(layout, MEMORY_WORKSPACE, dense, size) : -1;
    run[RUN_LOSS] = add_lasting(layout, MEMORY_WORKSPACE, 2, 8);
    run[RUN_SQUARES] = add_lasting(layout, MEMORY_WORKSPACE, run_tensor_count(request->model), 8);
    run[RUN_ATTENTION_WORKSPACE] = add_buffer(layout, MEMORY_WORKSPACE, final + 2, tick_end(layout),
                                              request->attention_workspace, 1);
    run[RUN_HEAD_WORKSPACE] =
        add_buffer(layout, MEMORY_WORKSPACE, final + 1, final + 1, request->head_workspace, 1);
    /* steps are taken from the head's gradient on, or after the last one */
    run[RUN_OPTIMIZER_WORKSPACE] =
        request->optimizer_workspace > 0
            ? add_buffer(layout, MEMORY_WORKSPACE,
                         request->updates_in_backward ? final + 1 : tick_end(layout),
                         tick_end(layout), request->optimizer_workspace, 1)
            : -1;
    bool generation = request->generation;
    run[RUN_ROW] = generation ? add_lasting(layout, MEMORY_WORKSPACE, 1, row) : -1;
    run[RUN_LOGITS] =
        generation ? add_lasting(layout, MEMORY_WORKSPACE, (uint64_t)config->vocab, size) : -1;
    run[RUN_LOSSES] = generation ? add_lasting(layout, MEMORY_WORKSPACE, tokens, 4) : -1;
}

/* --- one block ---
 *
 * What each is, when it is made, until when it is needed.
 *
 * What an elementwise operation makes of what is kept (the norms' outputs, the product of gate and
 * up) is not kept itself: the backward pass recomputes it (RUN_RECOMPUTED).
 *
 * A block whose activations are kept has one set of them. One that is recomputed (gradient
 * checkpointing, Chen et al., arXiv 1604.06174) keeps its input alone, and has two sets, which live
 * while it runs forwards, and from its second run to the end of its backward pass.
 */

struct slot_shape block_slot_shape(const struct model_config *config, int64_t rank,
                                   enum storage activations, enum block_slot slot)
{
    switch (slot) {
    case SLOT_INPUT:
    case SLOT_NORM1:
    case SLOT_MIDDLE:
    case SLOT_NORM2:
        return (struct slot_shape){config->hidden, activations};
    case SLOT_RSTD1:
    case SLOT_RSTD2:
        return (struct slot_shape){1, STORAGE_F32};
    case SLOT_RSTD_Q:
    case SLOT_LSE:
        return (struct slot_shape){config->heads, STORAGE_F32};
    case SLOT_RSTD_K:
        return (struct slot_shape){config->kv_heads, STORAGE_F32};
    case SLOT_RAW_Q:
    case SLOT_Q:
    case SLOT_ATTENTION:
        return (struct slot_shape){config->heads * config->head_dim, activations};
    case SLOT_RAW_K:
    case SLOT_K:
    case SLOT_V:
        return (struct slot_shape){config->kv_heads * config->head_dim, activations};
    case SLOT_GATE:
    case SLOT_UP:
    case SLOT_SWIGLU:
        return (struct slot_shape){config->intermediate, activations};
    default: /* SLOT_LOW and what follows it */
        return (struct slot_shape){rank, activations};
    }
}

/* One set of a block's buffers. */
struct block_set {
    struct layout *layout;
    int layer;
    int *slots;
    bool keeps;  /* what the backward pass needs */
    bool second; /* of a recomputed block, in its backward pass */
};

static int tick_of(const struct block_set *set, int phase)
{
    return set->second ? tick_recompute(set->layout, set->layer, phase)
                       : tick_forward(set->layer, phase);
}

/* Made in a phase, read until another; where the backward pass needs it, until that has done
 * `back`.
 */
struct row {
    enum block_slot slot;
    int first, last;
    bool needed;
    int back;
};

static int add_slot(struct block_set *set, enum block_slot slot, int first, int last)
{
    const struct memory_request *request = set->layout->request;
    struct slot_shape shape =
        block_slot_shape(set->layout->config, request->recipe.rank, request->storage, slot);
    return add_buffer(set->layout, MEMORY_ACTIVATIONS, first, last, (uint64_t)request->tokens,
                      (uint64_t)shape.width * storage_size(shape.storage));
}

static void add_row(struct block_set *set, const struct row *row)
{
    struct layout *layout = set->layout;
    int end = set->keeps && row->needed ? tick_backward(layout, set->layer, row->back)
                                        : tick_of(set, row->last);
    set->slots[row->slot] = add_slot(set, row->slot, tick_of(set, row->first), end);
}

static void add_rows(struct block_set *set, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_row(set, &rows[i]);
}

static const struct block_needs *needs_of(const struct block_set *set)
{
    return &set->layout->plan->needs.blocks[set->layer];
}

static bool needs_input(const struct block_set *set, enum parameter_role role)
{
    return request_needs_input(set->layout->request, role, set->layer);
}

/* Do layers after the first norm, or after the second, need its output in the backward pass? */
static bool qkv_need_input(const struct block_set *set)
{
    return needs_input(set, ROLE_Q) || needs_input(set, ROLE_K) || needs_input(set, ROLE_V);
}

static bool gate_up_need_input(const struct block_set *set)
{
    return needs_input(set, ROLE_GATE) || needs_input(set, ROLE_UP);
}

/* The first set's input is made by what is in front of the block. A block that is recomputed needs
 * it for that. */
static void add_input(struct block_set *set, bool recomputed)
{
    const struct layout *layout = set->layout;
    int made = set->layer == 0 ? 0 : tick_forward(set->layer - 1, PHASE_DOWN);
    bool kept = recomputed || needs_of(set)->norm1 || qkv_need_input(set);
    int end = kept ? tick_backward(layout, set->layer, BACK_INPUT_NORM)
                   : tick_forward(set->layer, PHASE_MIDDLE);
    set->slots[SLOT_INPUT] = add_slot(set, SLOT_INPUT, made, end);
}

/* q and k before the norms of their heads. */
static void add_raw_heads(struct block_set *set)
{
    bool qkv = needs_of(set)->qkv;
    const struct row rows[] = {
        {SLOT_RAW_Q, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES},
        {SLOT_RAW_K, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES},
        {SLOT_RSTD_Q, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES},
        {SLOT_RSTD_K, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES},
    };
    add_rows(set, rows, sizeof rows / sizeof *rows);
}

/* For each slot: the ticks between which it lives forwards, whether the way back reads it, and
 * until when. */
static void add_attention(struct block_set *set)
{
    bool norm1 = needs_of(set)->norm1 || qkv_need_input(set), qkv = needs_of(set)->qkv;
    bool mixed = qkv || needs_input(set, ROLE_O);
    const struct row rows[] = {
        {SLOT_NORM1, PHASE_NORM1, PHASE_QKV, false, 0},
        {SLOT_RSTD1, PHASE_NORM1, PHASE_NORM1, norm1, BACK_INPUT_NORM},
        {SLOT_Q, PHASE_QKV, PHASE_ATTENTION, qkv, BACK_SCORES},
        {SLOT_K, PHASE_QKV, PHASE_ATTENTION, qkv, BACK_SCORES},
        {SLOT_V, PHASE_QKV, PHASE_ATTENTION, qkv, BACK_SCORES},
        {SLOT_ATTENTION, PHASE_ATTENTION, PHASE_MIDDLE, mixed, BACK_SCORES},
        {SLOT_LSE, PHASE_ATTENTION, PHASE_ATTENTION, qkv, BACK_SCORES},
    };
    if (set->layout->config->head_norms)
        add_raw_heads(set);
    add_rows(set, rows, sizeof rows / sizeof *rows);
}

/* The same for the second half of a block. */
static void add_mlp(struct block_set *set)
{
    bool norm2 = needs_of(set)->norm2 || gate_up_need_input(set);
    bool gate_up = needs_of(set)->gate_up || needs_input(set, ROLE_DOWN);
    const struct row rows[] = {
        {SLOT_MIDDLE, PHASE_MIDDLE, PHASE_DOWN, norm2, BACK_POST_NORM},
        {SLOT_NORM2, PHASE_MLP, PHASE_MLP, false, 0},
        {SLOT_RSTD2, PHASE_MLP, PHASE_MLP, norm2, BACK_POST_NORM},
        {SLOT_GATE, PHASE_MLP, PHASE_DOWN, gate_up, BACK_UP},
        {SLOT_UP, PHASE_MLP, PHASE_DOWN, gate_up, BACK_UP},
        {SLOT_SWIGLU, PHASE_DOWN, PHASE_DOWN, false, 0},
    };
    add_rows(set, rows, sizeof rows / sizeof *rows);
}

/* What A makes of each adapted layer's input, [T, rank]. */
static void add_low(struct block_set *set)
{
    static const struct {
        enum parameter_role role;
        int phase, back;
    } parts[] = {{ROLE_Q, PHASE_QKV, BACK_Q},       {ROLE_K, PHASE_QKV, BACK_K},
                 {ROLE_V, PHASE_QKV, BACK_V},       {ROLE_O, PHASE_MIDDLE, BACK_O},
                 {ROLE_GATE, PHASE_MLP, BACK_GATE}, {ROLE_UP, PHASE_MLP, BACK_UP},
                 {ROLE_DOWN, PHASE_DOWN, BACK_DOWN}};
    const struct memory_request *request = set->layout->request;
    bool is_trained = request->recipe.trained != NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct row row = {low_slot(parts[i].role), parts[i].phase, parts[i].phase, is_trained,
                                parts[i].back};
        if (request_has_adapter(request,
                                model_role(request->model, parts[i].role, set->layer, false)))
            add_row(set, &row);
    }
}

static void add_set(struct block_set *set)
{
    add_attention(set);
    add_mlp(set);
    add_low(set);
}

/* A recomputed block keeps nothing but its input from the first pass; the second set is made from
 * that. */
static void add_block(struct layout *layout, int layer)
{
    struct memory_plan *plan = layout->plan;
    bool recomputed = memory_plan_recomputes(plan, layer);
    struct block_set first = {layout, layer, plan->blocks[layer], !recomputed, false};
    struct block_set second = {layout, layer, plan->recomputed[layer], true, true};
    for (int slot = 0; slot < BLOCK_SLOTS; slot++)
        first.slots[slot] = second.slots[slot] = -1;
    add_input(&first, recomputed);
    add_set(&first);
    second.slots[SLOT_INPUT] = first.slots[SLOT_INPUT];
    if (recomputed)
        add_set(&second);
}

/* --- the plan --- */

/* With a row for each block and each tensor, which the making fills in. */
static struct memory_plan *new_plan(const struct model *model, struct error *err)
{
    struct memory_plan *plan = array_alloc(1, sizeof *plan, err);
    if (!plan)
        return NULL;
    size_t layers = (size_t)model->config.layers;
    plan->needs.blocks = array_alloc(layers, sizeof *plan->needs.blocks, err);
    plan->tensors = array_alloc(run_tensor_count(model), sizeof *plan->tensors, err);
    plan->blocks = array_alloc(layers, sizeof *plan->blocks, err);
    plan->recomputed = array_alloc(layers, sizeof *plan->recomputed, err);
    if (plan->needs.blocks && plan->tensors && plan->blocks && plan->recomputed)
        return plan;
    memory_plan_free(plan);
    return NULL;
}

/* The lowest blocks: their turn in the backward pass comes last, when the others' memory is free.
 */
static void choose_recomputed(struct memory_plan *plan, const struct memory_request *request,
                              int layers)
{
    int first = 0;
    while (first < layers && !plan->needs.blocks[first].output)
        first++;
    plan->first_recomputed = first;
    plan->past_recomputed =
        request->recomputed < layers - first ? first + (int)request->recomputed : layers;
}

/* First what the backward pass needs, then which blocks are recomputed, then each buffer, then
 * places. */
int memory_plan_make(struct memory_plan **out, const struct memory_request *request,
                     struct error *err)
{
    struct memory_plan *plan = new_plan(request->model, err);
    if (!plan)
        return -1;
    struct layout layout = {
        .request = request,
        .config = &request->model->config,
        .plan = plan,
        .planner = {.gradients_share = request->updates_in_backward, .err = err},
        .layers = (int)request->model->config.layers};
    struct planner *planner = &layout.planner;
    needs_find(&plan->needs, request);
    choose_recomputed(plan, request, layout.layers);
    for (size_t i = 0; i < run_tensor_count(request->model); i++)
        add_tensor(&layout, i);
    for (int layer = 0; layer < layout.layers; layer++)
        add_block(&layout, layer);
    add_run_slots(&layout);
    int status = planner->failed ? -1 : planner_place(planner);
    plan->buffers = planner->buffers;
    plan->count = planner->count;
    plan->total = planner->total;
    memcpy(plan->bytes, planner->bytes, sizeof plan->bytes);
    memcpy(plan->region, planner->region, sizeof plan->region);
    if (status != 0) {
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
    free(plan->recomputed);
    free(plan->buffers);
    free(plan);
}
