/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). The same (key, counter) gives the same four words on every machine, in any
 * order and on any thread: what makes stochastic rounding and shuffles resume to the bit.
 *
 * There is no global generator. Who needs a number at a place (element i
 * of step t) makes the place the counter and calls random_philox(); who draws in order keeps a
 * stream, and what a resume has to save of it is its position. */
#ifndef SPECTRUM_BASE_RANDOM_H
#define SPECTRUM_BASE_RANDOM_H

#include <stdint.h>

/* Four words of 32 bits: a bijection of the counter for each key. */
void random_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* A stream for code that draws one number after another; its whole state is these two fields. */
struct random_stream {
    uint64_t seed;
    uint64_t position; /* words drawn so far */
};

uint32_t random_u32(struct random_stream *stream);
uint32_t random_below(struct random_stream *stream, uint32_t bound); /* unbiased, bound >= 1 */
double random_uniform(struct random_stream *stream);                 /* [0, 1), 53 bits */
double random_normal(struct random_stream *stream);                  /* Box-Muller, mean 0, var 1 */

#endif
