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
 * hard threshold (noise_law.h has both). Beside every score stands what pure noise of the shape
 * would score (null_model_find()).
 *
 * Where no value is at or below tau, the noise is empty, and the score a convention: infinite, as
 * in all files before April 2025, or of a noise sum of 1, as in today's published program. A vector
 * counts as 1 x n: it has one singular value, and is always that case.
 */
#ifndef SPECTRUM_SPECTRA_SCORE_H
#define SPECTRUM_SPECTRA_SCORE_H

#include "base/error.h"
#include "spectra/noise_law.h"

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

#endif
