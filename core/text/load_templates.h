/* The chat templates that a model brings. Internal to core/text. */
#ifndef SPECTRUM_TEXT_LOAD_TEMPLATES_H
#define SPECTRUM_TEXT_LOAD_TEMPLATES_H

#include "text/tokenizer_parts.h"

/* The chat templates that a folder has by the names of each, above them those of
 * `config`, which is tokenizer_config.json, or NULL; those of a GGUF file's metadata. */
int tokenizer_load_templates(struct tokenizer *tokenizer, const cJSON *config, const char *folder,
                             struct error *err);
int tokenizer_load_gguf_templates(struct tokenizer *tokenizer, const cJSON *metadata,
                                  struct error *err);

#endif
