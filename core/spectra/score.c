#include "spectra/score.h"

#include "compute/spectra.h"
#include "spectra/measures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const estimator_names[] = {"reference", "mp", "gavish-donoho", NULL};

const char *const empty_noise_names[] = {"infinity", "one", NULL};

const char *estimator_name(enum estimator estimator)
{
    return estimator_names[estimator];
}

int estimator_by_name(enum estimator *out, const char *name, struct error *err)
{
    for (int i = 0; i < ESTIMATOR_COUNT; i++) {
        if (strcmp(name, estimator_names[i]) == 0) {
            *out = (enum estimator)i;
            return 0;
        }
    }
    return error_set_kind(err, ERROR_USAGE,
                          "there is no estimator \"%s\"; there are reference, mp, gavish-donoho",
                          name);
}

static void set_threshold(struct score *score, const double *values, int64_t count,
                          const struct noise_shape *shape, enum estimator estimator)
{
    double median = values_median(values, count);
    score->sigma = median / sqrt(shape->max * shape->median_squared);
    switch (estimator) {
    case ESTIMATOR_REFERENCE:
        score->sigma = spectra_sigma(values, count);
        score->threshold =
            spectra_threshold(score->sigma, (int64_t)shape->min, (int64_t)shape->max);
        break;
    case ESTIMATOR_MP:
        score->threshold = score->sigma * (sqrt(shape->min) + sqrt(shape->max));
        break;
    default: /* ESTIMATOR_GAVISH_DONOHO */
        score->threshold = shape->hard_threshold * median;
        break;
    }
}

bool score_exists(const double *values, int64_t count)
{
    return count > 0 && values[0] > 0 && !isnan(values[count - 1]);
}

struct score score_shaped(const double *values, int64_t count, const struct noise_shape *shape,
                          enum estimator estimator, enum empty_noise empty_noise)
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
    if (!score_exists(values, count))
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
