/* Householder reflections H = I - tau v v^T, v_1 = 1, that take a column onto its first element,
 * and the sum that they need. For .cu files. */
#ifndef SPECTRUM_GPU_REFLECTION_H
#define SPECTRUM_GPU_REFLECTION_H

#include "gpu/kernel_launch.h"

#include <math.h>

enum { WARP = 32 };

/* Squares that add up to no more are rounding of rounding, and may be denormal: no tail at all. */
static const double no_tail = 1e-290;

/* The sum over a warp's threads, in each of them. */
static __device__ double warp_sum(double x)
{
    for (int distance = WARP / 2; distance > 0; distance /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, distance);
    return x;
}

/* The column (alpha, x) becomes (beta, 0); v = (1, scale x). */
struct reflection {
    double beta, tau, scale;
};

/* tail: the sum of the squares of x. */
static __device__ struct reflection reflection_of(double alpha, double tail)
{
    struct reflection none = {alpha, 0, 0};
    if (!(tail > no_tail))
        return none;
    double beta = -copysign(sqrt(alpha * alpha + tail), alpha);
    struct reflection reflection = {beta, (beta - alpha) / beta, 1 / (alpha - beta)};
    return reflection;
}

#endif
