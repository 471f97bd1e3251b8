/* The points that GGUF's IQ types choose from, one a number: eight elements of 2 bits (IQ1, IQ2) or
 * four of 3 bits (IQ3), the first lowest. What a code of an element stands for is its type's
 * (iq_blocks.c). Figures of ggml's ggml-common.h. Internal to core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_IQ_GRIDS_H
#define SPECTRUM_CHECKPOINT_IQ_GRIDS_H

#include <stdint.h>

extern const uint16_t iq1_s_grid[2048], iq2_xxs_grid[256], iq2_xs_grid[512], iq2_s_grid[1024],
    iq3_xxs_grid[256], iq3_s_grid[512];

#endif
