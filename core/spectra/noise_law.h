/* The Marchenko-Pastur law of singular values: what pure noise looks like.
 *
 * A matrix n x m (n <= m) of iid entries of variance s^2 has singular values s sqrt(m) x, x in
 * [1 - sqrt(beta), 1 + sqrt(beta)], beta = n/m, with density
 *     f(x) = sqrt((b^2 - x^2)(x^2 - a^2)) / (pi beta x)
 * (Marchenko & Pastur 1967; in this form Gavish & Donoho, arXiv 1305.5870, eq. 4).
 */
#ifndef SPECTRUM_SPECTRA_NOISE_LAW_H
#define SPECTRUM_SPECTRA_NOISE_LAW_H

#include <stdint.h>

/* Fills x[0..count) with the law's quantiles at (i + 1/2) / count, descending; 0 < beta <= 1. */
void noise_quantiles(double *x, int64_t count, double beta);

/* What noise of a shape looks like beside the median of its own singular values; min >= 1. */
struct noise_shape {
    double min, max;       /* the shorter and the longer side */
    double median_squared; /* of x, "mu_beta": s = median / sqrt(max * median_squared) */
    /* Gavish & Donoho's optimal hard threshold in units of the median singular value (eq. 11 with
     * the unknown-noise factor, omega(beta) = lambda*(beta) / sqrt(mu_beta)). */
    double hard_threshold;
    /* In units of s, where s comes from the median: what the largest value of pure noise exceeds in
     * one matrix of a hundred. INFINITY: so few values that they say nothing of their own noise. */
    double spike_edge;
};

/* The Marchenko-Pastur edge, sqrt(min) + sqrt(max), is where the largest value lies on the average;
 * for finite sides it fluctuates about there, and so does the median that s is taken from:
 *   largest^2: Tracy-Widom's law of order 1, with centering (sqrt(max - 1) + sqrt(min))^2 and
 *     scaling (sqrt(max - 1) + sqrt(min)) (1 / sqrt(max - 1) + 1 / sqrt(min))^(1/3) (Johnstone,
 *     Ann. Statist. 29, 2001, theorem 1.1; mean -1.2065, 99 % quantile 2.0234);
 *   median: its rank varies by (ln min) / pi^2 (Gustavsson 2005; O'Rourke 2010 for real symmetric,
 *     Su 2006 for sample covariance matrices), and by a constant that these laws leave open: 1.5 /
 *     pi^2, the largest that simulation shows (odd sides; 0.4 for even ones).
 * Both are put together as the bound of a ratio of independent variables (Fieller 1954). */
struct noise_shape noise_shape(int64_t rows, int64_t cols);

#endif
