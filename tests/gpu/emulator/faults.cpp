#include "faults.h"
#include "failure.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

void emulated_abort(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    std::fputs("emulated CUDA: ", stderr);
    std::vfprintf(stderr, format, arguments);
    std::fputs("\n", stderr);
    va_end(arguments);
    std::abort();
}

int64_t setting(const char *name, int64_t otherwise)
{
    const char *value = std::getenv(name);
    return value && *value ? std::strtoll(value, NULL, 10) : otherwise;
}

static bool fault_is(const char *name)
{
    const char *value = std::getenv("EMULATED_CUDA_FAULT");
    return value && std::strcmp(value, name) == 0;
}

/* --- a device that dies --- */

/* Never destroyed: threads may still make calls while the process ends. */
static std::mutex &guard = *new std::mutex;
static std::string &limit_counted_for = *new std::string;
static int64_t operations;

/* Operations left, or -1 without end. Under guard. */
static int64_t operations_left()
{
    const char *limit = std::getenv("EMULATED_CUDA_DIES_AFTER");
    if (limit_counted_for != (limit ? limit : "")) {
        limit_counted_for = limit ? limit : "";
        operations = 0;
    }
    if (!limit || !*limit)
        return -1;
    int64_t left = std::strtoll(limit, NULL, 10) - operations;
    return left > 0 ? left : 0;
}

bool fault_device_is_dead()
{
    std::lock_guard<std::mutex> lock(guard);
    return operations_left() == 0;
}

void fault_count_operation()
{
    std::lock_guard<std::mutex> lock(guard);
    operations_left(); /* begins to count anew if it must */
    operations++;
}

/* --- what calls answer --- */

cudaError_t fault_of_count(int *count)
{
    *count = 0;
    if (fault_is("no-driver") || fault_is("old-driver"))
        return cudaErrorInsufficientDriver;
    int64_t devices = fault_is("no-device") ? 0 : setting("EMULATED_CUDA_DEVICES", 1);
    if (devices < 1)
        return cudaErrorNoDevice;
    *count = (int)devices;
    return cudaSuccess;
}

int fault_driver_version()
{
    return fault_is("no-driver") ? 0 : fault_is("old-driver") ? 11040 : CUDART_VERSION;
}

cudaError_t fault_of_call()
{
    int count;
    cudaError_t status = fault_of_count(&count);
    if (status != cudaSuccess)
        return status;
    if (fault_is("busy"))
        return cudaErrorDevicesUnavailable;
    return fault_device_is_dead() ? cudaErrorUnknown : cudaSuccess;
}
