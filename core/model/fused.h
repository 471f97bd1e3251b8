/* Projections that lie side by side in one matrix, taken apart: query, key and value, or gate and up.
 * A scan scores such a matrix as one, as spectrum.py does, unless it is asked for them apart; it
 * trains or freezes as one in any case. */
#ifndef SPECTRUM_MODEL_FUSED_H
#define SPECTRUM_MODEL_FUSED_H

#include "model/matrix_part.h"

enum { FUSED_MAX = 3 };

/* The projections in a matrix, which is one whole; *count 0: it is one projection. An error, by the
 * tensor's name, where it seems to be several and how they lie in it is not known here, or is not
 * as the configuration has it. */
int fused_parts(struct matrix_part out[FUSED_MAX], int *count, const struct model *model,
                const struct matrix_part *whole, struct error *err);

#endif
