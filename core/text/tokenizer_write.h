/* A tokenizer as Hugging Face's files: what a GGUF base needs for an export that transformers
 * loads, and what tokens that were added are to the files of another. */
#ifndef SPECTRUM_TEXT_TOKENIZER_WRITE_H
#define SPECTRUM_TEXT_TOKENIZER_WRITE_H

#include "base/json_writer.h"
#include "text/tokenizer.h"

/* Appends a tokenizer.json. For tokenizers that were read from GGUF metadata. */
int tokenizer_put_json(struct buffer *out, const struct tokenizer *tokenizer, struct error *err);

/* Appends the tokenizer_config.json that belongs to it. */
void tokenizer_put_config(struct buffer *out, const struct tokenizer *tokenizer,
                          int64_t max_positions);

/* Adds what both files say of an added token, but for its id. */
void tokenizer_put_added(struct json_writer *json, const char *content, bool special);

#endif
