/* What the CPU's scan takes of LAPACK: one step of a QR.
 *
 * The library is loaded when it is first wanted. OpenBLAS asks for 128 MiB of addresses for every
 * processor as soon as it is there, and asks again for ever where a limit (ulimit -v) does not
 * leave them; a program that were linked to it could not even print its help under one. */
#ifndef SPECTRUM_COMPUTE_CPU_LAPACK_H
#define SPECTRUM_COMPUTE_CPU_LAPACK_H

#include "base/error.h"

#include <stdint.h>

/* R[order, order], upper triangular, becomes the R of itself above block[rows, order], which is
 * used up (LAPACK's dtpqrt). Both by columns, of r_stride and `rows` elements. t and work:
 * [columns, order] each, for as many columns at a time. Any number of threads. It fails where there
 * is no library, or where a limit does not leave the addresses that OpenBLAS takes. */
int lapack_qr_step(double *r, int64_t r_stride, double *block, int64_t rows, int64_t order,
                   int64_t columns, double *t, double *work, struct error *err);

#endif
