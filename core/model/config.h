/* config.json or GGUF metadata into a model_config. Internal to core/model. */
#ifndef SPECTRUM_MODEL_CONFIG_H
#define SPECTRUM_MODEL_CONFIG_H

#include "model/architecture.h"

/* Finds the architecture and fills model->architecture_name and model->config. An architecture that
 * is not known is no error: *architecture is NULL then. */
int config_read(struct model *model, const struct architecture **architecture, struct error *err);

/* Does a linear layer of this role have a bias? */
bool config_has_bias(const struct model_config *config, enum module_role role);

/* `scaling`, the metadata's "rope_scaling" or "rope_parameters" (NULL: none), into config's rope_*;
 * its max_positions is there already. An unknown scaling is ROPE_UNSUPPORTED and no error. */
int config_read_rope(struct model_config *config, const cJSON *scaling, const cJSON *metadata,
                     const char *where, struct error *err);

/* GGUF has Llama 3's scaling as a tensor "rope_freqs.weight", by whose elements the plain
 * frequencies are divided. Where they are those of Llama 3.1 to 3.3 but for the factor, the
 * configuration says so; any others are ROPE_UNSUPPORTED. To be called once the configuration is
 * complete. */
void config_recognise_factors(struct model *model);

#endif
