/* One batch through the network, forwards. A block l of a decoder, with its residual stream x
 * (Llama's, arXiv 2302.13971, and what is derived from it):
 *
 *     n1 = rmsnorm(x),          q, k, v = n1 Wq^T, n1 Wk^T, n1 Wv^T   (norms of heads, if any)
 *     q, k turned by position,  a = attention(q, k, v)
 *     middle = x + a Wo^T
 *     n2 = rmsnorm(middle),     output = middle + (silu(n2 Wgate^T) n2 Wup^T) Wdown^T
 *
 * A linear layer with an adapter (LoRA, arXiv 2106.09685) adds (alpha / rank) (x A^T) B^T to its
 * output.
 *
 * Each activation is a slot of a block or of the run (memory_plan.h), which may share its memory
 * with another that is not alive at the same time: what is kept for the way back has its own.
 */
#include "train/pass.h"

/* The batch goes into its places of the arena; the rotary table is there since the network was
 * made. */
struct pass pass_begin(struct network *network, const struct batch *batch)
{
    const struct model_config *config = network->config;
    struct backend *backend = network->backend;
    int64_t T = batch->tokens;
    struct pass pass = {
        .network = network,
        .backend = backend,
        .config = config,
        .type = network->storage,
        .tokens = T,
        .documents = {.offsets = batch->offsets, .count = batch->documents},
        .ids = tensor_at(network_run_place(network, RUN_IDS), STORAGE_I32, 1, T),
        .positions = tensor_at(network_run_place(network, RUN_POSITIONS), STORAGE_I32, 1, T),
        .targets = tensor_at(network_run_place(network, RUN_TARGETS), STORAGE_I32, 1, T),
        .rope = tensor_at(network_run_place(network, RUN_ROPE), STORAGE_F32, network->max_positions,
                          config->head_dim)};
    size_t bytes = (size_t)T * sizeof(int32_t);
    backend->write(backend->self, pass.ids.data, batch->ids, bytes);
    backend->write(backend->self, pass.positions.data, batch->positions, bytes);
    if (batch->targets)
        backend->write(backend->self, pass.targets.data, batch->targets, bytes);
    if (batch->weights) {
        pass.weights = tensor_at(network_run_place(network, RUN_WEIGHTS), STORAGE_F32, 1, T);
        backend->write(backend->self, pass.weights.data, batch->weights, bytes);
    }
    return pass;
}

int64_t pass_q_width(const struct pass *pass)
{
    return pass->config->heads * pass->config->head_dim;
}

int64_t pass_kv_width(const struct pass *pass)
{
    return pass->config->kv_heads * pass->config->head_dim;
}

/* --- activations --- */

/* From the set of the first pass, or of the recomputation, which have the same slots. */
struct tensor pass_block(const struct pass *pass, int layer, enum block_slot slot)
{
    const struct memory_plan *plan = pass->network->plan;
    int buffer = (pass->recompute ? plan->recomputed : plan->blocks)[layer][slot];
    struct place place = network_planned_place(pass->network, buffer);
    struct slot_shape shape =
        block_slot_shape(pass->config, pass->network->recipe.rank, pass->type, slot);
    return slot == SLOT_LSE ? tensor_at(place, shape.storage, shape.width, pass->tokens)
                            : tensor_at(place, shape.storage, pass->tokens, shape.width);
}

struct tensor pass_rows(const struct pass *pass, enum run_slot slot, int64_t cols)
{
    return tensor_at(network_run_place(pass->network, slot), pass->type, pass->tokens, cols);
}

struct tensor pass_output(const struct pass *pass, int layer)
{
    return layer + 1 < pass->config->layers ? pass_block(pass, layer + 1, SLOT_INPUT)
                                            : pass_rows(pass, RUN_OUTPUT, pass->config->hidden);
}

/* --- parameters --- */

const struct parameter *pass_parameter(const struct pass *pass, enum parameter_role role, int layer,
                                       bool bias)
{
    return model_role(pass->network->model, role, layer, bias);
}

struct tensor pass_values(const struct pass *pass, const struct parameter *parameter,
                          enum tensor_slot slot)
{
    if (!parameter)
        return (struct tensor){0};
    return network_values(pass->network, (size_t)(parameter - pass->network->model->parameters),
                          slot);
}

struct tensor pass_fresh_gradient(const struct pass *pass, const struct parameter *parameter)
{
    struct tensor gradient = pass_values(pass, parameter, TENSOR_GRADIENT);
    if (tensor_is_there(&gradient) && pass->sink)
        pass_run(pass, &(struct op_call){OP_FILL_ZERO, .fill_zero = {gradient}});
    return gradient;
}

struct tensor pass_weight(const struct pass *pass, enum parameter_role role, int layer)
{
    return pass_values(pass, pass_parameter(pass, role, layer, false), TENSOR_WEIGHT);
}

/* One buffer serves all weights that are stored in fewer bits, so what is returned lasts until the
 * next call. */
struct tensor pass_linear_weight(const struct pass *pass, enum parameter_role role, int layer)
{
    struct tensor weight = pass_weight(pass, role, layer);
    if (weight.storage == pass->type)
        return weight;
    struct tensor dense = tensor_at(network_run_place(pass->network, RUN_DENSE), pass->type,
                                    weight.rows, weight.cols);
    pass_run(pass,
             &(struct op_call){OP_DEQUANTIZE, .dequantize = {.out = dense, .weight = weight}});
    return dense;
}

/* `low` is there where the module has an adapter. */
struct adapter pass_adapter(const struct pass *pass, enum parameter_role role, int layer)
{
    const struct network *t = pass->network;
    const struct parameter *parameter = pass_parameter(pass, role, layer, false);
    size_t a = run_tensor_index(t->model, parameter, PART_A);
    size_t b = run_tensor_index(t->model, parameter, PART_B);
    struct adapter adapter = {.low = pass_block(pass, layer, low_slot(role))};
    if (!tensor_is_there(&adapter.low))
        return adapter;
    adapter.scale = (float)(t->recipe.alpha / (double)t->recipe.rank);
    adapter.a = network_values(t, a, TENSOR_WEIGHT);
    adapter.b = network_values(t, b, TENSOR_WEIGHT);
    adapter.grad_a = network_values(t, a, TENSOR_GRADIENT);
    adapter.grad_b = network_values(t, b, TENSOR_GRADIENT);
    return adapter;
}

enum parameter_role pass_head_role(const struct pass *pass)
{
    return pass->config->tied ? ROLE_EMBEDDING : ROLE_HEAD;
}

/* --- operations of both directions --- */

void pass_rotate(const struct pass *pass, struct tensor x, bool backward)
{
    pass_run(pass, &(struct op_call){OP_ROPE, .rope = {.x = x,
                                                       .table = pass->rope,
                                                       .positions = pass->positions,
                                                       .backward = backward}});
}

/* Writes rstd, too, which the backward pass takes from there. */
void pass_norm(const struct pass *pass, enum parameter_role role, int layer, struct tensor out,
               struct tensor rstd, struct tensor x)
{
    pass_run(pass,
             &(struct op_call){OP_RMSNORM_FORWARD,
                               .rmsnorm_forward = {.out = out,
                                                   .rstd = rstd,
                                                   .x = x,
                                                   .weight = pass_weight(pass, role, layer),
                                                   .epsilon = (float)pass->config->norm_eps}});
}

/* --- forwards --- */

/* low = scale A x of an adapter, where there is one. */
static void lower(const struct pass *pass, const struct adapter *adapter, struct tensor x)
{
    if (!tensor_is_there(&adapter->low))
        return;
    pass_run(pass, &(struct op_call){
                       OP_LINEAR_FORWARD,
                       .linear_forward = {.out = adapter->low, .x = x, .weight = adapter->a}});
    pass_run(pass,
             &(struct op_call){OP_SCALE, .scale = {.x = adapter->low, .factor = adapter->scale}});
}

/* out += B low */
static void add_adapter(const struct pass *pass, enum parameter_role role, int layer,
                        struct tensor out, struct tensor x)
{
    struct adapter adapter = pass_adapter(pass, role, layer);
    lower(pass, &adapter, x);
    if (tensor_is_there(&adapter.low))
        pass_run(pass, &(struct op_call){OP_LINEAR_FORWARD, .linear_forward = {.out = out,
                                                                               .x = adapter.low,
                                                                               .weight = adapter.b,
                                                                               .accumulate = ADD}});
}

/* out = x W^T + b, and what an adapter adds. */
static void linear(const struct pass *pass, enum parameter_role role, int layer, struct tensor out,
                   struct tensor x)
{
    struct tensor bias = pass_values(pass, pass_parameter(pass, role, layer, true), TENSOR_WEIGHT);
    struct tensor weight = pass_linear_weight(pass, role, layer);
    pass_run(pass, &(struct op_call){
                       OP_LINEAR_FORWARD,
                       .linear_forward = {.out = out, .x = x, .weight = weight, .bias = bias}});
    add_adapter(pass, role, layer, out, x);
}

static void add(const struct pass *pass, struct tensor out, struct tensor x)
{
    pass_run(pass, &(struct op_call){OP_ADD, .add = {.out = out, .x = x}});
}

/* q or k: the linear layer, and the norm of each head where the architecture has one. */
static void linear_heads(const struct pass *pass, enum parameter_role role, int layer,
                         struct tensor out, struct tensor x)
{
    bool is_q = role == ROLE_Q;
    int64_t d = pass->config->head_dim;
    struct tensor raw = pass_block(pass, layer, is_q ? SLOT_RAW_Q : SLOT_RAW_K);
    struct tensor rstd = pass_block(pass, layer, is_q ? SLOT_RSTD_Q : SLOT_RSTD_K);
    if (!tensor_is_there(&raw)) {
        linear(pass, role, layer, out, x);
        return;
    }
    linear(pass, role, layer, raw, x);
    pass_norm(pass, is_q ? ROLE_Q_NORM : ROLE_K_NORM, layer, tensor_in_rows_of(out, d),
              tensor_in_rows_of(rstd, 1), tensor_in_rows_of(raw, d));
}

/* The first half of a block: from its input to the residual stream in the middle. */
static void forward_attention(const struct pass *pass, int layer)
{
    struct tensor input = pass_block(pass, layer, SLOT_INPUT);
    struct tensor n = pass_block(pass, layer, SLOT_NORM1);
    struct tensor q = pass_block(pass, layer, SLOT_Q), k = pass_block(pass, layer, SLOT_K);
    struct tensor v = pass_block(pass, layer, SLOT_V);
    struct tensor mixed = pass_block(pass, layer, SLOT_ATTENTION);
    struct tensor middle = pass_block(pass, layer, SLOT_MIDDLE);
    /* n = rmsnorm(input) */
    pass_norm(pass, ROLE_INPUT_NORM, layer, n, pass_block(pass, layer, SLOT_RSTD1), input);
    /* q, k, v of n; q and k turned by their positions */
    linear_heads(pass, ROLE_Q, layer, q, n);
    linear_heads(pass, ROLE_K, layer, k, n);
    linear(pass, ROLE_V, layer, v, n);
    pass_rotate(pass, q, false);
    pass_rotate(pass, k, false);
    /* mixed = attention(q, k, v) */
    pass_run(pass, &(struct op_call){OP_ATTENTION_FORWARD,
                                     .attention_forward = {
                                         .out = mixed,
                                         .lse = pass_block(pass, layer, SLOT_LSE),
                                         .q = q,
                                         .k = k,
                                         .v = v,
                                         .head_dim = (int)pass->config->head_dim,
                                         .window = model_window(pass->config, layer),
                                         .documents = pass->documents,
                                     }});
    /* middle = input + o(mixed) */
    linear(pass, ROLE_O, layer, middle, mixed);
    add(pass, middle, input);
}

/* n = rmsnorm(middle), and gate and up of it */
static void forward_gate_up(const struct pass *pass, int layer)
{
    struct tensor n = pass_block(pass, layer, SLOT_NORM2);
    pass_norm(pass, ROLE_MLP_NORM, layer, n, pass_block(pass, layer, SLOT_RSTD2),
              pass_block(pass, layer, SLOT_MIDDLE));
    linear(pass, ROLE_GATE, layer, pass_block(pass, layer, SLOT_GATE), n);
    linear(pass, ROLE_UP, layer, pass_block(pass, layer, SLOT_UP), n);
}

/* The last layer's input, silu(gate) up. */
static struct tensor forward_swiglu(const struct pass *pass, int layer)
{
    struct tensor product = pass_block(pass, layer, SLOT_SWIGLU);
    pass_run(pass, &(struct op_call){OP_SWIGLU_FORWARD,
                                     .swiglu_forward = {.out = product,
                                                        .gate = pass_block(pass, layer, SLOT_GATE),
                                                        .up = pass_block(pass, layer, SLOT_UP)}});
    return product;
}

/* output = middle + down(silu(gate) up) */
static void forward_mlp(const struct pass *pass, int layer)
{
    struct tensor output = pass_output(pass, layer);
    forward_gate_up(pass, layer);
    linear(pass, ROLE_DOWN, layer, output, forward_swiglu(pass, layer));
    add(pass, output, pass_block(pass, layer, SLOT_MIDDLE));
}

void forward_recompute(const struct pass *pass, int layer)
{
    struct adapter down = pass_adapter(pass, ROLE_DOWN, layer);
    forward_attention(pass, layer);
    forward_gate_up(pass, layer);
    if (tensor_is_there(&down.low))
        lower(pass, &down, forward_swiglu(pass, layer));
}

void forward_embed(const struct pass *pass)
{
    pass_run(pass, &(struct op_call){OP_EMBEDDING_FORWARD,
                                     .embedding_forward = {
                                         .out = pass_block(pass, 0, SLOT_INPUT),
                                         .weight = pass_weight(pass, ROLE_EMBEDDING, -1),
                                         .ids = pass->ids,
                                     }});
}

static bool should_stop(const struct pass *pass)
{
    return pass->should_stop && pass->should_stop(pass->stop_context);
}

/* All blocks, then the final norm; false where it was stopped, which is asked twice a block. */
bool forward_blocks(const struct pass *pass)
{
    int64_t hidden = pass->config->hidden;
    for (int layer = 0; layer < pass->config->layers; layer++) {
        if (should_stop(pass))
            return false;
        forward_attention(pass, layer);
        if (should_stop(pass))
            return false;
        forward_mlp(pass, layer);
    }
    struct place rstd = network_run_place(pass->network, RUN_FINAL_RSTD);
    pass_norm(pass, ROLE_FINAL_NORM, -1, pass_rows(pass, RUN_FINAL_NORM, hidden),
              tensor_at(rstd, STORAGE_F32, pass->tokens, 1), pass_rows(pass, RUN_OUTPUT, hidden));
    return true;
}

/* Loss and, for a backward pass, its gradients in one operation: the logits of all tokens are never
 * in memory. */
void forward_head_loss(const struct pass *pass, bool backward)
{
    const struct backward_needs *needs = &pass->network->plan->needs;
    const struct parameter *head = pass_parameter(pass, pass_head_role(pass), -1, false);
    int64_t hidden = pass->config->hidden;
    struct op_call call = {
        OP_HEAD_LOSS,
        .head_loss = {
            .loss = tensor_at(network_run_place(pass->network, RUN_LOSS), STORAGE_F64, 1, 2),
            .x = pass_rows(pass, RUN_FINAL_NORM, hidden),
            .head = pass_values(pass, head, TENSOR_WEIGHT),
            .targets = pass->targets,
            .weights = pass->weights,
            .workspace = network_workspace(pass->network, RUN_HEAD_WORKSPACE),
            .scale = 1.0f,
            .z_loss = pass->z_loss,
        }};
    if (backward && needs->stream)
        call.head_loss.grad_x = pass_rows(pass, RUN_GRAD_NORM, hidden);
    if (backward && needs->head)
        call.head_loss.grad_weight = pass_fresh_gradient(pass, head);
    pass_run(pass, &call);
}
