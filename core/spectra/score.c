#include "spectra/score.h"

#include "spectra/noise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A noise set of this many values or fewer is decided by single values near the threshold. */
enum { DEGENERATE_COUNT = 4 };

static const char *const names[] = {"reference", "mp", "gavish-donoho"};

const char *estimator_name(enum estimator estimator)
{
    return names[estimator];
}

int estimator_by_name(enum estimator *out, const char *name, struct error *err)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum estimator)i;
            return 0;
        }
    }
    return error_set_kind(err, ERROR_USAGE,
                          "there is no estimator \"%s\"; there are reference, mp, gavish-donoho",
                          name);
}

/* Linear interpolation between order statistics, as numpy and torch do; values descending. */
static double quantile(const double *values, int64_t count, double q)
{
    double position = (1 - q) * (double)(count - 1);
    int64_t low = (int64_t)position;
    int64_t high = low + 1 < count ? low + 1 : low;
    double part = position - (double)low;
    return values[low] + part * (values[high] - values[low]);
}

static void set_threshold(struct score *score, const double *values, int64_t count, double n,
                          double m, enum estimator estimator)
{
    double beta = n / m, median = quantile(values, count, 0.5);
    switch (estimator) {
    case ESTIMATOR_REFERENCE:
        score->sigma = (quantile(values, count, 0.75) - quantile(values, count, 0.25)) / 1.349;
        score->threshold = score->sigma * (1 + sqrt(beta));
        break;
    case ESTIMATOR_MP:
        score->sigma = median / sqrt(m * noise_median_squared(beta));
        score->threshold = score->sigma * (sqrt(n) + sqrt(m));
        break;
    case ESTIMATOR_GAVISH_DONOHO:
        score->sigma = median / sqrt(m * noise_median_squared(beta));
        score->threshold = noise_hard_threshold(beta) * median;
        break;
    }
}

struct score score_values(const double *values, int64_t count, int64_t rows, int64_t cols,
                          enum estimator estimator, enum empty_noise empty_noise)
{
    struct score score = {.snr = NAN};
    if (count == 0 || !(values[0] > 0) || isnan(values[count - 1]))
        return score;
    double n = (double)(rows < cols ? rows : cols), m = (double)(rows < cols ? cols : rows);
    set_threshold(&score, values, count, n, m, estimator);
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < count; i++) {
        if (values[i] > score.threshold) {
            signal += values[i];
            score.signal_count++;
        } else {
            noise += values[i];
            score.noise_count++;
        }
    }
    if (score.noise_count == 0 && empty_noise == EMPTY_NOISE_ONE)
        noise = 1;
    score.snr = noise > 0 ? signal / noise / values[0] : INFINITY;
    return score;
}

double score_null(int64_t rows, int64_t cols, enum estimator estimator,
                  enum empty_noise empty_noise)
{
    int64_t n = rows < cols ? rows : cols, m = rows < cols ? cols : rows;
    double *values = n > 0 ? malloc((size_t)n * sizeof *values) : NULL;
    if (!values)
        return NAN;
    noise_quantiles(values, n, (double)n / (double)m);
    /* signal / noise has no unit, S[0] has: noise with entries of variance 1 / max(rows, cols). */
    double snr = score_values(values, n, rows, cols, estimator, empty_noise).snr;
    free(values);
    return snr;
}

void score_row(struct scan_row *row, const double *values, int64_t count, enum estimator estimator,
               enum empty_noise empty_noise)
{
    int64_t rows = row->rows, cols = row->cols;
    struct score score = score_values(values, count, rows, cols, estimator, empty_noise);
    row->known = true;
    row->snr = score.snr;
    row->detailed = count > 0 && values[0] > 0;
    if (!row->detailed) {
        snprintf(row->reason, sizeof row->reason, "%s", count == 0 ? "no elements" : "all zeros");
        return;
    }
    row->sigma_max = values[0];
    row->sigma = score.sigma;
    row->threshold = score.threshold;
    row->signal_count = score.signal_count;
    row->noise_count = score.noise_count;
    row->degenerate = score.noise_count <= DEGENERATE_COUNT;
    /* The score is divided by S[0]: noise is compared at the matrix's own largest value. */
    double n = (double)(rows < cols ? rows : cols), m = (double)(rows < cols ? cols : rows);
    row->null_snr = score_null(rows, cols, estimator, empty_noise) * (1 + sqrt(n / m)) / values[0];
    row->snr_mp = score_values(values, count, rows, cols, ESTIMATOR_MP, empty_noise).snr;
    row->snr_gavish_donoho =
        score_values(values, count, rows, cols, ESTIMATOR_GAVISH_DONOHO, empty_noise).snr;
}
