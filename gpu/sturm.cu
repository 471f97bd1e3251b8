/* Eigenvalues of a tridiagonal matrix by bisection: the signs of the pivots of T - x I,
 *
 *     q_1 = d_1 - x,   q_i = d_i - x - e_(i-1)^2 / q_(i-1),
 *
 * say how many eigenvalues lie below x (Sturm; Barth, Martin & Wilkinson 1967). One thread has one
 * eigenvalue and halves its bracket until that is as narrow as rounding.
 */
#include "gpu/kernel_launch.h"
#include "gpu/kernels.h"

#include <math.h>

enum { THREADS = 64, BOUNDS = 256, ROUNDS = 58 };

static __device__ double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Gershgorin's discs, by one block; a zero pivot's inverse is infinite, and gives no NaN while the
 * squares are above zero. */
static __global__ void __launch_bounds__(BOUNDS)
    bounds_kernel(double *out, const double *diagonal, double *squares, int64_t n)
{
    SHARED(double, lows, BOUNDS);
    SHARED(double, highs, BOUNDS);
    int own = threadIdx.x;
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = own; i < n; i += BOUNDS) {
        double radius = sqrt(squares[i]) + (i + 1 < n ? sqrt(squares[i + 1]) : 0);
        low = -larger(-low, radius - diagonal[i]);
        high = larger(high, diagonal[i] + radius);
    }
    lows[own] = low;
    highs[own] = high;
    for (int half = BOUNDS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (own < half) {
            lows[own] = -larger(-lows[own], -lows[own + half]);
            highs[own] = larger(highs[own], highs[own + half]);
        }
    }
    __syncthreads();
    double norm = larger(fabs(lows[0]), fabs(highs[0])), least = norm * norm * 0x1p-120 + 0x1p-960;
    for (int64_t i = own; i < n; i += BOUNDS)
        squares[i] = larger(squares[i], least);
    if (own == 0) {
        double margin = norm * 0x1p-50 + sqrt(least);
        out[0] = lows[0] - margin;
        out[1] = highs[0] + margin;
    }
}

static __device__ int64_t count_below(double x, const double *diagonal, const double *squares,
                                      int64_t n)
{
    double pivot = diagonal[0] - x;
    int64_t below = pivot < 0;
    for (int64_t i = 1; i < n; i++) {
        pivot = diagonal[i] - x - squares[i] / pivot;
        below += pivot < 0;
    }
    return below;
}

/* Thread k looks for the k-th from below: the bracket's half that has it is kept, ROUNDS times. */
static __global__ void __launch_bounds__(THREADS)
    eigenvalues_kernel(double *values, const double *bounds, const double *diagonal,
                       const double *squares, int64_t n)
{
    int64_t wanted = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    double low = bounds[0], high = bounds[1];
    if (wanted >= n)
        return;
    for (int round = 0; round < ROUNDS; round++) {
        double middle = low + (high - low) / 2;
        if (count_below(middle, diagonal, squares, n) > wanted)
            high = middle;
        else
            low = middle;
    }
    values[wanted] = low + (high - low) / 2;
}

cudaError_t kernel_eigenvalues(double *values, double *bounds, const double *diagonal,
                               double *squares, int64_t n, cudaStream_t stream)
{
    cudaError_t status = LAUNCH(bounds_kernel, 1, BOUNDS, stream, bounds, diagonal, squares, n);
    if (status != cudaSuccess)
        return status;
    return LAUNCH(eigenvalues_kernel, blocks_for(n, THREADS), THREADS, stream, values, bounds,
                  diagonal, squares, n);
}
