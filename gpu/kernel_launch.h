/* How kernels are started and declared: nvcc's own words, which the emulator of the tests
 * (tests/gpu/emulator) gives another meaning. For .cu files. */
#ifndef SPECTRUM_GPU_KERNEL_LAUNCH_H
#define SPECTRUM_GPU_KERNEL_LAUNCH_H

#include <cuda_runtime.h>

#ifndef LAUNCH
/* kernel<<<...>>>(arguments), and what came of starting it. */
#define LAUNCH(kernel, blocks, threads, stream, ...)                                               \
    (kernel<<<(blocks), (threads), 0, (stream)>>>(__VA_ARGS__), cudaGetLastError())
/* An array that the threads of a block share. */
#define SHARED(type, name, count) __shared__ type name[count]

/* A release where a store that tells follows, an acquire after a load that was told, among all
 * threads of the device. That is all they need: __threadfence() also puts the device's fences into
 * one order, and waits longer for it. */
static inline __device__ void fence_device(void)
{
    asm volatile("fence.acq_rel.gpu;" ::: "memory");
}
#endif

/* Blocks of `threads` that have a thread for each of `count`. */
static inline unsigned blocks_for(int64_t count, int64_t threads)
{
    return (unsigned)((count + threads - 1) / threads);
}

#endif
