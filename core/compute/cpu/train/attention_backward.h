/* The backward pass of attention on tiles of fp32. */
#ifndef SPECTRUM_COMPUTE_CPU_TRAIN_ATTENTION_BACKWARD_H
#define SPECTRUM_COMPUTE_CPU_TRAIN_ATTENTION_BACKWARD_H

#include "compute/cpu/train/attention_tiles.h"

/* The gradients from q, k, v, out, grad_out, lse and delta; `workspace`: that
 * many bytes. */
void CPU(attention_backward_f32)(const struct attention *at, void *grad_q, void *grad_k,
                                 void *grad_v, float *workspace, int threads);
size_t CPU(attention_backward_f32_workspace)(struct attention_shape shape, enum storage type);

#endif
