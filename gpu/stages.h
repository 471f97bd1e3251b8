/* The stages of one matrix's singular values on a device. Each puts its work on the slot's stream
 * and does not wait for its end, unless it says so; `work` lies in the slot's memory.
 */
#ifndef SPECTRUM_GPU_STAGES_H
#define SPECTRUM_GPU_STAGES_H

#include "compute/spectra.h"
#include "gpu/kernels.h"
#include "gpu/slot.h"

/* Pieces of the slot's memory, one after the other. */
struct arena {
    char *start; /* NULL: only to be measured */
    uint64_t used;
};

/* The next `count` elements of `size` bytes, aligned to 256. */
void *arena_take(struct arena *arena, uint64_t count, uint64_t size);

/* --- the matrix's Gram matrix (gram.c) --- */

/* The matrix comes in slices of about this many elements. */
enum { SLICE = 1 << 24 };

struct gram_work {
    float *slice; /* as it is on the host */
    double *wide; /* in fp64 */
};

void gram_take(struct gram_work *work, struct arena *arena, int64_t rows, int64_t cols);

/* gram[n, n], n = min(rows, cols), whole, of the host matrix [rows, cols]; *found |= what is in the
 * matrix. The host matrix is read until the stream has been waited for. */
int gram_put(const struct stream_slot *slot, const struct gram_work *work, double *gram, int *found,
             const float *matrix, int64_t rows, int64_t cols, struct error *err);

/* --- the eigenvalues of a symmetric matrix (symmetric.c) --- */

struct symmetric_work {
    double *sides;                 /* [n, 3 BAND]: V, W, V */
    double *vt;                    /* [n, BAND]: V T */
    double *gram, *triangle, *tau; /* [BAND, BAND], [BAND, BAND], [BAND] */
    double *band;                  /* chase_doubles(n) */
    int *progress;                 /* [n + 1] */
    double *diagonal, *squares;    /* [n] */
    double *bounds;                /* [2] */
};

void symmetric_take(struct symmetric_work *work, struct arena *arena, int64_t n);

/* values[n], ascending, of a[n, n], which is used up. */
int symmetric_put(const struct stream_slot *slot, const struct symmetric_work *work, double *values,
                  double *a, int64_t n, struct error *err);

/* --- singular values from the matrix itself (direct.c) --- */

/* Waits. Memory comes from the slot, which is grown; values[n], descending, on the host, with zeros
 * below spectra_resolution(). */
int direct_values(struct slot_pool *pool, struct stream_slot *slot, double *values,
                  const float *matrix, int64_t rows, int64_t cols, struct error *err);

#endif
