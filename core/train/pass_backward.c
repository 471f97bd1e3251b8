/* Backwards, block by block, as far down as something trains. */
#include "train/pass.h"

/* --- gradients that are used up as they come (struct gradient_sink) --- */

/* Nothing of this pass needs the module's gradient, or its weight as it was, any more. */
static void finish(const struct pass *pass, const struct module *module)
{
    if (pass->sink && pass_module_place(pass, module, TENSOR_GRADIENT).buffer)
        pass->sink->take(pass->sink->context, (size_t)(module - pass->transformer->model->modules));
}

/* --- one layer --- */

/* Of the weight and bias of one linear layer, as far as they train. */
static void weight_gradients(const struct pass *pass, enum module_role role, int layer,
                             struct place grad_out, struct place x)
{
    const struct module *weight = pass_module(pass, role, layer, false);
    const struct module *bias = pass_module(pass, role, layer, true);
    struct place gradient = pass_module_place(pass, weight, TENSOR_GRADIENT);
    struct place of_bias = pass_fresh_gradient(pass, bias);
    if (gradient.buffer)
        pass->ops->linear_backward_weight(pass->self, gradient, pass->sink ? REPLACE : ADD,
                                          grad_out, x, pass->type, weight->rows, weight->cols,
                                          pass->tokens);
    if (of_bias.buffer)
        pass->ops->bias_backward(pass->self, of_bias, grad_out, pass->type, pass->tokens,
                                 weight->rows);
}

/* Of A and B; with grad_x there, what comes back through them is added to it. */
static void adapter_backward(const struct pass *pass, enum module_role role, int layer,
                             struct place grad_x, struct place grad_out, struct place x)
{
    const struct train_ops *ops = pass->ops;
    struct adapter adapter = pass_adapter(pass, role, layer);
    struct place grad_low = pass_run_place(pass, RUN_GRAD_LOW);
    enum accumulate accumulate = pass->sink ? REPLACE : ADD;
    if (!adapter.low.buffer)
        return;
    ops->linear_backward_weight(pass->self, adapter.grad_b, accumulate, grad_out, adapter.low,
                                pass->type, adapter.b.rows, adapter.rank, pass->tokens);
    ops->linear_backward_input(pass->self, grad_low, REPLACE, grad_out, pass->type, adapter.b,
                               pass->tokens);
    ops->scale(pass->self, grad_low, pass->type, adapter.scale, pass->tokens * adapter.rank);
    ops->linear_backward_weight(pass->self, adapter.grad_a, accumulate, grad_low, x, pass->type,
                                adapter.rank, adapter.a.cols, pass->tokens);
    if (grad_x.buffer)
        ops->linear_backward_input(pass->self, grad_x, ADD, grad_low, pass->type, adapter.a,
                                   pass->tokens);
    for (int part = PART_A; pass->sink && part <= PART_B; part++)
        pass->sink->take(pass->sink->context,
                         run_tensor_index(pass->transformer->model,
                                          pass_module(pass, role, layer, false),
                                          (enum tensor_part)part));
}

/* One linear layer: the gradients of what trains in it, and where grad_x is there (REPLACE or ADD),
 * its input's. */
static void linear_backward(const struct pass *pass, enum module_role role, int layer,
                            struct place grad_x, enum accumulate accumulate, struct place grad_out,
                            struct place x)
{
    weight_gradients(pass, role, layer, grad_out, x);
    if (grad_x.buffer)
        pass->ops->linear_backward_input(pass->self, grad_x, accumulate, grad_out, pass->type,
                                         pass_linear_weight(pass, role, layer), pass->tokens);
    finish(pass, pass_module(pass, role, layer, false));
    finish(pass, pass_module(pass, role, layer, true));
    adapter_backward(pass, role, layer, grad_x, grad_out, x);
}

/* Where a gradient goes that is wanted; else nowhere. */
static struct place wanted(bool is, struct place place)
{
    return is ? place : (struct place){NULL, 0};
}

/* The residual stream's gradient passes a norm's branch and adds what comes back through it. */
static void norm_backward(const struct pass *pass, enum module_role role, int layer,
                          enum accumulate accumulate, struct place x, struct place rstd)
{
    const struct module *module = pass_module(pass, role, layer, false);
    pass->ops->rmsnorm_backward(pass->self, pass_run_place(pass, RUN_GRAD_STREAM), accumulate,
                                pass_fresh_gradient(pass, module),
                                pass_run_place(pass, RUN_GRAD_NORM), x, rstd, pass->type,
                                pass_weight(pass, role, layer), pass->tokens);
    finish(pass, module);
}

/* Does a layer of this role, its weight or its adapter, need its input? */
static bool learns(const struct pass *pass, enum module_role role, int layer)
{
    struct adapter adapter = pass_adapter(pass, role, layer);
    return adapter.low.buffer ||
           pass_module_place(pass, pass_module(pass, role, layer, false), TENSOR_GRADIENT).buffer;
}

/* A norm's output, made again of its input. */
static struct place norm_again(const struct pass *pass, enum module_role role, int layer,
                               struct place x, struct place rstd)
{
    struct place out = pass_run_place(pass, RUN_AGAIN);
    pass->ops->rmsnorm_forward(pass->self, out, rstd, x, pass->type, pass_weight(pass, role, layer),
                               (float)pass->config->norm_eps, pass->tokens);
    return out;
}

/* The last layer's input, made again of gate and up. */
static struct place product_again(const struct pass *pass, int layer)
{
    struct place out = pass_run_place(pass, RUN_AGAIN);
    if (learns(pass, ROLE_DOWN, layer))
        pass->ops->swiglu_forward(pass->self, out, pass_block_place(pass, layer, SLOT_GATE),
                                  pass_block_place(pass, layer, SLOT_UP), pass->type,
                                  pass->tokens * pass->config->intermediate);
    return out;
}

static void backward_mlp(const struct pass *pass, int layer)
{
    const struct block_needs *needs = &pass->transformer->plan->needs.blocks[layer];
    struct place stream = pass_run_place(pass, RUN_GRAD_STREAM),
                 wide = pass_run_place(pass, RUN_GRAD_WIDE);
    struct place grad_n = pass_run_place(pass, RUN_GRAD_NORM);
    struct place gate = pass_block_place(pass, layer, SLOT_GATE),
                 up = pass_block_place(pass, layer, SLOT_UP);
    struct place n = pass_run_place(pass, RUN_AGAIN);
    linear_backward(pass, ROLE_DOWN, layer, wanted(needs->gate_up, wide), REPLACE, stream,
                    product_again(pass, layer));
    if (!needs->gate_up)
        return;
    pass->ops->swiglu_backward(pass->self, gate, up, wide, gate, up, pass->type,
                               pass->tokens * pass->config->intermediate);
    if (learns(pass, ROLE_GATE, layer) || learns(pass, ROLE_UP, layer))
        n = norm_again(pass, ROLE_POST_NORM, layer, pass_block_place(pass, layer, SLOT_MIDDLE),
                       pass_block_place(pass, layer, SLOT_RSTD2));
    linear_backward(pass, ROLE_GATE, layer, wanted(needs->norm2, grad_n), REPLACE, gate, n);
    linear_backward(pass, ROLE_UP, layer, wanted(needs->norm2, grad_n), ADD, up, n);
    if (!needs->norm2)
        return;
    norm_backward(pass, ROLE_POST_NORM, layer, ADD, pass_block_place(pass, layer, SLOT_MIDDLE),
                  pass_block_place(pass, layer, SLOT_RSTD2));
}

/* Four gradients share RUN_GRAD_WIDE, one behind another. */
struct attention_gradients {
    struct place out, q, k, v;
};

static struct place place_behind(struct place place, int64_t elements, enum storage type)
{
    size_t bytes = (size_t)elements * storage_size(type);
    return (struct place){place.buffer, place.offset + (bytes + 63) / 64 * 64};
}

static struct attention_gradients attention_gradients(const struct pass *pass)
{
    struct attention_gradients grad = {.out = pass_run_place(pass, RUN_GRAD_WIDE)};
    grad.q = place_behind(grad.out, pass->tokens * pass->wide, pass->type);
    grad.k = place_behind(grad.q, pass->tokens * pass->wide, pass->type);
    grad.v = place_behind(grad.k, pass->tokens * pass->narrow, pass->type);
    return grad;
}

/* In place. */
static void head_norm_backward(const struct pass *pass, enum module_role role, int layer,
                               struct place gradient)
{
    bool is_q = role == ROLE_Q_NORM;
    const struct module *module = pass_module(pass, role, layer, false);
    int heads = is_q ? pass->shape.heads : pass->shape.kv_heads;
    pass->ops->rmsnorm_backward(pass->self, gradient, REPLACE, pass_fresh_gradient(pass, module),
                                gradient,
                                pass_block_place(pass, layer, is_q ? SLOT_RAW_Q : SLOT_RAW_K),
                                pass_block_place(pass, layer, is_q ? SLOT_RSTD_Q : SLOT_RSTD_K),
                                pass->type, pass_weight(pass, role, layer), pass->tokens * heads);
    finish(pass, module);
}

static void backward_scores(const struct pass *pass, int layer,
                            const struct attention_gradients *grad)
{
    pass->ops->attention_backward(
        pass->self, grad->q, grad->k, grad->v, grad->out,
        pass_block_place(pass, layer, SLOT_ATTENTION), pass_block_place(pass, layer, SLOT_LSE),
        pass_block_place(pass, layer, SLOT_Q), pass_block_place(pass, layer, SLOT_K),
        pass_block_place(pass, layer, SLOT_V), pass->type, pass_shape(pass, layer), pass->documents,
        pass_run_place(pass, RUN_ATTENTION_WORKSPACE));
    pass_rotate(pass, grad->q, pass->shape.heads, true);
    pass_rotate(pass, grad->k, pass->shape.kv_heads, true);
    if (pass->config->head_norms) {
        head_norm_backward(pass, ROLE_Q_NORM, layer, grad->q);
        head_norm_backward(pass, ROLE_K_NORM, layer, grad->k);
    }
}

static void backward_attention(const struct pass *pass, int layer)
{
    const struct block_needs *needs = &pass->transformer->plan->needs.blocks[layer];
    struct place grad_n = wanted(needs->norm1, pass_run_place(pass, RUN_GRAD_NORM));
    struct place n = pass_run_place(pass, RUN_AGAIN);
    struct attention_gradients grad = attention_gradients(pass);
    if (!needs->middle)
        return;
    linear_backward(pass, ROLE_O, layer, wanted(needs->qkv, grad.out), REPLACE,
                    pass_run_place(pass, RUN_GRAD_STREAM),
                    pass_block_place(pass, layer, SLOT_ATTENTION));
    if (!needs->qkv)
        return;
    backward_scores(pass, layer, &grad);
    if (learns(pass, ROLE_Q, layer) || learns(pass, ROLE_K, layer) || learns(pass, ROLE_V, layer))
        n = norm_again(pass, ROLE_INPUT_NORM, layer, pass_block_place(pass, layer, SLOT_INPUT),
                       pass_block_place(pass, layer, SLOT_RSTD1));
    linear_backward(pass, ROLE_Q, layer, grad_n, REPLACE, grad.q, n);
    linear_backward(pass, ROLE_K, layer, grad_n, ADD, grad.k, n);
    linear_backward(pass, ROLE_V, layer, grad_n, ADD, grad.v, n);
    if (needs->norm1)
        norm_backward(pass, ROLE_INPUT_NORM, layer, ADD, pass_block_place(pass, layer, SLOT_INPUT),
                      pass_block_place(pass, layer, SLOT_RSTD1));
}

static void backward_block(const struct pass *pass, int layer)
{
    struct pass own = *pass;
    own.again = memory_plan_computes_again(pass->transformer->plan, layer);
    if (own.again)
        pass_forward_again(&own, layer);
    backward_mlp(&own, layer);
    backward_attention(&own, layer);
}

/* A tied embedding's gradient has the head's part already. */
static void embedding_backward(const struct pass *pass)
{
    const struct module *module = pass_module(pass, ROLE_EMBEDDING, -1, false);
    struct place gradient = pass->config->tied ? pass_module_place(pass, module, TENSOR_GRADIENT)
                                               : pass_fresh_gradient(pass, module);
    pass->ops->embedding_backward(pass->self, gradient, pass_run_place(pass, RUN_GRAD_STREAM),
                                  pass->type, pass->ids, pass->tokens, pass->config->vocab,
                                  pass->config->hidden);
    finish(pass, module);
}

void pass_backward(const struct pass *pass)
{
    const struct backward_needs *needs = &pass->transformer->plan->needs;
    if (!pass->config->tied)
        finish(pass, pass_module(pass, ROLE_HEAD, -1, false));
    if (!needs->stream)
        return;
    norm_backward(pass, ROLE_FINAL_NORM, -1, REPLACE, pass_run_place(pass, RUN_OUTPUT),
                  pass_run_place(pass, RUN_FINAL_RSTD));
    for (int layer = (int)pass->config->layers - 1; layer >= 0; layer--) {
        if (!needs->blocks[layer].output)
            return;
        backward_block(pass, layer);
    }
    if (needs->embedding)
        embedding_backward(pass);
}
