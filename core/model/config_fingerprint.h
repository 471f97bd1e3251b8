/* The configuration as one fingerprint of what it makes of the weights. */
#ifndef SPECTRUM_MODEL_CONFIG_FINGERPRINT_H
#define SPECTRUM_MODEL_CONFIG_FINGERPRINT_H

#include "base/hash.h"
#include "model/parameters.h"

/* Of what the configuration, with a scaling by model_scale_rope(), makes of the weights: the same
 * for all files that mean the same, whatever else they say and however they say it. */
int model_fingerprint_config(const struct model *model, char out[HASH_TEXT_SIZE],
                             struct error *err);

#endif
