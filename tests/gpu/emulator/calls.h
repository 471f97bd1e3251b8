/* What the calls of the emulated runtime share: a host thread's device and its last error, and what
 * was made and not yet given back. */
#ifndef SPECTRUM_TESTS_CALLS_H
#define SPECTRUM_TESTS_CALLS_H

#include <cuda_runtime_api.h>

#include <cstdint>

/* The device that this host thread has set. */
int emulated_device();

/* Notes an error for cudaGetLastError(); returns it. */
cudaError_t emulated_fail(cudaError_t status);

/* One more (or less: -1) of this kind is in use. What is left at exit is written to stderr, and
 * with EMULATED_CUDA_STRICT the process fails. */
void emulated_count(const char *kind, int by);
int64_t emulated_counted(const char *kind);

#endif
