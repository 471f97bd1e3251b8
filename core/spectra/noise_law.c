#include "spectra/noise_law.h"

#include <math.h>

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

static double hard_threshold(double beta, double median)
{
    double root = sqrt(beta * beta + 14 * beta + 1);
    double lambda = sqrt(2 * (beta + 1) + 8 * beta / (beta + 1 + root));
    return lambda / sqrt(median);
}

/* Standard deviation of the median singular value, as a part of it. */
static double median_deviation(const struct noise_shape *shape)
{
    static const double constant = 1.5;
    double beta = shape->min / shape->max, squared = shape->median_squared;
    double low = 1 - sqrt(beta), high = 1 + sqrt(beta);
    /* x times the law's density at x */
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
    shape.hard_threshold = hard_threshold(beta, shape.median_squared);
    shape.spike_edge = spike_edge(&shape);
    return shape;
}
