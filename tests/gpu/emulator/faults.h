/* Settings and faults of the emulated devices, from the environment, read at each call.
 *
 *   EMULATED_CUDA_DEVICES     how many there are (1)
 *   EMULATED_CUDA_MEMORY      bytes of each (4 GiB)
 *   EMULATED_CUDA_RATIO       operations in fp32 for one in fp64 (2)
 *   EMULATED_CUDA_HANDLES     cuBLAS handles that there is memory for
 *   EMULATED_CUDA_FAULT       no-driver, old-driver, no-device; busy: no context can be made
 *   EMULATED_CUDA_DIES_AFTER  operations put on streams, counted from when the variable was given
 *                             this value: then the device has fallen off the bus
 *   EMULATED_CUDA_EAGER       operations are carried out when they are put on a stream (stream.h)
 *   EMULATED_CUDA_STRICT      what is still allocated at exit makes the process fail (calls.h)
 */
#ifndef SPECTRUM_TESTS_FAULTS_H
#define SPECTRUM_TESTS_FAULTS_H

#include <cuda_runtime_api.h>

#include <cstdint>

/* The number that a variable holds, `otherwise` where it is not set. */
int64_t setting(const char *name, int64_t otherwise);

/* Devices, or the error of asking for them. */
cudaError_t fault_of_count(int *count);

/* What cudaDriverGetVersion() says. */
int fault_driver_version();

/* Why a call that needs a context fails now; cudaSuccess: it does not. */
cudaError_t fault_of_call();

bool fault_device_is_dead();

/* One more operation was put on a stream. */
void fault_count_operation();

#endif
