/* Forwards, block by block. */
#include "train/pass.h"

/* scale A x of an adapter, where there is one. */
static void lower(const struct pass *pass, const struct adapter *adapter, struct place x)
{
    if (!adapter->low.buffer)
        return;
    pass->ops->linear_forward(pass->self, adapter->low, REPLACE, x, pass->type, adapter->a,
                              (struct place){NULL, 0}, pass->tokens);
    pass->ops->scale(pass->self, adapter->low, pass->type, adapter->scale,
                     pass->tokens * adapter->rank);
}

/* out += B scale A x */
static void add_adapter(const struct pass *pass, enum module_role role, int layer, struct place out,
                        struct place x)
{
    struct adapter adapter = pass_adapter(pass, role, layer);
    lower(pass, &adapter, x);
    if (adapter.low.buffer)
        pass->ops->linear_forward(pass->self, out, ADD, adapter.low, pass->type, adapter.b,
                                  (struct place){NULL, 0}, pass->tokens);
}

static void linear(const struct pass *pass, enum module_role role, int layer, struct place out,
                   struct place x)
{
    struct place bias =
        pass_module_place(pass, pass_module(pass, role, layer, true), TENSOR_WEIGHT);
    pass->ops->linear_forward(pass->self, out, REPLACE, x, pass->type,
                              pass_linear_weight(pass, role, layer), bias, pass->tokens);
    add_adapter(pass, role, layer, out, x);
}

static void norm(const struct pass *pass, enum module_role role, int layer, struct place out,
                 struct place rstd, struct place x)
{
    pass->ops->rmsnorm_forward(pass->self, out, rstd, x, pass->type, pass_weight(pass, role, layer),
                               (float)pass->config->norm_eps, pass->tokens);
}

/* q or k: the linear layer, and the norm of each head where the architecture has one. */
static void linear_heads(const struct pass *pass, enum module_role role, int layer,
                         struct place out, struct place x)
{
    bool is_q = role == ROLE_Q;
    struct place raw = pass_block_place(pass, layer, is_q ? SLOT_RAW_Q : SLOT_RAW_K);
    struct place rstd = pass_block_place(pass, layer, is_q ? SLOT_RSTD_Q : SLOT_RSTD_K);
    linear(pass, role, layer, raw.buffer ? raw : out, x);
    if (raw.buffer)
        pass->ops->rmsnorm_forward(pass->self, out, rstd, raw, pass->type,
                                   pass_weight(pass, is_q ? ROLE_Q_NORM : ROLE_K_NORM, layer),
                                   (float)pass->config->norm_eps,
                                   pass->tokens *
                                       (is_q ? pass->shape.heads : pass->shape.kv_heads));
}

static void forward_attention(const struct pass *pass, int layer)
{
    const struct train_ops *ops = pass->ops;
    struct place input = pass_block_place(pass, layer, SLOT_INPUT);
    struct place n = pass_block_place(pass, layer, SLOT_NORM1);
    struct place q = pass_block_place(pass, layer, SLOT_Q),
                 k = pass_block_place(pass, layer, SLOT_K);
    struct place v = pass_block_place(pass, layer, SLOT_V);
    struct place mixed = pass_block_place(pass, layer, SLOT_ATTENTION);
    struct place middle = pass_block_place(pass, layer, SLOT_MIDDLE);
    norm(pass, ROLE_INPUT_NORM, layer, n, pass_block_place(pass, layer, SLOT_RSTD1), input);
    linear_heads(pass, ROLE_Q, layer, q, n);
    linear_heads(pass, ROLE_K, layer, k, n);
    linear(pass, ROLE_V, layer, v, n);
    pass_rotate(pass, q, pass->shape.heads, false);
    pass_rotate(pass, k, pass->shape.kv_heads, false);
    ops->attention_forward(pass->self, mixed, pass_block_place(pass, layer, SLOT_LSE), q, k, v,
                           pass->type, pass_shape(pass, layer), pass->documents);
    linear(pass, ROLE_O, layer, middle, mixed);
    ops->add(pass->self, middle, input, pass->type, pass->tokens * pass->config->hidden);
}

static void forward_gate_up(const struct pass *pass, int layer)
{
    struct place n = pass_block_place(pass, layer, SLOT_NORM2);
    norm(pass, ROLE_POST_NORM, layer, n, pass_block_place(pass, layer, SLOT_RSTD2),
         pass_block_place(pass, layer, SLOT_MIDDLE));
    linear(pass, ROLE_GATE, layer, pass_block_place(pass, layer, SLOT_GATE), n);
    linear(pass, ROLE_UP, layer, pass_block_place(pass, layer, SLOT_UP), n);
}

/* The last layer's input. */
static struct place forward_swiglu(const struct pass *pass, int layer)
{
    struct place product = pass_block_place(pass, layer, SLOT_SWIGLU);
    pass->ops->swiglu_forward(pass->self, product, pass_block_place(pass, layer, SLOT_GATE),
                              pass_block_place(pass, layer, SLOT_UP), pass->type,
                              pass->tokens * pass->config->intermediate);
    return product;
}

static void forward_mlp(const struct pass *pass, int layer)
{
    struct place output = pass_output_place(pass, layer);
    forward_gate_up(pass, layer);
    linear(pass, ROLE_DOWN, layer, output, forward_swiglu(pass, layer));
    pass->ops->add(pass->self, output, pass_block_place(pass, layer, SLOT_MIDDLE), pass->type,
                   pass->tokens * pass->config->hidden);
}

void pass_forward_again(const struct pass *pass, int layer)
{
    struct adapter down = pass_adapter(pass, ROLE_DOWN, layer);
    forward_attention(pass, layer);
    forward_gate_up(pass, layer);
    if (down.low.buffer)
        lower(pass, &down, forward_swiglu(pass, layer));
}

void pass_embed(const struct pass *pass)
{
    pass->ops->embedding_forward(pass->self, pass_block_place(pass, 0, SLOT_INPUT), pass->type,
                                 pass_weight(pass, ROLE_EMBEDDING, -1), pass->ids, pass->tokens);
}

/* Only who generates is asked: a batch of a training step is short, and is computed whole. */
bool pass_is_stopped(const struct pass *pass)
{
    struct transformer *transformer = pass->transformer;
    if (!transformer->stopped && transformer->should_stop)
        transformer->stopped = transformer->should_stop(transformer->asked);
    return transformer->stopped;
}

void pass_forward(const struct pass *pass)
{
    for (int layer = 0; layer < pass->config->layers; layer++) {
        if (pass_is_stopped(pass))
            return;
        forward_attention(pass, layer);
        if (pass_is_stopped(pass))
            return;
        forward_mlp(pass, layer);
    }
    norm(pass, ROLE_FINAL_NORM, -1, pass_run_place(pass, RUN_FINAL_NORM),
         pass_run_place(pass, RUN_FINAL_RSTD), pass_run_place(pass, RUN_OUTPUT));
}

void pass_head_loss(const struct pass *pass, bool backward)
{
    const struct backward_needs *needs = &pass->transformer->plan->needs;
    struct place none = {NULL, 0};
    struct place grad_x = backward && needs->stream ? pass_run_place(pass, RUN_GRAD_NORM) : none;
    const struct module *head = pass_module(pass, pass_head_role(pass), -1, false);
    struct place grad_weight = backward && needs->head ? pass_fresh_gradient(pass, head) : none;
    pass->ops->head_loss(pass->self, pass_run_place(pass, RUN_LOSS), grad_x, grad_weight,
                         pass_run_place(pass, RUN_FINAL_NORM), pass->type,
                         pass_weight(pass, pass_head_role(pass), -1), pass->targets, pass->tokens,
                         1.0f, pass->transformer->z_loss, pass_run_place(pass, RUN_HEAD_WORKSPACE));
}
