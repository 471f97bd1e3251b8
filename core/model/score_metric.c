#include "model/score_metric.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name, *title;
} metrics[METRIC_COUNT] = {
    [METRIC_SNR] = {"snr", "SNR"},
    [METRIC_MP] = {"mp", "mp SNR"},
    [METRIC_GAVISH_DONOHO] = {"gavish-donoho", "gavish-donoho SNR"},
    [METRIC_FROBENIUS] = {"frobenius", "Frobenius norm"},
    [METRIC_SIGMA_MAX] = {"sigma-max", "sigma max"},
    [METRIC_STABLE_RANK] = {"stable-rank", "stable rank"},
    [METRIC_EFFECTIVE_RANK] = {"effective-rank", "effective rank"},
    [METRIC_SPIKES] = {"spikes", "spikes"},
};

const char *metric_name(enum metric metric)
{
    return metrics[metric].name;
}

const char *metric_title(enum metric metric)
{
    return metrics[metric].title;
}

/* A beginning that two names have is neither's. */
bool metric_find(enum metric *out, const char *name)
{
    size_t length = strlen(name);
    int found = METRIC_COUNT;
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (strncmp(metrics[i].name, name, length) != 0)
            continue;
        if (found < METRIC_COUNT)
            return false;
        found = i;
    }
    if (found < METRIC_COUNT)
        *out = (enum metric)found;
    return found < METRIC_COUNT;
}

/* A row that is known has its SNR; the other numbers are those of a detailed scan, which a
 * published scan file is not. */
double metric_value(const struct scan_row *row, enum metric metric)
{
    if (!row->known || (metric != METRIC_SNR && !row->detailed))
        return NAN;
    switch (metric) {
    case METRIC_MP:
        return row->snr_mp;
    case METRIC_GAVISH_DONOHO:
        return row->snr_gavish_donoho;
    case METRIC_FROBENIUS:
        return row->frobenius;
    case METRIC_SIGMA_MAX:
        return row->sigma_max;
    case METRIC_STABLE_RANK:
        return row->stable_rank;
    case METRIC_EFFECTIVE_RANK:
        return row->effective_rank;
    case METRIC_SPIKES:
        return row->spikes >= 0 ? (double)row->spikes : NAN;
    default:
        return row->snr;
    }
}

/* Only scores have one: what the estimator makes of noise of this shape. */
double metric_null(const struct scan_row *row, enum metric metric)
{
    if (!row->known || !row->detailed)
        return NAN;
    switch (metric) {
    case METRIC_SNR:
        return row->null_snr;
    case METRIC_MP:
        return row->null_snr_mp;
    case METRIC_GAVISH_DONOHO:
        return row->null_snr_gavish_donoho;
    default:
        return NAN;
    }
}

bool metric_is_logarithmic(enum metric metric)
{
    return metric != METRIC_SPIKES;
}
