/* Linear layers and embeddings, by their formulas. Backwards of out = x W^T, with g = grad_out:
 *
 *     grad_x = g W,   grad_W = g^T x,   grad_bias = sum of g over the tokens
 *
 * Sums are in fp64 and rounded once, when they are stored.
 */
#include "compute/reference/elements.h"
#include "compute/reference/reference.h"

/* out[t,h] = weight[id[t],h] */
void reference_embedding_forward(void *self, const struct op_call *call)
{
    const struct op_embedding_forward *a = &call->embedding_forward;
    struct elements out = elements_of(&a->out), weight = elements_of(&a->weight);
    const int32_t *id = host_data(&a->ids);
    int64_t T = a->out.rows, H = a->out.cols;
    (void)self;
    for (int64_t t = 0; t < T; t++)
        for (int64_t h = 0; h < H; h++)
            put(out, t * H + h, get(weight, id[t] * H + h));
}

/* grad_weight[id[t],h] += grad_out[t,h] */
void reference_embedding_backward(void *self, const struct op_call *call)
{
    const struct op_embedding_backward *a = &call->embedding_backward;
    struct elements grad_weight = elements_of(&a->grad_weight), go = elements_of(&a->grad_out);
    const int32_t *id = host_data(&a->ids);
    int64_t T = a->grad_out.rows, H = a->grad_out.cols;
    (void)self;
    for (int64_t t = 0; t < T; t++)
        for (int64_t h = 0; h < H; h++)
            put_or_add(grad_weight, id[t] * H + h, get(go, t * H + h), ADD);
}

/* out[t,n] = bias[n] + sum over k of x[t,k] weight[n,k] */
void reference_linear_forward(void *self, const struct op_call *call)
{
    const struct op_linear_forward *a = &call->linear_forward;
    struct elements out = elements_of(&a->out), x = elements_of(&a->x);
    struct elements weight = elements_of(&a->weight), bias = elements_of(&a->bias);
    int64_t T = a->x.rows, N = a->weight.rows, K = a->weight.cols;
    (void)self;
    bias.type = weight.type;
    for (int64_t t = 0; t < T; t++) {
        for (int64_t n = 0; n < N; n++) {
            double sum = bias.memory ? get(bias, n) : 0;
            for (int64_t k = 0; k < K; k++)
                sum += get(x, t * K + k) * get(weight, n * K + k);
            put_or_add(out, t * N + n, sum, a->accumulate);
        }
    }
}

/* grad_x[t,k] = sum over n of grad_out[t,n] weight[n,k] */
void reference_linear_backward_input(void *self, const struct op_call *call)
{
    const struct op_linear_backward_input *a = &call->linear_backward_input;
    struct elements grad_x = elements_of(&a->grad_x), go = elements_of(&a->grad_out);
    struct elements weight = elements_of(&a->weight);
    int64_t T = a->grad_out.rows, N = a->weight.rows, K = a->weight.cols;
    (void)self;
    for (int64_t t = 0; t < T; t++) {
        for (int64_t k = 0; k < K; k++) {
            double sum = 0;
            for (int64_t n = 0; n < N; n++)
                sum += get(go, t * N + n) * get(weight, n * K + k);
            put_or_add(grad_x, t * K + k, sum, a->accumulate);
        }
    }
}

/* grad_weight[n,k] = sum over t of grad_out[t,n] x[t,k] */
void reference_linear_backward_weight(void *self, const struct op_call *call)
{
    const struct op_linear_backward_weight *a = &call->linear_backward_weight;
    struct elements grad_weight = elements_of(&a->grad_weight);
    struct elements go = elements_of(&a->grad_out), x = elements_of(&a->x);
    int64_t T = a->x.rows, N = a->grad_weight.rows, K = a->grad_weight.cols;
    (void)self;
    for (int64_t n = 0; n < N; n++) {
        for (int64_t k = 0; k < K; k++) {
            double sum = 0;
            for (int64_t t = 0; t < T; t++)
                sum += get(go, t * N + n) * get(x, t * K + k);
            put_or_add(grad_weight, n * K + k, sum, a->accumulate);
        }
    }
}

/* grad_bias[n] += sum over t of grad_out[t,n] */
void reference_bias_backward(void *self, const struct op_call *call)
{
    const struct op_bias_backward *a = &call->bias_backward;
    struct elements grad_bias = elements_of(&a->grad_bias), go = elements_of(&a->grad_out);
    int64_t T = a->grad_out.rows, N = a->grad_out.cols;
    (void)self;
    for (int64_t n = 0; n < N; n++) {
        double sum = 0;
        for (int64_t t = 0; t < T; t++)
            sum += get(go, t * N + n);
        put_or_add(grad_bias, n, sum, ADD);
    }
}
