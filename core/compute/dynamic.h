/* The 8-bit dynamic data type (Dettmers, "8-bit approximations for parallelism in deep learning",
 * arXiv 1511.04561): 256 values of which seven decades of magnitudes share the codes, the largest
 * decade with the most of them. Of bitsandbytes' two maps the signed one holds a first moment and
 * NF4's block scales, the unsigned one a second moment.
 */
#ifndef SPECTRUM_COMPUTE_DYNAMIC_H
#define SPECTRUM_COMPUTE_DYNAMIC_H

#include "base/number.h"

#include <stdint.h>

enum dynamic_map { DYNAMIC_SIGNED, DYNAMIC_UNSIGNED };

/* Values a block. DYNAMIC_CODES: values of a map. */
enum { DYNAMIC_BLOCK = 256, DYNAMIC_CODES = 256 };

/* Magnitudes 2^-23 to 1, the upper 16 bits of a float each, are what the nearest code is looked up
 * by: as fine as the densest part of either map, so that no bucket has two boundaries in it. */
enum { DYNAMIC_MIN = 0x3400, DYNAMIC_MAX = 0x3F80 };
enum { DYNAMIC_BUCKETS = DYNAMIC_MAX - DYNAMIC_MIN + 1 };

struct dynamic_codes {
    float values[DYNAMIC_CODES];        /* ascending */
    float bounds[DYNAMIC_CODES];        /* between code i and i + 1, in the middle; then infinity */
    int32_t first[2 * DYNAMIC_BUCKETS]; /* code of a bucket's least value; then of the negative */
};

/* A map, made at the first call. Thread-safe. */
const struct dynamic_codes *dynamic_codes(enum dynamic_map map);

/* The code of the value that is nearest to x, a number from -1 to 1; of two equally near the lower.
 * What is not in this range, or no number, gets some code. */
static inline int32_t dynamic_nearest(const struct dynamic_codes *codes, float x)
{
    uint32_t bits = float_bits(x);
    int32_t bucket = (int32_t)(bits >> 16 & 0x7FFFu);
    bucket = bucket < DYNAMIC_MIN ? 0 : bucket - DYNAMIC_MIN;
    bucket = bucket < DYNAMIC_BUCKETS ? bucket : DYNAMIC_BUCKETS - 1;
    int32_t code = codes->first[bucket + (int32_t)(bits >> 31) * DYNAMIC_BUCKETS];
    return code + (x > codes->bounds[code]);
}

/* The least divisor of a block: what keeps its reciprocal finite (bitsandbytes has the same). */
#define DYNAMIC_TINY 1e-38f

/* Quantises one block of `count` <= DYNAMIC_BLOCK values: codes[count], *absmax its scale.
 * value = values[code] * absmax. As in bitsandbytes' own Python implementation, and so to the bit,
 * a full block is multiplied by the scale's reciprocal, and a short one divided by a scale of at
 * least DYNAMIC_TINY. (Its C++ for processors rounds to a grid of 65536 before it looks for the
 * nearest.)
 */
void dynamic_quantize(uint8_t *codes, float *absmax, enum dynamic_map map, const float *values,
                      int64_t count);

#endif
