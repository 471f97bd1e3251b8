/* config.json or GGUF metadata into a model_config. Internal to core/model. */
#ifndef SPECTRUM_MODEL_CONFIG_H
#define SPECTRUM_MODEL_CONFIG_H

#include "model/architecture.h"

/* Finds the architecture and fills model->architecture_name and model->config. An architecture that
 * is not known is not an error: *architecture is NULL then. */
int config_read(struct model *model, const struct architecture **architecture, struct error *err);

/* Does a linear layer of this role have a bias? */
bool config_has_bias(const struct model_config *config, enum parameter_role role);

#endif
