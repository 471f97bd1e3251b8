/* From f32 to f64, and mirror images: what moves numbers and computes none. */
#include "gpu/kernel_launch.h"
#include "gpu/kernels.h"

enum { THREADS = 256, TILE = 32, TILE_ROWS = 8 };

static const unsigned blocks_most = 4096;

static __device__ int finding(float value)
{
    unsigned bits = __float_as_uint(value);
    int found = (bits & 0x7fffffffu) != 0 ? FOUND_NOT_ZERO : 0;
    return (bits & 0x7f800000u) == 0x7f800000u ? found | FOUND_NOT_FINITE : found;
}

/* __restrict__: loads need not wait for the stores before them. */
static __global__ void __launch_bounds__(THREADS)
    widen_kernel(double *__restrict__ out, int *found, const float *__restrict__ in, int64_t count)
{
    int own = 0;
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
        float value = in[i];
        own |= finding(value);
        out[i] = value;
    }
    if (own)
        atomicOr(found, own);
}

cudaError_t kernel_check(void)
{
    struct cudaFuncAttributes attributes;
    return cudaFuncGetAttributes(&attributes, (const void *)widen_kernel);
}

cudaError_t kernel_widen(double *out, int *found, const float *in, int64_t count,
                         cudaStream_t stream)
{
    unsigned blocks = blocks_for(count, THREADS);
    return LAUNCH(widen_kernel, blocks < blocks_most ? blocks : blocks_most, THREADS, stream, out,
                  found, in, count);
}

/* Tile by tile through shared memory, so that reading and writing are in rows both. Tiles are
 * counted down the rows first: a grid's second side ends at 65535. */
static __global__ void __launch_bounds__(TILE *TILE_ROWS)
    widen_transposed_kernel(double *out, const float *in, int64_t rows, int64_t cols)
{
    SHARED(float, tile, TILE *(TILE + 1));
    int64_t top = (int64_t)blockIdx.x * TILE, left = (int64_t)blockIdx.y * TILE;
    for (int r = threadIdx.y; r < TILE; r += TILE_ROWS)
        if (top + r < rows && left + threadIdx.x < cols)
            tile[r * (TILE + 1) + threadIdx.x] = in[(top + r) * cols + left + threadIdx.x];
    __syncthreads();
    for (int c = threadIdx.y; c < TILE; c += TILE_ROWS)
        if (left + c < cols && top + threadIdx.x < rows)
            out[(left + c) * rows + top + threadIdx.x] = tile[threadIdx.x * (TILE + 1) + c];
}

cudaError_t kernel_widen_transposed(double *out, const float *in, int64_t rows, int64_t cols,
                                    cudaStream_t stream)
{
    dim3 blocks(blocks_for(rows, TILE), blocks_for(cols, TILE)), threads(TILE, TILE_ROWS);
    return LAUNCH(widen_transposed_kernel, blocks, threads, stream, out, in, rows, cols);
}

/* The upper triangle becomes the lower one's mirror image, a tile at a time through shared memory,
 * so that both are read and written in whole lines; TILE + 1 keeps columns in different banks. */
static __global__ void __launch_bounds__(TILE *TILE_ROWS) mirror_kernel(double *a, int64_t n)
{
    SHARED(double, tile, TILE *(TILE + 1));
    int64_t left = (int64_t)blockIdx.x * TILE, top = (int64_t)blockIdx.y * TILE;
    if (top < left)
        return;
    for (int c = threadIdx.y; c < TILE; c += TILE_ROWS)
        if (left + c < n && top + threadIdx.x < n)
            tile[c * (TILE + 1) + threadIdx.x] = a[(left + c) * n + top + threadIdx.x];
    __syncthreads();
    for (int r = threadIdx.y; r < TILE; r += TILE_ROWS)
        if (top + r < n && left + threadIdx.x < n && top + r > left + threadIdx.x)
            a[(top + r) * n + left + threadIdx.x] = tile[threadIdx.x * (TILE + 1) + r];
}

cudaError_t kernel_mirror(double *a, int64_t n, cudaStream_t stream)
{
    dim3 blocks(blocks_for(n, TILE), blocks_for(n, TILE)), threads(TILE, TILE_ROWS);
    return LAUNCH(mirror_kernel, blocks, threads, stream, a, n);
}
