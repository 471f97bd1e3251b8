/* Linear layers and embeddings. Products are oneDNN's; where it has none, the reference computes
 * them. */
#include "compute/cpu/level.h"
#include "compute/reference/reference.h"

static struct operand matrix(const void *data, enum storage storage, int64_t cols)
{
    return (struct operand){data, storage, cols, 1};
}

static struct operand transposed(const void *data, enum storage storage, int64_t cols)
{
    return (struct operand){data, storage, 1, cols};
}

void CPU(linear_forward)(void *self, struct place out, enum accumulate accumulate, struct place x,
                         enum storage type, struct weight weight, struct place bias, int64_t tokens)
{
    struct operand a = matrix(host_pointer(x), type, weight.cols);
    struct operand b = transposed(host_pointer(weight.data), weight.storage, weight.cols);
    const struct matmul product = {.c = host_pointer(out),
                                   .c_storage = type,
                                   .c_stride = weight.rows,
                                   .accumulate = accumulate,
                                   .a = a,
                                   .b = b,
                                   .bias = host_pointer(bias),
                                   .m = tokens,
                                   .n = weight.rows,
                                   .k = weight.cols};
    if (!onednn_matmul(host_kept(self), &product))
        reference_linear_forward(self, out, accumulate, x, type, weight, bias, tokens);
}

void CPU(linear_backward_input)(void *self, struct place grad_x, enum accumulate accumulate,
                                struct place grad_out, enum storage type, struct weight weight,
                                int64_t tokens)
{
    struct operand a = matrix(host_pointer(grad_out), type, weight.rows);
    struct operand b = matrix(host_pointer(weight.data), weight.storage, weight.cols);
    const struct matmul product = {.c = host_pointer(grad_x),
                                   .c_storage = type,
                                   .c_stride = weight.cols,
                                   .accumulate = accumulate,
                                   .a = a,
                                   .b = b,
                                   .m = tokens,
                                   .n = weight.cols,
                                   .k = weight.rows};
    if (!onednn_matmul(host_kept(self), &product))
        reference_linear_backward_input(self, grad_x, accumulate, grad_out, type, weight, tokens);
}

void CPU(linear_backward_weight)(void *self, struct place grad_weight, enum accumulate accumulate,
                                 struct place grad_out, struct place x, enum storage type,
                                 int64_t rows, int64_t cols, int64_t tokens)
{
    struct operand a = transposed(host_pointer(grad_out), type, rows);
    struct operand b = matrix(host_pointer(x), type, cols);
    const struct matmul product = {.c = host_pointer(grad_weight),
                                   .c_storage = STORAGE_F32,
                                   .c_stride = cols,
                                   .accumulate = accumulate,
                                   .a = a,
                                   .b = b,
                                   .m = rows,
                                   .n = cols,
                                   .k = tokens};
    if (!onednn_matmul(host_kept(self), &product))
        reference_linear_backward_weight(self, grad_weight, accumulate, grad_out, x, type, rows,
                                         cols, tokens);
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

void CPU(bias_backward)(void *self, struct place grad_bias, struct place grad_out,
                        enum storage type, int64_t tokens, int64_t rows)
{
    float *sum = host_pointer(grad_bias);
    const void *from = host_pointer(grad_out);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t first = 0; first < rows; first += COLUMNS)
        for (int64_t t = 0; t < tokens; t++)
            add_columns(sum + first, from, type, t * rows, first,
                        rows - first < COLUMNS ? rows - first : COLUMNS);
}

void CPU(embedding_forward)(void *self, struct place out, enum storage type, struct weight weight,
                            struct place ids, int64_t tokens)
{
    const int32_t *id = host_pointer(ids);
    if (weight.storage != type) {
        reference_embedding_forward(self, out, type, weight, ids, tokens);
        return;
    }
    size_t row = (size_t)weight.cols * storage_size(type);
    for (int64_t t = 0; t < tokens; t++)
        memcpy((char *)host_pointer(out) + (size_t)t * row,
               element(host_pointer(weight.data), type, id[t] * weight.cols), row);
}

void CPU(embedding_backward)(void *self, struct place grad_weight, struct place grad_out,
                             enum storage type, struct place ids, int64_t tokens, int64_t vocab,
                             int64_t hidden)
{
    (void)vocab;
    const int32_t *id = host_pointer(ids);
    float *sum = host_pointer(grad_weight);
    const void *from = host_pointer(grad_out);
#pragma omp parallel for num_threads(host_threads(self))
    for (int64_t first = 0; first < hidden; first += COLUMNS)
        for (int64_t t = 0; t < tokens; t++)
            add_columns(sum + id[t] * hidden + first, from, type, t * hidden, first,
                        hidden - first < COLUMNS ? hidden - first : COLUMNS);
}
