/* What one thread computes singular values in: a matrix and the back end's workspace, kept from
 * matrix to matrix, grown when a larger one comes, and made new for another back end. Zeros:
 * nothing yet; scratch_free() gives all of it back. */
#ifndef SPECTRUM_SPECTRA_SCRATCH_H
#define SPECTRUM_SPECTRA_SCRATCH_H

#include "compute/backend.h"

struct scratch {
    const struct backend *backend; /* whose memory it is */
    float *matrix;
    void *workspace; /* aligned to 64 */
    size_t matrix_bytes, workspace_bytes;
};

/* Bytes that a matrix of this shape takes at most; UINT64_MAX: more than can be counted. */
uint64_t scratch_need(const struct backend *backend, int64_t rows, int64_t cols);

/* Has memory for one then; its content is undefined. The back end must outlive the scratch. */
int scratch_reserve(struct scratch *scratch, const struct backend *backend, int64_t rows,
                    int64_t cols, struct error *err);
void scratch_free(struct scratch *scratch);

#endif
