/* A scan under way. scan.c keeps the rows and says which is next, scan_device.c what computes it,
 * scan_matrix.c computes one. Internal to core/spectra.
 */
#ifndef SPECTRUM_SPECTRA_SCAN_PARTS_H
#define SPECTRUM_SPECTRA_SCAN_PARTS_H

#include "compute/backend.h"
#include "model/model.h"
#include "spectra/cache.h"
#include "spectra/scan_options.h"
#include "spectra/scan_result.h"

enum row_state { ROW_WAITING, ROW_TAKEN, ROW_DONE };

/* Everything but the constant part is guarded by the critical section "scan". */
struct run {
    const struct model *model;
    const struct backend *backend; /* NULL until open_device() */
    struct backend *opened;        /* the same where it is this scan's own */
    const struct scan_options *options;
    const struct scan_observer *observer;
    struct scan_result *result;
    const struct parameter **parameters; /* per row */
    uint64_t memory;                     /* bytes that were free when it began */
    double start, held_at;               /* held_at: since when it is paused; 0: it is not */

    enum row_state *states;
    struct null_model *nulls; /* one per shape met so far */
    size_t null_count;
    size_t *order; /* rows by falling work, so that no large one comes last */
    size_t first;  /* the rows of the order before this one are done */
    int64_t asked; /* the row last asked for; -1: none */
    size_t done;
    double saved_at;
    struct spectra_cache cache; /* with paths NULL where there is to be none */

    struct backend *processor; /* computes what the device cannot; NULL: not needed yet */
    bool *on_processor;        /* per row */
    bool lost;                 /* the device: the processor computes all */
    int working;               /* threads that go on taking rows */
    int working_most;          /* as many may */
    bool stopped;
    struct error failure;
};

#endif
