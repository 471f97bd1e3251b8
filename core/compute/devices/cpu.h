/* The CPU back end: the widest level of its operations that the processor has, oneDNN for products.
 */
#ifndef SPECTRUM_COMPUTE_DEVICES_CPU_H
#define SPECTRUM_COMPUTE_DEVICES_CPU_H

#include "compute/backend.h"

/* `level`: "avx512", "avx2", "base"; NULL: the widest. One that the processor lacks is an error. */
int cpu_backend_new(struct backend **out, const char *level, int threads, struct error *err);

#endif
