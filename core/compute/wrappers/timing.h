/* A back end that measures: how often each operation was called, and how long it took, waited for.
 * Where operations are asynchronous they no longer overlap, so their sum is more than a step. */
#ifndef SPECTRUM_COMPUTE_WRAPPERS_TIMING_H
#define SPECTRUM_COMPUTE_WRAPPERS_TIMING_H

#include "compute/backend.h"

struct op_time {
    uint64_t calls;
    double seconds;
};

/* Around a back end, which it owns from then on; where it fails, that is closed. */
int timing_backend_new(struct backend **out, struct backend *below, struct error *err);

/* Since it was made or cleared, [OP_COUNT]; valid while it is open. */
const struct op_time *timing_of(const struct backend *timing);
void timing_clear(struct backend *timing);

#endif
