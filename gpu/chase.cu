/* Band to tridiagonal: bulges are chased down the band, as on the CPU (core/compute/cpu/chase.c has
 * the picture, and why the band is stored with 3 BAND rows a column that overlap).
 *
 * One warp has one sweep, a thread has a row of its two blocks, in registers. A sweep's step s
 * waits until step s + 1 of the sweep before is done: the steps beyond touch other elements. Warps
 * take sweeps in order and wait only for sweeps that were taken before, whose warps are running:
 * however few of them fit on the device, the first one always goes on.
 */
#include "gpu/kernels.h"
#include "gpu/reflection.h"

enum { COLUMN = 3 * BAND, WARPS = 4, WIDE = 256 };

static const int64_t warps_most = 256;

int64_t chase_doubles(int64_t n)
{
    return (n + 4 * BAND) * (COLUMN + 1);
}

/* What a warp shares. */
struct shared {
    double *v, *u, *w, *sums; /* [BAND] each */
    double *tile;             /* [BAND, BAND + 1] */
};

/* x[BAND], an element a thread, becomes (beta, 0, ...): returns this thread's element of the
 * reflection's vector (1, v_2, ...), and tau. */
static __device__ double reflect_onto_first(double *x, double *tau, int row)
{
    double value = *x, alpha = __shfl_sync(0xffffffffu, value, 0);
    struct reflection found = reflection_of(alpha, warp_sum(row == 0 ? 0 : value * value));
    *tau = found.tau;
    *x = row == 0 ? found.beta : 0;
    return row == 0 ? 1 : value * found.scale;
}

/* Loads and stores go past the first-level cache, where other warps' stores do not arrive. */
static __device__ void load_block(double *rows, const double *from)
{
#pragma unroll
    for (int j = 0; j < BAND; j++)
        rows[j] = __ldcg(from + j * COLUMN);
}

static __device__ void store_block(double *to, const double *rows)
{
#pragma unroll
    for (int j = 0; j < BAND; j++)
        __stcg(to + j * COLUMN, rows[j]);
}

/* D := D - v w^T - w v^T, where w = tau (D v) - tau^2 (v^T D v) / 2 v */
static __device__ void update_diagonal(double *d, double w, double own, double tau,
                                       const struct shared *s, int row)
{
    double half = -0.5 * tau * tau * warp_sum(w * own);
    w = w * tau + half * own;
    s->w[row] = w;
    __syncwarp();
#pragma unroll
    for (int j = 0; j < BAND; j++)
        d[j] -= own * s->w[j] + w * s->v[j];
}

/* Columns 1 to BAND - 1 of B: from the right by y v^T, from the left by (u, tau). */
static __device__ void update_below(double *b, double y, double own_u, double tau,
                                    const struct shared *s, int row)
{
    double sum = 0;
#pragma unroll
    for (int j = 1; j < BAND; j++) {
        b[j] -= s->v[j] * y;
        s->tile[row * (BAND + 1) + j] = b[j];
    }
    s->u[row] = own_u;
    __syncwarp();
    for (int i = 0; i < BAND; i++) /* this thread's column */
        sum += s->u[i] * s->tile[i * (BAND + 1) + row];
    s->sums[row] = tau * sum;
    __syncwarp();
#pragma unroll
    for (int j = 1; j < BAND; j++)
        b[j] -= own_u * s->sums[j];
}

/* One step, at the blocks that begin with row `at`; own and tau: the reflection that comes in, and
 * then the one of the next step. */
static __device__ void step(double *band, int64_t at, double *own, double *tau,
                            const struct shared *s, int row)
{
    double d[BAND], b[BAND], w = 0, y = 0, next_tau;
    double *diagonal = band + at * COLUMN + at + row, *below = diagonal + BAND;
    s->v[row] = *own;
    load_block(d, diagonal);
    load_block(b, below);
    s->tile[row * (BAND + 1)] = 0; /* column 0 is done before the others */
    __syncwarp();
#pragma unroll
    for (int j = 0; j < BAND; j++) {
        w += d[j] * s->v[j];
        y += b[j] * s->v[j];
    }
    y *= *tau;
    b[0] -= y;
    double next = reflect_onto_first(&b[0], &next_tau, row);
    update_diagonal(d, w, *own, *tau, s, row);
    update_below(b, y, next, next_tau, s, row);
    store_block(diagonal, d);
    store_block(below, b);
    __syncwarp(); /* the sums were read by all */
    /* what the next sweep's D gains by this one: row 0 of B, mirrored */
    if (row == 0)
#pragma unroll
        for (int j = 1; j < BAND; j++)
            s->sums[j] = b[j];
    __syncwarp();
    if (row > 0)
        __stcg(band + at * COLUMN + at + BAND * COLUMN + row, s->sums[row]);
    __syncwarp();
    *own = next;
    *tau = next_tau;
}

/* Waits until a sweep has done this many steps. */
static __device__ void wait_for(const int *progress, int steps, int row)
{
    if (row == 0) {
        while (*(const volatile int *)progress < steps)
            __nanosleep(100);
        fence_device(); /* what the other warp wrote before is seen from here on, by all: */
    }
    __syncwarp();
}

/* What all threads of the warp wrote is there before the number is. */
static __device__ void tell(int *progress, int steps, int row)
{
    __syncwarp();
    if (row == 0) {
        fence_device();
        *(volatile int *)progress = steps;
    }
}

static __device__ void sweep(double *band, int *progress, int64_t number, int64_t n,
                             const struct shared *s, int row)
{
    double own = 0, tau = 0;
    int done = 0;
    for (int64_t at = number + 1; at < n; at += BAND, done++) {
        if (number > 0)
            wait_for(progress + number - 1, done + 2, row);
        if (done == 0) {
            double *column = band + number * COLUMN + at + row, x = __ldcg(column);
            own = reflect_onto_first(&x, &tau, row);
            __stcg(column, x);
        }
        step(band, at, &own, &tau, s, row);
        tell(progress + number, done + 1, row);
    }
    tell(progress + number, INT32_MAX, row); /* nobody waits for this one any more */
}

/* A block's warps have nothing to do with one another: they are in one so that few multiprocessors
 * have chases, whose registers leave no room for much else there (panel.cu). */
static __global__ void __launch_bounds__(WARPS *BAND)
    chase_kernel(double *band, int *progress, int64_t n)
{
    SHARED(double, vectors, WARPS * 4 * BAND);
    SHARED(double, tiles, WARPS *BAND *(BAND + 1));
    int warp = threadIdx.x / BAND, row = threadIdx.x % BAND;
    double *v = vectors + warp * 4 * BAND, *tile = tiles + warp * BAND * (BAND + 1);
    struct shared s = {v, v + BAND, v + 2 * BAND, v + 3 * BAND, tile};
    for (;;) {
        int number = 0;
        if (row == 0)
            number = atomicAdd(progress + n, 1);
        number = __shfl_sync(0xffffffffu, number, 0);
        if (number + 2 >= n)
            return;
        sweep(band, progress, number, n, &s, row);
    }
}

cudaError_t kernel_chase(double *band, int *progress, int64_t n, cudaStream_t stream)
{
    int64_t in_flight = n / (2 * BAND) + 1;
    cudaError_t status = cudaMemsetAsync(progress, 0, (size_t)(n + 1) * sizeof *progress, stream);
    if (status != cudaSuccess)
        return status;
    int64_t warps = in_flight < warps_most ? in_flight : warps_most;
    return LAUNCH(chase_kernel, blocks_for(warps, WARPS), WARPS * BAND, stream, band, progress, n);
}

static __global__ void __launch_bounds__(BAND + 1)
    take_band_kernel(double *band, const double *a, int64_t n)
{
    int64_t j = blockIdx.x;
    int distance = threadIdx.x; /* 0 to BAND */
    if (j + distance >= n)
        return;
    double value = a[j * n + j + distance];
    band[j * COLUMN + j + distance] = value;
    if (distance > 0 && distance < BAND)
        band[(j + distance) * COLUMN + j] = value;
}

cudaError_t kernel_take_band(double *band, const double *a, int64_t n, cudaStream_t stream)
{
    cudaError_t status = cudaMemsetAsync(band, 0, (size_t)chase_doubles(n) * sizeof *band, stream);
    if (status != cudaSuccess)
        return status;
    return LAUNCH(take_band_kernel, (unsigned)n, BAND + 1, stream, band, a, n);
}

static __global__ void __launch_bounds__(WIDE)
    take_tridiagonal_kernel(double *diagonal, double *squares, const double *band, int64_t n)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    double before = i > 0 ? band[(i - 1) * COLUMN + i] : 0;
    diagonal[i] = band[i * COLUMN + i];
    squares[i] = before * before;
}

cudaError_t kernel_take_tridiagonal(double *diagonal, double *squares, const double *band,
                                    int64_t n, cudaStream_t stream)
{
    return LAUNCH(take_tridiagonal_kernel, blocks_for(n, WIDE), WIDE, stream, diagonal, squares,
                  band, n);
}
