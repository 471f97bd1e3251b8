/* A scan's row from its matrix's singular values. */
#ifndef SPECTRUM_SPECTRA_ROW_SCORE_H
#define SPECTRUM_SPECTRA_ROW_SCORE_H

#include "model/score_table.h"
#include "spectra/score.h"

/* Fills a row's scores and measures from its values; its name, type, shape and dtype are there
 * already. `null` is the model of the row's shape, found with the same empty_noise. */
void score_row(struct scan_row *row, const double *values, int64_t count,
               const struct null_model *null, enum estimator estimator,
               enum empty_noise empty_noise);

#endif
