/* What the host back ends share: buffers that are plain memory, operations that are done when they
 * return. */
#ifndef SPECTRUM_COMPUTE_HOST_H
#define SPECTRUM_COMPUTE_HOST_H

#include "compute/backend.h"

/* Buffers begin at a multiple of this and have all of their last page. */
enum { HOST_PAGE = 4096 };

/* What such a back end computes. */
struct host_operations {
    op_function *const *ops; /* [OP_COUNT] */
    size_t (*workspace)(void *self, const struct op_call *call);
    const struct spectra_ops *spectra;
};

/* A back end over host memory with these operations; backend_close() frees it. */
int host_backend_new(struct backend **out, const char *name,
                     const struct host_operations *operations, int threads, struct error *err);

/* This machine, as the back end of this name with this many threads (0: all cores) has it. */
void host_describe(struct device_info *out, const char *name, int threads);

/* The memory of a place; NULL where nothing is there. For operations only. */
void *host_pointer(struct place place);
static inline void *host_data(const struct tensor *tensor)
{
    return host_pointer(tensor->data);
}

/* Threads that operations may use. */
int host_threads(const void *self);

/* Something that a back end keeps while it is open; `release` is called when it closes. */
void host_keep(struct backend *backend, void *kept, void (*release)(void *kept));
void *host_kept(const void *self);

#endif
