/* A config.json from what a GGUF file says. */
#ifndef SPECTRUM_MODEL_CONFIG_WRITE_H
#define SPECTRUM_MODEL_CONFIG_WRITE_H

#include "base/buffer.h"
#include "model/model.h"

/* Appends the config.json of a model whose architecture is known; `dtype` is "bfloat16" or
 * "float32". */
void config_put_json(struct buffer *out, const struct model *model, const char *dtype);

#endif
