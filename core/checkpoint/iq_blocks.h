/* GGUF's types whose codes choose points: of a grid (IQ1, IQ2, IQ3), of a table (IQ4, MXFP4), or -1,
 * 0, 1 (TQ). Each function takes one block's bytes to its elements, as those of tensor_info.c do,
 * with the order of operations of the `gguf` Python package. Internal to core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_IQ_BLOCKS_H
#define SPECTRUM_CHECKPOINT_IQ_BLOCKS_H

#include <stdint.h>

typedef void block_reader(const uint8_t *b, float *out);
block_reader block_iq1_s, block_iq1_m, block_iq2_xxs, block_iq2_xs, block_iq2_s, block_iq3_xxs,
    block_iq3_s, block_iq4_nl, block_iq4_xs, block_tq1_0, block_tq2_0, block_mxfp4;

#endif
