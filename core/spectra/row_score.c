#include "spectra/row_score.h"

#include "compute/backend.h"
#include "compute/spectra.h"
#include "spectra/measures.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* A noise set of this many values or fewer is decided by single values near the threshold. */
enum { DEGENERATE_COUNT = 4 };

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
