/* What computes: the interface of a back end, one struct that its maker fills.
 *
 * A back end is opened by name (devices/devices.h), used through this struct, and closed by
 * backend_close(). `ops` has a function for each operation (op.h) that the device can do; an entry
 * that is NULL means "not here", and devices.c puts one around it that runs such an operation on
 * the reference, through copies (wrappers/wrapper.h). So a new device's back end can begin with
 * nothing but its memory, and be compared with the reference after each operation that it gains.
 *
 * Numbered, since all back ends and their callers keep them:
 *   1. Buffers are opaque: only operations, read() and write() may touch their memory. On a GPU
 *      there is no pointer to follow.
 *   2. Operations, read() and write() of one back end are called by one thread and take effect in
 *      the order of their calls. They may be asynchronous: wait() and read() are the only points
 *      that wait. One stream is all that training needs, so there are no streams or events in the
 *      interface; what a back end has of them is its own matter.
 *   3. Operations on well-formed arguments do not fail, except by losing the device, which wait()
 *      reports.
 *   4. Functions of `spectra`, host_alloc() and host_free() may be called by several threads.
 */
#ifndef SPECTRUM_COMPUTE_BACKEND_H
#define SPECTRUM_COMPUTE_BACKEND_H

#include "base/error.h"
#include "compute/op.h"

#include <stdbool.h>
#include <stdint.h>

struct spectra_ops; /* singular values (spectra.h) */

/* What a plug-in must have been built with: the layout of struct backend, which a new operation
 * changes, too. */
enum { BACKEND_VERSION = 11 * 256 + OP_COUNT };

/* `self` is the back end's. */
typedef void op_function(void *self, const struct op_call *call);

struct device_info {
    char id[16];                  /* what --device takes: "cpu", "reference", "cuda:0" */
    char name[96];                /* "NVIDIA H200", or the processor's instructions and threads */
    uint64_t memory, free_memory; /* bytes; 0: not known */
    int fp64_ratio;               /* operations in fp32 for one in fp64; 0: not known */
};

/* Of one operation: what a fallback says of it. */
struct op_fallback {
    bool missing;   /* the device lacks it: it runs on the reference */
    uint64_t calls; /* so far */
};

struct backend {
    int version;      /* BACKEND_VERSION */
    const char *name; /* "reference", "cpu", "cuda" */
    void *self;

    op_function *ops[OP_COUNT];          /* by enum op; NULL: not here */
    const struct spectra_ops *spectra;   /* NULL: cannot scan */
    const struct op_fallback *fallbacks; /* [OP_COUNT]; NULL: it lacks no operation */

    /* Bytes of the workspace that a call takes, of whose tensors only types and shapes are looked
     * at; NULL: none of its operations takes one. */
    size_t (*workspace)(void *self, const struct op_call *call);

    /* Memory for tensors; NULL, the first five, where there is none, and then it cannot train. A
     * buffer is its caller's, and freed before the back end is closed. */
    struct device_buffer *(*alloc)(void *self, size_t bytes, struct error *err);
    void (*free)(void *self, struct device_buffer *buffer);
    void (*write)(void *self, struct place to, const void *from, size_t bytes);
    void (*read)(void *self, void *to, struct place from, size_t bytes);
    int (*wait)(void *self, struct error *err);
    /* How many bytes of a buffer's part are in memory, false where that cannot be told: what was
     * never touched is not. NULL: it never can. */
    bool (*resident)(void *self, size_t *out, struct place from, size_t bytes);

    /* Host memory that the device copies from quickest, aligned to 64, uninitialised. */
    void *(*host_alloc)(void *self, size_t bytes, struct error *err);
    void (*host_free)(void *self, void *memory);
    void (*describe)(void *self, struct device_info *out); /* as it is now */
    void (*close)(struct backend *backend);
};

static inline void backend_run(struct backend *backend, const struct op_call *call)
{
    backend->ops[call->op](backend->self, call);
}

static inline size_t backend_workspace(const struct backend *backend, const struct op_call *call)
{
    return backend->workspace ? backend->workspace(backend->self, call) : 0;
}

static inline bool backend_can_train(const struct backend *backend)
{
    return backend->alloc != NULL;
}

/* The operations that run on the reference, as "add, scale", into out; returns how many there are.
 */
int backend_missing(const struct backend *backend, char *out, size_t size);

/* Small products of every kind that a run of this type computes, so that what the libraries take by
 * themselves at their first (pages of their code, compiled kernels, threads) is there from now on:
 * whoever measures memory afterwards measures his own. Milliseconds; nothing where it cannot train.
 */
int backend_warm_up(struct backend *backend, enum storage type, struct error *err);

void backend_close(struct backend *backend);

#endif
