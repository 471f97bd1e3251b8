/* For matrices whose squares say too little of their small values: cuSOLVER's QR iteration on the
 * matrix itself, in fp64. Its memory is the whole matrix's, twice. */
#include "compute/spectra_ops.h"
#include "gpu/stages.h"

#include <stdlib.h>

struct direct_work {
    float *narrow;
    double *wide, *values;
    int *found, *info;
    void *room;
};

static void take(struct direct_work *work, struct arena *arena, int64_t longer, int64_t n,
                 size_t room)
{
    uint64_t count = (uint64_t)longer * (uint64_t)n;
    work->narrow = arena_take(arena, count, sizeof *work->narrow);
    work->wide = arena_take(arena, count, sizeof *work->wide);
    work->values = arena_take(arena, (uint64_t)n, sizeof *work->values);
    work->found = arena_take(arena, 1, sizeof *work->found);
    work->info = arena_take(arena, 1, sizeof *work->info);
    work->room = arena_take(arena, room, 1);
}

/* The matrix in columns, the longer side first, as cuSOLVER wants it. */
static int widen(const struct lane *lane, const struct direct_work *work, const float *matrix,
                 int64_t rows, int64_t cols, struct error *err)
{
    size_t bytes = (size_t)(rows * cols) * sizeof *matrix;
    cudaError_t status =
        cudaMemcpyAsync(work->narrow, matrix, bytes, cudaMemcpyHostToDevice, lane->stream);
    if (status == cudaSuccess && rows > cols)
        status = kernel_widen_turned(work->wide, work->narrow, rows, cols, lane->stream);
    else if (status == cudaSuccess)
        status = kernel_widen(work->wide, work->found, work->narrow, rows * cols, lane->stream);
    return status_check(status, err);
}

static int run(const struct lane *lane, const struct direct_work *work, int64_t longer, int64_t n,
               size_t room, void *host_room, size_t host_bytes, struct error *err)
{
    return status_check_solver(cusolverDnXgesvd(lane->solver, lane->parameters, 'N', 'N', longer, n,
                                                CUDA_R_64F, work->wide, longer, CUDA_R_64F,
                                                work->values, CUDA_R_64F, NULL, longer, CUDA_R_64F,
                                                NULL, n, CUDA_R_64F, work->room, room, host_room,
                                                host_bytes, work->info),
                               err);
}

static int fetch(const struct lane *lane, const struct direct_work *work, double *values, int64_t n,
                 struct error *err)
{
    int info = 0;
    cudaError_t status = cudaMemcpyAsync(values, work->values, (size_t)n * sizeof *values,
                                         cudaMemcpyDeviceToHost, lane->stream);
    if (status == cudaSuccess)
        status =
            cudaMemcpyAsync(&info, work->info, sizeof info, cudaMemcpyDeviceToHost, lane->stream);
    cudaError_t waited = cudaStreamSynchronize(lane->stream);
    if (status_check(status == cudaSuccess ? waited : status, err) != 0)
        return -1;
    return info == 0 ? 0 : error_set(err, "the singular values do not converge (%d)", info);
}

int direct_values(struct lane_pool *pool, struct lane *lane, double *values, const float *matrix,
                  int64_t rows, int64_t cols, struct error *err)
{
    int64_t longer = rows > cols ? rows : cols, n = rows > cols ? cols : rows;
    size_t room = 0, host_bytes = 0;
    struct direct_work work;
    struct arena measure = {NULL, 0};
    if (lane_solver(lane, err) != 0 ||
        status_check_solver(cusolverDnXgesvd_bufferSize(
                                lane->solver, lane->parameters, 'N', 'N', longer, n, CUDA_R_64F,
                                NULL, longer, CUDA_R_64F, NULL, CUDA_R_64F, NULL, longer,
                                CUDA_R_64F, NULL, n, CUDA_R_64F, &room, &host_bytes),
                            err) != 0)
        return -1;
    take(&work, &measure, longer, n, room);
    if (lane_reserve(pool, lane, measure.used, err) != 0)
        return -1;
    struct arena arena = {lane->memory, 0};
    take(&work, &arena, longer, n, room);
    void *host_room = malloc(host_bytes + 1);
    if (!host_room)
        return error_set(err, "not enough memory");
    int status = widen(lane, &work, matrix, rows, cols, err);
    if (status == 0)
        status = run(lane, &work, longer, n, room, host_room, host_bytes, err);
    if (status == 0)
        status = fetch(lane, &work, values, n, err);
    if (status != 0)
        cudaStreamSynchronize(lane->stream); /* nobody reads the host's memory any more */
    free(host_room);
    if (status == 0)
        spectra_clear_rounding(values, rows, cols);
    return status;
}
