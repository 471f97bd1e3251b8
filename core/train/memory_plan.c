#include "compute/quantize.h"
#include "train/memory_parts.h"

#include <stdlib.h>
#include <string.h>

/* --- the list of buffers --- */

int planner_add(struct planner *planner, enum memory_category category, int first, int last,
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
    return planner_add(planner, category, 0, tick_end(planner), count, size);
}

/* When a module's gradient is made and used up, where it is used at once. */
struct lifetime {
    int first, last;
};

static struct lifetime gradient_lifetime(const struct planner *planner, const struct module *module)
{
    static const int backs[ROLE_COUNT] = {[ROLE_DOWN] = BACK_DOWN,
                                          [ROLE_GATE] = BACK_GATE,
                                          [ROLE_UP] = BACK_UP,
                                          [ROLE_POST_NORM] = BACK_POST_NORM,
                                          [ROLE_O] = BACK_O,
                                          [ROLE_Q_NORM] = BACK_SCORES,
                                          [ROLE_K_NORM] = BACK_SCORES,
                                          [ROLE_Q] = BACK_Q,
                                          [ROLE_K] = BACK_K,
                                          [ROLE_V] = BACK_V,
                                          [ROLE_INPUT_NORM] = BACK_INPUT_NORM};
    int head = tick_head(planner), end = tick_end(planner);
    if (!planner->request->updates_in_backward)
        return (struct lifetime){0, end};
    if (module->layer >= 0) {
        int tick = tick_backward(planner, module->layer, backs[module->role]);
        return (struct lifetime){tick, tick};
    }
    if (module->role == ROLE_EMBEDDING)
        return (struct lifetime){planner->config->tied ? head : end, end};
    return module->role == ROLE_HEAD ? (struct lifetime){head, head}
                                     : (struct lifetime){head + 1, head + 1};
}

/* What is kept of one tensor that trains, besides its weight. */
static void add_training_state(struct planner *planner, const struct run_tensor *tensor, int *slots)
{
    struct lifetime gradient = gradient_lifetime(planner, tensor->module);
    const struct memory_request *request = planner->request;
    uint64_t count = (uint64_t)tensor->parameters;
    struct stored_bytes moment =
        moment_bytes(recipe_moments(&request->recipe, tensor), tensor->parameters);
    slots[TENSOR_GRADIENT] =
        planner_add(planner, MEMORY_GRADIENTS, gradient.first, gradient.last, count, 4);
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
        storage_bytes(request_storage(request, &tensor), tensor.parameters);
    slots[TENSOR_WEIGHT] = add_lasting(planner, MEMORY_WEIGHTS, stored.data, 1);
    if (stored.scales > 0)
        slots[TENSOR_SCALES] = add_lasting(planner, MEMORY_WEIGHTS, stored.scales, 1);
    if (trains)
        add_training_state(planner, &tensor, slots);
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
    int head = tick_head(planner), end = tick_end(planner);
    plan->run[RUN_GRAD_STREAM] = planner_add(planner, MEMORY_ACTIVATIONS, head, end, tokens,
                                             (uint64_t)config->hidden * size);
    plan->run[RUN_GRAD_NORM] = planner_add(planner, MEMORY_ACTIVATIONS, head, end, tokens,
                                           (uint64_t)config->hidden * size);
    plan->run[RUN_GRAD_WIDE] = planner_add(planner, MEMORY_ACTIVATIONS, head + 1, end,
                                           tokens * wide + 4 * MEMORY_ALIGNMENT, size);
    int64_t again = config->hidden > config->intermediate ? config->hidden : config->intermediate;
    plan->run[RUN_AGAIN] =
        planner_add(planner, MEMORY_ACTIVATIONS, head + 1, end, tokens, (uint64_t)again * size);
    if (planner->request->recipe.adapted)
        plan->run[RUN_GRAD_LOW] = planner_add(planner, MEMORY_ACTIVATIONS, head + 1, end, tokens,
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
    run[RUN_OUTPUT] = planner_add(planner, MEMORY_ACTIVATIONS,
                                  tick_forward(planner->layers - 1, PHASE_DOWN), kept, tokens, row);
    run[RUN_FINAL_NORM] = planner_add(planner, MEMORY_ACTIVATIONS, final, final + 1, tokens, row);
    run[RUN_FINAL_RSTD] = planner_add(planner, MEMORY_ACTIVATIONS, final, kept, tokens, 4);
    run[RUN_GRAD_STREAM] = run[RUN_GRAD_NORM] = run[RUN_GRAD_WIDE] = run[RUN_GRAD_LOW] =
        run[RUN_AGAIN] = -1;
    if (plan->needs.stream)
        add_gradient_slots(planner);
    run[RUN_IDS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_TARGETS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_WEIGHTS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_POSITIONS] = add_lasting(planner, MEMORY_ACTIVATIONS, tokens, 4);
    run[RUN_ROPE] = add_lasting(planner, MEMORY_WORKSPACE, (uint64_t)request->max_positions,
                                (uint64_t)config->head_dim * 4);
    uint64_t dense = largest_quantized(request);
    run[RUN_DENSE] = dense > 0 ? add_lasting(planner, MEMORY_WORKSPACE, dense, size) : -1;
    run[RUN_LOSS] = add_lasting(planner, MEMORY_WORKSPACE, 2, 8);
    run[RUN_SQUARES] = add_lasting(planner, MEMORY_WORKSPACE, run_tensor_count(request->model), 8);
    run[RUN_ATTENTION_WORKSPACE] = planner_add(planner, MEMORY_WORKSPACE, final + 2,
                                               tick_end(planner), request->attention_workspace, 1);
    run[RUN_HEAD_WORKSPACE] =
        planner_add(planner, MEMORY_WORKSPACE, final + 1, final + 1, request->head_workspace, 1);
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
    plan->again = array_alloc(layers, sizeof *plan->again, err);
    if (plan->needs.blocks && plan->tensors && plan->blocks && plan->again)
        return plan;
    memory_plan_free(plan);
    return NULL;
}

/* The lowest blocks: their turn in the backward pass comes last, when the others' memory is free.
 */
static void choose_again(struct memory_plan *plan, const struct memory_request *request, int layers)
{
    int first = 0;
    while (first < layers && !plan->needs.blocks[first].output)
        first++;
    plan->first_again = first;
    plan->past_again =
        request->recomputed < layers - first ? first + (int)request->recomputed : layers;
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
    choose_again(plan, request, planner.layers);
    plan->updates_in_backward = request->updates_in_backward;
    for (size_t i = 0; i < run_tensor_count(request->model); i++)
        add_tensor(&planner, i);
    for (int layer = 0; layer < planner.layers; layer++) {
        planner_add_block(&planner, layer);
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
    free(plan->again);
    free(plan->buffers);
    free(plan);
}
