/* The tokenizer of a Hugging Face tokenizer.json and of what lies beside it. Internal to core/text.
 */
#ifndef SPECTRUM_TEXT_LOAD_JSON_H
#define SPECTRUM_TEXT_LOAD_JSON_H

#include "text/tokenizer_parts.h"

/* Fills an empty tokenizer. `path` is the file, `folder` where it lies. */
int tokenizer_load_json(struct tokenizer *tokenizer, const char *path, const char *folder,
                        struct error *err);

#endif
