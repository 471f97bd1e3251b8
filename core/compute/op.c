/* What each operation does with its tensors, and of which shapes they are; op.h says what it
 * computes. */
#include "compute/op.h"

/* An operand by the name of its argument. NOLINTBEGIN(bugprone-macro-parentheses): a member's name
 * has none. */
#define OPERAND(op, argument, use)                                                                 \
    {                                                                                              \
#argument, offsetof(struct op_call, op.argument), use                                      \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

enum {
    READ = OPERAND_READ,
    WRITTEN = OPERAND_WRITTEN,
    CHANGED = OPERAND_CHANGED,
    OPTIONAL = OPERAND_OPTIONAL,
    WORKSPACE = OPERAND_WORKSPACE
};

const struct op_info op_info[OP_COUNT] = {
    [OP_EMBEDDING_FORWARD] = {"embedding_forward",
                              {OPERAND(embedding_forward, out, WRITTEN),
                               OPERAND(embedding_forward, weight, READ),
                               OPERAND(embedding_forward, ids, READ)}},
    [OP_EMBEDDING_BACKWARD] = {"embedding_backward",
                               {OPERAND(embedding_backward, grad_weight, CHANGED),
                                OPERAND(embedding_backward, grad_out, READ),
                                OPERAND(embedding_backward, ids, READ)}},
    [OP_RMSNORM_FORWARD] = {"rmsnorm_forward",
                            {OPERAND(rmsnorm_forward, out, WRITTEN),
                             OPERAND(rmsnorm_forward, rstd, WRITTEN),
                             OPERAND(rmsnorm_forward, x, READ),
                             OPERAND(rmsnorm_forward, weight, READ)}},
    [OP_RMSNORM_BACKWARD] = {"rmsnorm_backward",
                             {OPERAND(rmsnorm_backward, grad_x, CHANGED),
                              OPERAND(rmsnorm_backward, grad_weight, CHANGED | OPTIONAL),
                              OPERAND(rmsnorm_backward, grad_out, READ),
                              OPERAND(rmsnorm_backward, x, READ),
                              OPERAND(rmsnorm_backward, rstd, READ),
                              OPERAND(rmsnorm_backward, weight, READ)}},
    [OP_DEQUANTIZE] = {"dequantize",
                       {OPERAND(dequantize, out, WRITTEN), OPERAND(dequantize, weight, READ)}},
    [OP_LINEAR_FORWARD] = {"linear_forward",
                           {OPERAND(linear_forward, out, CHANGED), OPERAND(linear_forward, x, READ),
                            OPERAND(linear_forward, weight, READ),
                            OPERAND(linear_forward, bias, READ | OPTIONAL)}},
    [OP_LINEAR_BACKWARD_INPUT] = {"linear_backward_input",
                                  {OPERAND(linear_backward_input, grad_x, CHANGED),
                                   OPERAND(linear_backward_input, grad_out, READ),
                                   OPERAND(linear_backward_input, weight, READ)}},
    [OP_LINEAR_BACKWARD_WEIGHT] = {"linear_backward_weight",
                                   {OPERAND(linear_backward_weight, grad_weight, CHANGED),
                                    OPERAND(linear_backward_weight, grad_out, READ),
                                    OPERAND(linear_backward_weight, x, READ)}},
    [OP_BIAS_BACKWARD] = {"bias_backward",
                          {OPERAND(bias_backward, grad_bias, CHANGED),
                           OPERAND(bias_backward, grad_out, READ)}},
    [OP_ROPE] = {"rope",
                 {OPERAND(rope, x, CHANGED), OPERAND(rope, table, READ),
                  OPERAND(rope, positions, READ)}},
    [OP_ATTENTION_FORWARD] = {"attention_forward",
                              {OPERAND(attention_forward, out, WRITTEN),
                               OPERAND(attention_forward, lse, WRITTEN),
                               OPERAND(attention_forward, q, READ),
                               OPERAND(attention_forward, k, READ),
                               OPERAND(attention_forward, v, READ)}},
    [OP_ATTENTION_BACKWARD] =
        {"attention_backward",
         {OPERAND(attention_backward, grad_q, WRITTEN),
          OPERAND(attention_backward, grad_k, WRITTEN),
          OPERAND(attention_backward, grad_v, WRITTEN), OPERAND(attention_backward, grad_out, READ),
          OPERAND(attention_backward, out, READ), OPERAND(attention_backward, lse, READ),
          OPERAND(attention_backward, q, READ), OPERAND(attention_backward, k, READ),
          OPERAND(attention_backward, v, READ), OPERAND(attention_backward, workspace, WORKSPACE)}},
    [OP_SWIGLU_FORWARD] = {"swiglu_forward",
                           {OPERAND(swiglu_forward, out, WRITTEN),
                            OPERAND(swiglu_forward, gate, READ),
                            OPERAND(swiglu_forward, up, READ)}},
    [OP_SWIGLU_BACKWARD] = {"swiglu_backward",
                            {OPERAND(swiglu_backward, grad_gate, WRITTEN),
                             OPERAND(swiglu_backward, grad_up, WRITTEN),
                             OPERAND(swiglu_backward, grad_out, READ),
                             OPERAND(swiglu_backward, gate, READ),
                             OPERAND(swiglu_backward, up, READ)}},
    [OP_ADD] = {"add", {OPERAND(add, out, CHANGED), OPERAND(add, x, READ)}},
    [OP_SCALE] = {"scale", {OPERAND(scale, x, CHANGED)}},
    [OP_ADD_NOISE] = {"add_noise", {OPERAND(add_noise, x, CHANGED)}},
    [OP_HEAD_LOSS] =
        {"head_loss",
         {OPERAND(head_loss, loss, CHANGED), OPERAND(head_loss, losses, WRITTEN | OPTIONAL),
          OPERAND(head_loss, grad_x, WRITTEN | OPTIONAL),
          OPERAND(head_loss, grad_weight, CHANGED | OPTIONAL), OPERAND(head_loss, x, READ),
          OPERAND(head_loss, head, READ), OPERAND(head_loss, targets, READ),
          OPERAND(head_loss, weights, READ | OPTIONAL), OPERAND(head_loss, workspace, WORKSPACE)}},
    [OP_SUM_SQUARES] = {"sum_squares",
                        {OPERAND(sum_squares, sum, CHANGED), OPERAND(sum_squares, x, READ)}},
    [OP_ADAMW] = {"adamw",
                  {OPERAND(adamw, parameter, CHANGED), OPERAND(adamw, master, CHANGED | OPTIONAL),
                   OPERAND(adamw, m, CHANGED), OPERAND(adamw, v, CHANGED),
                   OPERAND(adamw, gradient, READ)}},
    [OP_LION] = {"lion",
                 {OPERAND(lion, parameter, CHANGED), OPERAND(lion, master, CHANGED | OPTIONAL),
                  OPERAND(lion, m, CHANGED), OPERAND(lion, gradient, READ)}},
    [OP_MUON] = {"muon",
                 {OPERAND(muon, parameter, CHANGED), OPERAND(muon, master, CHANGED | OPTIONAL),
                  OPERAND(muon, m, CHANGED), OPERAND(muon, gradient, READ),
                  OPERAND(muon, workspace, WORKSPACE)}},
    [OP_FILL_ZERO] = {"fill_zero", {OPERAND(fill_zero, out, WRITTEN)}},
    [OP_COPY] = {"copy", {OPERAND(copy, out, WRITTEN), OPERAND(copy, from, READ)}},
};

/* --- shapes --- */

struct fit {
    const char *name;
    bool fits;
};

/* Absent tensors fit. */
static bool is(const struct tensor *tensor, int64_t rows, int64_t cols)
{
    return !tensor_is_there(tensor) || (tensor->rows == rows && tensor->cols == cols);
}

static bool like(const struct tensor *tensor, const struct tensor *other)
{
    return is(tensor, other->rows, other->cols);
}

static bool has(const struct tensor *tensor, int64_t count)
{
    return !tensor_is_there(tensor) || tensor_elements(tensor) == count;
}

static const char *first_misfit(const struct fit *fits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!fits[i].fits)
            return fits[i].name;
    return NULL;
}

#define FIRST_MISFIT(...)                                                                          \
    first_misfit((const struct fit[]){__VA_ARGS__},                                                \
                 sizeof((const struct fit[]){__VA_ARGS__}) / sizeof(struct fit))

/* q [T, heads d], k and v [T, kv_heads d], of whose heads each serves as many of q's; lse [heads,
 * T]. */
static const char *attention_forward_misfit(const struct op_attention_forward *a)
{
    int64_t T = a->q.rows, d = a->head_dim;
    return FIRST_MISFIT({"q", d > 0 && a->q.cols % d == 0}, {"k", a->k.rows == T},
                        {"k", a->k.cols % d == 0 && a->q.cols % a->k.cols == 0},
                        {"v", like(&a->v, &a->k)}, {"out", like(&a->out, &a->q)},
                        {"lse", is(&a->lse, a->q.cols / d, T)});
}

static const char *attention_backward_misfit(const struct op_attention_backward *a)
{
    const struct op_attention_forward forward = {
        .out = a->out, .lse = a->lse, .q = a->q, .k = a->k, .v = a->v, .head_dim = a->head_dim};
    const char *misfit = attention_forward_misfit(&forward);
    return misfit ? misfit
                  : FIRST_MISFIT(
                        {"grad_out", like(&a->grad_out, &a->q)},
                        {"grad_q", like(&a->grad_q, &a->q)}, {"grad_k", like(&a->grad_k, &a->k)},
                        {"grad_v", like(&a->grad_v, &a->v)}, {"documents", !a->documents.before});
}

/* x [T, H], head [V, H]; targets and weights [T]; two losses. */
static const char *head_loss_misfit(const struct op_head_loss *a)
{
    return FIRST_MISFIT({"head", a->head.cols == a->x.cols}, {"loss", has(&a->loss, 2)},
                        {"losses", has(&a->losses, a->x.rows)}, {"grad_x", like(&a->grad_x, &a->x)},
                        {"grad_weight", like(&a->grad_weight, &a->head)},
                        {"targets", has(&a->targets, a->x.rows)},
                        {"weights", has(&a->weights, a->x.rows)});
}

/* Every tensor of an optimiser's step has the parameter's elements; Muon's have its shape, too. */
static const char *step_misfit(const struct op_call *call)
{
    const struct op_adamw *a = &call->adamw;
    const struct op_lion *l = &call->lion;
    const struct op_muon *m = &call->muon;
    int64_t n;
    switch (call->op) {
    case OP_ADAMW:
        n = tensor_elements(&a->parameter);
        return FIRST_MISFIT({"master", has(&a->master, n)}, {"m", has(&a->m, n)},
                            {"v", has(&a->v, n)}, {"gradient", has(&a->gradient, n)});
    case OP_LION:
        n = tensor_elements(&l->parameter);
        return FIRST_MISFIT({"master", has(&l->master, n)}, {"m", has(&l->m, n)},
                            {"gradient", has(&l->gradient, n)});
    default:
        return FIRST_MISFIT({"master", like(&m->master, &m->parameter)},
                            {"m", like(&m->m, &m->parameter)},
                            {"gradient", like(&m->gradient, &m->parameter)});
    }
}

/* x [T, H], a factor rstd [T] for each row, a weight [H] for each column. */
static const char *rmsnorm_backward_misfit(const struct op_rmsnorm_backward *a)
{
    return FIRST_MISFIT({"grad_x", like(&a->grad_x, &a->x)},
                        {"grad_out", like(&a->grad_out, &a->x)}, {"rstd", has(&a->rstd, a->x.rows)},
                        {"weight", has(&a->weight, a->x.cols)},
                        {"grad_weight", has(&a->grad_weight, a->x.cols)});
}

/* x [T, K], weight [N, K], out [T, N], bias [N], and gradients as what they are of. */
static const char *linear_misfit(const struct op_call *call)
{
    const struct op_linear_forward *f = &call->linear_forward;
    const struct op_linear_backward_input *i = &call->linear_backward_input;
    const struct op_linear_backward_weight *w = &call->linear_backward_weight;
    switch (call->op) {
    case OP_LINEAR_FORWARD:
        return FIRST_MISFIT({"weight", f->weight.cols == f->x.cols},
                            {"out", is(&f->out, f->x.rows, f->weight.rows)},
                            {"bias", has(&f->bias, f->weight.rows)});
    case OP_LINEAR_BACKWARD_INPUT:
        return FIRST_MISFIT({"weight", i->weight.rows == i->grad_out.cols},
                            {"grad_x", is(&i->grad_x, i->grad_out.rows, i->weight.cols)});
    default:
        return FIRST_MISFIT({"x", w->x.rows == w->grad_out.rows},
                            {"grad_weight", is(&w->grad_weight, w->grad_out.cols, w->x.cols)});
    }
}

/* The name of the first tensor whose shape does not go with the others'. What may have any shape,
 * as what is filled or scaled, is not asked. */
const char *op_misfit(const struct op_call *call)
{
    const struct op_embedding_forward *e = &call->embedding_forward;
    const struct op_embedding_backward *b = &call->embedding_backward;
    const struct op_rmsnorm_forward *n = &call->rmsnorm_forward;
    const struct op_swiglu_forward *s = &call->swiglu_forward;
    const struct op_swiglu_backward *g = &call->swiglu_backward;
    switch (call->op) {
    case OP_EMBEDDING_FORWARD:
        return FIRST_MISFIT({"weight", e->weight.cols == e->out.cols},
                            {"ids", has(&e->ids, e->out.rows)});
    case OP_EMBEDDING_BACKWARD:
        return FIRST_MISFIT({"grad_weight", b->grad_weight.cols == b->grad_out.cols},
                            {"ids", has(&b->ids, b->grad_out.rows)});
    case OP_RMSNORM_FORWARD:
        return FIRST_MISFIT({"out", like(&n->out, &n->x)}, {"rstd", has(&n->rstd, n->x.rows)},
                            {"weight", has(&n->weight, n->x.cols)});
    case OP_RMSNORM_BACKWARD:
        return rmsnorm_backward_misfit(&call->rmsnorm_backward);
    case OP_DEQUANTIZE:
        return FIRST_MISFIT({"out", like(&call->dequantize.out, &call->dequantize.weight)});
    case OP_LINEAR_FORWARD:
    case OP_LINEAR_BACKWARD_INPUT:
    case OP_LINEAR_BACKWARD_WEIGHT:
        return linear_misfit(call);
    case OP_BIAS_BACKWARD:
        return FIRST_MISFIT(
            {"grad_bias", has(&call->bias_backward.grad_bias, call->bias_backward.grad_out.cols)});
    case OP_ROPE:
        return FIRST_MISFIT({"table", call->rope.x.cols % call->rope.table.cols == 0},
                            {"positions", has(&call->rope.positions, call->rope.x.rows)});
    case OP_ATTENTION_FORWARD:
        return attention_forward_misfit(&call->attention_forward);
    case OP_ATTENTION_BACKWARD:
        return attention_backward_misfit(&call->attention_backward);
    case OP_SWIGLU_FORWARD:
        return FIRST_MISFIT({"gate", like(&s->gate, &s->out)}, {"up", like(&s->up, &s->out)});
    case OP_SWIGLU_BACKWARD:
        return FIRST_MISFIT({"gate", like(&g->gate, &g->grad_out)},
                            {"up", like(&g->up, &g->grad_out)},
                            {"grad_gate", like(&g->grad_gate, &g->grad_out)},
                            {"grad_up", like(&g->grad_up, &g->grad_out)});
    case OP_ADD:
        return FIRST_MISFIT({"x", like(&call->add.x, &call->add.out)});
    case OP_HEAD_LOSS:
        return head_loss_misfit(&call->head_loss);
    case OP_SUM_SQUARES:
        return FIRST_MISFIT({"sum", has(&call->sum_squares.sum, 1)});
    case OP_ADAMW:
    case OP_LION:
    case OP_MUON:
        return step_misfit(call);
    case OP_COPY:
        return FIRST_MISFIT(
            {"out", tensor_bytes(&call->copy.out).data == tensor_bytes(&call->copy.from).data});
    default: /* of one tensor */
        return NULL;
    }
}
