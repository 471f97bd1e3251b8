/* Backwards, block by block, as far down as something trains: each step is that of forwards
 * (pass.c) from the end to the beginning, and is called as that is, after what it takes the
 * gradient of. Below, dX is the loss's gradient by X, of X's shape; for Y = X W^T + b, with X [T,
 * K], W [N, K] and Y [T, N], the chain rule gives
 *
 *     dX = dY W,    dW = dY^T X,    db = sum of dY's rows
 *
 * The formulas inside RMSNorm, SwiGLU and attention stand with their operations
 * (compute/reference/).
 *
 * One gradient of the residual stream, RUN_GRAD_STREAM, goes from the head to the embedding: where
 * a branch left the stream, what comes back through the branch is added to it.
 */
#include "train/backward.h"

/* --- gradients that are used up as they come (struct gradient_sink) --- */

/* Nothing of this pass needs the parameter's gradient, or its weight as it was, any more. */
static void finish(const struct pass *pass, const struct parameter *parameter)
{
    struct tensor gradient = pass_values(pass, parameter, TENSOR_GRADIENT);
    if (pass->sink && tensor_is_there(&gradient))
        pass->sink->take(pass->sink->context,
                         (size_t)(parameter - pass->network->model->parameters));
}

/* --- one layer --- */

/* dX = dY W, or += */
static void input_gradient(const struct pass *pass, struct tensor grad_x,
                           enum accumulate accumulate, struct tensor grad_out, struct tensor weight)
{
    pass_run(pass, &(struct op_call){OP_LINEAR_BACKWARD_INPUT,
                                     .linear_backward_input = {.grad_x = grad_x,
                                                               .grad_out = grad_out,
                                                               .weight = weight,
                                                               .accumulate = accumulate}});
}

/* dW += dY^T X, to what other batches left there; with a sink, in its place. */
static void weight_gradient(const struct pass *pass, struct tensor grad_weight,
                            struct tensor grad_out, struct tensor x)
{
    pass_run(pass, &(struct op_call){OP_LINEAR_BACKWARD_WEIGHT,
                                     .linear_backward_weight = {
                                         .grad_weight = grad_weight,
                                         .grad_out = grad_out,
                                         .x = x,
                                         .accumulate = pass->sink ? REPLACE : ADD,
                                     }});
}

/* Of the weight and bias of one linear layer, as far as they train. */
static void module_gradients(const struct pass *pass, enum parameter_role role, int layer,
                             struct tensor grad_out, struct tensor x)
{
    struct tensor of_weight =
        pass_values(pass, pass_parameter(pass, role, layer, false), TENSOR_GRADIENT);
    struct tensor of_bias = pass_fresh_gradient(pass, pass_parameter(pass, role, layer, true));
    if (tensor_is_there(&of_weight))
        weight_gradient(pass, of_weight, grad_out, x);
    if (tensor_is_there(&of_bias))
        pass_run(pass,
                 &(struct op_call){OP_BIAS_BACKWARD,
                                   .bias_backward = {.grad_bias = of_bias, .grad_out = grad_out}});
}

/* out += B low, low = scale A x, backwards: dB = dY^T low, and with dlow = scale dY B, dA = dlow^T
 * x. Where grad_x is there, what comes back, dlow A, is added to it. */
static void adapter_backward(const struct pass *pass, enum parameter_role role, int layer,
                             struct tensor grad_x, struct tensor grad_out, struct tensor x)
{
    struct adapter adapter = pass_adapter(pass, role, layer);
    if (!tensor_is_there(&adapter.low))
        return;
    struct tensor grad_low = pass_rows(pass, RUN_GRAD_LOW, adapter.low.cols);
    /* dB = dY^T low; dlow = scale dY B */
    weight_gradient(pass, adapter.grad_b, grad_out, adapter.low);
    input_gradient(pass, grad_low, REPLACE, grad_out, adapter.b);
    pass_run(pass, &(struct op_call){OP_SCALE, .scale = {.x = grad_low, .factor = adapter.scale}});
    /* dA = dlow^T x; dx += dlow A */
    weight_gradient(pass, adapter.grad_a, grad_low, x);
    if (tensor_is_there(&grad_x))
        input_gradient(pass, grad_x, ADD, grad_low, adapter.a);
    for (int part = PART_A; pass->sink && part <= PART_B; part++)
        pass->sink->take(pass->sink->context,
                         run_tensor_index(pass->network->model,
                                          pass_parameter(pass, role, layer, false),
                                          (enum tensor_part)part));
}

/* One linear layer: the gradients of what trains in it, and where grad_x is there (REPLACE or ADD),
 * its input's. */
static void linear_backward(const struct pass *pass, enum parameter_role role, int layer,
                            struct tensor grad_x, enum accumulate accumulate,
                            struct tensor grad_out, struct tensor x)
{
    module_gradients(pass, role, layer, grad_out, x);
    if (tensor_is_there(&grad_x))
        input_gradient(pass, grad_x, accumulate, grad_out, pass_linear_weight(pass, role, layer));
    finish(pass, pass_parameter(pass, role, layer, false));
    finish(pass, pass_parameter(pass, role, layer, true));
    adapter_backward(pass, role, layer, grad_x, grad_out, x);
}

/* Where a gradient goes that is wanted; else nowhere. */
static struct tensor wanted(bool is, struct tensor tensor)
{
    return is ? tensor : (struct tensor){0};
}

/* grad_x = or += rstd (w g - x rstd^2 mean(w g x)), and the weight's gradient where it trains. */
static void rmsnorm_backward(const struct pass *pass, enum parameter_role role, int layer,
                             struct tensor grad_x, enum accumulate accumulate,
                             struct tensor grad_out, struct tensor x, struct tensor rstd)
{
    const struct parameter *parameter = pass_parameter(pass, role, layer, false);
    pass_run(pass, &(struct op_call){OP_RMSNORM_BACKWARD,
                                     .rmsnorm_backward = {
                                         .grad_x = grad_x,
                                         .grad_weight = pass_fresh_gradient(pass, parameter),
                                         .grad_out = grad_out,
                                         .x = x,
                                         .rstd = rstd,
                                         .weight = pass_weight(pass, role, layer),
                                         .accumulate = accumulate,
                                     }});
    finish(pass, parameter);
}

/* The residual stream's gradient passes a norm's branch and adds what comes back through it. */
static void norm_backward(const struct pass *pass, enum parameter_role role, int layer,
                          enum accumulate accumulate, struct tensor x, struct tensor rstd)
{
    int64_t hidden = pass->config->hidden;
    rmsnorm_backward(pass, role, layer, pass_rows(pass, RUN_GRAD_STREAM, hidden), accumulate,
                     pass_rows(pass, RUN_GRAD_NORM, hidden), x, rstd);
}

/* Does a layer of this role, its weight or its adapter, need its input? */
static bool needs_input(const struct pass *pass, enum parameter_role role, int layer)
{
    struct adapter adapter = pass_adapter(pass, role, layer);
    struct tensor gradient =
        pass_values(pass, pass_parameter(pass, role, layer, false), TENSOR_GRADIENT);
    return tensor_is_there(&adapter.low) || tensor_is_there(&gradient);
}

/* A norm's output, recomputed from its input. */
static struct tensor recompute_norm(const struct pass *pass, enum parameter_role role, int layer,
                                    struct tensor x, struct tensor rstd)
{
    struct tensor out = pass_rows(pass, RUN_RECOMPUTED, pass->config->hidden);
    pass_norm(pass, role, layer, out, rstd, x);
    return out;
}

/* The last layer's input, recomputed from gate and up. */
static struct tensor recompute_product(const struct pass *pass, int layer)
{
    struct tensor out = pass_rows(pass, RUN_RECOMPUTED, pass->config->intermediate);
    if (needs_input(pass, ROLE_DOWN, layer))
        pass_run(pass,
                 &(struct op_call){OP_SWIGLU_FORWARD,
                                   .swiglu_forward = {.out = out,
                                                      .gate = pass_block(pass, layer, SLOT_GATE),
                                                      .up = pass_block(pass, layer, SLOT_UP)}});
    return out;
}

/* output = middle + down(silu(gate) up), gate and up of n, n = rmsnorm(middle) */
static void backward_mlp(const struct pass *pass, int layer)
{
    const struct model_config *c = pass->config;
    const struct block_needs *needs = &pass->network->plan->needs.blocks[layer];
    struct tensor stream = pass_rows(pass, RUN_GRAD_STREAM, c->hidden);
    struct tensor grad_product = pass_rows(pass, RUN_GRAD_WIDE, c->intermediate);
    struct tensor grad_n = wanted(needs->norm2, pass_rows(pass, RUN_GRAD_NORM, c->hidden));
    struct tensor gate = pass_block(pass, layer, SLOT_GATE), up = pass_block(pass, layer, SLOT_UP);
    struct tensor middle = pass_block(pass, layer, SLOT_MIDDLE);
    struct tensor rstd = pass_block(pass, layer, SLOT_RSTD2);
    struct tensor n = pass_rows(pass, RUN_RECOMPUTED, c->hidden);
    /* down: the stream's gradient is its output's. dproduct = dstream W_down */
    linear_backward(pass, ROLE_DOWN, layer, wanted(needs->gate_up, grad_product), REPLACE, stream,
                    recompute_product(pass, layer));
    if (!needs->gate_up)
        return;
    /* silu(gate) up: dgate = dproduct up silu'(gate), dup = dproduct silu(gate); both take the
     * place of the values, which nothing reads after this */
    pass_run(pass,
             &(struct op_call){OP_SWIGLU_BACKWARD, .swiglu_backward = {.grad_gate = gate,
                                                                       .grad_up = up,
                                                                       .grad_out = grad_product,
                                                                       .gate = gate,
                                                                       .up = up}});
    /* gate and up: dn = dgate W_gate + dup W_up */
    if (needs_input(pass, ROLE_GATE, layer) || needs_input(pass, ROLE_UP, layer))
        n = recompute_norm(pass, ROLE_MLP_NORM, layer, middle, rstd);
    linear_backward(pass, ROLE_GATE, layer, grad_n, REPLACE, gate, n);
    linear_backward(pass, ROLE_UP, layer, grad_n, ADD, up, n);
    /* the norm: dstream += what dn becomes through rmsnorm; the branch left the stream there */
    if (needs->norm2)
        norm_backward(pass, ROLE_MLP_NORM, layer, ADD, middle, rstd);
}

/* Four gradients share RUN_GRAD_WIDE, one after another. */
struct attention_gradients {
    struct tensor out, q, k, v;
};

static struct tensor tensor_after(const struct tensor *tensor, int64_t cols)
{
    size_t bytes = tensor_bytes(tensor).data;
    struct place place = {tensor->data.buffer, tensor->data.offset + (bytes + 63) / 64 * 64};
    return tensor_at(place, tensor->storage, tensor->rows, cols);
}

static struct attention_gradients attention_gradients(const struct pass *pass)
{
    struct attention_gradients grad = {.out = pass_rows(pass, RUN_GRAD_WIDE, pass_q_width(pass))};
    grad.q = tensor_after(&grad.out, pass_q_width(pass));
    grad.k = tensor_after(&grad.q, pass_kv_width(pass));
    grad.v = tensor_after(&grad.k, pass_kv_width(pass));
    return grad;
}

/* The norm of each head of q or k, in place. */
static void head_norm_backward(const struct pass *pass, enum parameter_role role, int layer,
                               struct tensor gradient)
{
    bool is_q = role == ROLE_Q_NORM;
    int64_t d = pass->config->head_dim;
    struct tensor raw = pass_block(pass, layer, is_q ? SLOT_RAW_Q : SLOT_RAW_K);
    struct tensor rstd = pass_block(pass, layer, is_q ? SLOT_RSTD_Q : SLOT_RSTD_K);
    struct tensor heads = tensor_in_rows_of(gradient, d);
    rmsnorm_backward(pass, role, layer, heads, REPLACE, heads, tensor_in_rows_of(raw, d),
                     tensor_in_rows_of(rstd, 1));
}

/* From mixed = attention(q, k, v) to q, k and v as the linear layers made them. */
static void backward_scores(const struct pass *pass, int layer,
                            const struct attention_gradients *grad)
{
    /* attention, whose probabilities the operation recomputes from q and k: [T, T] is not kept */
    pass_run(pass, &(struct op_call){
                       OP_ATTENTION_BACKWARD,
                       .attention_backward = {
                           .grad_q = grad->q,
                           .grad_k = grad->k,
                           .grad_v = grad->v,
                           .grad_out = grad->out,
                           .out = pass_block(pass, layer, SLOT_ATTENTION),
                           .lse = pass_block(pass, layer, SLOT_LSE),
                           .q = pass_block(pass, layer, SLOT_Q),
                           .k = pass_block(pass, layer, SLOT_K),
                           .v = pass_block(pass, layer, SLOT_V),
                           .workspace = network_workspace(pass->network, RUN_ATTENTION_WORKSPACE),
                           .head_dim = (int)pass->config->head_dim,
                           .window = model_window(pass->config, layer),
                           .documents = pass->documents,
                       }});
    /* rotary embedding: a rotation's transpose is the rotation back */
    pass_rotate(pass, grad->q, true);
    pass_rotate(pass, grad->k, true);
    /* norms of the heads, in place: dq of the normed becomes dq of the linear layer's */
    if (pass->config->head_norms) {
        head_norm_backward(pass, ROLE_Q_NORM, layer, grad->q);
        head_norm_backward(pass, ROLE_K_NORM, layer, grad->k);
    }
}

/* middle = input + o(attention(q, k, v)), q, k and v of n, n = rmsnorm(input) */
static void backward_attention(const struct pass *pass, int layer)
{
    const struct block_needs *needs = &pass->network->plan->needs.blocks[layer];
    int64_t hidden = pass->config->hidden;
    struct tensor grad_n = wanted(needs->norm1, pass_rows(pass, RUN_GRAD_NORM, hidden));
    struct tensor n = pass_rows(pass, RUN_RECOMPUTED, hidden);
    struct tensor input = pass_block(pass, layer, SLOT_INPUT);
    struct tensor rstd = pass_block(pass, layer, SLOT_RSTD1);
    struct attention_gradients grad = attention_gradients(pass);
    if (!needs->middle)
        return;
    /* o: the stream's gradient is its output's. dmixed = dstream W_o */
    linear_backward(pass, ROLE_O, layer, wanted(needs->qkv, grad.out), REPLACE,
                    pass_rows(pass, RUN_GRAD_STREAM, hidden),
                    pass_block(pass, layer, SLOT_ATTENTION));
    if (!needs->qkv)
        return;
    /* attention: dq, dk, dv of dmixed */
    backward_scores(pass, layer, &grad);
    /* q, k and v: dn = dq W_q + dk W_k + dv W_v */
    if (needs_input(pass, ROLE_Q, layer) || needs_input(pass, ROLE_K, layer) ||
        needs_input(pass, ROLE_V, layer))
        n = recompute_norm(pass, ROLE_INPUT_NORM, layer, input, rstd);
    linear_backward(pass, ROLE_Q, layer, grad_n, REPLACE, grad.q, n);
    linear_backward(pass, ROLE_K, layer, grad_n, ADD, grad.k, n);
    linear_backward(pass, ROLE_V, layer, grad_n, ADD, grad.v, n);
    /* the norm: dstream += what dn becomes through rmsnorm; the branch left the stream there */
    if (needs->norm1)
        norm_backward(pass, ROLE_INPUT_NORM, layer, ADD, input, rstd);
}

static void backward_block(const struct pass *pass, int layer)
{
    struct pass own = *pass;
    own.recompute = memory_plan_recomputes(pass->network->plan, layer);
    if (own.recompute)
        forward_recompute(&own, layer);
    backward_mlp(&own, layer);
    backward_attention(&own, layer);
}

/* A tied embedding's gradient has the head's part already. */
static void embedding_backward(const struct pass *pass)
{
    const struct parameter *parameter = pass_parameter(pass, ROLE_EMBEDDING, -1, false);
    struct tensor gradient = pass->config->tied ? pass_values(pass, parameter, TENSOR_GRADIENT)
                                                : pass_fresh_gradient(pass, parameter);
    pass_run(pass, &(struct op_call){
                       OP_EMBEDDING_BACKWARD,
                       .embedding_backward = {
                           .grad_weight = gradient,
                           .grad_out = pass_rows(pass, RUN_GRAD_STREAM, pass->config->hidden),
                           .ids = pass->ids,
                       }});
    finish(pass, parameter);
}

void backward_run(const struct pass *pass)
{
    const struct backward_needs *needs = &pass->network->plan->needs;
    struct place rstd = network_run_place(pass->network, RUN_FINAL_RSTD);
    /* the head's own gradient came with the loss */
    if (!pass->config->tied)
        finish(pass, pass_parameter(pass, ROLE_HEAD, -1, false));
    if (!needs->stream)
        return;
    /* the final norm: the stream's gradient begins here */
    norm_backward(pass, ROLE_FINAL_NORM, -1, REPLACE,
                  pass_rows(pass, RUN_OUTPUT, pass->config->hidden),
                  tensor_at(rstd, STORAGE_F32, pass->tokens, 1));
    /* the blocks, from the last to the lowest that trains */
    for (int layer = (int)pass->config->layers - 1; layer >= 0; layer--) {
        if (!needs->blocks[layer].output)
            return;
        backward_block(pass, layer);
    }
    /* the embedding */
    if (needs->embedding)
        embedding_backward(pass);
}
