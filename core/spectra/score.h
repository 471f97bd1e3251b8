/* From singular values to the signal-to-noise ratio (REFERENCE.md 1; arXiv 2406.06623). */
#ifndef SPECTRUM_SPECTRA_SCORE_H
#define SPECTRUM_SPECTRA_SCORE_H

#include "base/error.h"
#include "spectra/noise.h"

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
