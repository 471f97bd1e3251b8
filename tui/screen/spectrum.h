/* The singular values of one matrix: read from where its scan left them, drawn as a plot beside
 * pure noise and the threshold. The spectrum's own screen and the heat map's preview show the same.
 *
 * Values are the cache's of a scanned model (spectra/cache.h), one row of a file that may have
 * gigabytes; they are read when they are shown first and kept until another row is. A scan file has
 * none. What noise would look like is drawn from the law that the score rests on:
 *
 *     noise[i] = x_i * s,   x_i the quantiles of the law for this shape, descending,
 *                           s = values[count / 2] / sqrt(median of x^2): both have one median
 *
 * (Marchenko and Pastur 1967, as spectra/noise_law.h has it). What rises above that curve is more
 * than noise of this shape and this median would have.
 */
#ifndef SPECTRUM_TUI_SCREEN_SPECTRUM_H
#define SPECTRUM_TUI_SCREEN_SPECTRUM_H

#include "tui/session/session.h"
#include "tui/theme/theme.h"

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

struct spectrum_look {
    bool histogram; /* else scree: value by rank */
    bool logarithmic;
};

void spectrum_draw(struct area area, const struct theme *theme, const struct scan_row *row,
                   const struct spectrum_values *values, struct spectrum_look look);

#endif
