/* Full to band, panel by panel (kernels.h has the way, core/compute/cpu/spectra/stages.h the
 * papers):
 *
 *     A := Q^T A Q,  Q = I - V T V^T;   Y = V T,  X = A Y,  W = X - V (Y^T X) / 2,
 *     A := A - V W^T - W V^T  =  A - [V W] [W V]^T
 *
 * on the part after the panel, whole, so that one product of twice the depth does it.
 */
#include "gpu/stages.h"

void *arena_take(struct arena *arena, uint64_t count, uint64_t size)
{
    void *piece = arena->start ? arena->start + arena->used : NULL;
    arena->used += (count * size + 255) / 256 * 256;
    return piece;
}

/* Places from an arena that may only count: three sides [n, BAND], small matrices, and what the
 * chase and the bisection need. */
void symmetric_take(struct symmetric_work *work, struct arena *arena, int64_t n)
{
    uint64_t side = (uint64_t)n * BAND, size = sizeof(double);
    work->sides = arena_take(arena, 3 * side, size);
    work->vt = arena_take(arena, side, size);
    work->gram = arena_take(arena, BAND * BAND, size);
    work->triangle = arena_take(arena, BAND * BAND, size);
    work->tau = arena_take(arena, BAND, size);
    work->band = arena_take(arena, (uint64_t)chase_doubles(n), size);
    work->progress = arena_take(arena, (uint64_t)n + 1, sizeof *work->progress);
    work->diagonal = arena_take(arena, (uint64_t)n, size);
    work->squares = arena_take(arena, (uint64_t)n, size);
    work->bounds = arena_take(arena, 2, size);
}

/* c[rows, cols] = factor op(a) op(b) + before c; ld: of a, b and c */
static int multiply(const struct stream_slot *slot, cublasOperation_t transpose_a,
                    cublasOperation_t transpose_b, int64_t rows, int64_t cols, int64_t depth,
                    double factor, const double *a, const double *b, double before, double *c,
                    const int64_t ld[3], struct error *err)
{
    return status_check_blas(cublasDgemm(slot->blas, transpose_a, transpose_b, (int)rows, (int)cols,
                                         (int)depth, &factor, a, (int)ld[0], b, (int)ld[1], &before,
                                         c, (int)ld[2]),
                             err);
}

/* The panel becomes R; V, the copy of it, T and Y = V T are what its reflections are. */
static int factor_panel(const struct stream_slot *slot, const struct symmetric_work *work,
                        double *panel, int64_t rows, int64_t ld, struct error *err)
{
    double *v = work->sides, *copy = work->sides + 2 * BAND * rows;
    const int64_t tall[] = {rows, rows, BAND}, of_vt[] = {rows, BAND, rows};
    cudaError_t status = kernel_panel(panel, work->tau, rows, BAND, ld, slot->stream);
    if (status == cudaSuccess)
        status = kernel_vectors(v, copy, panel, rows, BAND, ld, rows, slot->stream);
    if (status_check(status, err) != 0 ||
        multiply(slot, CUBLAS_OP_T, CUBLAS_OP_N, BAND, BAND, rows, 1, v, v, 0, work->gram, tall,
                 err) != 0 ||
        status_check(kernel_triangle(work->triangle, work->gram, work->tau, BAND, slot->stream),
                     err) != 0)
        return -1;
    return multiply(slot, CUBLAS_OP_N, CUBLAS_OP_N, rows, BAND, BAND, 1, v, work->triangle, 0,
                    work->vt, of_vt, err);
}

/* The part after the panel, [rows, rows]. */
static int update_rest(const struct stream_slot *slot, const struct symmetric_work *work,
                       double *rest, int64_t rows, int64_t ld, struct error *err)
{
    double *v = work->sides, *w = work->sides + BAND * rows;
    const int64_t wide[] = {ld, rows, rows}, tall[] = {rows, rows, BAND};
    const int64_t back[] = {rows, BAND, rows}, outer[] = {rows, rows, ld};
    if (multiply(slot, CUBLAS_OP_N, CUBLAS_OP_N, rows, BAND, rows, 1, rest, work->vt, 0, w, wide,
                 err) != 0 ||
        multiply(slot, CUBLAS_OP_T, CUBLAS_OP_N, BAND, BAND, rows, 1, work->vt, w, 0, work->gram,
                 tall, err) != 0 ||
        multiply(slot, CUBLAS_OP_N, CUBLAS_OP_N, rows, BAND, BAND, -0.5, v, work->gram, 1, w, back,
                 err) != 0)
        return -1;
    return multiply(slot, CUBLAS_OP_N, CUBLAS_OP_T, rows, rows, 2 * BAND, -1, v, w, 1, rest, outer,
                    err);
}

/* A stream takes about 1000 launches ahead, a panel is ten or so, and a thread that has one more
 * waits awake. So it sleeps here, at every PACE-th panel, until the device has come to the PACE-th
 * before; at the first there is none, and no wait. */
enum { PACE = 32 };

static int keep_pace(const struct stream_slot *slot, struct error *err)
{
    cudaError_t status = cudaEventSynchronize(slot->pace);
    if (status == cudaSuccess)
        status = cudaEventRecord(slot->pace, slot->stream);
    return status_check(status, err);
}

/* A panel and the update of the rest need one another, so the host queues them in order; every PACE
 * panels it waits for the device, so that the queue stays short. */
static int to_band(const struct stream_slot *slot, const struct symmetric_work *work, double *a,
                   int64_t n, struct error *err)
{
    for (int64_t at = 0; at + BAND < n; at += BAND) {
        int64_t rows = n - at - BAND;
        double *panel = a + at * n + at + BAND, *rest = panel + BAND * n;
        if (at % (PACE * BAND) == 0 && keep_pace(slot, err) != 0)
            return -1;
        if (factor_panel(slot, work, panel, rows, n, err) != 0 ||
            update_rest(slot, work, rest, rows, n, err) != 0)
            return -1;
    }
    return 0;
}

/* Band, tridiagonal, eigenvalues: all on one stream, nothing comes back to the host. */
int symmetric_put(const struct stream_slot *slot, const struct symmetric_work *work, double *values,
                  double *a, int64_t n, struct error *err)
{
    if (to_band(slot, work, a, n, err) != 0)
        return -1;
    cudaError_t status = kernel_take_band(work->band, a, n, slot->stream);
    if (status == cudaSuccess)
        status = kernel_chase(work->band, work->progress, n, slot->stream);
    if (status == cudaSuccess)
        status =
            kernel_take_tridiagonal(work->diagonal, work->squares, work->band, n, slot->stream);
    if (status == cudaSuccess)
        status = kernel_eigenvalues(values, work->bounds, work->diagonal, work->squares, n,
                                    slot->stream);
    return status_check(status, err);
}
