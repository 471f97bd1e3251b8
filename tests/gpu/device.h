/* Device memory for tests: arrays come and go with their contents, everything on one stream. Any
 * failure fails the test. */
#ifndef SPECTRUM_TESTS_GPU_DEVICE_H
#define SPECTRUM_TESTS_GPU_DEVICE_H

#include "test.h"

#include <cuda_runtime_api.h>

#define assert_cuda(status) assert_int_equal(status, cudaSuccess)

static cudaStream_t stream;

/* What all tests of a program share. */
static int stream_setup(void **state)
{
    (void)state;
    return cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess ? 0 : -1;
}

static int stream_teardown(void **state)
{
    (void)state;
    return cudaStreamDestroy(stream) == cudaSuccess ? 0 : -1;
}

static inline void *device_new(size_t bytes)
{
    void *memory = NULL;
    assert_cuda(cudaMalloc(&memory, bytes));
    return memory;
}

/* A copy of `from`. */
static inline void *device_copy(const void *from, size_t bytes)
{
    void *memory = device_new(bytes);
    assert_cuda(cudaMemcpyAsync(memory, from, bytes, cudaMemcpyHostToDevice, stream));
    assert_cuda(cudaStreamSynchronize(stream));
    return memory;
}

/* All work is done when it returns. */
static inline void device_read(void *to, const void *from, size_t bytes)
{
    assert_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream));
    assert_cuda(cudaStreamSynchronize(stream));
}

static inline void device_free(void *memory)
{
    assert_cuda(cudaFree(memory));
}

#endif
