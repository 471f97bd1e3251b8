/* The operations of this folder, a family of them a file: linear.c (with embeddings), pointwise.c
 * (with norms), attention.c, head.c, optimizers.c, dequantize.c; operations.c makes the table. What
 * is not quick here, odd shapes and types, the reference computes. */
#ifndef SPECTRUM_COMPUTE_CPU_TRAIN_OPERATIONS_H
#define SPECTRUM_COMPUTE_CPU_TRAIN_OPERATIONS_H

#include "compute/cpu/level.h"
#include "compute/host.h"

/* All that this level computes, singular values, too. */
extern const struct host_operations CPU(operations);

op_function CPU(embedding_forward), CPU(embedding_backward), CPU(rmsnorm_forward),
    CPU(rmsnorm_backward), CPU(dequantize), CPU(linear_forward), CPU(linear_backward_input),
    CPU(linear_backward_weight), CPU(bias_backward), CPU(rope), CPU(attention_forward),
    CPU(attention_backward), CPU(swiglu_forward), CPU(swiglu_backward), CPU(add), CPU(scale),
    CPU(add_noise), CPU(head_loss), CPU(sum_squares), CPU(adamw), CPU(lion), CPU(muon),
    CPU(fill_zero), CPU(copy);

size_t CPU(attention_workspace)(const struct op_attention_backward *a);
size_t CPU(head_workspace)(const struct op_head_loss *a);
size_t CPU(muon_workspace)(const struct op_muon *a);

#endif
