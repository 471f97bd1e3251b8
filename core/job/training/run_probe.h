/* How long a run would take: a few of its steps, a part of its evaluation and of a sample, and what a
 * checkpoint costs, measured with the trainer as it is; then the sum.
 *
 *     total = steps * step + evaluations * evaluation + samples * sample + saves * save
 *
 * The first step warms up and does not count. A step is the median of the others, its spread their
 * quartiles, and the totals' bounds are those of the steps. What comes before the first step (data
 * that is tokenised, weights that are read, a scan) is not in it. The counts are the most that there
 * can be: every evaluation is taken for better than those before it, and so for one that is saved.
 *
 * The trainer's weights move by this: it is not to train afterwards. Of the run's folder nothing is
 * read or written.
 */
#ifndef SPECTRUM_JOB_TRAINING_RUN_PROBE_H
#define SPECTRUM_JOB_TRAINING_RUN_PROBE_H

#include "job/training/run_setup.h"

struct training_probe {
    int64_t steps;                    /* of the run */
    uint64_t tokens;                  /* that these take in, by what the measured ones took */
    size_t measured;                  /* steps, but for the first */
    double step, step_low, step_high; /* seconds: median and quartiles */
    int64_t evaluations, samples, saves;
    double evaluation, sample, save;     /* seconds of one; 0 where there are none */
    double total, total_low, total_high; /* seconds */
};

/* After run_setup_open(). Ends with ERROR_INTERRUPTED when the sitting is to stop; refuses a run for
 * which there is not enough memory. */
int run_probe(struct training_probe *out, const struct run_setup *setup, struct error *err);

/* Adds its members to an open object: of --json, and of a probe job's metrics. */
void training_put_probe(struct json_writer *json, const struct training_probe *probe);

#endif
