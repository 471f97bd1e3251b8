#include "spectra/measures.h"

#include <math.h>

/* Singular values of the CPU are exact to this part of the largest (a GPU's to 1e-7, and where they
 * decide anything to less: gpu/spectra.c): what is less is no value but rounding. */
static const double resolution = 1e-10;

/* In units of the largest value, so that no square leaves the range of double. */
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
    /* -sum p ln p with p = x / sum is ln(sum) - (sum of x ln x) / sum. */
    out->effective_rank = exp(log(sum) - weighted / sum);
}

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
