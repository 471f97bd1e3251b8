/* The reference back end's table: the oracle of all others. */
#include "compute/reference/reference.h"

const struct train_ops reference_train_ops = {
    .embedding_forward = reference_embedding_forward,
    .embedding_backward = reference_embedding_backward,
    .rmsnorm_forward = reference_rmsnorm_forward,
    .rmsnorm_backward = reference_rmsnorm_backward,
    .dequantize = reference_dequantize,
    .linear_forward = reference_linear_forward,
    .linear_backward_input = reference_linear_backward_input,
    .linear_backward_weight = reference_linear_backward_weight,
    .bias_backward = reference_bias_backward,
    .rope = reference_rope,
    .attention_forward = reference_attention_forward,
    .attention_backward = reference_attention_backward,
    .attention_workspace = reference_attention_workspace,
    .swiglu_forward = reference_swiglu_forward,
    .swiglu_backward = reference_swiglu_backward,
    .add = reference_add,
    .scale = reference_scale,
    .add_noise = reference_add_noise,
    .head_loss = reference_head_loss,
    .head_workspace = reference_head_workspace,
    .sum_squares = reference_sum_squares,
    .adamw = reference_adamw,
    .fill_zero = reference_fill_zero,
    .copy = reference_copy,
};
