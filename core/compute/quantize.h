/* Block-wise quantised weights, made on the host when a model is loaded. The layouts are enum
 * storage's (tensor.h).
 */
#ifndef SPECTRUM_COMPUTE_QUANTIZE_H
#define SPECTRUM_COMPUTE_QUANTIZE_H

#include "compute/dynamic.h"
#include "compute/op.h"

/* The 4-bit NormalFloat's values, ascending (QLoRA, appendix E). */
extern const float nf4_values[16];

/* Quantises `count` >= 1 finite values to STORAGE_INT8 or STORAGE_NF4; data and scales have
 * storage_bytes(), scales aligned to 4.
 *
 * INT8: code = nearest even integer of x / absmax * 127.
 * NF4: code = the nearest of nf4_values[] to x / absmax, of two equally near the lower. The scales
 * are bitsandbytes' to the bit but for the offset, the mean of the blocks' absmax: here it is
 * rounded once, while torch.mean's last place depends on the machine. */
void quantize_weight(void *data, void *scales, enum storage storage, const float *values,
                     int64_t count);

#endif
