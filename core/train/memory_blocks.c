/* The buffers of one block: what each is, when it is made, until when it is needed.
 *
 * What an elementwise operation makes of what is kept (the norms' outputs, the product of gate and
 * up) is not kept itself: the backward pass makes it again (RUN_AGAIN).
 *
 * A block whose activations are kept has one set of them. One that is computed anew (gradient
 * checkpointing, Chen et al., arXiv 1604.06174) keeps its input alone, and has two sets, which live
 * while it runs forwards, and from its second run to the end of its backward pass.
 */
#include "train/memory_parts.h"

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
struct view {
    struct planner *planner;
    int layer;
    int *slots;
    bool keeps; /* what the backward pass needs */
    bool again; /* it is the second set */
};

static int tick_of(const struct view *view, int phase)
{
    return view->again ? tick_again(view->planner, view->layer, phase)
                       : tick_forward(view->layer, phase);
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

static int add_slot(const struct view *view, enum block_slot slot, int first, int last)
{
    const struct memory_request *request = view->planner->request;
    struct slot_shape shape =
        block_slot_shape(view->planner->config, request->recipe.rank, request->storage, slot);
    return planner_add(view->planner, MEMORY_ACTIVATIONS, first, last, (uint64_t)request->tokens,
                       (uint64_t)shape.width * storage_size(shape.storage));
}

static void add_row(struct view *view, const struct row *row)
{
    struct planner *planner = view->planner;
    int end = view->keeps && row->needed ? tick_backward(planner, view->layer, row->back)
                                         : tick_of(view, row->last);
    view->slots[row->slot] = add_slot(view, row->slot, tick_of(view, row->first), end);
}

static void add_rows(struct view *view, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_row(view, &rows[i]);
}

static const struct block_needs *needs_of(const struct view *view)
{
    return &view->planner->plan->needs.blocks[view->layer];
}

static bool learns(const struct view *view, enum module_role role)
{
    return request_learns(view->planner->request, role, view->layer);
}

/* Do layers behind the first norm, or behind the second, need its output in the backward pass? */
static bool learns_qkv(const struct view *view)
{
    return learns(view, ROLE_Q) || learns(view, ROLE_K) || learns(view, ROLE_V);
}

static bool learns_gate_up(const struct view *view)
{
    return learns(view, ROLE_GATE) || learns(view, ROLE_UP);
}

/* The first set's input is made by what is in front of the block. A block that is computed anew
 * needs it for that. */
static void add_input(struct view *view, bool anew)
{
    const struct planner *planner = view->planner;
    int made = view->layer == 0 ? 0 : tick_forward(view->layer - 1, PHASE_DOWN);
    bool kept = anew || needs_of(view)->norm1 || learns_qkv(view);
    int end = kept ? tick_backward(planner, view->layer, BACK_INPUT_NORM)
                   : tick_forward(view->layer, PHASE_MIDDLE);
    view->slots[SLOT_INPUT] = add_slot(view, SLOT_INPUT, made, end);
}

/* q and k before the norms of their heads. */
static void add_raw_heads(struct view *view)
{
    bool qkv = needs_of(view)->qkv;
    const struct row rows[] = {
        {SLOT_RAW_Q, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES},
        {SLOT_RAW_K, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES},
        {SLOT_RSTD_Q, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES},
        {SLOT_RSTD_K, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES},
    };
    add_rows(view, rows, sizeof rows / sizeof *rows);
}

static void add_attention(struct view *view)
{
    bool norm1 = needs_of(view)->norm1 || learns_qkv(view), qkv = needs_of(view)->qkv;
    bool mixed = qkv || learns(view, ROLE_O);
    const struct row rows[] = {
        {SLOT_NORM1, PHASE_NORM1, PHASE_QKV, false, 0},
        {SLOT_RSTD1, PHASE_NORM1, PHASE_NORM1, norm1, BACK_INPUT_NORM},
        {SLOT_Q, PHASE_QKV, PHASE_ATTENTION, qkv, BACK_SCORES},
        {SLOT_K, PHASE_QKV, PHASE_ATTENTION, qkv, BACK_SCORES},
        {SLOT_V, PHASE_QKV, PHASE_ATTENTION, qkv, BACK_SCORES},
        {SLOT_ATTENTION, PHASE_ATTENTION, PHASE_MIDDLE, mixed, BACK_SCORES},
        {SLOT_LSE, PHASE_ATTENTION, PHASE_ATTENTION, qkv, BACK_SCORES},
    };
    if (view->planner->config->head_norms)
        add_raw_heads(view);
    add_rows(view, rows, sizeof rows / sizeof *rows);
}

static void add_mlp(struct view *view)
{
    bool norm2 = needs_of(view)->norm2 || learns_gate_up(view);
    bool gate_up = needs_of(view)->gate_up || learns(view, ROLE_DOWN);
    const struct row rows[] = {
        {SLOT_MIDDLE, PHASE_MIDDLE, PHASE_DOWN, norm2, BACK_POST_NORM},
        {SLOT_NORM2, PHASE_MLP, PHASE_MLP, false, 0},
        {SLOT_RSTD2, PHASE_MLP, PHASE_MLP, norm2, BACK_POST_NORM},
        {SLOT_GATE, PHASE_MLP, PHASE_DOWN, gate_up, BACK_UP},
        {SLOT_UP, PHASE_MLP, PHASE_DOWN, gate_up, BACK_UP},
        {SLOT_SWIGLU, PHASE_DOWN, PHASE_DOWN, false, 0},
    };
    add_rows(view, rows, sizeof rows / sizeof *rows);
}

/* What A makes of each adapted layer's input, [T, rank]. */
static void add_low(struct view *view)
{
    static const struct {
        enum module_role role;
        int phase, back;
    } parts[] = {{ROLE_Q, PHASE_QKV, BACK_Q},       {ROLE_K, PHASE_QKV, BACK_K},
                 {ROLE_V, PHASE_QKV, BACK_V},       {ROLE_O, PHASE_MIDDLE, BACK_O},
                 {ROLE_GATE, PHASE_MLP, BACK_GATE}, {ROLE_UP, PHASE_MLP, BACK_UP},
                 {ROLE_DOWN, PHASE_DOWN, BACK_DOWN}};
    const struct memory_request *request = view->planner->request;
    bool trains = request->recipe.trained != NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct row row = {low_slot(parts[i].role), parts[i].phase, parts[i].phase, trains,
                                parts[i].back};
        if (request_adapts(request, model_role(request->model, parts[i].role, view->layer, false)))
            add_row(view, &row);
    }
}

static void add_set(struct view *view)
{
    add_attention(view);
    add_mlp(view);
    add_low(view);
}

void planner_add_block(struct planner *planner, int layer)
{
    struct memory_plan *plan = planner->plan;
    bool anew = memory_plan_computes_again(plan, layer);
    struct view first = {planner, layer, plan->blocks[layer], !anew, false};
    struct view second = {planner, layer, plan->again[layer], true, true};
    for (int slot = 0; slot < BLOCK_SLOTS; slot++)
        first.slots[slot] = second.slots[slot] = -1;
    add_input(&first, anew);
    add_set(&first);
    second.slots[SLOT_INPUT] = first.slots[SLOT_INPUT];
    if (anew)
        add_set(&second);
}
