/* From singular values to the signal-to-noise ratio (Hartford et al., "Spectrum", arXiv 2406.06623,
 * in the form of its published program, which every published result was made with).
 *
 * For a matrix n x m with singular values S, descending, beta = min(n, m) / max(n, m) and q(p) the
 * quantiles of S by linear interpolation:
 *
 *     snr = (sum of S > tau) / (sum of S <= tau) / S[0]
 *
 *     estimator        scale sigma                                  threshold tau
 *     reference        (q(0.75) - q(0.25)) / 1.349                  sigma (1 + sqrt(beta))
 *     mp               median(S) / sqrt(max(n, m) mu_beta)          sigma (sqrt(n) + sqrt(m))
 *     gavish-donoho    as mp                                        omega(beta) median(S)
 *
 * 1.349 is the distance of a normal distribution's quartiles. The reference's scale is the width of
 * the bulk of S, not the noise of an entry, so its threshold is not the Marchenko-Pastur edge; the
 * other two are calibrated: mu_beta is the median of that law, omega Gavish and Donoho's optimal
 * hard threshold (struct noise_shape). Beside every score stands what pure noise of the shape
 * would score (null_model_find()).
 *
 * Where no value is at or below tau, the noise is empty, and the score a convention: infinite, as
 * in all files before April 2025, or of a noise sum of 1, as in today's published program. A vector
 * counts as 1 x n: it has one singular value, and is always that case.
 */
#ifndef SPECTRUM_SPECTRA_SCORE_H
#define SPECTRUM_SPECTRA_SCORE_H

#include "base/error.h"
#include "model/score_table.h"

#include <stdbool.h>
#include <stdint.h>

enum estimator { ESTIMATOR_REFERENCE, ESTIMATOR_MP, ESTIMATOR_GAVISH_DONOHO };
enum { ESTIMATOR_COUNT = 3 };

/* What an empty noise set counts as: infinity (files before 2025-04), or a noise sum of 1. */
enum empty_noise { EMPTY_NOISE_INFINITY, EMPTY_NOISE_ONE };

/* "infinity", "one", by their enum; a NULL ends them. */
extern const char *const empty_noise_names[];

extern const char *const estimator_names[]; /* by the enum; a NULL ends them */
const char *estimator_name(enum estimator estimator);
/* 0, or ERROR_USAGE with the list of names. */
int estimator_by_name(enum estimator *out, const char *name, struct error *err);

/* --- what noise alone looks like --- */

/* The Marchenko-Pastur law of singular values: what pure noise looks like.
 *
 * A matrix n x m (n <= m) of iid entries of variance s^2 has singular values s sqrt(m) x, x in
 * [1 - sqrt(beta), 1 + sqrt(beta)], beta = n/m, with density
 *     f(x) = sqrt((b^2 - x^2)(x^2 - a^2)) / (pi beta x)
 * (Marchenko & Pastur 1967; in this form Gavish & Donoho, arXiv 1305.5870, eq. 4).
 */

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

/* --- the score --- */

struct score {
    double sigma; /* noise scale: IQR / 1.349, or the entry noise of the calibrated estimators */
    double threshold; /* values above are signal */
    double snr;
    int64_t signal_count, noise_count;
};

/* values[count] descending, of a rows x cols matrix. All zeros or no values: snr NaN. */
struct score score_values(const double *values, int64_t count, int64_t rows, int64_t cols,
                          enum estimator estimator, enum empty_noise empty_noise);

/* False: the score would be NaN. */
bool score_exists(const double *values, int64_t count);

/* The same of values that have one, where the shape's noise is known already. */
struct score score_shaped(const double *values, int64_t count, const struct noise_shape *shape,
                          enum estimator estimator, enum empty_noise empty_noise);

/* The same formula on pure noise of this shape (Marchenko-Pastur quantiles); NaN where memory runs
 * out or the shape has no values. */
double score_null(int64_t rows, int64_t cols, enum estimator estimator,
                  enum empty_noise empty_noise);

/* Pure noise of one shape: its distribution and its scores under every estimator (score_null).
 * Costs milliseconds to find, and is the same for all matrices of that shape. */
struct null_model {
    int64_t rows, cols;
    struct noise_shape shape;
    double snr[ESTIMATOR_COUNT];
};

struct null_model null_model_find(int64_t rows, int64_t cols, enum empty_noise empty_noise);

/* --- numbers beside the score, and the row that has them all --- */

/* How large a matrix is and how many directions it uses. */
struct measures {
    double frobenius;   /* sqrt(sum s_i^2) */
    double stable_rank; /* |W|_F^2 / s_1^2 (Rudelson & Vershynin, J. ACM 54, 2007) */
    /* exp(-sum p_i ln p_i), p_i = s_i / sum s (Roy & Vetterli, EUSIPCO 2007) */
    double effective_rank;
    double spike_edge; /* values above it are not noise (struct noise_shape); NaN: not known */
    int64_t spikes;    /* how many there are; -1: not known */
};

/* values[count >= 1] descending, the first above 0, the last not NaN; of a matrix of this shape. */
struct measures measure_values(const double *values, int64_t count,
                               const struct noise_shape *shape);

/* The median of descending values, by linear interpolation. */
double values_median(const double *values, int64_t count);

/* Fills a row's scores and measures from its values; its name, type, shape and dtype are there
 * already. `null` is the model of the row's shape, found with the same empty_noise. */
void score_row(struct scan_row *row, const double *values, int64_t count,
               const struct null_model *null, enum estimator estimator,
               enum empty_noise empty_noise);

#endif
