/* Tokenizers: text to token ids and back, exactly as the `tokenizers` package does it.
 *
 * Two families are known: byte-level BPE (GPT-2, Llama 3, Qwen 2, SmolLM) and SentencePiece-style
 * BPE with byte fallback (Llama 2). Both are read from a Hugging Face tokenizer.json, with the
 * special tokens and the chat template of tokenizer_config.json beside it, or from the metadata of
 * a GGUF file. What a file asks for that is not known here is refused by name, never approximated.
 *
 *     tokenizer_open, tokenizer_for_checkpoint, tokenizer_from_gguf
 *         -> tokenizer_encode, tokenizer_decode, ... -> tokenizer_close
 *
 * A tokenizer owns all that it gives out by pointer: texts, templates and maps live until it is
 * closed. It keeps a cache of words and scratch buffers, so two threads must not encode with one
 * at the same time; everything that takes it as const may run beside.
 *
 * parts.h has what one is made of, for the files of this folder.
 */
#ifndef SPECTRUM_TEXT_TOKENIZER_TOKENIZER_H
#define SPECTRUM_TEXT_TOKENIZER_TOKENIZER_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "checkpoint/checkpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- tokens, and how much each counts as a target --- */

/* Starts as {0} and grows as ids are appended; a list whose count is set back to 0 keeps its
 * memory. A weight is that of the span given to tokenizer_encode_spans() that the token overlaps,
 * or 0: then the loss does not count the token as a target. */
struct token_list {
    int32_t *ids;   /* [count] */
    float *weights; /* [count] */
    size_t count, capacity, weight_capacity;
};
void token_list_free(struct token_list *list);

/* Appends one id. */
int token_list_add(struct token_list *list, int32_t id, float weight, struct error *err);

/* A range of bytes of a text, and how much each of its tokens counts as a target. */
struct text_span {
    size_t begin, end;
    float weight; /* above 0 */
};

/* --- opening one --- */

struct tokenizer;

/* Opens `path`: a folder with tokenizer.json, or such a file itself. A missing
 * tokenizer_config.json is fine: there are then no eos and no template, unless the file says. */
int tokenizer_open(struct tokenizer **out, const char *path, struct error *err);

/* The tokenizer that belongs to a checkpoint: a GGUF file's own, else the folder's. */
int tokenizer_for_checkpoint(struct tokenizer **out, const struct checkpoint *checkpoint,
                             struct error *err);

/* From a GGUF file's metadata as checkpoint_metadata() gives it ("tokenizer.ggml.*" keys); `where`
 * names the file in messages. */
int tokenizer_from_gguf(struct tokenizer **out, const cJSON *metadata, const char *where,
                        struct error *err);

/* NULL is fine. */
void tokenizer_close(struct tokenizer *tokenizer);

/* What it was opened from, as it was given: a folder or a file. */
const char *tokenizer_path(const struct tokenizer *tokenizer);

/* --- text to ids, ids to text --- */

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
 * names the byte. After an error *out may have some of the ids. */
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

/* --- what it has --- */

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

/* Tokens that are cut out of a text before it is split: of the text as it comes, or of what the
 * normalizer makes of it. */
enum added_kind { ADDED_NOT, ADDED_RAW, ADDED_NORMALIZED };
/* Sets of each id what it is: kinds[tokenizer_vocabulary_size()], an enum added_kind each. */
void tokenizer_added_kinds(const struct tokenizer *tokenizer, unsigned char *kinds);

/* One more than the highest id. */
int32_t tokenizer_vocabulary_size(const struct tokenizer *tokenizer);

/* Of all that decides which ids a text gets, and of the chat template. */
int tokenizer_fingerprint(const struct tokenizer *tokenizer, char out[HASH_TEXT_SIZE],
                          struct error *err);

/* The Jinja source of the chat template, or NULL; of several the one that is called "default". */
const char *tokenizer_chat_template(const struct tokenizer *tokenizer);

/* A model may have several, by name: transformers takes "tool_use", where there is one, for
 * conversations with tools, "default" for all others. NULL: there is none of that name. */
#define TEMPLATE_DEFAULT "default"
const char *tokenizer_named_template(const struct tokenizer *tokenizer, const char *name);

/* All of them: an object of sources by name, {} where there is none. Owned by the tokenizer. */
const cJSON *tokenizer_templates(const struct tokenizer *tokenizer);

/* "bos_token" and the six others that transformers knows without being told, in the order of their
 * ids; a NULL ends them. */
extern const char *const tokenizer_special_names[];

/* Named tokens as transformers' special_tokens_map has them, which are variables of a template: an
 * object of texts, of the names above those that are said, then names of the model's own
 * ("image_token"). An id alone, of config.json, names none. Owned by the tokenizer. */
const cJSON *tokenizer_special_map(const struct tokenizer *tokenizer);

/* --- as another program has it --- */

/* Refuses, by the first difference, what a GGUF file of kind "llama" is to say of the run's
 * tokenizer where that would give texts other ids: `scored` is what tokenizer_from_gguf() makes of
 * it, with the run's tokens. *first: the run has a space in front of a whole text alone, the file
 * after each special token, too, which it has no word for. */
int tokenizer_check_scored(const struct tokenizer *run, const struct tokenizer *scored, bool *first,
                           struct error *err);

/* --- as Hugging Face's files --- */

/* What a GGUF base needs for an export that transformers loads, and what tokens that were added
 * are to the files of another. */

/* Appends a tokenizer.json. For tokenizers that were read from GGUF metadata. */
int tokenizer_put_json(struct buffer *out, const struct tokenizer *tokenizer, struct error *err);

/* Appends the tokenizer_config.json that belongs to it. */
void tokenizer_put_config(struct buffer *out, const struct tokenizer *tokenizer,
                          int64_t max_positions);

/* Adds what both files say of an added token, but for its id. */
void tokenizer_put_added(struct json_writer *json, const char *content, bool special);

/* A JSON file of a model's folder; NULL, without an error, where there is none. */
int tokenizer_read_beside(cJSON **out, const char *folder, const char *file, struct error *err);

#endif
