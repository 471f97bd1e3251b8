/* Which keys of a config.json are read, and which that are not would change what a model computes
 * (config_gguf.h has the rule of GGUF files). Internal to core/model. */
#ifndef SPECTRUM_MODEL_CONFIG_KEYS_H
#define SPECTRUM_MODEL_CONFIG_KEYS_H

#include "model/architecture.h"

/* Refuses keys that change what a model computes and are not read here. */
void config_check_keys(struct model *model, const struct architecture *architecture);
/* Is this a key of config.json that is read? */
bool config_reads(const struct architecture *architecture, const char *key);

#endif
