/* How large a matrix is and how many directions it uses: numbers beside its score. */
#ifndef SPECTRUM_SPECTRA_MEASURES_H
#define SPECTRUM_SPECTRA_MEASURES_H

#include "spectra/noise_law.h"

#include <stdint.h>

struct measures {
    double frobenius;   /* sqrt(sum s_i^2) */
    double stable_rank; /* |W|_F^2 / s_1^2 (Rudelson & Vershynin, J. ACM 54, 2007) */
    /* exp(-sum p_i ln p_i), p_i = s_i / sum s (Roy & Vetterli, EUSIPCO 2007) */
    double effective_rank;
    double spike_edge; /* values above it are not noise (noise_law.h); NaN: not known */
    int64_t spikes;    /* how many there are; -1: not known */
};

/* values[count >= 1] descending, the first above 0, the last no NaN; of a matrix of this shape. */
struct measures measure_values(const double *values, int64_t count,
                               const struct noise_shape *shape);

/* The median of descending values, by linear interpolation. */
double values_median(const double *values, int64_t count);

#endif
