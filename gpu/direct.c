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
    void *room, *host_room;
    size_t room_bytes, host_bytes;
};

static uint64_t direct_place(struct direct_work *work, char *memory)
{
    uint64_t count = (uint64_t)work->m * (uint64_t)work->n;
    struct arena arena = {memory, 0};
    work->narrow = arena_take(&arena, count, sizeof *work->narrow);
    work->wide = arena_take(&arena, count, sizeof *work->wide);
    work->values = arena_take(&arena, (uint64_t)work->n, sizeof *work->values);
    work->found = arena_take(&arena, 1, sizeof *work->found);
    work->info = arena_take(&arena, 1, sizeof *work->info);
    work->room = arena_take(&arena, work->room_bytes, 1);
    return arena.used;
}

/* Asks cuSOLVER what it needs, and gets it. */
static int direct_open(struct direct_work *work, struct lane_pool *pool, struct lane *lane,
                       struct error *err)
{
    const void *any = lane->memory; /* what is not read need not be there, but must not be NULL */
    if (lane_solver(lane, err) != 0 ||
        status_check_solver(cusolverDnXgesvd_bufferSize(lane->solver, lane->parameters, 'N', 'N',
                                                        work->m, work->n, CUDA_R_64F, any, work->m,
                                                        CUDA_R_64F, any, CUDA_R_64F, any, work->m,
                                                        CUDA_R_64F, any, work->n, CUDA_R_64F,
                                                        &work->room_bytes, &work->host_bytes),
                            err) != 0 ||
        lane_reserve(pool, lane, direct_place(work, NULL), err) != 0)
        return -1;
    direct_place(work, lane->memory);
    work->host_room = malloc(work->host_bytes + 1);
    return work->host_room ? 0 : error_set_kind(err, ERROR_NOT_HERE, "not enough memory");
}

static int direct_widen(const struct lane *lane, const struct direct_work *work,
                        const float *matrix, int64_t rows, int64_t cols, struct error *err)
{
    size_t bytes = (size_t)(rows * cols) * sizeof *matrix;
    cudaError_t status = cudaMemsetAsync(work->found, 0, sizeof *work->found, lane->stream);
    if (status == cudaSuccess)
        status = cudaMemcpyAsync(work->narrow, matrix, bytes, cudaMemcpyHostToDevice, lane->stream);
    if (status == cudaSuccess && rows > cols)
        status = kernel_widen_turned(work->wide, work->narrow, rows, cols, lane->stream);
    else if (status == cudaSuccess)
        status = kernel_widen(work->wide, work->found, work->narrow, rows * cols, lane->stream);
    return status_check(status, err);
}

static int direct_solve(const struct lane *lane, const struct direct_work *work, struct error *err)
{
    return status_check_solver(
        cusolverDnXgesvd(lane->solver, lane->parameters, 'N', 'N', work->m, work->n, CUDA_R_64F,
                         work->wide, work->m, CUDA_R_64F, work->values, CUDA_R_64F, work->room,
                         work->m, CUDA_R_64F, work->room, work->n, CUDA_R_64F, work->room,
                         work->room_bytes, work->host_room, work->host_bytes, work->info),
        err);
}

static int direct_fetch(const struct lane *lane, const struct direct_work *work, double *values,
                        struct error *err)
{
    int info = 0;
    if (lane_fetch(lane, values, work->values, (size_t)work->n * sizeof *values, err) != 0 ||
        lane_fetch(lane, &info, work->info, sizeof info, err) != 0)
        return -1;
    if (info != 0)
        return error_set_kind(err, ERROR_NOT_HERE, "cuSOLVER finds no singular values (%d)", info);
    return 0;
}

int direct_values(struct lane_pool *pool, struct lane *lane, double *values, const float *matrix,
                  int64_t rows, int64_t cols, struct error *err)
{
    struct direct_work work = {.m = longer(rows, cols), .n = shorter(rows, cols)};
    int status = direct_open(&work, pool, lane, err);
    if (status == 0)
        status = direct_widen(lane, &work, matrix, rows, cols, err);
    if (status == 0)
        status = direct_solve(lane, &work, err);
    if (status == 0)
        status = direct_fetch(lane, &work, values, err);
    if (status != 0)
        cudaStreamSynchronize(lane->stream); /* nobody reads the host's memory any more */
    free(work.host_room);
    if (status == 0)
        spectra_clear_rounding(values, rows, cols);
    return status;
}
