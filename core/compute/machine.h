/* The processor, as far as results and speed depend on it. */
#ifndef SPECTRUM_COMPUTE_MACHINE_H
#define SPECTRUM_COMPUTE_MACHINE_H

#include "base/error.h"

#include <stdbool.h>

/* The widest instruction set in use: "amx-bf16", "avx512-bf16", "avx512", "avx2", "sse2", or
 * "portable" on other processors. */
const char *machine_instructions(void);

/* Are bf16 products faster than fp32 ones here? */
bool machine_has_bf16(void);

/* The threads that a back end uses when this many are asked for; 0: all cores, or as many threads
 * as this process may start. */
int machine_threads(int asked);

/* An error where so many cannot be started. */
int machine_check_threads(int asked, struct error *err);

#endif
