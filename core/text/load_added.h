/* Added tokens and named special tokens, from every place that they may stand in.
 *
 * transformers' AutoTokenizer puts these together (tokenization_utils_base.py and
 * tokenization_utils_tokenizers.py of 5.23), in this order:
 *
 *   1. tokenizer.json's "added_tokens", in the order of the file;
 *   2. tokenizer_config.json's "added_tokens_decoder", by id; where there is none, those of
 *      added_tokens.json and tokenizer.json, by id, and then special_tokens_map.json stands above
 *      what tokenizer_config.json says of named and extra tokens;
 *   3. named tokens (bos_token, ..., any "<what>_token") that are not among those;
 *   4. extra_special_tokens, or additional_special_tokens, that are not among those.
 *
 * The tokenizers package then gives each text the id that the vocabulary has for it, else the next
 * free one: ids beside the texts are what it was when the file was written, and decide the order
 * only. A text that comes again takes the later flags, but special it stays.
 *
 * Internal to core/text. */
#ifndef SPECTRUM_TEXT_LOAD_ADDED_H
#define SPECTRUM_TEXT_LOAD_ADDED_H

#include "text/tokenizer_parts.h"

/* Added and named tokens of tokenizer.json (`root`, whose model is loaded) and of the
 * files beside it; `config` is tokenizer_config.json, or NULL. */
int tokenizer_load_added(struct tokenizer *tokenizer, const cJSON *root, const cJSON *config,
                         const char *folder, struct error *err);

#endif
