/* The numbers of a scored matrix that it can be ranked and coloured by. */
#ifndef SPECTRUM_MODEL_SCORE_METRIC_H
#define SPECTRUM_MODEL_SCORE_METRIC_H

#include "model/score_table.h"

enum metric {
    METRIC_SNR, /* of the scan's estimator: what plans rank by unless they are told */
    METRIC_MP,
    METRIC_GAVISH_DONOHO,
    METRIC_FROBENIUS,
    METRIC_SIGMA_MAX,
    METRIC_STABLE_RANK,
    METRIC_EFFECTIVE_RANK,
    METRIC_SPIKES,
    METRIC_COUNT
};

/* As the prompt takes it: "stable-rank"; and as the screen shows it: "stable rank". */
const char *metric_name(enum metric metric);
const char *metric_title(enum metric metric);

/* Finds a metric by the name that the prompt takes, "stable-rank", or a beginning that no other
 * name has. False: there is none. */
bool metric_find(enum metric *out, const char *name);

/* NaN: not known. */
double metric_value(const struct scan_row *row, enum metric metric);
/* What noise of this shape has in its place; NaN: not known, or the metric has no null model. */
double metric_null(const struct scan_row *row, enum metric metric);

/* True: its colours span orders of magnitude. False: it is a count, and may be 0. */
bool metric_is_logarithmic(enum metric metric);

#endif
