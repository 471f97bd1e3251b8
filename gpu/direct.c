/* For matrices whose squares say too little of their small values: cuSOLVER's QR iteration on the
 * matrix itself, in fp64. Its memory is the whole matrix's, twice. */
#include "compute/spectra.h"
#include "gpu/stages.h"

#include <stdlib.h>

/* The matrix as cuSOLVER wants it, in columns and the longer side first: [m, n]. */
struct direct_work {
    int64_t m, n;
    float *narrow;
    double *wide, *values;
    int *found, *info;
    void *workspace, *host_workspace;
    size_t workspace_bytes, host_bytes;
};

/* One function for sizes and places: with `memory` NULL it only counts. */
static uint64_t direct_place(struct direct_work *work, char *memory)
{
    uint64_t count = (uint64_t)work->m * (uint64_t)work->n;
    struct arena arena = {memory, 0};
    work->narrow = arena_take(&arena, count, sizeof *work->narrow);
    work->wide = arena_take(&arena, count, sizeof *work->wide);
    work->values = arena_take(&arena, (uint64_t)work->n, sizeof *work->values);
    work->found = arena_take(&arena, 1, sizeof *work->found);
    work->info = arena_take(&arena, 1, sizeof *work->info);
    work->workspace = arena_take(&arena, work->workspace_bytes, 1);
    return arena.used;
}

/* Asks cuSOLVER what it needs, and gets it. */
static int direct_open(struct direct_work *work, struct slot_pool *pool, struct stream_slot *slot,
                       struct error *err)
{
    const void *any = slot->memory; /* what is not read need not be there, but must not be NULL */
    if (slot_solver(slot, err) != 0 ||
        status_check_solver(cusolverDnXgesvd_bufferSize(slot->solver, slot->parameters, 'N', 'N',
                                                        work->m, work->n, CUDA_R_64F, any, work->m,
                                                        CUDA_R_64F, any, CUDA_R_64F, any, work->m,
                                                        CUDA_R_64F, any, work->n, CUDA_R_64F,
                                                        &work->workspace_bytes, &work->host_bytes),
                            err) != 0 ||
        slot_reserve(pool, slot, direct_place(work, NULL), err) != 0)
        return -1;
    direct_place(work, slot->memory);
    work->host_workspace = malloc(work->host_bytes + 1);
    return work->host_workspace ? 0 : error_set_kind(err, ERROR_NOT_HERE, "not enough memory");
}

int direct_values(struct slot_pool *pool, struct stream_slot *slot, double *values,
                  const float *matrix, int64_t rows, int64_t cols, struct error *err)
{
    struct direct_work work = {.m = longer(rows, cols), .n = shorter(rows, cols)};
    size_t bytes = (size_t)(rows * cols) * sizeof *matrix;
    int info = 0, status = -1;
    if (direct_open(&work, pool, slot, err) != 0)
        goto out;
    /* the matrix in fp64, [m, n] by columns */
    cudaError_t widened = cudaMemsetAsync(work.found, 0, sizeof *work.found, slot->stream);
    if (widened == cudaSuccess)
        widened = cudaMemcpyAsync(work.narrow, matrix, bytes, cudaMemcpyHostToDevice, slot->stream);
    if (widened == cudaSuccess)
        widened = rows > cols
                      ? kernel_widen_transposed(work.wide, work.narrow, rows, cols, slot->stream)
                      : kernel_widen(work.wide, work.found, work.narrow, rows * cols, slot->stream);
    if (status_check(widened, err) != 0)
        goto out;
    /* its singular values, without vectors */
    if (status_check_solver(
            cusolverDnXgesvd(slot->solver, slot->parameters, 'N', 'N', work.m, work.n, CUDA_R_64F,
                             work.wide, work.m, CUDA_R_64F, work.values, CUDA_R_64F, work.workspace,
                             work.m, CUDA_R_64F, work.workspace, work.n, CUDA_R_64F, work.workspace,
                             work.workspace_bytes, work.host_workspace, work.host_bytes, work.info),
            err) != 0)
        goto out;
    if (slot_fetch(slot, values, work.values, (size_t)work.n * sizeof *values, err) != 0 ||
        slot_fetch(slot, &info, work.info, sizeof info, err) != 0)
        goto out;
    if (info != 0) {
        error_set_kind(err, ERROR_NOT_HERE, "cuSOLVER finds no singular values (%d)", info);
        goto out;
    }
    status = 0;
out:
    if (status != 0)
        cudaStreamSynchronize(slot->stream); /* nobody reads the host's memory any more */
    free(work.host_workspace);
    if (status == 0)
        spectra_clear_rounding(values, rows, cols);
    return status;
}
