/* A back end that dies, or says so, where its caller or its operations break the rules: for tests.
 *
 *   - Its buffers can be neither read nor written outside of operations, read() and write(), as on
 *     a GPU: code that would only work on the CPU is killed by SIGSEGV.
 *   - Inside of an operation only the buffers of its tensors are open, and those that it only reads
 *     (op_info) cannot be written.
 *   - A tensor that must be there and is not, that does not lie within its buffer, or whose shape
 *     does not go with the others' (op_misfit), is reported by wait(), and the operation is left
 *     out.
 */
#ifndef SPECTRUM_COMPUTE_WRAPPERS_CHECKED_H
#define SPECTRUM_COMPUTE_WRAPPERS_CHECKED_H

#include "compute/backend.h"

/* Around a back end over host memory (host.h), which it owns from then on; where it fails, that is
 * closed. */
int checked_backend_new(struct backend **out, struct backend *below, struct error *err);

#endif
