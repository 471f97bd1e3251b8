/* The singular values of one matrix, from where the scan left them, and what pure noise looks like
 * beside them. */
#ifndef SPECTRUM_TUI_SCREEN_SPECTRUM_VALUES_H
#define SPECTRUM_TUI_SCREEN_SPECTRUM_VALUES_H

#include "tui/app/session.h"

struct spectrum_values {
    size_t row;     /* of the scan; meaningful when something is there */
    size_t count;   /* 0: nothing is there */
    double *values; /* [count], descending */
    double *index;  /* [count], 1, 2, ... */
    double *noise;  /* [count], Marchenko-Pastur quantiles scaled to the same median */
};

/* Reads the values of a row from the cache of spectra. False: they are not there (yet). Values that
 * are there already are not read again. */
bool spectrum_values_load(struct spectrum_values *out, const struct scan *scan, size_t row);
void spectrum_values_free(struct spectrum_values *values);

#endif
