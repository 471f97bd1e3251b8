/* Singular values of matrices: what a back end that scans offers, and what all of them share. */
#ifndef SPECTRUM_COMPUTE_SPECTRA_H
#define SPECTRUM_COMPUTE_SPECTRA_H

#include "base/error.h"

#include <float.h>
#include <stddef.h>
#include <stdint.h>

struct team; /* threads that work together (team.h) */

/* Singular values of one matrix. Several threads may call these at once. */
struct spectra_ops {
    /* values f64 [min(rows, cols)], descending, of the host matrix f32 [rows, cols], all within
     * `accuracy` of the largest; those below spectra_resolution() may be exact zeros.
     * NaN or Inf in the matrix is ERROR_NOT_FINITE; ERROR_NOT_HERE: the device cannot do this one,
     * since it has no memory for it, even without those in other threads' hands, say, and another
     * may; ERROR_DEVICE: it is lost. The matrix need not be host_alloc()'s. `workspace`: as many
     * bytes of host memory as the function of that name says, aligned to 64, which the caller keeps
     * from matrix to matrix: fresh memory is slow. */
    int (*values)(void *self, double *values, const float *matrix, int64_t rows, int64_t cols,
                  void *workspace, struct error *err);
    /* The same by all of a team's threads, whose leader calls it; to the bit what values() gives,
     * whatever their number. NULL: one thread a matrix. */
    int (*team_values)(void *self, struct team *team, double *values, const float *matrix,
                       int64_t rows, int64_t cols, void *workspace, struct error *err);
    size_t (*workspace)(void *self, int64_t rows, int64_t cols);
    /* How many matrices of this shape the device takes at once; NULL: one for each core. */
    int (*side_by_side)(void *self, int64_t rows, int64_t cols);
    double accuracy;
};

/* The sides of a matrix: how many singular values it has, and what they are sums over. */
static inline int64_t shorter(int64_t rows, int64_t cols)
{
    return rows < cols ? rows : cols;
}

static inline int64_t longer(int64_t rows, int64_t cols)
{
    return rows < cols ? cols : rows;
}

/* Smaller singular values are rounding in fp64 (numpy.linalg.matrix_rank has the same bound). */
static inline double spectra_resolution(int64_t rows, int64_t cols, double largest)
{
    return DBL_EPSILON * (double)longer(rows, cols) * largest;
}

/* ERROR_NOT_FINITE with a message that names the kind and its place, where there is NaN or Inf. */
int spectra_check_finite(const float *matrix, int64_t rows, int64_t cols, struct error *err);

/* Descending order, in place. */
void spectra_sort(double *values, int64_t count);

/* In place: squares, ascending but for rounding, become values, descending; those that rounding
 * made negative are zeros. */
void spectra_of_squares(double *values, int64_t count);

/* Values below spectra_resolution() become zeros; descending, of a matrix of this shape. */
void spectra_clear_rounding(double *values, int64_t rows, int64_t cols);

/* --- where noise ends, as the paper's own code has it (Hartford et al. 2024, arXiv 2406.06623) ---
 *
 *     sigma = (quantile(3/4) - quantile(1/4)) / 1.349,  the deviation of a normal law
 *     threshold = sigma (1 + sqrt(shorter side / longer side)),  values above it are signal
 */

/* Of values[count], descending: between order statistics linearly, as numpy and torch do. */
double spectra_quantile(const double *values, int64_t count, double q);
double spectra_sigma(const double *values, int64_t count);
double spectra_threshold(double sigma, int64_t rows, int64_t cols);

#endif
