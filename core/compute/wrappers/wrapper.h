/* A back end around another one: every entry hands on to the one below, but for those that the
 * wrapper takes over. checked.h, timing.h and fallback.h are such, one function an operation each.
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

#endif
