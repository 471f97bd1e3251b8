/* The reflections that make a panel's columns triangular, as one: I - V T V^T. */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_REFLECTIONS_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_REFLECTIONS_H

#include "compute/cpu/spectra/tiles.h"

enum { BAND_MAX = 64 };

/* Squares of a column's tail that add up to less are no column: where they are denormal, the
 * reflection would not be orthogonal. Matrices here have elements of 2^-298 at least, or none. */
static const double no_tail = 0x1p-960;

/* A panel of `band` (16, 32, 48 or 64) columns of a matrix of order n, padded to whole tiles. */
struct reflections {
    double *v;     /* [padded, band]: the panel, zeros before row `begin`; then V */
    double *y;     /* [padded, band]: V T, from row `begin` on */
    double *r;     /* [band, band]: what becomes of the panel's head */
    double *t, *s; /* [band, band]: T; a workspace */
    double *tau, *scale, *dots;
    int64_t n, padded, begin;
    int band;
};

/* In doubles. */
size_t CPU(reflections_workspace)(int64_t n, int band);
struct reflections CPU(reflections_in)(double *workspace, int64_t n, int band);

/* From v, which holds the panel from row `begin` on, to V, R, T and Y. */
void CPU(reflect)(struct reflections *p);

/* out = sign [first second], each [padded, band], transposed: from row `begin` on, a multiple of
 * PANEL, panels of [2 band, PANEL], as tile_add_product() takes them. */
void CPU(pack_pair)(double *out, double sign, const double *first, const double *second,
                    const struct reflections *p);

#endif
