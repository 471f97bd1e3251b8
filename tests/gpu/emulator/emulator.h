/* The words of CUDA C++ that the kernels use, for a processor: included before each .cu file, which
 * g++ then compiles as C++. schedule.cpp runs the threads, stream.h says when.
 *
 * Environment, read at each launch:
 *   EMULATED_CUDA_RESIDENT  blocks of a launch that run at once and take turns (4)
 *   EMULATED_CUDA_SEED      if above 0, chance says which thread goes on wherever one waits, and
 *                           threads are interrupted at loads and stores that name a cache, fences
 *                           and atomics: what two orders disagree on is a race
 */
#ifndef SPECTRUM_TESTS_EMULATOR_H
#define SPECTRUM_TESTS_EMULATOR_H

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>

#undef __global__
#undef __device__
#undef __launch_bounds__
#define __global__
#define __device__
#define __launch_bounds__(...)

/* --- starting kernels --- */

/* Puts the launch on the stream; each of its threads calls body. */
cudaError_t emulated_launch(const char *name, dim3 blocks, dim3 threads, cudaStream_t stream,
                            std::function<void()> check, std::function<void()> body);

/* A pointer that a kernel is given lies in memory that a device sees, or is NULL; else this ends
 * the process. */
void emulated_check_argument(const char *kernel, const void *pointer);

template <class T> void emulated_check(const char *, const T &)
{
}

template <class T> void emulated_check(const char *kernel, T *const &pointer)
{
    emulated_check_argument(kernel, pointer);
}

/* Arguments are copied when a kernel is launched, as the device's driver does. */
template <class... P, class... A>
cudaError_t emulated_call(const char *name, void (*kernel)(P...), dim3 blocks, dim3 threads,
                          cudaStream_t stream, A... arguments)
{
    std::tuple<P...> values(static_cast<P>(arguments)...);
    auto check = [=] { std::apply([&](P... each) { (emulated_check(name, each), ...); }, values); };
    return emulated_launch(name, blocks, threads, stream, check,
                           [=] { std::apply(kernel, values); });
}

/* Like kernel_launch.h's: what came of starting it, or of a call before. */
#define LAUNCH(kernel, blocks, threads, stream, ...)                                               \
    (emulated_call(#kernel, kernel, dim3(blocks), dim3(threads), stream, __VA_ARGS__),             \
     cudaGetLastError())

/* --- where a thread is --- */

struct emulated_place {
    dim3 thread, block, block_size, grid_size;
};

extern __thread const struct emulated_place *emulated_here;

#define threadIdx (emulated_here->thread)
#define blockIdx (emulated_here->block)
#define blockDim (emulated_here->block_size)
#define gridDim (emulated_here->grid_size)

/* --- what a block shares --- */

/* The running block's memory of this key, which is all NaN at first. */
void *emulated_shared(const void *key, size_t bytes);

#define SHARED(type, name, count)                                                                  \
    static const char emulated_key_of_##name = 0;                                                  \
    type(&name)[count] =                                                                           \
        *(type(*)[count])emulated_shared(&emulated_key_of_##name, sizeof(type) * (count))

/* --- waiting for one another --- */

void __syncthreads();
void __syncwarp(unsigned mask = 0xffffffffu);
void __nanosleep(unsigned nanoseconds);
void __threadfence();

inline void fence_device()
{
    __threadfence();
}

/* `bits` of lane `source`, which must have come to the same word with the same mask. */
uint64_t emulated_shuffle(unsigned mask, uint64_t bits, int source);
int emulated_lane();

template <class T> T __shfl_sync(unsigned mask, T value, int source)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "a shuffle moves up to 8 bytes");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = emulated_shuffle(mask, bits, source & 31);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

template <class T> T __shfl_xor_sync(unsigned mask, T value, int lanes)
{
    return __shfl_sync(mask, value, emulated_lane() ^ lanes);
}

/* --- memory --- */

/* Where another thread may come in between, if chance says so. */
void emulated_interrupt();

template <class T> T __ldcg(const T *from)
{
    emulated_interrupt();
    return *from;
}

template <class T> void __stcg(T *to, T value)
{
    emulated_interrupt();
    *to = value;
}

/* One thread of a launch runs at a time, but launches of several streams may share an address. */
template <class T> T atomicAdd(T *to, T value)
{
    emulated_interrupt();
    return __atomic_fetch_add(to, value, __ATOMIC_SEQ_CST);
}

template <class T> T atomicOr(T *to, T value)
{
    emulated_interrupt();
    return __atomic_fetch_or(to, value, __ATOMIC_SEQ_CST);
}

inline unsigned __float_as_uint(float value)
{
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

#endif
