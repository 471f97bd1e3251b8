#include "train/forward.h"

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
