/* Which tensors of a safetensors or PyTorch checkpoint belong together as a quantiser stored them:
 * found by their names and types, held against their shapes, and made into one tensor each
 * (composed.h). Codes that are not understood stay in the table as they are, of a type that cannot
 * be read, each with the reason (tensor_info.refusal), and a note says what to do.
 *
 *     quantizer_fp8.c    X of 8-bit floats, X_scale_inv, X_scale or X_weight_scale
 *     quantizer_mlx.c    X.weight of packed codes, X.scales, X.biases
 *     quantizer_bnb.c    X of 4-bit codes, X.absmax, X.quant_map, X.quant_state.bitsandbytes__nf4;
 *                        X.weight of int8, X.SCB
 *     quantizer_mxfp4.c  X_blocks, X_scales
 *     quantizer_fp4.c    X_packed, X_scale, X_global_scale; or X, X_scale, X_scale_2; or X,
 *                        X_weight_scale, X_weight_scale_2
 *     quantizer_int.c    X of int8, X_scale; or X_packed, X_scale, X_shape
 *
 * Internal to core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_COMPOSE_H
#define SPECTRUM_CHECKPOINT_COMPOSE_H

#include "checkpoint/tensor_table.h"

/* Once all tensors and the metadata are there. */
int compose(struct checkpoint *checkpoint, struct error *err);

#endif
