/* What the .cu files offer: each function puts work on a stream and returns at once; the status is
 * that of starting it. All pointers are device memory, matrices column-major.
 *
 * The way of a symmetric matrix: full -> band (panel by panel, with cuBLAS between the kernels) ->
 * tridiagonal -> eigenvalues, as on the CPU (core/compute/cpu/spectra/stages.h).
 */
#ifndef SPECTRUM_GPU_KERNELS_H
#define SPECTRUM_GPU_KERNELS_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Diagonals below the main one of a band, and columns of a panel: a warp has a thread for each. */
enum { BAND = 32 };

/* cudaSuccess: the current device can run these kernels. */
cudaError_t kernel_check(void);

/* What widen() finds out: bits of `found`. */
enum { FOUND_NOT_FINITE = 1, FOUND_NOT_ZERO = 2 };

/* out f64 [count] = in f32 [count]; *found |= what is among them. */
cudaError_t kernel_widen(double *out, int *found, const float *in, int64_t count,
                         cudaStream_t stream);

/* out f64 [cols, rows] column-major, the matrix f32 [rows, cols] row-major transposed: element i, j
 * of the matrix is out[j * rows + i]. */
cudaError_t kernel_widen_transposed(double *out, const float *in, int64_t rows, int64_t cols,
                                    cudaStream_t stream);

/* The upper triangle of a[n, n] becomes the lower one's mirror image. */
cudaError_t kernel_mirror(double *a, int64_t n, cudaStream_t stream);

/* --- full to band --- */

/* The QR factorisation of panel[rows, cols <= BAND], ld apart, by Householder reflections: R in its
 * upper triangle, below it the vectors without their leading 1; tau[cols]. One block of threads: a
 * panel's columns follow one from another, and other matrices keep the device busy. */
cudaError_t kernel_panel(double *panel, double *tau, int64_t rows, int cols, int64_t ld,
                         cudaStream_t stream);

/* v and copy [rows, cols], ld_v apart, become the reflections' vectors, with ones and zeros; the
 * panel keeps R, zeros below. */
cudaError_t kernel_vectors(double *v, double *copy, double *panel, int64_t rows, int cols,
                           int64_t ld, int64_t ld_v, cudaStream_t stream);

/* t[BAND, BAND], upper triangular, of I - V T V^T = H_1 ... H_cols (Schreiber & Van Loan 1989),
 * from gram = V^T V [BAND, BAND] and tau. What is beyond cols is zero. */
cudaError_t kernel_triangle(double *t, const double *gram, const double *tau, int cols,
                            cudaStream_t stream);

/* --- band to tridiagonal --- */

/* Doubles of a band of order n as chase() takes it. */
int64_t chase_doubles(int64_t n);

/* band = the lower BAND diagonals of a[n, n], mirrored as far as chase() looks; the rest zero. */
cudaError_t kernel_take_band(double *band, const double *a, int64_t n, cudaStream_t stream);

/* Makes it tridiagonal. progress: memory of n + 1 ints, whatever is in it. */
cudaError_t kernel_chase(double *band, int *progress, int64_t n, cudaStream_t stream);

/* diagonal[n]; squares[n]: of the element between i - 1 and i, [0] 0. */
cudaError_t kernel_take_tridiagonal(double *diagonal, double *squares, const double *band,
                                    int64_t n, cudaStream_t stream);

/* --- eigenvalues --- */

/* values[n], ascending, of the tridiagonal matrix, to a unit or two of rounding of its norm.
 * bounds: memory of 2 doubles. squares are raised above zero by less than rounding. */
cudaError_t kernel_eigenvalues(double *values, double *bounds, const double *diagonal,
                               double *squares, int64_t n, cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif
