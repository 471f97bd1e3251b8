/* A back end over host memory: everything but the operations, which whoever makes one brings
 * (reference/, cpu/train/). A buffer is memory of this process, a copy is memcpy(), an operation is
 * complete when its function returns, so there is nothing to wait for. */
#include "compute/host.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/resident.h"
#include "base/text.h"
#include "compute/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

struct host {
    const char *name;
    int threads;
    void *kept;
    void (*release)(void *kept);
};

struct device_buffer {
    size_t bytes;
    char *memory;
};

/* A place is a buffer and an offset; on the host that is an address. */
void *host_pointer(struct place place)
{
    return place.buffer ? place.buffer->memory + place.offset : NULL;
}

int host_threads(const void *self)
{
    return ((const struct host *)self)->threads;
}

void host_keep(struct backend *backend, void *kept, void (*release)(void *kept))
{
    struct host *host = backend->self;
    host->kept = kept;
    host->release = release;
}

void *host_kept(const void *self)
{
    return ((const struct host *)self)->kept;
}

static struct device_buffer *host_alloc(void *self, size_t bytes, struct error *err)
{
    (void)self;
    struct device_buffer *buffer = array_alloc(1, sizeof *buffer, err);
    if (!buffer)
        return NULL;
    buffer->bytes = bytes;
    /* Whole pages, which checked.c can close. */
    buffer->memory = bytes <= SIZE_MAX - HOST_PAGE
                         ? aligned_alloc(HOST_PAGE, (bytes + HOST_PAGE - 1) / HOST_PAGE * HOST_PAGE)
                         : NULL;
    if (!buffer->memory) {
        error_set(err, "not enough memory for a buffer of %s", bytes_text((double)bytes).text);
        free(buffer);
        return NULL;
    }
    return buffer;
}

static void host_free(void *self, struct device_buffer *buffer)
{
    (void)self;
    if (buffer)
        free(buffer->memory);
    free(buffer);
}

static void host_write(void *self, struct place to, const void *from, size_t bytes)
{
    (void)self;
    memcpy(host_pointer(to), from, bytes);
}

static void host_read(void *self, void *to, struct place from, size_t bytes)
{
    (void)self;
    memcpy(to, host_pointer(from), bytes);
}

static int host_wait(void *self, struct error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static bool host_resident(void *self, size_t *out, struct place from, size_t bytes)
{
    (void)self;
    return resident_part(out, host_pointer(from), bytes);
}

/* At least one line of the cache, also where nothing is asked for: NULL means an error. */
static void *host_memory_alloc(void *self, size_t bytes, struct error *err)
{
    (void)self;
    void *memory = bytes <= SIZE_MAX - ALIGNMENT
                       ? aligned_alloc(ALIGNMENT, (bytes / ALIGNMENT + 1) * ALIGNMENT)
                       : NULL;
    if (!memory)
        error_set(err, "not enough memory: %s are needed", bytes_text((double)bytes).text);
    return memory;
}

static void host_memory_free(void *self, void *memory)
{
    (void)self;
    free(memory);
}

void host_describe(struct device_info *out, const char *name, int threads)
{
    int count = machine_threads(threads);
    *out = (struct device_info){.memory = machine_memory(), .free_memory = available_memory()};
    snprintf(out->id, sizeof out->id, "%s", name);
    snprintf(out->name, sizeof out->name, "%s, %d thread%s", machine_instructions(), count,
             count == 1 ? "" : "s");
}

static void describe(void *self, struct device_info *out)
{
    const struct host *host = self;
    host_describe(out, host->name, host->threads);
}

/* What was kept (host_keep()) goes first, while its back end still is there. */
static void host_close(struct backend *backend)
{
    struct host *host = backend->self;
    if (host->release)
        host->release(host->kept);
    free(host);
    free(backend);
}

/* Every entry but the operations is the same for all back ends over host memory. */
int host_backend_new(struct backend **out, const char *name,
                     const struct host_operations *operations, int threads, struct error *err)
{
    if (machine_check_threads(threads, err) != 0)
        return -1;
    struct host *host = array_alloc(1, sizeof *host, err);
    struct backend *backend = array_alloc(1, sizeof *backend, err);
    if (!host || !backend) {
        free(host);
        free(backend);
        return -1;
    }
    host->name = name;
    host->threads = machine_threads(threads);
    *backend = (struct backend){
        .version = BACKEND_VERSION,
        .name = name,
        .self = host,
        .spectra = operations->spectra,
        .workspace = operations->workspace,
        .alloc = host_alloc,
        .free = host_free,
        .write = host_write,
        .read = host_read,
        .wait = host_wait,
        .resident = host_resident,
        .host_alloc = host_memory_alloc,
        .host_free = host_memory_free,
        .describe = describe,
        .close = host_close,
    };
    memcpy(backend->ops, operations->ops, sizeof backend->ops);
    *out = backend;
    return 0;
}
