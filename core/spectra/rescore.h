/* Rows of a scan once more, from weights that have trained since: for a choice that is made again in
 * the middle of a run (--reselect).
 */
#ifndef SPECTRUM_SPECTRA_RESCORE_H
#define SPECTRUM_SPECTRA_RESCORE_H

#include "checkpoint/checkpoint.h"
#include "compute/backend.h"
#include "model/score_table.h"
#include "spectra/score.h"

/* Scores by the reference's estimator each row of `scan` whose module has a weight among `weights`,
 * from that weight; the others stay as they are. `threads` as machine_threads() takes them. They
 * share the matrices as those of a scan do (scan_teams.h), so scores are the same to the bit for any
 * number of them. A matrix that cannot be computed, as one with a NaN, is an error. */
int scan_rescore(struct scan *scan, const struct checkpoint *weights, const struct backend *backend,
                 int threads, enum empty_noise rule, struct error *err);

#endif
