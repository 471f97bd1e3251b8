/* What one thread computes singular values in: a matrix and the back end's workspace, kept from
 * matrix to matrix, grown when a larger one comes, and made new for another back end.
 *
 *     struct scratch scratch = {0};                 nothing yet
 *     scratch_reserve -> read into .matrix, compute in .workspace -> scratch_reserve ...
 *     scratch_free
 *
 * It is the back end's host_alloc(), not malloc(): what its device copies from quickest. */
#ifndef SPECTRUM_SPECTRA_SCRATCH_H
#define SPECTRUM_SPECTRA_SCRATCH_H

#include "compute/backend.h"
#include "compute/team.h"

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

/* The singular values of the matrix that was read into it, values[min(rows, cols)]; where the back end
 * can, with the help of who is in the team that the caller leads. Errors as spectra_ops has them. */
int scratch_values(double *values, const struct scratch *scratch, struct team *team, int64_t rows,
                   int64_t cols, struct error *err);

#endif
