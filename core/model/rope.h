/* Frequencies of the rotary embedding. */
#ifndef SPECTRUM_MODEL_ROPE_H
#define SPECTRUM_MODEL_ROPE_H

#include "model/modules.h"

/* Radians a position of dimensions `pair` and head_dim / 2 + `pair`, as transformers computes them,
 * in fp32, with the configuration's scaling. */
float rope_frequency(const struct model_config *config, int64_t pair);

#endif
