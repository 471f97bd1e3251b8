/* The scan of a model: singular values of its matrices, their scores, and a cache by content.
 *
 * What is kept is the spectra (cache.h), not the scores: any estimator's score follows from them at
 * once. They are written every few seconds and at the end, so that an interrupted scan continues
 * where it stopped.
 *
 *     scan_run: rows of the model -> what the cache knows -> device -> threads, a matrix each:
 *               read, values, score, observer -> cache -> scan_result -> scan_result_free
 *
 * scan_result.h keeps values in files, score.h makes scores of them and says what noise alone would
 * score.
 */
#ifndef SPECTRUM_SPECTRA_SCAN_H
#define SPECTRUM_SPECTRA_SCAN_H

#include "compute/backend.h"
#include "model/model.h"
#include "spectra/scan_options.h"
#include "spectra/scan_result.h"

/* Scans, with this back end, or with NULL one by the options' name, as backend_open_for_scan()
 * takes it, opened when the cache does not know all. A matrix with NaN or Inf gets a row with snr
 * NaN and the scan continues. What a device has no room for, and all that is left when it is lost,
 * the CPU computes. On interruption the result is there too, with what is known so far. */
int scan_run(struct scan_result **out, const struct model *model, const struct backend *backend,
             const struct scan_options *options, const struct scan_observer *observer,
             struct error *err);

#endif
