/* The CUDA runtime but for streams and events (stream.cpp): devices, memory, copies, errors. */
#include "calls.h"
#include "failure.h"
#include "faults.h"
#include "memory.h"
#include "stream.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <unistd.h>

static thread_local int current_device;
static thread_local cudaError_t last_error;

int emulated_device()
{
    return current_device;
}

cudaError_t emulated_fail(cudaError_t status)
{
    if (status != cudaSuccess)
        last_error = status;
    return status;
}

/* --- what was not given back --- */

struct counts {
    std::mutex guard;
    std::map<std::string, int64_t> of;
};

static struct counts &counts()
{
    static struct counts &counts = *new struct counts;
    return counts;
}

void emulated_count(const char *kind, int by)
{
    std::lock_guard<std::mutex> lock(counts().guard);
    counts().of[kind] += by;
}

int64_t emulated_counted(const char *kind)
{
    std::lock_guard<std::mutex> lock(counts().guard);
    return counts().of[kind];
}

static struct report {
    ~report()
    {
        bool left = false;
        for (const auto &entry : counts().of)
            if (entry.second != 0) {
                std::fprintf(stderr, "emulated CUDA: %lld %s left at exit\n",
                             (long long)entry.second, entry.first.c_str());
                left = true;
            }
        std::fflush(NULL);
        if (left && setting("EMULATED_CUDA_STRICT", 0))
            _exit(1);
    }
} report;

/* --- devices --- */

cudaError_t cudaGetDeviceCount(int *count)
{
    cudaError_t status = fault_of_count(count);
    if (status == cudaSuccess && fault_device_is_dead())
        status = cudaErrorUnknown;
    return emulated_fail(status);
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = fault_driver_version();
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}

/* cudaSuccess if there is a device of this number. */
static cudaError_t check_device(int device)
{
    int count;
    cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess)
        return status;
    return emulated_fail(device >= 0 && device < count ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaSetDevice(int device)
{
    cudaError_t status = check_device(device);
    if (status == cudaSuccess)
        status = emulated_fail(fault_of_call());
    if (status == cudaSuccess)
        current_device = device;
    return status;
}

cudaError_t cudaSetDeviceFlags(unsigned)
{
    return emulated_fail(fault_of_call());
}

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attributes, const void *)
{
    *attributes = cudaFuncAttributes{};
    return emulated_fail(fault_of_call());
}

cudaError_t cudaGetDevice(int *device)
{
    *device = current_device;
    return check_device(current_device);
}

static size_t device_bytes()
{
    return (size_t)setting("EMULATED_CUDA_MEMORY", (int64_t)4 << 30);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *out, int device)
{
    cudaError_t status = check_device(device);
    if (status != cudaSuccess)
        return status;
    std::memset(out, 0, sizeof *out);
    std::strcpy(out->name, "Emulated GPU");
    out->totalGlobalMem = device_bytes();
    out->sharedMemPerBlock = 48 * 1024;
    out->warpSize = 32;
    out->maxThreadsPerBlock = 1024;
    out->major = 9;
    out->multiProcessorCount = 4;
    out->unifiedAddressing = 1;
    out->pciBusID = device + 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device)
{
    struct cudaDeviceProp properties;
    cudaError_t status = cudaGetDeviceProperties(&properties, device);
    if (status != cudaSuccess)
        return status;
    switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
        *value = properties.major;
        break;
    case cudaDevAttrComputeCapabilityMinor:
        *value = properties.minor;
        break;
    case cudaDevAttrMultiProcessorCount:
        *value = properties.multiProcessorCount;
        break;
    case cudaDevAttrMaxThreadsPerBlock:
        *value = properties.maxThreadsPerBlock;
        break;
    case cudaDevAttrWarpSize:
        *value = properties.warpSize;
        break;
    case cudaDevAttrSingleToDoublePrecisionPerfRatio:
        *value = (int)setting("EMULATED_CUDA_RATIO", 2);
        break;
    case cudaDevAttrComputeMode:
        *value = cudaComputeModeDefault;
        break;
    default:
        emulated_abort("device attribute %d is not emulated", (int)attribute);
    }
    return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *out, int length, int device)
{
    cudaError_t status = check_device(device);
    if (status == cudaSuccess)
        std::snprintf(out, (size_t)length, "0000:%02X:00.0", device + 1);
    return status;
}

/* --- memory --- */

cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
    cudaError_t status = fault_of_call();
    if (status != cudaSuccess)
        return emulated_fail(status);
    size_t used = memory_used(current_device);
    *total = device_bytes();
    *free = used < *total ? *total - used : 0;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **out, size_t bytes)
{
    cudaError_t status = fault_of_call();
    *out = NULL;
    if (status != cudaSuccess)
        return emulated_fail(status);
    if (bytes == 0)
        return cudaSuccess;
    *out = memory_take(current_device, bytes);
    return emulated_fail(*out ? cudaSuccess : cudaErrorMemoryAllocation);
}

/* Waits for the device, as the real one does. Memory of a dead device is given back, too: what is
 * left at exit is then what the program forgot. */
static cudaError_t free_with(bool (*give_back)(void *), void *pointer)
{
    cudaError_t status = emulated_fail(fault_of_call());
    if (!pointer)
        return status;
    stream_run_all(current_device);
    if (!give_back(pointer))
        emulated_abort("%p is freed, but not allocated", pointer);
    return status;
}

cudaError_t cudaFree(void *pointer)
{
    return free_with(memory_give_back, pointer);
}

cudaError_t cudaFreeHost(void *pointer)
{
    return free_with(memory_give_back_pinned, pointer);
}

cudaError_t cudaMallocHost(void **out, size_t bytes)
{
    return cudaHostAlloc(out, bytes, cudaHostAllocDefault);
}

cudaError_t cudaHostAlloc(void **out, size_t bytes, unsigned)
{
    cudaError_t status = fault_of_call();
    *out = NULL;
    if (status == cudaSuccess && !(*out = memory_take_pinned(bytes)))
        status = cudaErrorMemoryAllocation;
    return emulated_fail(status);
}

/* --- copies --- */

static void check_end(int device, bool on_device, const void *from, size_t bytes, const char *who)
{
    if (on_device)
        memory_check(device, from, bytes, who);
    else
        memory_check_host(from, bytes, who);
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream)
{
    if (kind != cudaMemcpyHostToDevice && kind != cudaMemcpyDeviceToHost &&
        kind != cudaMemcpyDeviceToDevice)
        emulated_abort("a copy of kind %d is not emulated", (int)kind);
    if (width > to_pitch || width > from_pitch)
        return emulated_fail(cudaErrorInvalidPitchValue);
    if (height > 1 && (to_pitch > INT32_MAX || from_pitch > INT32_MAX)) /* a device's memPitch */
        return emulated_fail(cudaErrorInvalidValue);
    int device = stream_device(stream);
    if (width == 0 || height == 0)
        return emulated_fail(fault_of_call());
    auto check = [=] {
        check_end(device, kind != cudaMemcpyDeviceToHost, to, (height - 1) * to_pitch + width,
                  "the target of a copy");
        check_end(device, kind != cudaMemcpyHostToDevice, from, (height - 1) * from_pitch + width,
                  "the source of a copy");
    };
    check();
    return stream_put(stream, [=] {
        check();
        for (size_t i = 0; i < height; i++)
            std::memcpy((char *)to + i * to_pitch, (const char *)from + i * from_pitch, width);
    });
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    int device = stream_device(stream);
    memory_check(device, to, bytes, "a memset");
    return stream_put(stream, [=] {
        memory_check(device, to, bytes, "a memset");
        std::memset(to, value, bytes);
    });
}

/* --- errors --- */

cudaError_t cudaPeekAtLastError(void)
{
    return fault_device_is_dead() ? cudaErrorUnknown : last_error;
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t status = cudaPeekAtLastError();
    last_error = cudaSuccess;
    return status;
}

/* The errors that the emulated devices give. */
static const struct {
    cudaError_t status;
    const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInvalidPitchValue, "cudaErrorInvalidPitchValue", "invalid pitch argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorDevicesUnavailable, "cudaErrorDevicesUnavailable",
     "CUDA-capable device(s) is/are busy or unavailable"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const char *cudaGetErrorName(cudaError_t status)
{
    for (const auto &error : errors)
        if (error.status == status)
            return error.name;
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t status)
{
    for (const auto &error : errors)
        if (error.status == status)
            return error.text;
    return "unrecognized error code";
}
