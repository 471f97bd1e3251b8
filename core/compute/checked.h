/* The CPU back end with buffers that can be neither read nor written outside operations, read() and
 * write(), as on a GPU: code that would only work on the CPU dies here. For tests. */
#ifndef SPECTRUM_COMPUTE_CHECKED_H
#define SPECTRUM_COMPUTE_CHECKED_H

#include "compute/backend.h"

int guard_backend_new(struct backend **out, int threads, struct error *err);

#endif
