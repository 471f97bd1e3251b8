/* Both passes of attention on tiles of bf16, at levels of instructions that multiply those. */
#ifndef SPECTRUM_COMPUTE_CPU_TRAIN_ATTENTION_BF16_H
#define SPECTRUM_COMPUTE_CPU_TRAIN_ATTENTION_BF16_H

#include "compute/cpu/train/attention_tiles.h"

/* A tile of queries of one head; for the backward pass delta is filled. */
void CPU(attention_forward_tile_bf16)(const struct attention *at, void *out, struct tile queries,
                                      int head);
void CPU(attention_backward_bf16)(const struct attention *at, void *grad_q, void *grad_k,
                                  void *grad_v, int threads);

/* Are they there, and of use? */
static inline bool multiplies_bf16(enum storage type)
{
#ifdef __AVX512BF16__
    return type == STORAGE_BF16;
#else
    (void)type;
    return false;
#endif
}

#endif
