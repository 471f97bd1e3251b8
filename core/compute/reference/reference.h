/* Element access for the reference operations: everything is widened to double, computed, rounded
 * once. Slow on purpose. */
#ifndef SPECTRUM_COMPUTE_REFERENCE_H
#define SPECTRUM_COMPUTE_REFERENCE_H

#include "base/number.h"
#include "compute/host.h"

static inline double get(const void *array, enum storage type, int64_t index)
{
    return type == STORAGE_F32 ? ((const float *)array)[index]
                               : bf16_to_float(((const uint16_t *)array)[index]);
}

static inline void put(void *array, enum storage type, int64_t index, double value)
{
    if (type == STORAGE_F32)
        ((float *)array)[index] = (float)value;
    else
        ((uint16_t *)array)[index] = bf16_from_float((float)value);
}

/* put(), or added to what is there. */
static inline void put_or_add(void *array, enum storage type, int64_t index, double value,
                              enum accumulate accumulate)
{
    put(array, type, index, accumulate == ADD ? get(array, type, index) + value : value);
}

extern const struct train_ops reference_train_ops;

/* One family a file; reference.c makes the table of them. */
void reference_embedding_forward(void *self, struct place out, enum storage type,
                                 struct weight weight, struct place ids, int64_t tokens);
void reference_embedding_backward(void *self, struct place grad_weight, struct place grad_out,
                                  enum storage type, struct place ids, int64_t tokens,
                                  int64_t vocab, int64_t hidden);
void reference_rmsnorm_forward(void *self, struct place out, struct place rstd, struct place x,
                               enum storage type, struct weight weight, float epsilon,
                               int64_t tokens);
void reference_rmsnorm_backward(void *self, struct place grad_x, enum accumulate accumulate,
                                struct place grad_weight, struct place grad_out, struct place x,
                                struct place rstd, enum storage type, struct weight weight,
                                int64_t tokens);
void reference_linear_forward(void *self, struct place out, enum accumulate accumulate,
                              struct place x, enum storage type, struct weight weight,
                              struct place bias, int64_t tokens);
void reference_linear_backward_input(void *self, struct place grad_x, enum accumulate accumulate,
                                     struct place grad_out, enum storage type, struct weight weight,
                                     int64_t tokens);
void reference_linear_backward_weight(void *self, struct place grad_weight,
                                      enum accumulate accumulate, struct place grad_out,
                                      struct place x, enum storage type, int64_t rows, int64_t cols,
                                      int64_t tokens);
void reference_bias_backward(void *self, struct place grad_bias, struct place grad_out,
                             enum storage type, int64_t tokens, int64_t rows);
void reference_rope(void *self, struct place x, enum storage type, struct place table,
                    struct place positions, int64_t tokens, int heads, int head_dim, bool backward);
void reference_attention_forward(void *self, struct place out, struct place lse, struct place q,
                                 struct place k, struct place v, enum storage type,
                                 struct attention_shape shape, struct documents documents);
void reference_attention_backward(void *self, struct place grad_q, struct place grad_k,
                                  struct place grad_v, struct place grad_out, struct place out,
                                  struct place lse, struct place q, struct place k, struct place v,
                                  enum storage type, struct attention_shape shape,
                                  struct documents documents, struct place workspace);
size_t reference_attention_workspace(void *self, struct attention_shape shape, enum storage type);
void reference_swiglu_forward(void *self, struct place out, struct place gate, struct place up,
                              enum storage type, int64_t count);
void reference_swiglu_backward(void *self, struct place grad_gate, struct place grad_up,
                               struct place grad_out, struct place gate, struct place up,
                               enum storage type, int64_t count);
void reference_add(void *self, struct place out, struct place x, enum storage type, int64_t count);
void reference_scale(void *self, struct place x, enum storage type, float factor, int64_t count);
void reference_add_noise(void *self, struct place x, enum storage type, int64_t hidden,
                         struct documents documents, float alpha, const uint32_t key[2],
                         uint32_t batch);
void reference_head_loss(void *self, struct place loss, struct place grad_x,
                         struct place grad_weight, struct place x, enum storage type,
                         struct weight head, struct targets targets, int64_t tokens, float scale,
                         float z_loss, struct place workspace);
size_t reference_head_workspace(void *self, int64_t tokens, int64_t hidden, int64_t vocab,
                                enum storage type);
void reference_sum_squares(void *self, struct place sum, struct place x, int64_t count);
void reference_adamw(void *self, struct place parameter, enum storage storage, struct place master,
                     struct moments moments, struct place gradient, int64_t count,
                     const struct adamw *settings);
void reference_dequantize(void *self, struct place out, enum storage type, struct weight weight);
void reference_fill_zero(void *self, struct place out, size_t bytes);
void reference_copy(void *self, struct place out, struct place from, size_t bytes);

#endif
