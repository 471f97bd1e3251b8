/* Kernels that are wrong, each in its way: the emulator must say so. */
#include "gpu/kernel_launch.h"
#include "misuse.h"

enum { TWO_WARPS = 64 };

/* Half of the block waits for the other, which has gone. */
static __global__ void leaves_a_barrier(int *out)
{
    if (threadIdx.x >= TWO_WARPS / 2)
        return;
    __syncthreads();
    out[threadIdx.x] = 1;
}

/* Nobody ever writes what it waits for. */
static __global__ void waits_for_nobody(int *out)
{
    while (*(volatile int *)out != 1)
        __nanosleep(100);
}

/* The lanes of a warp meet, but not at the same word. */
static __global__ void meets_elsewhere(int *out)
{
    if (threadIdx.x % 2)
        __syncwarp();
    else
        out[threadIdx.x] = __shfl_sync(0xffffffffu, 1, 0);
}

/* Lane 0 reads what lane 1 writes, with nothing between them that says when. */
static __global__ void races(int *out)
{
    SHARED(int, shared, TWO_WARPS);
    shared[threadIdx.x] = (int)threadIdx.x;
    out[threadIdx.x] = shared[(threadIdx.x + 1) % TWO_WARPS];
}

static __global__ void writes_behind(int *out)
{
    out[threadIdx.x + 1] = 1;
}

cudaError_t misuse(enum misuse what, int *out, cudaStream_t stream)
{
    static void (*const kernels[])(int *) = {leaves_a_barrier, waits_for_nobody, meets_elsewhere,
                                             races, writes_behind};
    return LAUNCH(kernels[what], 1, TWO_WARPS, stream, out);
}
