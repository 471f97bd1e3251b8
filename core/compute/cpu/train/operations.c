/* The table of this level's operations. */
#include "compute/cpu/level.h"

const struct train_ops CPU(train_ops) = {
    .embedding_forward = CPU(embedding_forward),
    .embedding_backward = CPU(embedding_backward),
    .rmsnorm_forward = CPU(rmsnorm_forward),
    .rmsnorm_backward = CPU(rmsnorm_backward),
    .dequantize = CPU(dequantize),
    .linear_forward = CPU(linear_forward),
    .linear_backward_input = CPU(linear_backward_input),
    .linear_backward_weight = CPU(linear_backward_weight),
    .bias_backward = CPU(bias_backward),
    .rope = CPU(rope),
    .attention_forward = CPU(attention_forward),
    .attention_backward = CPU(attention_backward),
    .attention_workspace = CPU(attention_workspace),
    .swiglu_forward = CPU(swiglu_forward),
    .swiglu_backward = CPU(swiglu_backward),
    .add = CPU(add),
    .scale = CPU(scale),
    .add_noise = CPU(add_noise),
    .head_loss = CPU(head_loss),
    .head_workspace = CPU(head_workspace),
    .sum_squares = CPU(sum_squares),
    .adamw = CPU(adamw),
    .fill_zero = CPU(fill_zero),
    .copy = CPU(copy),
};
