#include "gpu/device.h"

#include <stdio.h>
#include <stdlib.h>

/* What the kernels are compiled for begins here: 8.0 (CMakeLists.txt). */
enum { CAPABILITY_LEAST = 8 };

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

int device_count(struct error *err)
{
    int count = 0;
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

int device_describe(struct device_info *out, int number, struct error *err)
{
    struct cudaDeviceProp properties;
    if (status_check(cudaGetDeviceProperties(&properties, number), err) != 0)
        return -1;
    *out = (struct device_info){.memory = properties.totalGlobalMem};
    snprintf(out->id, sizeof out->id, "cuda:%d", number);
    snprintf(out->name, sizeof out->name, "%.95s", properties.name);
    return 0;
}

static void describe(void *self, struct device_info *out)
{
    const struct device *device = self;
    size_t free_bytes = 0, all;
    *out = (struct device_info){.memory = 0};
    snprintf(out->id, sizeof out->id, "cuda:%d", device->number);
    if (device_enter(device, NULL) != 0 || device_describe(out, device->number, NULL) != 0)
        return;
    if (cudaMemGetInfo(&free_bytes, &all) == cudaSuccess)
        out->free_memory = free_bytes;
}

int device_lost(const struct device *device, const struct error *trouble, struct error *err)
{
    return error_set_kind(err, trouble->kind, "cuda:%d is lost: %.500s", device->number,
                          trouble->text);
}

int device_enter(const struct device *device, struct error *err)
{
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
        pinned = cudaHostAlloc((void **)&head, all, cudaHostAllocPortable) == cudaSuccess;
    if (all > bytes && !pinned) /* a copy from there is slower, and as good */
        head = aligned_alloc(sizeof *head, all);
    if (!head) {
        error_set(err, "not enough memory: %.0f MB are needed", (double)bytes / 1e6);
        return NULL;
    }
    cudaGetLastError();
    head->pinned = pinned;
    return head + 1;
}

static void host_free(void *self, void *memory)
{
    union head *head = (union head *)memory - 1;
    (void)self;
    if (!memory)
        return;
    if (head->pinned)
        cudaFreeHost(head);
    else
        free(head);
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
 * itself, or all of its memory. */
static int make_context(int number, struct error *err)
{
    cudaError_t status = cudaSetDevice(number);
    if (status == cudaSuccess)
        status = cudaFree(NULL);
    if (status == cudaErrorDevicesUnavailable)
        return error_set_kind(err, ERROR_DEVICE,
                              "cuda:%d is busy: another process has it for itself", number);
    if (status == cudaErrorMemoryAllocation)
        return error_set_kind(err, ERROR_DEVICE, "cuda:%d is busy: its memory is full", number);
    return status_check(status, err);
}

static void device_close(struct backend *backend)
{
    struct device *device = backend->self;
    device_enter(device, NULL);
    pool_close(&device->pool);
    free(device);
    free(backend);
}

int device_open(struct backend **out, int number, struct error *err)
{
    *out = NULL;
    if (check_capability(number, err) != 0 || make_context(number, err) != 0)
        return -1;
    struct backend *backend = calloc(1, sizeof *backend);
    struct device *device = calloc(1, sizeof *device);
    if (!backend || !device || pool_open(&device->pool, NULL) != 0) {
        free(backend);
        free(device);
        return error_set(err, "not enough memory");
    }
    device->number = number;
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
    *out = backend;
    return 0;
}
