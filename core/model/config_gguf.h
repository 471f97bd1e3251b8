/* A GGUF file's keys, as llama.cpp reads them. Internal to core/model.
 *
 * All that is under "<architecture>." says how the model is computed, so this is a list of what may
 * be there: keys that are read, with the values that are computed here, and keys that change
 * nothing. Any other that is not 0, false or empty is refused by its name (config_keys.c has the
 * rule of config.json, where tools keep their own remarks, too). */
#ifndef SPECTRUM_MODEL_CONFIG_GGUF_H
#define SPECTRUM_MODEL_CONFIG_GGUF_H

#include "model/architecture.h"

/* Into model->config. */
void config_read_gguf(struct model *model, const struct architecture *architecture);
/* Refuses keys that change what the model computes and are not read here. */
void config_check_gguf_keys(struct model *model);

#endif
