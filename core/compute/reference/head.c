/* The head and its cross-entropy, one token at a time. */
#include "compute/reference/reference.h"

#include <math.h>

/* logits[v] = x . head[v] of one token; returns their log-sum-exp */
static double token_logits(double *logits, const void *x, enum storage type, int64_t token,
                           struct weight head)
{
    const void *w = host_pointer(head.data);
    double largest = -INFINITY, sum = 0;
    for (int64_t v = 0; v < head.rows; v++) {
        double dot = 0;
        for (int64_t h = 0; h < head.cols; h++)
            dot += get(x, type, token * head.cols + h) * get(w, head.storage, v * head.cols + h);
        logits[v] = dot;
        largest = fmax(largest, dot);
    }
    for (int64_t v = 0; v < head.rows; v++)
        sum += exp(logits[v] - largest);
    return largest + log(sum);
}

/* grad_x = sum of g_v head[v], with g in place of the logits */
static void token_grad_x(const double *g, void *grad_x, enum storage type, int64_t token,
                         struct weight head)
{
    for (int64_t h = 0; h < head.cols; h++) {
        double sum = 0;
        for (int64_t v = 0; v < head.rows; v++)
            sum += g[v] * get(host_pointer(head.data), head.storage, v * head.cols + h);
        put(grad_x, type, token * head.cols + h, sum);
    }
}

static void token_grad_weight(const double *g, float *grad_weight, const void *x, enum storage type,
                              int64_t token, struct weight head)
{
    for (int64_t v = 0; v < head.rows; v++)
        for (int64_t h = 0; h < head.cols; h++)
            put_or_add(grad_weight, STORAGE_F32, v * head.cols + h,
                       g[v] * get(x, type, token * head.cols + h), ADD);
}

void reference_head_loss(void *self, struct place loss, struct place grad_x,
                         struct place grad_weight, struct place x, enum storage type,
                         struct weight head, struct targets targets, int64_t tokens, float scale,
                         float z_loss, struct place workspace)
{
    (void)self;
    const int32_t *target = host_pointer(targets.ids);
    const float *weights = host_pointer(targets.weights);
    double *logits = host_pointer(workspace), *total = host_pointer(loss);
    float *gw = host_pointer(grad_weight);
    void *gx = host_pointer(grad_x);
    for (int64_t t = 0; t < tokens; t++) {
        if (target[t] < 0) {
            for (int64_t h = 0; gx && h < head.cols; h++)
                put(gx, type, t * head.cols + h, 0);
            continue;
        }
        double lse = token_logits(logits, host_pointer(x), type, t, head);
        double weight = weights ? (double)weights[t] : 1;
        total[0] += weight * (lse - logits[target[t]]);
        total[1] += weight * (double)z_loss * lse * lse;
        for (int64_t v = 0; v < head.rows; v++)
            logits[v] = weight * (double)scale *
                        ((1 + 2 * (double)z_loss * lse) * exp(logits[v] - lse) - (v == target[t]));
        if (gx)
            token_grad_x(logits, gx, type, t, head);
        if (gw)
            token_grad_weight(logits, gw, host_pointer(x), type, t, head);
    }
}

size_t reference_head_workspace(void *self, int64_t tokens, int64_t hidden, int64_t vocab,
                                enum storage type)
{
    (void)self;
    (void)tokens;
    (void)hidden;
    (void)type;
    return (size_t)vocab * sizeof(double);
}
