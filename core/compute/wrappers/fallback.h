/* A back end that has all operations, whatever the one below lacks: what is not there runs on the
 * reference, in host memory. The call's tensors are copied there, and what it wrote copied back;
 * slow, the same result, and counted (backend.h, struct op_fallback), so that it can be said. */
#ifndef SPECTRUM_COMPUTE_WRAPPERS_FALLBACK_H
#define SPECTRUM_COMPUTE_WRAPPERS_FALLBACK_H

#include "compute/backend.h"

/* Puts it around *backend where that can hold tensors and lacks an operation; else leaves it as it
 * is. Where it fails *backend is closed, and NULL. */
int fallback_complete(struct backend **backend, struct error *err);

#endif
