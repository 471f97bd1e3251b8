/* A config.json from what a GGUF file says, or from another config.json. */
#ifndef SPECTRUM_MODEL_CONFIG_WRITE_H
#define SPECTRUM_MODEL_CONFIG_WRITE_H

#include "base/json_writer.h"
#include "model/model.h"

/* Appends the config.json of a model whose architecture is known; `dtype` is "bfloat16" or
 * "float32"; ends[0..end_count) are the tokens that end a text. */
void config_put_json(struct buffer *out, const struct model *model, const char *dtype,
                     const int64_t *ends, size_t end_count);

/* Adds a number, or a list where there are more: what "eos_token_id" has. Nothing of none. */
void config_put_ends(struct json_writer *json, const char *key, const int64_t *ends, size_t count);

/* Makes a config.json, of which the model was opened, say what the model came to be: untied where
 * its head has values of its own, of as many tokens as were added, the rotary scaling of a command
 * line, and numbers as numbers.
 * 1: it was changed; 0: it says all that already; -1: no memory. */
int config_amend(cJSON *config, const struct model *model, struct error *err);

#endif
