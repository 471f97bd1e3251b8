/* The panels of the reduction to a band. */
#include "gpu/kernels.h"
#include "gpu/reflection.h"

/* So many that a block finds room beside one of chase.cu's on a multiprocessor's 64 K registers:
 * with twice as many it would wait until all chases there are done. A chase takes half of them, so
 * that panel_kernel is held to the other half as if two were to fit. */
enum { WARPS = 16, THREADS = WARP * WARPS, WIDE = 256, BATCH = 8 };

/* The sum over all threads of the block, in each of them; sums[WARPS]: memory of the block. */
static __device__ double block_sum(double x, double *sums)
{
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    x = warp_sum(x);
    __syncthreads(); /* their last readers are done */
    if (lane == 0)
        sums[warp] = x;
    __syncthreads();
    return warp_sum(lane < WARPS ? sums[lane] : 0);
}

/* Column x[rows] becomes (beta, v_2, v_3, ...), v_1 = 1; returns tau, in all threads. */
static __device__ double reflect_onto_first(double *x, int64_t rows, double *sums)
{
    double tail = 0, alpha = x[0];
    for (int64_t i = 1 + threadIdx.x; i < rows; i += THREADS)
        tail += x[i] * x[i];
    struct reflection found = reflection_of(alpha, block_sum(tail, sums));
    for (int64_t i = 1 + threadIdx.x; i < rows; i += THREADS)
        x[i] *= found.scale;
    __syncthreads(); /* every thread has read alpha */
    if (threadIdx.x == 0)
        x[0] = found.beta;
    return found.tau;
}

/* y := y - factor v, every WARP-th element, `count` of them and BATCH at the most. All loads are
 * before all stores: left to itself, each load would wait for the store before it, since for all
 * that the compiler knows y and v overlap. */
static __device__ void subtract_batch(double *y, const double *v, double factor, int count)
{
    double own[BATCH], other[BATCH];
#pragma unroll
    for (int k = 0; k < BATCH; k++) {
        own[k] = k < count ? y[k * WARP] : 0;
        other[k] = k < count ? v[k * WARP] : 0;
    }
#pragma unroll
    for (int k = 0; k < BATCH; k++)
        if (k < count)
            y[k * WARP] = own[k] - factor * other[k];
}

/* The same for any count; unrolled it takes more registers than there are. */
static __device__ void subtract(double *y, const double *v, double factor, int count)
{
#pragma unroll 1
    for (; count >= BATCH; count -= BATCH, y += BATCH * WARP, v += BATCH * WARP)
        subtract_batch(y, v, factor, BATCH);
    subtract_batch(y, v, factor, count);
}

/* y := y - tau v (v^T y) by one warp; v[0] stands for 1. */
static __device__ void reflect(double *y, const double *v, double tau, int64_t rows)
{
    int lane = threadIdx.x % WARP;
    int64_t first = lane == 0 ? WARP : lane;
    double dot = lane == 0 ? y[0] : 0;
    for (int64_t i = first; i < rows; i += WARP)
        dot += v[i] * y[i];
    double factor = tau * warp_sum(dot);
    subtract(y + first, v + first, factor, (int)((rows - first + WARP - 1) / WARP));
    if (lane == 0)
        y[0] -= factor;
}

/* One block of threads has the whole panel: column j becomes a reflection (reflect_onto_first()),
 * which a warp each then applies to the columns after it. So all columns are done in one launch,
 * and the barrier keeps a column from being read before it is whole. */
static __global__ void __launch_bounds__(THREADS, 2)
    panel_kernel(double *panel, double *tau, int64_t rows, int cols, int64_t ld)
{
    SHARED(double, sums, WARPS);
    int warp = threadIdx.x / WARP;
    for (int j = 0; j < cols; j++) {
        double *x = panel + j * ld + j, own = 0;
        if (j < rows)
            own = reflect_onto_first(x, rows - j, sums);
        if (threadIdx.x == 0)
            tau[j] = own;
        for (int c = j + 1 + warp; c < cols && j < rows; c += WARPS)
            reflect(x + (c - j) * ld, x, own, rows - j);
        __syncthreads();
    }
}

cudaError_t kernel_panel(double *panel, double *tau, int64_t rows, int cols, int64_t ld,
                         cudaStream_t stream)
{
    return LAUNCH(panel_kernel, 1, THREADS, stream, panel, tau, rows, cols, ld);
}

/* The reflections' vectors out of the panel: below the diagonal as they lie, 1 on it, 0 above; what
 * stays in the panel is the triangle. */
static __global__ void __launch_bounds__(WIDE)
    vectors_kernel(double *v, double *copy, double *panel, int64_t rows, int64_t ld, int64_t ld_v)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, j = blockIdx.y;
    if (i >= rows)
        return;
    double value = i > j ? panel[j * ld + i] : i == j ? 1 : 0;
    v[j * ld_v + i] = value;
    copy[j * ld_v + i] = value;
    if (i > j)
        panel[j * ld + i] = 0;
}

cudaError_t kernel_vectors(double *v, double *copy, double *panel, int64_t rows, int cols,
                           int64_t ld, int64_t ld_v, cudaStream_t stream)
{
    dim3 blocks(blocks_for(rows, WIDE), (unsigned)cols);
    return LAUNCH(vectors_kernel, blocks, WIDE, stream, v, copy, panel, rows, ld, ld_v);
}

/* T's column j is -tau_j T (V^T v_j) above the diagonal and tau_j on it: thread i has row i. */
static __global__ void __launch_bounds__(BAND)
    triangle_kernel(double *t, const double *gram, const double *tau, int cols)
{
    SHARED(double, own, BAND *BAND);
    int i = threadIdx.x;
    for (int j = 0; j < BAND; j++)
        own[j * BAND + i] = 0;
    __syncthreads();
    for (int j = 0; j < cols; j++) {
        double sum = 0;
        for (int l = i; l < j; l++)
            sum += own[l * BAND + i] * gram[j * BAND + l];
        own[j * BAND + i] = i < j ? -tau[j] * sum : i == j ? tau[j] : 0;
        __syncthreads();
    }
    for (int j = 0; j < BAND; j++)
        t[j * BAND + i] = own[j * BAND + i];
}

cudaError_t kernel_triangle(double *t, const double *gram, const double *tau, int cols,
                            cudaStream_t stream)
{
    return LAUNCH(triangle_kernel, 1, BAND, stream, t, gram, tau, cols);
}
