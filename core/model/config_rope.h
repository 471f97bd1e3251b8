/* Rotary scalings as config.json has them, and as transformers reads them; and those that a command
 * line gives instead. */
#ifndef SPECTRUM_MODEL_CONFIG_ROPE_H
#define SPECTRUM_MODEL_CONFIG_ROPE_H

#include "base/json.h"
#include "model/parameters.h"

/* "linear:4": the rotary scaling that this model is to have in place of its own, as if
 * "rope_scaling" in config.json said so: of linear, yarn, dynamic and llama3. max_positions becomes
 * the factor times what it was, but for dynamic, whose formula begins there. */
int model_scale_rope(struct model *model, const char *scaling, struct error *err);
/* 0 where the text is such a scaling, else ERROR_USAGE. */
int model_check_rope_scaling(const char *scaling, struct error *err);

/* --- internal to core/model --- */

/* `scaling`, the metadata's "rope_scaling" or "rope_parameters" (an object), into the
 * configuration, whose max_positions is there already. `key` is what it is called there. */
void config_read_rope(struct model *model, const cJSON *scaling, const cJSON *metadata,
                      const char *key);

/* GGUF has Llama 3's scaling as a tensor "rope_freqs.weight", by whose elements the plain
 * frequencies are divided. Where they are those of Llama 3.1 to 3.3 but for the factor, the
 * configuration says so; any others are ROPE_UNSUPPORTED. To be called once the configuration is
 * complete. */
void config_recognise_factors(struct model *model);

#endif
