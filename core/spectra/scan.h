/* The scan of a model: singular values of its matrices, their scores, and a cache by content.
 *
 * What is kept is the spectra (cache.h), not the scores: any estimator's score follows from them at
 * once. They are written every few seconds and at the end, so that an interrupted scan goes on
 * where it stopped.
 */
#ifndef SPECTRUM_SPECTRA_SCAN_H
#define SPECTRUM_SPECTRA_SCAN_H

#include "compute/backend.h"
#include "model/model.h"
#include "model/score_table.h"
#include "spectra/score.h"

struct scan_options {
    enum estimator estimator;
    enum empty_noise empty_noise;
    const char *modules; /* regular expression on module names; NULL: the 2-D weights of blocks */
    const char *device;  /* where no back end is given; NULL: "auto" */
    bool use_cache;
    int threads; /* matrices side by side; 0: all cores */
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

struct scan_result {
    struct scan *scan; /* rows in file order; rows of failed or stopped matrices are not known */
    double **values;   /* per row, descending; NULL where not known */
    int64_t *counts;
};

/* Scans, with this back end, or with NULL one by the options' name, as backend_open_for_scan()
 * takes it, opened when the cache does not know all. A matrix with NaN or Inf gets a row with snr
 * NaN and the scan goes on. What a device has no room for, and all that is left when it is lost,
 * the CPU computes. On interruption the result is there too, with what is known so far. */
int scan_run(struct scan_result **out, const struct model *model, const struct backend *backend,
             const struct scan_options *options, const struct scan_observer *observer,
             struct error *err);
void scan_result_free(struct scan_result *result);

#endif
