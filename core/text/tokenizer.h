/* Tokenizers: text to token ids and back, exactly as the `tokenizers` package does it.
 *
 * Two families are known: byte-level BPE (GPT-2, Llama 3, Qwen 2, SmolLM) and SentencePiece-style
 * BPE with byte fallback (Llama 2). Both are read from a Hugging Face tokenizer.json, with the
 * special tokens and the chat template of tokenizer_config.json beside it, or from the metadata of
 * a GGUF file. What a file asks for that is not known here is refused by name, never approximated.
 *
 * tokenizer_open.h makes one, tokenizer_close() ends it. A tokenizer keeps a cache of words: not
 * for use by two threads at once.
 */
#ifndef SPECTRUM_TEXT_TOKENIZER_H
#define SPECTRUM_TEXT_TOKENIZER_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "text/token_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer;

void tokenizer_close(struct tokenizer *tokenizer);

/* What it was opened from, as it was given: a folder or a file. */
const char *tokenizer_path(const struct tokenizer *tokenizer);

enum encode_flags {
    ENCODE_PLAIN = 0,
    ENCODE_ADD_SPECIAL = 1,   /* bos and eos where the tokenizer's post-processor puts them */
    ENCODE_PARSE_SPECIAL = 2, /* "<|im_end|>" in the text is that token (the package's default) */
    /* The text is a part of a longer one, whose other parts are encoded by calls of their own:
     * nothing is put around it at that side. */
    ENCODE_GOES_ON = 4, /* something came before */
    ENCODE_UNENDED = 8, /* something follows */
};

/* Appends the ids of text[0..length) to *out, weight 0. Text that is not UTF-8 is an error that
 * names the byte. */
int tokenizer_encode(struct tokenizer *tokenizer, const char *text, size_t length, unsigned flags,
                     struct token_list *out, struct error *err);

/* The same, with a span's weight on every token that holds a byte of it (spans are ascending,
 * disjoint, inside the text). The text is tokenised as one: a token may reach over a span's border,
 * and counts as the first of those that it touches. */
int tokenizer_encode_spans(struct tokenizer *tokenizer, const char *text, size_t length,
                           unsigned flags, const struct text_span *spans, size_t span_count,
                           struct token_list *out, struct error *err);

/* Appends the text of ids[0..count) to *out: raw bytes, which can end inside a UTF-8 character.
 * Ids outside the vocabulary give nothing. */
int tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count,
                     bool skip_special, struct buffer *out, struct error *err);

/* Appends the bytes of one token, as they stand inside a text (no stripping at its start). */
void tokenizer_piece(const struct tokenizer *tokenizer, int32_t id, struct buffer *out);

/* The vocabulary's own spelling of a token ("Ġthe", "<0x0A>"), or NULL. Owned by the tokenizer. */
const char *tokenizer_token_text(const struct tokenizer *tokenizer, int32_t id);

/* The id of a token by its spelling, or -1. */
int32_t tokenizer_token_id(const struct tokenizer *tokenizer, const char *text);

/* Adds a special token, which from now on is cut out of texts as it stands, and sets its id: the
 * next free one, as the tokenizers package's add_special_tokens() has it. The fingerprint becomes
 * another. An error where the text is empty or a token already, or has another's id. */
int tokenizer_add_special(struct tokenizer *tokenizer, const char *text, int32_t *id,
                          struct error *err);

/* Special tokens, -1 where there is none. */
int32_t tokenizer_bos(const struct tokenizer *tokenizer);
int32_t tokenizer_eos(const struct tokenizer *tokenizer);
bool tokenizer_is_special(const struct tokenizer *tokenizer, int32_t id);

/* One more than the highest id. */
int32_t tokenizer_vocabulary_size(const struct tokenizer *tokenizer);

/* Of all that decides which ids a text gets, and of the chat template. */
int tokenizer_fingerprint(const struct tokenizer *tokenizer, char out[HASH_TEXT_SIZE],
                          struct error *err);

/* The Jinja source of the chat template, or NULL; of several the one that is called "default". */
const char *tokenizer_chat_template(const struct tokenizer *tokenizer);

/* A model may have several, by name: transformers takes "tool_use", where there is one, for
 * conversations with tools, "default" for all others. NULL: there is no such one. */
#define TEMPLATE_DEFAULT "default"
const char *tokenizer_named_template(const struct tokenizer *tokenizer, const char *name);

/* All of them: an object of sources by name, {} where there is none. Owned by the tokenizer. */
const cJSON *tokenizer_templates(const struct tokenizer *tokenizer);

/* Named tokens as transformers' special_tokens_map has them, which are variables of a template: an
 * object of texts, "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token" and
 * "mask_token", those that are said, then names of the model's own ("image_token"). An id alone, of
 * config.json, names none. Owned by the tokenizer. */
const cJSON *tokenizer_special_map(const struct tokenizer *tokenizer);

#endif
