/* The processor, as far as results and speed depend on it. */
#ifndef SPECTRUM_COMPUTE_MACHINE_H
#define SPECTRUM_COMPUTE_MACHINE_H

#include <stdbool.h>

/* The widest instruction set in use: "amx-bf16", "avx512-bf16", "avx512", "avx2", "sse2", or
 * "portable" on other processors. */
const char *machine_instructions(void);

/* Are bf16 products faster than fp32 ones here? */
bool machine_has_bf16(void);

/* The threads that a back end uses when this many are asked for; 0: all cores. */
int machine_threads(int asked);

#endif
