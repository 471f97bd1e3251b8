/* A back end around another one: every entry hands on to the one below, but for those that the
 * wrapper takes over. Three stand here, each with one function for all operations.
 *
 * A wrapper is made by wrapper_new(), which owns the back end below from then on, fills in what it
 * does itself, and is closed as any back end, the one below with it.
 */
#ifndef SPECTRUM_COMPUTE_WRAPPERS_WRAPPER_H
#define SPECTRUM_COMPUTE_WRAPPERS_WRAPPER_H

#include "compute/backend.h"
#include "compute/spectra.h"

/* Begins the wrapper's own struct, which is its back end's self. */
struct wrapper {
    struct backend *below;
    struct spectra_ops spectra;           /* what hands on below's */
    struct error trouble;                 /* the first, reported by every wait() from then on */
    void (*release)(struct wrapper *own); /* frees what the wrapper has besides; may be NULL */
};

/* *out: around `below`, with `bytes` of zeros as its self, the first of them the struct wrapper.
 * `run` is called for each operation that there is below. Where it fails `below` stays the
 * caller's. */
int wrapper_new(struct backend **out, struct backend *below, size_t bytes, op_function *run,
                struct error *err);

/* --- timing (wrapper.c) --- */

/* A back end that measures: how often each operation was called, and how long it took, waited for.
 * Where operations are asynchronous they no longer overlap, so their sum is more than a step. */
struct op_time {
    uint64_t calls;
    double seconds;
};

/* Around a back end, which it owns from then on; where it fails, that is closed. */
int timing_backend_new(struct backend **out, struct backend *below, struct error *err);

/* Since it was made or cleared, [OP_COUNT]; valid while it is open. */
const struct op_time *timing_of(const struct backend *timing);
void timing_clear(struct backend *timing);

/* --- checked (checked.c) --- */

/* A back end that dies, or says so, where its caller or its operations break the rules: for tests.
 *
 *   - Its buffers can be neither read nor written outside of operations, read() and write(), as on
 *     a GPU: code that would only work on the CPU is killed by SIGSEGV.
 *   - Inside of an operation only the buffers of its tensors are open, and those that it only reads
 *     (op_info) cannot be written.
 *   - A tensor that must be there and is not, that does not lie within its buffer, or whose shape
 *     does not go with the others' (op_misfit), is reported by wait(), and the operation is left
 *     out.
 *
 * Around a back end over host memory (host.h), which it owns from then on; where it fails, that is
 * closed. */
int checked_backend_new(struct backend **out, struct backend *below, struct error *err);

/* --- fallback (fallback.c) --- */

/* A back end that has all operations, whatever the one below lacks: what is not there runs on the
 * reference, in host memory. The call's tensors are copied there, and what it wrote copied back;
 * slow, the same result, and counted (backend.h, struct op_fallback), so that it can be said.
 *
 * Puts it around *backend where that can hold tensors and lacks an operation; else leaves it as it
 * is. Where it fails *backend is closed, and NULL. */
int fallback_complete(struct backend **backend, struct error *err);

#endif
