/* The Marchenko-Pastur law of singular values: what pure noise looks like.
 *
 * A matrix n x m (n <= m) of iid entries of variance s^2 has singular values s sqrt(m) x, x in
 * [1 - sqrt(beta), 1 + sqrt(beta)], beta = n/m, with density
 *     f(x) = sqrt((b^2 - x^2)(x^2 - a^2)) / (pi beta x)
 * (Marchenko & Pastur 1967; in this form Gavish & Donoho, arXiv 1305.5870, eq. 4).
 */
#ifndef SPECTRUM_SPECTRA_NOISE_H
#define SPECTRUM_SPECTRA_NOISE_H

#include <stdint.h>

/* Fills x[0..count) with the law's quantiles at (i + 1/2) / count, descending; 0 < beta <= 1. */
void noise_quantiles(double *x, int64_t count, double beta);

/* The median of x^2, "mu_beta". */
double noise_median_squared(double beta);

/* Gavish & Donoho's optimal hard threshold in units of the median singular value (eq. 11 with the
 * unknown-noise factor, omega(beta) = lambda*(beta) / sqrt(mu_beta)). */
double noise_hard_threshold(double beta);

#endif
