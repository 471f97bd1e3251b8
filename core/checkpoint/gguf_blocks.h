/* GGUF's block-quantised types back to floats. Internal to core/checkpoint.
 *
 * With d and m a block's scale and minimum in fp16, q an element's code, and (K types, 256
 * elements) s and n the scale and the minimum of its group in a few bits:
 *
 *     type    codes      groups      value
 *     Q4_0    4 bits     -           d (q - 8)
 *     Q4_1    4 bits     -           d q + m
 *     Q5_0    5 bits     -           d (q - 16)
 *     Q5_1    5 bits     -           d q + m
 *     Q8_0    8 bits     -           d q
 *     Q2_K    2 bits     16 of 16    (d s) q - m n        s, n: 4 bits
 *     Q3_K    3 bits     16 of 16    (d s) (q - 4)        s: 6 bits, less 32
 *     Q4_K    4 bits     8 of 32     (d s) q - m n        s, n: 6 bits
 *     Q5_K    5 bits     8 of 32     (d s) q - m n        s, n: 6 bits
 *     Q6_K    6 bits     16 of 16    d s (q - 32)         s: 8 bits
 *
 * Layouts: ggml's ggml-common.h. The order of the operations is that of the `gguf` Python package,
 * so that results are equal to the bit.
 */
#ifndef SPECTRUM_CHECKPOINT_GGUF_BLOCKS_H
#define SPECTRUM_CHECKPOINT_GGUF_BLOCKS_H

#include "checkpoint/dtype.h"

/* `count` blocks of a type; out[count * its block_elements]. */
void dequantize(enum dtype dtype, const void *blocks, int64_t count, float *out);

#endif
