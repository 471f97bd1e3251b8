/* NEFTune's noise (op.h, op_add_noise), which all back ends draw alike. Internal to core/compute.
 */
#ifndef SPECTRUM_COMPUTE_NEFTUNE_H
#define SPECTRUM_COMPUTE_NEFTUNE_H

#include "base/random.h"

#include <math.h>

/* The last counter word: no other draw with the same key has it. */
#define NOISE_STREAM 0x4E4F4953u

/* The most that is added to one of a document's `elements`, tokens times hidden. */
static inline float noise_size(float alpha, int64_t elements)
{
    return (float)((double)alpha / sqrt((double)elements));
}

/* Uniform in [-1, 1): the top 24 bits of the element's own word. */
static inline float noise_of(const uint32_t key[2], uint32_t batch, int64_t element)
{
    uint32_t words[4],
        counter[4] = {(uint32_t)(element / 4), (uint32_t)(element / 4 >> 32), batch, NOISE_STREAM};
    random_philox(key, counter, words);
    return (float)(words[element % 4] >> 8) * 0x1p-23f - 1;
}

#endif
