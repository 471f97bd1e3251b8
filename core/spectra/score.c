#include "spectra/score.h"

#include "compute/backend.h"
#include "spectra/measures.h"

#include <float.h>
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
    for (int i = 0; i < ESTIMATOR_COUNT; i++) {
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

static void set_threshold(struct score *score, const double *values, int64_t count,
                          const struct noise_shape *shape, enum estimator estimator)
{
    double median = values_median(values, count);
    score->sigma = median / sqrt(shape->max * shape->median_squared);
    switch (estimator) {
    case ESTIMATOR_REFERENCE:
        score->sigma = (quantile(values, count, 0.75) - quantile(values, count, 0.25)) / 1.349;
        score->threshold = score->sigma * (1 + sqrt(shape->min / shape->max));
        break;
    case ESTIMATOR_MP:
        score->threshold = score->sigma * (sqrt(shape->min) + sqrt(shape->max));
        break;
    default: /* ESTIMATOR_GAVISH_DONOHO */
        score->threshold = shape->hard_threshold * median;
        break;
    }
}

static bool has_score(const double *values, int64_t count)
{
    return count > 0 && values[0] > 0 && !isnan(values[count - 1]);
}

/* Of values that have a score. */
static struct score score_shaped(const double *values, int64_t count,
                                 const struct noise_shape *shape, enum estimator estimator,
                                 enum empty_noise empty_noise)
{
    struct score score = {.snr = NAN};
    set_threshold(&score, values, count, shape, estimator);
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

struct score score_values(const double *values, int64_t count, int64_t rows, int64_t cols,
                          enum estimator estimator, enum empty_noise empty_noise)
{
    if (!has_score(values, count))
        return (struct score){.snr = NAN};
    struct noise_shape shape = noise_shape(rows, cols);
    return score_shaped(values, count, &shape, estimator, empty_noise);
}

/* signal / noise has no unit, S[0] has: noise with entries of variance 1 / max(rows, cols). */
static void score_nulls(double out[ESTIMATOR_COUNT], const struct noise_shape *shape,
                        enum empty_noise empty_noise)
{
    int64_t count = (int64_t)shape->min;
    double *values = malloc((size_t)count * sizeof *values);
    if (values)
        noise_quantiles(values, count, shape->min / shape->max);
    for (int i = 0; i < ESTIMATOR_COUNT; i++)
        out[i] =
            values ? score_shaped(values, count, shape, (enum estimator)i, empty_noise).snr : NAN;
    free(values);
}

struct null_model null_model_find(int64_t rows, int64_t cols, enum empty_noise empty_noise)
{
    struct null_model null = {.rows = rows, .cols = cols, .snr = {NAN, NAN, NAN}};
    if (rows < 1 || cols < 1)
        return null;
    null.shape = noise_shape(rows, cols);
    score_nulls(null.snr, &null.shape, empty_noise);
    return null;
}

double score_null(int64_t rows, int64_t cols, enum estimator estimator,
                  enum empty_noise empty_noise)
{
    return null_model_find(rows, cols, empty_noise).snr[estimator];
}

/* Every element of the matrix may be denormal: they are multiples of one number, not noise. */
static bool is_denormal(const struct scan_row *row, double largest)
{
    return largest < (double)FLT_MIN * sqrt((double)row->rows * (double)row->cols);
}

static void set_degenerate(struct scan_row *row, double largest)
{
    int count = (int)row->noise_count;
    char *reason = row->degenerate_reason;
    size_t size = sizeof row->degenerate_reason;
    row->degenerate = true;
    if (count == 0)
        snprintf(reason, size, "no noise values");
    else if (count <= DEGENERATE_COUNT)
        snprintf(reason, size, "only %d noise value%s", count, count == 1 ? "" : "s");
    else if (row->threshold < spectra_resolution(row->rows, row->cols, largest))
        snprintf(reason, size, "noise is below resolution");
    else if (is_denormal(row, largest))
        snprintf(reason, size, "denormal elements");
    else
        row->degenerate = false;
}

static void set_scores(struct scan_row *row, const double *values, int64_t count,
                       const struct null_model *null, enum estimator estimator,
                       enum empty_noise empty_noise)
{
    const struct noise_shape *shape = &null->shape;
    struct score score = score_shaped(values, count, shape, estimator, empty_noise);
    row->snr = score.snr;
    row->sigma = score.sigma;
    row->threshold = score.threshold;
    row->signal_count = score.signal_count;
    row->noise_count = score.noise_count;
    set_degenerate(row, values[0]);
    row->snr_mp = score_shaped(values, count, shape, ESTIMATOR_MP, empty_noise).snr;
    row->snr_gavish_donoho =
        score_shaped(values, count, shape, ESTIMATOR_GAVISH_DONOHO, empty_noise).snr;
    /* A score is divided by S[0]: noise is compared at the matrix's own largest value. */
    double scale = (1 + sqrt(shape->min / shape->max)) / values[0];
    row->null_snr = null->snr[estimator] * scale;
    row->null_snr_mp = null->snr[ESTIMATOR_MP] * scale;
    row->null_snr_gavish_donoho = null->snr[ESTIMATOR_GAVISH_DONOHO] * scale;
}

void score_row(struct scan_row *row, const double *values, int64_t count,
               const struct null_model *null, enum estimator estimator,
               enum empty_noise empty_noise)
{
    row->known = true;
    row->snr = NAN;
    row->detailed = has_score(values, count);
    if (!row->detailed) {
        snprintf(row->reason, sizeof row->reason, "%s",
                 count == 0      ? "no elements"
                 : values[0] > 0 ? "NaN among its singular values"
                                 : "all zeros");
        return;
    }
    set_scores(row, values, count, null, estimator, empty_noise);
    struct measures measures = measure_values(values, count, &null->shape);
    row->sigma_max = values[0];
    row->frobenius = measures.frobenius;
    row->stable_rank = measures.stable_rank;
    row->effective_rank = measures.effective_rank;
    row->spikes = measures.spikes;
    row->spike_edge = measures.spike_edge;
}
