/* Singular values in fp64, at one level of instructions. The way of a matrix, a file a step:
 *
 *     matrix -> Gram matrix of its shorter side -> band -> tridiagonal -> eigenvalues -> values
 *               (gram.h)                       (band.h)  (chase.h)      (sturm.h)
 *
 * and where its smallest values are too small for that, the direct way (direct.h). vector.h has the
 * one product that all of it is made of, tiles.h the tiles, reflections.h the panels.
 */
#ifndef SPECTRUM_COMPUTE_CPU_SPECTRA_VALUES_H
#define SPECTRUM_COMPUTE_CPU_SPECTRA_VALUES_H

#include "compute/cpu/level.h"
#include "compute/spectra.h"

extern const struct spectra_ops CPU(spectra_ops);

#endif
