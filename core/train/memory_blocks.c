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
    int64_t width; /* elements a token */
    size_t size;   /* bytes an element */
};

static void add_row(struct view *view, const struct row *row)
{
    struct planner *planner = view->planner;
    int end = view->keeps && row->needed ? tick_backward(planner, view->layer, row->back)
                                         : tick_of(view, row->last);
    view->slots[row->slot] =
        planner_add(planner, MEMORY_ACTIVATIONS, tick_of(view, row->first), end,
                    (uint64_t)planner->request->tokens, (uint64_t)row->width * row->size);
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
    view->slots[SLOT_INPUT] = planner_add(
        view->planner, MEMORY_ACTIVATIONS, made, end, (uint64_t)planner->request->tokens,
        (uint64_t)planner->config->hidden * storage_size(planner->request->storage));
}

/* q and k before the norms of their heads. */
static void add_raw_heads(struct view *view)
{
    const struct model_config *c = view->planner->config;
    bool qkv = needs_of(view)->qkv;
    size_t size = storage_size(view->planner->request->storage);
    const struct row rows[] = {
        {SLOT_RAW_Q, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES, c->heads * c->head_dim, size},
        {SLOT_RAW_K, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES, c->kv_heads * c->head_dim, size},
        {SLOT_RSTD_Q, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES, c->heads, 4},
        {SLOT_RSTD_K, PHASE_QKV, PHASE_QKV, qkv, BACK_SCORES, c->kv_heads, 4},
    };
    add_rows(view, rows, sizeof rows / sizeof *rows);
}

static void add_attention(struct view *view)
{
    const struct model_config *c = view->planner->config;
    bool norm1 = needs_of(view)->norm1 || learns_qkv(view), qkv = needs_of(view)->qkv;
    bool mixed = qkv || learns(view, ROLE_O);
    int64_t wide = c->heads * c->head_dim, narrow = c->kv_heads * c->head_dim;
    size_t size = storage_size(view->planner->request->storage);
    const struct row rows[] = {
        {SLOT_NORM1, PHASE_NORM1, PHASE_QKV, false, 0, c->hidden, size},
        {SLOT_RSTD1, PHASE_NORM1, PHASE_NORM1, norm1, BACK_INPUT_NORM, 1, 4},
        {SLOT_Q, PHASE_QKV, PHASE_ATTENTION, qkv, BACK_SCORES, wide, size},
        {SLOT_K, PHASE_QKV, PHASE_ATTENTION, qkv, BACK_SCORES, narrow, size},
        {SLOT_V, PHASE_QKV, PHASE_ATTENTION, qkv, BACK_SCORES, narrow, size},
        {SLOT_ATTENTION, PHASE_ATTENTION, PHASE_MIDDLE, mixed, BACK_SCORES, wide, size},
        {SLOT_LSE, PHASE_ATTENTION, PHASE_ATTENTION, qkv, BACK_SCORES, c->heads, 4},
    };
    if (c->head_norms)
        add_raw_heads(view);
    add_rows(view, rows, sizeof rows / sizeof *rows);
}

static void add_mlp(struct view *view)
{
    const struct model_config *c = view->planner->config;
    bool norm2 = needs_of(view)->norm2 || learns_gate_up(view);
    bool gate_up = needs_of(view)->gate_up || learns(view, ROLE_DOWN);
    size_t size = storage_size(view->planner->request->storage);
    const struct row rows[] = {
        {SLOT_MIDDLE, PHASE_MIDDLE, PHASE_DOWN, norm2, BACK_POST_NORM, c->hidden, size},
        {SLOT_NORM2, PHASE_MLP, PHASE_MLP, false, 0, c->hidden, size},
        {SLOT_RSTD2, PHASE_MLP, PHASE_MLP, norm2, BACK_POST_NORM, 1, 4},
        {SLOT_GATE, PHASE_MLP, PHASE_DOWN, gate_up, BACK_UP, c->intermediate, size},
        {SLOT_UP, PHASE_MLP, PHASE_DOWN, gate_up, BACK_UP, c->intermediate, size},
        {SLOT_SWIGLU, PHASE_DOWN, PHASE_DOWN, false, 0, c->intermediate, size},
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
        const struct row row = {low_slot(parts[i].role),
                                parts[i].phase,
                                parts[i].phase,
                                trains,
                                parts[i].back,
                                request->recipe.rank,
                                storage_size(request->storage)};
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
