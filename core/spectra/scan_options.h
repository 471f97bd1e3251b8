/* What a scan is asked for, and who watches it. */
#ifndef SPECTRUM_SPECTRA_SCAN_OPTIONS_H
#define SPECTRUM_SPECTRA_SCAN_OPTIONS_H

#include "compute/backend.h"
#include "model/score_rows.h"
#include "spectra/score.h"

#include <stdbool.h>
#include <stdint.h>

struct scan_options {
    enum estimator estimator;
    enum empty_noise empty_noise;
    struct scan_choice rows; /* which it has */
    const char *device;      /* where no back end is given; NULL: "auto" */
    bool use_cache;
    int threads; /* 0: all cores; on a GPU as many as it takes matrices at once */
};

/* Called under a lock, from the threads of the scan. Any member may be NULL. */
struct scan_observer {
    void *context;
    /* which rows there will be; none is known yet. The scan lives until scan_result_free() */
    void (*on_start)(void *context, const struct scan *scan);
    /* what computes: at the start, with `why` NULL unless the device that was meant is busy, and
     * not at all where the cache knows all; later the CPU, because the device is lost, or,
     * with a row, cannot do that one, nor then others of its shape: `why` says so */
    void (*on_device)(void *context, const struct device_info *device, const struct scan_row *row,
                      const char *why);
    /* a row became known; done of total rows, `seconds` since the start, `cached`: not computed now
     */
    void (*on_row)(void *context, const struct scan_row *row, const double *values, int64_t count,
                   size_t done, size_t total, double seconds, bool cached);
    /* true: stop after the matrices in hand; the scan returns ERROR_INTERRUPTED, nothing is lost */
    bool (*should_stop)(void *context);
    /* true: no matrix is begun now; those in hand are finished, and it is asked again ten times a
     * second */
    bool (*should_wait)(void *context);
    /* the index of the row that somebody looks at, or -1: no news. It comes next if it is still to
     * do, then the rest of its block, then the blocks beside it: what is on a screen around it */
    int64_t (*wanted)(void *context);
};

#endif
