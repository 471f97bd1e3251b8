/* How long a run would take: a few of its steps, a part of its evaluation and of a sample, and what a
 * checkpoint costs, measured with the trainer as it is; then the sum.
 *
 *     total = steps * step + evaluations * evaluation + samples * sample + saves * save
 *
 * The first step warms up and does not count. Every part has a spread, and the totals' bounds are the
 * sums of these:
 *
 *     step         the median; quartiles
 *     evaluation   as long as one took; with the quartiles of its batches in place of their median
 *     sample       as long as the one that the model makes now, which may end with its first token as
 *                  well as with the last that it may have, and another time does: one token, to all
 *     saves        counted as if every evaluation were better than those before it, and so one that is
 *                  saved; at least those of --save-every
 *
 * What comes before the first step (data that is tokenised, weights that are read, a scan) is not in
 * it.
 *
 * The trainer's weights move by this: it is not to train afterwards. Of the run's folder nothing is
 * read or written.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_PROBE_H
#define SPECTRUM_JOB_TRAINING_RUN_PROBE_H

#include "job/training/run_setup.h"

struct probe_seconds {
    double usual, low, high;
};

struct training_probe {
    int64_t steps;   /* of the run */
    uint64_t tokens; /* that these take in, by what the measured ones took */
    size_t measured; /* steps, but for the first */
    int64_t evaluations, samples;
    int64_t saves, least_saves; /* at most and at least */
    struct probe_seconds step;
    struct probe_seconds evaluation, sample; /* of one; 0 where there are none */
    double save;
    struct probe_seconds total;
};

/* After run_setup_open(). Ends with ERROR_INTERRUPTED when the sitting is to stop; refuses a run for
 * which there is not enough memory. */
int run_probe(struct training_probe *out, const struct run_setup *setup, struct error *err);

/* Adds its members to an open object: of --json, and of a probe job's metrics. */
void training_put_probe(struct json_writer *json, const struct training_probe *probe);

#endif
