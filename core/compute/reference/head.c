/* The head and its cross-entropy, one token at a time. With logits l = head x, target y, weight w:
 *
 *     lse = log of the sum of e^l
 *     loss = w (lse - l_y),   z-loss = w z lse^2
 *     g_v = scale w ((1 + 2 z lse) e^(l_v - lse) - [v = y])
 *     grad_x = g head,   grad_head += g x^T
 *
 * e^(l_v - lse) is the softmax, and also d lse / d l_v: so the z-loss (PaLM, arXiv 2204.02311,
 * section 5) only scales it.
 */
#include "compute/reference/elements.h"
#include "compute/reference/reference.h"

#include <math.h>

/* logits[v] = head[v] . x[t]; returns their log-sum-exp */
static double token_logits(double *logits, const struct op_head_loss *a, int64_t t)
{
    struct elements x = elements_of(&a->x), head = elements_of(&a->head);
    int64_t V = a->head.rows, H = a->head.cols;
    double largest = -INFINITY, sum = 0;
    for (int64_t v = 0; v < V; v++) {
        double dot = 0;
        for (int64_t h = 0; h < H; h++)
            dot += get(x, t * H + h) * get(head, v * H + h);
        logits[v] = dot;
        largest = fmax(largest, dot);
    }
    for (int64_t v = 0; v < V; v++)
        sum += exp(logits[v] - largest);
    return largest + log(sum);
}

/* grad_x[t] = sum over v of g[v] head[v] */
static void token_grad_x(const double *g, const struct op_head_loss *a, int64_t t)
{
    struct elements grad_x = elements_of(&a->grad_x), head = elements_of(&a->head);
    int64_t V = a->head.rows, H = a->head.cols;
    for (int64_t h = 0; h < H; h++) {
        double sum = 0;
        for (int64_t v = 0; v < V; v++)
            sum += g[v] * get(head, v * H + h);
        put(grad_x, t * H + h, sum);
    }
}

/* grad_weight[v] += g[v] x[t] */
static void token_grad_weight(const double *g, const struct op_head_loss *a, int64_t t)
{
    struct elements grad_weight = elements_of(&a->grad_weight), x = elements_of(&a->x);
    int64_t V = a->head.rows, H = a->head.cols;
    for (int64_t v = 0; v < V; v++)
        for (int64_t h = 0; h < H; h++)
            put_or_add(grad_weight, v * H + h, g[v] * get(x, t * H + h), ADD);
}

void reference_head_loss(void *self, const struct op_call *call)
{
    const struct op_head_loss *a = &call->head_loss;
    struct elements grad_x = elements_of(&a->grad_x);
    const int32_t *target = host_data(&a->targets);
    const float *weights = host_data(&a->weights);
    double *logits = host_data(&a->workspace), *loss = host_data(&a->loss);
    float *losses = host_data(&a->losses);
    int64_t T = a->x.rows, V = a->head.rows, H = a->head.cols;
    double z = (double)a->z_loss;
    (void)self;
    for (int64_t t = 0; t < T; t++) {
        if (losses)
            losses[t] = 0;
        if (target[t] < 0) { /* no part in the loss */
            for (int64_t h = 0; grad_x.memory && h < H; h++)
                put(grad_x, t * H + h, 0);
            continue;
        }
        /* both losses of the token */
        double lse = token_logits(logits, a, t), weight = weights ? (double)weights[t] : 1;
        loss[0] += weight * (lse - logits[target[t]]);
        if (losses)
            losses[t] = (float)(lse - logits[target[t]]);
        loss[1] += weight * z * lse * lse;
        /* g, in place of the logits: what they are to change by */
        for (int64_t v = 0; v < V; v++)
            logits[v] = weight * (double)a->scale *
                        ((1 + 2 * z * lse) * exp(logits[v] - lse) - (v == target[t]));
        if (grad_x.memory)
            token_grad_x(logits, a, t);
        if (tensor_is_there(&a->grad_weight))
            token_grad_weight(logits, a, t);
    }
}

/* One token's logits. */
size_t reference_head_workspace(const struct op_head_loss *a)
{
    return (size_t)a->head.rows * sizeof(double);
}
