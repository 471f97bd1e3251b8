/* One matrix of a scan: refused, known from the cache, or read and computed. Internal to
 * core/spectra. */
#ifndef SPECTRUM_SPECTRA_SCAN_MATRIX_H
#define SPECTRUM_SPECTRA_SCAN_MATRIX_H

#include "spectra/scan_parts.h"
#include "spectra/scratch.h"

/* What came of one matrix. */
enum outcome_end {
    OUTCOME_KNOWN,     /* computed now, or why it cannot be */
    OUTCOME_CACHED,    /* found */
    OUTCOME_NO_MEMORY, /* for the matrix, or for what computes it */
    OUTCOME_NOT_HERE,  /* on the device */
};

struct outcome {
    double *values; /* newly allocated; NULL: there are none, and `reason` says why */
    enum outcome_end end;
    char reason[64]; /* NaN, Inf, its size */
};

/* As many singular values as it has. */
int64_t value_count(const struct parameter *parameter);

/* Bytes of host memory that it takes at most. */
uint64_t need_of(const struct run *run, const struct backend *backend, size_t row);

/* Before anything is allocated for it: it cannot be read, or it is too large. */
bool is_refused(const struct run *run, const struct backend *backend, size_t row);

/* Reads a matrix; computes its values, unless that was done before. ERROR_DEVICE: not there. */
int work_out(struct outcome *out, struct run *run, const struct backend *backend, size_t row,
             struct scratch *scratch, struct error *err);

#endif
