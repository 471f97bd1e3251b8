/* A scan under way, and what its threads do with one matrix. scan.c keeps the rows and says which
 * is next. Internal to core/spectra.
 *
 * struct scan_work is born in scan_run() and ends there; result, the rows' values among it, is the
 * caller's.
 */
#ifndef SPECTRUM_SPECTRA_SCAN_WORK_H
#define SPECTRUM_SPECTRA_SCAN_WORK_H

#include "compute/backend.h"
#include "model/matrix_part.h"
#include "model/model.h"
#include "spectra/cache.h"
#include "spectra/scan_options.h"
#include "spectra/scan_result.h"
#include "spectra/scan_teams.h"
#include "spectra/scratch.h"

enum row_state { ROW_WAITING, ROW_TAKEN, ROW_DONE };

/* Everything but the constant part is guarded by the critical section "scan". */
struct scan_work {
    const struct model *model;
    const struct backend *backend; /* NULL until open_device() */
    struct backend *opened;        /* the same where it is this scan's own */
    const struct scan_options *options;
    const struct scan_observer *observer;
    struct scan_result *result;
    struct matrix_part *parts; /* per row */
    uint64_t memory;           /* bytes that were free when it began */
    double start, held_at;     /* held_at: since when it is paused; 0: it is not */

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
    struct hands hands;        /* what each of them works at */
    bool stopped;
    struct error failure;
};

/* --- one matrix: refused, known from the cache, or read and computed --- */

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
int64_t value_count(const struct matrix_part *part);

/* Bytes of host memory that it takes at most. */
uint64_t need_of(const struct scan_work *run, const struct backend *backend, size_t row);

/* Before anything is allocated for it: it cannot be read, or it is too large. */
bool is_refused(const struct scan_work *run, const struct backend *backend, size_t row);

/* Reads a matrix; computes its values with the team that this thread leads, unless that was done
 * before. ERROR_DEVICE: not there. */
int work_out(struct outcome *out, struct scan_work *run, const struct backend *backend, size_t row,
             struct team *team, struct scratch *scratch, struct error *err);

/* --- what computes: the back end that the scan was given, and the CPU for what that one cannot ---
 */

/* The name of what is to compute where the scan opens it itself. */
const char *device_of(const struct scan_options *options);

/* Opens it, unless the scan was given one, and tells the observer. */
int open_device(struct scan_work *run, struct error *err);

/* What computes this row. */
const struct backend *backend_of(const struct scan_work *run, size_t row);

/* Bytes that all matrices in hand may take together: a quarter of the free memory, but 1.2 GB where
 * that is more, and never more than there is. */
uint64_t memory_budget(const struct scan_work *run);

/* Threads that work at once. Where several can work at one matrix, all; else as many as the device
 * takes at once and the budget has room for, with the largest matrix that waits. */
int threads_at_once(const struct scan_work *run);

/* From now on the processor computes the rows of this one's shape, which the device cannot, or with
 * -1 all that are left, since the device is lost. Says so, once. */
int leave_to_processor(struct scan_work *run, int64_t row, const char *why, struct error *err);

#endif
