/* Linear layers and embeddings. Products are oneDNN's; where it has none, the reference computes
 * them. With g = grad_out:
 *
 *     out = x W^T + b;   grad_x = g W,   grad_W = g^T x,   grad_b = sum of g over the tokens
 *
 * A transposed operand is only read the other way round, by its strides: nothing is copied.
 */
#include "compute/cpu/train/operations.h"
#include "compute/reference/reference.h"

static struct operand matrix(const struct tensor *tensor)
{
    return (struct operand){host_data(tensor), tensor->storage, tensor->cols, 1};
}

static struct operand transposed(const struct tensor *tensor)
{
    return (struct operand){host_data(tensor), tensor->storage, 1, tensor->cols};
}

/* c = or += a b (+ bias) */
static struct matmul product_into(const struct tensor *c, enum accumulate accumulate,
                                  struct operand a, struct operand b, const void *bias, int64_t k)
{
    return (struct matmul){.c = host_data(c),
                           .c_storage = c->storage,
                           .c_stride = c->cols,
                           .accumulate = accumulate,
                           .a = a,
                           .b = b,
                           .bias = bias,
                           .m = c->rows,
                           .n = c->cols,
                           .k = k};
}

/* Where oneDNN has no such product, the reference computes the call. */
static void multiply(void *self, const struct matmul *product, const struct op_call *call)
{
    if (!products_run(host_kept(self), product))
        reference_ops[call->op](self, call);
}

/* out [T, N] = x [T, K] weight [N, K]^T + bias */
void CPU(linear_forward)(void *self, const struct op_call *call)
{
    const struct op_linear_forward *a = &call->linear_forward;
    const struct matmul product =
        product_into(&a->out, a->accumulate, matrix(&a->x), transposed(&a->weight),
                     host_data(&a->bias), a->weight.cols);
    multiply(self, &product, call);
}

/* grad_x [T, K] = grad_out [T, N] weight [N, K] */
void CPU(linear_backward_input)(void *self, const struct op_call *call)
{
    const struct op_linear_backward_input *a = &call->linear_backward_input;
    const struct matmul product = product_into(&a->grad_x, a->accumulate, matrix(&a->grad_out),
                                               matrix(&a->weight), NULL, a->weight.rows);
    multiply(self, &product, call);
}

/* grad_weight [N, K] = grad_out [T, N]^T x [T, K] */
void CPU(linear_backward_weight)(void *self, const struct op_call *call)
{
    const struct op_linear_backward_weight *a = &call->linear_backward_weight;
    const struct matmul product = product_into(
        &a->grad_weight, a->accumulate, transposed(&a->grad_out), matrix(&a->x), NULL, a->x.rows);
    multiply(self, &product, call);
}

enum { COLUMNS = 256 }; /* of a bias or an embedding, to one thread */

/* A thread has columns, not tokens: sums are in the order of the tokens whatever the threads. */
static void add_columns(float *sum, const void *rows, enum storage type, int64_t row, int64_t first,
                        int64_t count)
{
    float wide[COLUMNS];
    widen(wide, element(rows, type, row + first), type, count);
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        sum[i] += wide[i];
}

/* grad_bias [N] += sum over the tokens of grad_out [T, N] */
void CPU(bias_backward)(void *self, const struct op_call *call)
{
    const struct op_bias_backward *a = &call->bias_backward;
    float *sum = host_data(&a->grad_bias);
    const void *from = host_data(&a->grad_out);
    enum storage type = a->grad_out.storage;
    int64_t tokens = a->grad_out.rows, cols = a->grad_out.cols;
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t first = 0; first < cols; first += COLUMNS)
        for (int64_t t = 0; t < tokens; t++)
            add_columns(sum + first, from, type, t * cols, first,
                        cols - first < COLUMNS ? cols - first : COLUMNS);
}

/* out [t] = weight [id of t]: rows are copied, where both are stored alike. */
void CPU(embedding_forward)(void *self, const struct op_call *call)
{
    const struct op_embedding_forward *a = &call->embedding_forward;
    const int32_t *id = host_data(&a->ids);
    int64_t hidden = a->out.cols;
    if (a->weight.storage != a->out.storage) {
        reference_ops[call->op](self, call);
        return;
    }
    size_t row = (size_t)hidden * storage_size(a->out.storage);
    for (int64_t t = 0; t < a->out.rows; t++)
        memcpy(elements_in(&a->out, t * hidden), elements_at(&a->weight, id[t] * hidden), row);
}

/* grad_weight [id of t] += grad_out [t]; a token that occurs several times adds to one row several
 * times, which is why threads have columns. */
void CPU(embedding_backward)(void *self, const struct op_call *call)
{
    const struct op_embedding_backward *a = &call->embedding_backward;
    const int32_t *id = host_data(&a->ids);
    float *sum = host_data(&a->grad_weight);
    const void *from = host_data(&a->grad_out);
    enum storage type = a->grad_out.storage;
    int64_t tokens = a->grad_out.rows, hidden = a->grad_out.cols;
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t first = 0; first < hidden; first += COLUMNS)
        for (int64_t t = 0; t < tokens; t++)
            add_columns(sum + id[t] * hidden + first, from, type, t * hidden, first,
                        hidden - first < COLUMNS ? hidden - first : COLUMNS);
}
