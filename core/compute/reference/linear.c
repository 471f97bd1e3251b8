/* Linear layers and embeddings. */
#include "compute/reference/reference.h"

void reference_embedding_forward(void *self, struct place out, enum storage type,
                                 struct weight weight, struct place ids, int64_t tokens)
{
    (void)self;
    const int32_t *id = host_pointer(ids);
    for (int64_t t = 0; t < tokens; t++)
        for (int64_t h = 0; h < weight.cols; h++)
            put(host_pointer(out), type, t * weight.cols + h,
                get(host_pointer(weight.data), weight.storage, id[t] * weight.cols + h));
}

void reference_embedding_backward(void *self, struct place grad_weight, struct place grad_out,
                                  enum storage type, struct place ids, int64_t tokens,
                                  int64_t vocab, int64_t hidden)
{
    (void)self;
    (void)vocab;
    const int32_t *id = host_pointer(ids);
    for (int64_t t = 0; t < tokens; t++)
        for (int64_t h = 0; h < hidden; h++)
            put_or_add(host_pointer(grad_weight), STORAGE_F32, id[t] * hidden + h,
                       get(host_pointer(grad_out), type, t * hidden + h), ADD);
}

void reference_linear_forward(void *self, struct place out, enum accumulate accumulate,
                              struct place x, enum storage type, struct weight weight,
                              struct place bias, int64_t tokens)
{
    (void)self;
    const void *w = host_pointer(weight.data), *in = host_pointer(x), *b = host_pointer(bias);
    for (int64_t t = 0; t < tokens; t++) {
        for (int64_t n = 0; n < weight.rows; n++) {
            double sum = b ? get(b, weight.storage, n) : 0;
            for (int64_t k = 0; k < weight.cols; k++)
                sum += get(in, type, t * weight.cols + k) *
                       get(w, weight.storage, n * weight.cols + k);
            put_or_add(host_pointer(out), type, t * weight.rows + n, sum, accumulate);
        }
    }
}

void reference_linear_backward_input(void *self, struct place grad_x, enum accumulate accumulate,
                                     struct place grad_out, enum storage type, struct weight weight,
                                     int64_t tokens)
{
    (void)self;
    const void *w = host_pointer(weight.data), *g = host_pointer(grad_out);
    for (int64_t t = 0; t < tokens; t++) {
        for (int64_t k = 0; k < weight.cols; k++) {
            double sum = 0;
            for (int64_t n = 0; n < weight.rows; n++)
                sum +=
                    get(g, type, t * weight.rows + n) * get(w, weight.storage, n * weight.cols + k);
            put_or_add(host_pointer(grad_x), type, t * weight.cols + k, sum, accumulate);
        }
    }
}

void reference_linear_backward_weight(void *self, struct place grad_weight,
                                      enum accumulate accumulate, struct place grad_out,
                                      struct place x, enum storage type, int64_t rows, int64_t cols,
                                      int64_t tokens)
{
    (void)self;
    const void *g = host_pointer(grad_out), *in = host_pointer(x);
    for (int64_t n = 0; n < rows; n++) {
        for (int64_t k = 0; k < cols; k++) {
            double sum = 0;
            for (int64_t t = 0; t < tokens; t++)
                sum += get(g, type, t * rows + n) * get(in, type, t * cols + k);
            put_or_add(host_pointer(grad_weight), STORAGE_F32, n * cols + k, sum, accumulate);
        }
    }
}

void reference_bias_backward(void *self, struct place grad_bias, struct place grad_out,
                             enum storage type, int64_t tokens, int64_t rows)
{
    (void)self;
    for (int64_t n = 0; n < rows; n++) {
        double sum = 0;
        for (int64_t t = 0; t < tokens; t++)
            sum += get(host_pointer(grad_out), type, t * rows + n);
        put_or_add(host_pointer(grad_bias), STORAGE_F32, n, sum, ADD);
    }
}
