/* The reference back end: its table of operations, what they need of a workspace, and its
 * making. */
#include "compute/reference/reference.h"

op_function *const reference_ops[OP_COUNT] = {
    [OP_EMBEDDING_FORWARD] = reference_embedding_forward,
    [OP_EMBEDDING_BACKWARD] = reference_embedding_backward,
    [OP_RMSNORM_FORWARD] = reference_rmsnorm_forward,
    [OP_RMSNORM_BACKWARD] = reference_rmsnorm_backward,
    [OP_DEQUANTIZE] = reference_dequantize,
    [OP_LINEAR_FORWARD] = reference_linear_forward,
    [OP_LINEAR_BACKWARD_INPUT] = reference_linear_backward_input,
    [OP_LINEAR_BACKWARD_WEIGHT] = reference_linear_backward_weight,
    [OP_BIAS_BACKWARD] = reference_bias_backward,
    [OP_ROPE] = reference_rope,
    [OP_ATTENTION_FORWARD] = reference_attention_forward,
    [OP_ATTENTION_BACKWARD] = reference_attention_backward,
    [OP_SWIGLU_FORWARD] = reference_swiglu_forward,
    [OP_SWIGLU_BACKWARD] = reference_swiglu_backward,
    [OP_ADD] = reference_add,
    [OP_SCALE] = reference_scale,
    [OP_ADD_NOISE] = reference_add_noise,
    [OP_HEAD_LOSS] = reference_head_loss,
    [OP_SUM_SQUARES] = reference_sum_squares,
    [OP_ADAMW] = reference_adamw,
    [OP_LION] = reference_lion,
    [OP_MUON] = reference_muon,
    [OP_FILL_ZERO] = reference_fill_zero,
    [OP_COPY] = reference_copy,
};

size_t reference_workspace(void *self, const struct op_call *call)
{
    (void)self;
    switch (call->op) {
    case OP_ATTENTION_BACKWARD:
        return reference_attention_workspace(&call->attention_backward);
    case OP_HEAD_LOSS:
        return reference_head_workspace(&call->head_loss);
    case OP_MUON:
        return reference_muon_workspace(&call->muon);
    default:
        return 0;
    }
}

int reference_backend_new(struct backend **out, struct error *err)
{
    const struct host_operations operations = {reference_ops, reference_workspace,
                                               &reference_spectra_ops};
    return host_backend_new(out, "reference", &operations, 1, err);
}
