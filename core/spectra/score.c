#include "spectra/score.h"

#include "compute/backend.h"
#include "compute/spectra.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const estimator_names[] = {"reference", "mp", "gavish-donoho", NULL};

const char *const empty_noise_names[] = {"infinity", "one", NULL};

const char *estimator_name(enum estimator estimator)
{
    return estimator_names[estimator];
}

/* An unknown name is answered with all that there are. */
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

/* --- what noise alone looks like: the Marchenko-Pastur law --- */

/* Cells of the angle's range [0, pi]: the law is integrated over each by Simpson's rule, once a
 * shape, and between their bounds the quantiles are interpolated. */
enum { GRID = 4096 };

static const double pi = 3.14159265358979323846;

/* The density in the angle t, x^2 = (a^2 + b^2)/2 - (b^2 - a^2)/2 cos t, in which both edges are
 * smooth: f(x) dx = g(t) dt with g = (r sin t)^2 / (2 pi beta x^2), r = (b^2 - a^2)/2. */
struct law {
    double beta, middle, radius;
};

static struct law law_of(double beta)
{
    return (struct law){beta, 1 + beta, 2 * sqrt(beta)};
}

static double squared_at(const struct law *law, double t)
{
    return law->middle - law->radius * cos(t);
}

static double density(const struct law *law, double t)
{
    double s = law->radius * sin(t), squared = squared_at(law, t);
    /* At beta = 1 the lower edge is 0: the limit of sin^2 t / (1 - cos t) is 1 + cos t. */
    if (squared < 1e-12)
        return law->radius * (1 + cos(t)) / (2 * pi * law->beta);
    return s * s / (2 * pi * law->beta * squared);
}

/* cumulative[i] = probability below angle pi i / GRID, by Simpson's rule on each cell. */
static void integrate(const struct law *law, double cumulative[GRID + 1])
{
    double h = pi / GRID, total = 0;
    cumulative[0] = 0;
    for (int i = 0; i < GRID; i++) {
        double t = h * i;
        total += h / 6 * (density(law, t) + 4 * density(law, t + h / 2) + density(law, t + h));
        cumulative[i + 1] = total;
    }
    for (int i = 1; i <= GRID; i++)
        cumulative[i] /= total;
}

/* x^2 at a probability; `*cell` is where the last search ended, for ascending calls. */
static double squared_quantile(const struct law *law, const double cumulative[GRID + 1],
                               double probability, int *cell)
{
    while (*cell < GRID - 1 && cumulative[*cell + 1] < probability)
        ++*cell;
    double low = cumulative[*cell], high = cumulative[*cell + 1];
    double part = high > low ? (probability - low) / (high - low) : 0.5;
    return squared_at(law, pi * (*cell + part) / GRID);
}

/* x[k] is the quantile at 1 - (k + 1/2) / count of the law of singular values: what noise of this
 * shape has for its k-th value. One pass over the grid, as probabilities only rise. */
void noise_quantiles(double *x, int64_t count, double beta)
{
    struct law law = law_of(beta);
    double cumulative[GRID + 1];
    int cell = 0;
    integrate(&law, cumulative);
    for (int64_t i = 0; i < count; i++) {
        double probability = ((double)i + 0.5) / (double)count;
        x[count - 1 - i] = sqrt(squared_quantile(&law, cumulative, probability, &cell));
    }
}

static double median_squared(double beta)
{
    struct law law = law_of(beta);
    double cumulative[GRID + 1];
    int cell = 0;
    integrate(&law, cumulative);
    return squared_quantile(&law, cumulative, 0.5, &cell);
}

/* Standard deviation of the median singular value, as a part of it. The rank of the median among n
 * values varies by sqrt(ln n + 1.5) / pi; n f(x) ranks lie in a unit of x, so that over x f(x) it
 * is
 *
 *     sqrt(ln n + 1.5) / (pi n x f(x)),   x f(x) = sqrt((b^2 - x^2)(x^2 - a^2)) / (pi beta) */
static double median_deviation(const struct noise_shape *shape)
{
    static const double constant = 1.5;
    double beta = shape->min / shape->max, squared = shape->median_squared;
    double low = 1 - sqrt(beta), high = 1 + sqrt(beta);
    double steep = sqrt((high * high - squared) * (squared - low * low)) / (pi * beta);
    return sqrt(log(shape->min) + constant) / (pi * shape->min * steep);
}

/* The edge e with (e - mean)^2 = spread^2 + (z d e)^2: the largest value's mean and its distance to
 * its quantile, and the deviation d of s with the normal quantile z of the same level. */
static double spike_edge(const struct noise_shape *shape)
{
    static const double tracy_widom_mean = -1.2065336, tracy_widom_99 = 2.0234, normal_99 = 2.3263;
    if (shape->min < 3)
        return INFINITY;
    double a = sqrt(shape->max - 1), b = sqrt(shape->min);
    double center = (a + b) * (a + b), scale = (a + b) * cbrt(1 / a + 1 / b);
    double mean = sqrt(center + tracy_widom_mean * scale);
    double spread = sqrt(center + tracy_widom_99 * scale) - mean;
    double part = normal_99 * median_deviation(shape), rest = 1 - part * part;
    if (part >= 1)
        return INFINITY;
    return (mean + sqrt(mean * mean - rest * (mean * mean - spread * spread))) / rest;
}

struct noise_shape noise_shape(int64_t rows, int64_t cols)
{
    struct noise_shape shape = {.min = (double)(rows < cols ? rows : cols),
                                .max = (double)(rows < cols ? cols : rows)};
    double beta = shape.min / shape.max;
    shape.median_squared = median_squared(beta);
    /* omega(beta) = lambda / sqrt(mu), lambda^2 = 2 (beta + 1) + 8 beta / (beta + 1 + sqrt(beta^2 +
     * 14 beta + 1)): Gavish & Donoho, eq. 11, for noise that is not known; mu is the law's median
     * of x^2. */
    double root = sqrt(beta * beta + 14 * beta + 1);
    double lambda = sqrt(2 * (beta + 1) + 8 * beta / (beta + 1 + root));
    shape.hard_threshold = lambda / sqrt(shape.median_squared);
    shape.spike_edge = spike_edge(&shape);
    return shape;
}

/* --- the score --- */

/* sigma and tau: the table at the head of score.h, a row an estimator. */
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

/* SNR = (sum of values above the threshold) / (sum of those at or below it) / (largest value). */
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

/* A score of pure noise, from the law's quantiles in place of a drawn matrix's values.
 * signal / noise has no unit, S[0] has: noise with entries of variance 1 / max(rows, cols). */
struct null_model null_model_find(int64_t rows, int64_t cols, enum empty_noise empty_noise)
{
    struct null_model null = {.rows = rows, .cols = cols, .snr = {NAN, NAN, NAN}};
    if (rows < 1 || cols < 1)
        return null;
    null.shape = noise_shape(rows, cols);
    int64_t count = rows < cols ? rows : cols;
    double *values = malloc((size_t)count * sizeof *values);
    if (!values)
        return null;
    noise_quantiles(values, count, null.shape.min / null.shape.max);
    for (int i = 0; i < ESTIMATOR_COUNT; i++)
        null.snr[i] = score_shaped(values, count, &null.shape, (enum estimator)i, empty_noise).snr;
    free(values);
    return null;
}

double score_null(int64_t rows, int64_t cols, enum estimator estimator,
                  enum empty_noise empty_noise)
{
    return null_model_find(rows, cols, empty_noise).snr[estimator];
}

/* --- numbers beside the score --- */

/* Singular values of the CPU are exact to this part of the largest (a GPU's to 1e-7, and where they
 * decide anything to less: gpu/spectra.c): what is less is rounding, not a value. */
static const double resolution = 1e-10;

/* With x_i = s_i / s_1, so that no square leaves the range of double:
 *
 *     |W|_F = s_1 sqrt(sum x_i^2),   stable rank = sum x_i^2
 *     effective rank = exp(-sum p_i ln p_i), p_i = x_i / S, S = sum x_i
 *                    = exp(ln S - (sum x_i ln x_i) / S)
 */
static void measure_ranks(struct measures *out, const double *values, int64_t count)
{
    double sum = 0, squares = 0, weighted = 0;
    for (int64_t i = 0; i < count; i++) {
        double x = values[i] / values[0];
        if (!(x > 0))
            continue;
        sum += x;
        squares += x * x;
        weighted += x * log(x);
    }
    out->frobenius = values[0] * sqrt(squares);
    out->stable_rank = squares;
    out->effective_rank = exp(log(sum) - weighted / sum);
}

/* The noise of an entry comes from the median, as for the calibrated estimators; the values above
 * the edge that noise of this strength reaches are spikes. */
static void measure_spikes(struct measures *out, const double *values, int64_t count,
                           const struct noise_shape *shape)
{
    out->spike_edge = NAN;
    out->spikes = -1;
    if (isinf(shape->spike_edge))
        return;
    double noise = values_median(values, count) / sqrt(shape->max * shape->median_squared);
    out->spike_edge = fmax(noise * shape->spike_edge, resolution * values[0]);
    out->spikes = 0;
    while (out->spikes < count && values[out->spikes] > out->spike_edge)
        out->spikes++;
}

struct measures measure_values(const double *values, int64_t count, const struct noise_shape *shape)
{
    struct measures out;
    measure_ranks(&out, values, count);
    measure_spikes(&out, values, count, shape);
    return out;
}

double values_median(const double *values, int64_t count)
{
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* --- a row of the table --- */

/* A noise set of this many values or fewer is decided by single values near the threshold. */
enum { DEGENERATE_COUNT = 4 };

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
    /* Every element of the matrix may be denormal: they are multiples of one number, not noise. */
    else if (largest < (double)FLT_MIN * sqrt((double)row->rows * (double)row->cols))
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

/* Nothing is scored where there is nothing to divide: the row then says why. */
void score_row(struct scan_row *row, const double *values, int64_t count,
               const struct null_model *null, enum estimator estimator,
               enum empty_noise empty_noise)
{
    row->known = true;
    row->snr = NAN;
    row->detailed = score_exists(values, count);
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
