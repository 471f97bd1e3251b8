/* What a scan found: scores, and the values that they are of. */
#ifndef SPECTRUM_SPECTRA_SCAN_RESULT_H
#define SPECTRUM_SPECTRA_SCAN_RESULT_H

#include "model/score_table.h"

#include <stdint.h>

struct scan_result {
    struct scan *scan; /* rows in file order; rows of failed or stopped matrices are not known */
    double **values;   /* per row, descending; NULL where not known */
    int64_t *counts;
};

void scan_result_free(struct scan_result *result);

#endif
