/* Words to ids: from the cache, or by merging their symbols. Internal to core/text. */
#ifndef SPECTRUM_TEXT_WORDS_H
#define SPECTRUM_TEXT_WORDS_H

#include "text/tokenizer_parts.h"

/* Appends the ids of a piece without added tokens. */
int words_encode(struct tokenizer *tokenizer, const char *text, size_t length,
                 const struct text_span *spans, size_t span_count, struct token_list *out,
                 struct error *err);

#endif
