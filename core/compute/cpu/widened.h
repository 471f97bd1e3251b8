/* Products of bf16 operands on a processor that has none: widened to fp32 in panels, and multiplied
 * there. Panels are bounded, so that a head's weight never lies in memory twice. */
#ifndef SPECTRUM_COMPUTE_CPU_WIDENED_H
#define SPECTRUM_COMPUTE_CPU_WIDENED_H

#include "compute/cpu/onednn.h"

struct panels; /* about 8 MiB; what is never used is never resident */

struct panels *panels_new(struct error *err);
void panels_free(struct panels *panels);

/* Can panels compute this product: has it a bf16 operand, and has oneDNN all fp32 products that it
 * takes? */
bool panels_have(struct panels *panels, struct onednn *onednn, const struct matmul *matmul);

/* The product; false, with nothing done, where panels_have() is false. Every sum is fp32 and
 * rounded once. */
bool panels_matmul(struct panels *panels, struct onednn *onednn, const struct matmul *matmul);

#endif
