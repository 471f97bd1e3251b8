#include "gpu/device.h"

#include "compute/plugin.h"
#include "gpu/kernels.h"

#include <stdio.h>
#include <stdlib.h>

/* What the kernels are compiled for begins here: 8.0 (CMakeLists.txt). */
enum { CAPABILITY_LEAST = 8 };

/* CUDA calls both "no driver" and "too old a driver" an unusable one: the versions tell which. */
static int say_no_driver(struct error *err)
{
    int have = 0, need = 0;
    cudaDriverGetVersion(&have);
    cudaRuntimeGetVersion(&need);
    if (have == 0)
        return error_set(err, "there is no NVIDIA driver; install it, or use cpu");
    return error_set(err,
                     "the NVIDIA driver is for CUDA %d.%d, the plug-in needs %d.%d: update the "
                     "driver, or use cpu",
                     have / 1000, have % 1000 / 10, need / 1000, need % 1000 / 10);
}

/* The driver reads it when it starts. By itself it makes 8 hardware queues, which the streams of 16
 * slots would share: in one queue a kernel may wait for another slot's before it. */
static void ask_for_queues(void)
{
    setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
}

int device_count(struct error *err)
{
    int count = 0;
    ask_for_queues();
    struct error trouble;
    cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver)
        return say_no_driver(err);
    if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
        const char *visible = getenv("CUDA_VISIBLE_DEVICES");
        return error_set(err, "there is no NVIDIA GPU%s%.40s; use cpu",
                         visible ? " among CUDA_VISIBLE_DEVICES=" : "", visible ? visible : "");
    }
    if (status_check(status, &trouble) != 0)
        return error_set(err, "%s", trouble.text); /* nothing was there to be lost */
    return count;
}

/* fp64_ratio is how many operations in fp32 the device makes for one in fp64. */
int device_describe(struct device_info *out, int number, struct error *err)
{
    struct cudaDeviceProp properties;
    int ratio = 0;
    cudaError_t status = cudaGetDeviceProperties(&properties, number);
    if (status == cudaSuccess)
        status =
            cudaDeviceGetAttribute(&ratio, cudaDevAttrSingleToDoublePrecisionPerfRatio, number);
    if (status_check(status, err) != 0)
        return -1;
    *out = (struct device_info){.memory = properties.totalGlobalMem, .fp64_ratio = ratio};
    snprintf(out->id, sizeof out->id, "cuda:%d", number);
    snprintf(out->name, sizeof out->name, "%.95s", properties.name);
    return 0;
}

static void describe(void *self, struct device_info *out)
{
    const struct device *device = self;
    size_t free_bytes = 0, all;
    *out = device->info;
    if (device_enter(device, NULL) == 0 &&
        status_check(cudaMemGetInfo(&free_bytes, &all), NULL) == 0)
        out->free_memory = free_bytes;
}

int device_lost(const struct device *device, const struct error *trouble, struct error *err)
{
    return error_set_kind(err, trouble->kind, "cuda:%d is lost: %.500s", device->number,
                          trouble->text);
}

int device_enter(const struct device *device, struct error *err)
{
    cudaGetLastError(); /* what others left is not this operation's */
    return status_check(cudaSetDevice(device->number), err);
}

/* --- host memory --- */

/* In front of what host_alloc() gives, so that it is freed as it was made. */
union head {
    bool pinned;
    char alignment[64];
};

static void *host_alloc(void *self, size_t bytes, struct error *err)
{
    union head *head = NULL;
    bool pinned = false;
    size_t all = bytes + 2 * sizeof *head - bytes % sizeof *head;
    if (all > bytes && device_enter(self, NULL) == 0)
        pinned = status_check(cudaHostAlloc((void **)&head, all, cudaHostAllocPortable), NULL) == 0;
    if (all > bytes && !pinned) /* a copy from there is slower, and as good */
        head = aligned_alloc(sizeof *head, all);
    if (!head) {
        error_set(err, "not enough memory: %.0f MiB are needed", (double)bytes / 0x1p20);
        return NULL;
    }
    head->pinned = pinned;
    return head + 1;
}

/* The head before the memory says how it was allocated: pinned, where that could be had. */
static void host_free(void *self, void *memory)
{
    if (!memory)
        return;
    union head *head = (union head *)memory - 1;
    if (!head->pinned) {
        free(head);
        return;
    }
    device_enter(self, NULL);
    status_check(cudaFreeHost(head), NULL);
}

/* --- opening and closing --- */

static int check_capability(int number, struct error *err)
{
    struct cudaDeviceProp properties;
    if (status_check(cudaGetDeviceProperties(&properties, number), err) != 0)
        return -1;
    if (properties.major >= CAPABILITY_LEAST)
        return 0;
    return error_set(err, "%.80s has compute capability %d.%d, %d.0 is needed: use cpu",
                     properties.name, properties.major, properties.minor, CAPABILITY_LEAST);
}

/* Makes the context, without which nothing else is known: another process may have the device for
 * itself, or all of its memory. Sixteen threads that wait are not to keep the processor busy, which
 * reads and converts the next matrices. */
static int make_context(int number, struct error *err)
{
    cudaError_t status = cudaSetDevice(number);
    if (status == cudaSuccess)
        status = cudaSetDeviceFlags(cudaDeviceScheduleBlockingSync);
    if (status == cudaSuccess)
        status = cudaFree(NULL);
    if (status != cudaErrorDevicesUnavailable && status != cudaErrorMemoryAllocation)
        return status_check(status, err);
    cudaGetLastError();
    return error_set_kind(err, ERROR_DEVICE, "it is busy: %s",
                          status == cudaErrorMemoryAllocation
                              ? "its memory is full"
                              : "another process has it for itself, or its compute mode lets none "
                                "in");
}

/* Is there code for it in the plug-in that its driver takes? */
static int check_code(struct error *err)
{
    struct error trouble = ERROR_INIT;
    if (status_check(kernel_check(), &trouble) == 0)
        return 0;
    return error_set(err, "its driver does not take the plug-in's kernels: %s", trouble.text);
}

static void device_close(struct backend *backend)
{
    struct device *device = backend->self;
    device_enter(device, NULL);
    pool_close(&device->pool);
    free(device);
    free(backend);
}

static int device_prepare(int number, struct error *err)
{
    if (check_capability(number, err) != 0 || make_context(number, err) != 0)
        return -1;
    return check_code(err);
}

/* Without operations and memory for tensors: this device only scans. */
static struct backend *backend_of(struct device *device)
{
    struct backend *backend = calloc(1, sizeof *backend);
    if (backend)
        *backend = (struct backend){
            .version = BACKEND_VERSION,
            .name = "cuda",
            .spectra = &device_spectra_ops,
            .self = device,
            .host_alloc = host_alloc,
            .host_free = host_free,
            .describe = describe,
            .close = device_close,
        };
    return backend;
}

/* What cannot be had now (busy, lost) is ERROR_DEVICE, by which `auto` goes on to the next. */
int device_open(struct backend **out, int number, struct error *err)
{
    struct error trouble = ERROR_INIT;
    *out = NULL;
    if (device_prepare(number, &trouble) != 0)
        return error_set_kind(err, trouble.kind, "cuda:%d cannot be had, %.500s", number,
                              trouble.text);
    struct device *device = calloc(1, sizeof *device);
    if (!device || pool_open(&device->pool, NULL) != 0) {
        free(device);
        return error_set(err, "not enough memory");
    }
    device->number = number;
    device_describe(&device->info, number, NULL);
    *out = backend_of(device);
    if (*out)
        return 0;
    pool_close(&device->pool);
    free(device);
    return error_set(err, "not enough memory");
}

/* What the program finds in this shared object. */
__attribute__((visibility("default"))) extern const struct backend_plugin spectrum_plugin;

const struct backend_plugin spectrum_plugin = {
    .version = BACKEND_VERSION,
    .count = device_count,
    .open = device_open,
    .describe = device_describe,
};
