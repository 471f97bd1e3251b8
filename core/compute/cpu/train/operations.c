/* Which function computes which operation at this level of instructions. */
#include "compute/cpu/train/operations.h"

#include "compute/cpu/spectra/stages.h"

static op_function *const table[OP_COUNT] = {
    [OP_EMBEDDING_FORWARD] = CPU(embedding_forward),
    [OP_EMBEDDING_BACKWARD] = CPU(embedding_backward),
    [OP_RMSNORM_FORWARD] = CPU(rmsnorm_forward),
    [OP_RMSNORM_BACKWARD] = CPU(rmsnorm_backward),
    [OP_DEQUANTIZE] = CPU(dequantize),
    [OP_LINEAR_FORWARD] = CPU(linear_forward),
    [OP_LINEAR_BACKWARD_INPUT] = CPU(linear_backward_input),
    [OP_LINEAR_BACKWARD_WEIGHT] = CPU(linear_backward_weight),
    [OP_BIAS_BACKWARD] = CPU(bias_backward),
    [OP_ROPE] = CPU(rope),
    [OP_ATTENTION_FORWARD] = CPU(attention_forward),
    [OP_ATTENTION_BACKWARD] = CPU(attention_backward),
    [OP_SWIGLU_FORWARD] = CPU(swiglu_forward),
    [OP_SWIGLU_BACKWARD] = CPU(swiglu_backward),
    [OP_ADD] = CPU(add),
    [OP_SCALE] = CPU(scale),
    [OP_ADD_NOISE] = CPU(add_noise),
    [OP_HEAD_LOSS] = CPU(head_loss),
    [OP_SUM_SQUARES] = CPU(sum_squares),
    [OP_ADAMW] = CPU(adamw),
    [OP_LION] = CPU(lion),
    [OP_MUON] = CPU(muon),
    [OP_FILL_ZERO] = CPU(fill_zero),
    [OP_COPY] = CPU(copy),
};

static size_t workspace(void *self, const struct op_call *call)
{
    (void)self;
    switch (call->op) {
    case OP_ATTENTION_BACKWARD:
        return CPU(attention_workspace)(&call->attention_backward);
    case OP_HEAD_LOSS:
        return CPU(head_workspace)(&call->head_loss);
    case OP_MUON:
        return CPU(muon_workspace)(&call->muon);
    default:
        return 0;
    }
}

const struct host_operations CPU(operations) = {table, workspace, &CPU(spectra_ops)};
