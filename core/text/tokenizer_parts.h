/* What a tokenizer is made of. Internal to core/text: tokenizer.c and words.c run it; load_json.c
 * and load_gguf.c read it from files, in this order:
 *
 *     tokenizer_new -> vocabulary, merges, steps of normalizer and splitter -> added tokens
 *                   -> tokenizer_finish (byte tables, look-ups, cache) -> ready to encode
 *
 * Whatever decides which ids a text gets is noted (tokenizer_note_source(), tokenizer_note_bytes())
 * as it is read: the fingerprint is made of that. */
#ifndef SPECTRUM_TEXT_TOKENIZER_PARTS_H
#define SPECTRUM_TEXT_TOKENIZER_PARTS_H

#include "base/hash.h"
#include "base/json.h"
#include "text/added.h"
#include "text/bpe.h"
#include "text/normalize.h"
#include "text/pretokenize.h"
#include "text/token_list.h"
#include "text/vocabulary.h"

/* U+2581, SentencePiece's letter for a space. */
#define SPACE_MARK "\xE2\x96\x81"

enum {
    FRAME_TOKENS_MAX = 8, /* special tokens that the post-processor puts at one end */
    CACHED_WORD_MAX = 22,
    CACHED_IDS_MAX = 8,
    CACHE_ENTRIES = 1 << 14,
};

/* The ids of a short word. A new word takes the place of the one with the same hash. */
struct cached_word {
    uint8_t length, count;
    char text[CACHED_WORD_MAX];
    uint8_t lengths[CACHED_IDS_MAX];
    int32_t ids[CACHED_IDS_MAX];
};

struct frame {
    int32_t ids[FRAME_TOKENS_MAX];
    int count;
};

struct tokenizer {
    struct vocabulary vocabulary;
    struct merge_table merges;
    struct added_tokens added_raw;        /* found in the text as it comes */
    struct added_tokens added_normalized; /* found in the normalised text */
    struct rewriter normalizer;
    struct rewriter prefixer; /* what pre-tokenizers write into a piece before cutting it */
    struct splitter splitter;
    bool byte_level;    /* symbols are bytes in GPT-2's alphabet; else characters */
    bool byte_fallback; /* characters outside the vocabulary become <0xXX> tokens */
    bool fuse_unknown;
    bool whole_words;            /* "ignore_merges": a word that is a token is that token */
    bool strips_space;           /* decoding drops the space that encoding put in front */
    int32_t byte_ids[256];       /* of single bytes, -1 where there is none */
    int32_t unknown;             /* stands for what cannot be written; -1: that is dropped */
    int32_t bos, eos, pad, unk;  /* as configured */
    int64_t next_id;             /* that a new token gets */
    struct frame before, after;  /* of the post-processor */
    cJSON *templates;            /* chat templates: name -> source */
    cJSON *special_map;          /* named tokens: "eos_token" -> text */
    char source[HASH_TEXT_SIZE]; /* of the JSON that it was read from */
    char *path;                  /* where that lies, as it was given */
    struct cached_word *cache;
    struct bpe_word word;
    struct buffer normalized, prefixed, spelled; /* scratch */
};

/* An empty one with everything absent; tokenizer_close() ends it. */
struct tokenizer *tokenizer_new(struct error *err);

/* When vocabulary and added tokens are complete: byte tables and look-ups. */
int tokenizer_finish(struct tokenizer *tokenizer, struct error *err);

/* Takes what the tokenizer is read from into its fingerprint: JSON, or bytes. */
int tokenizer_note_source(struct tokenizer *tokenizer, const cJSON *tree, struct error *err);
int tokenizer_note_bytes(struct tokenizer *tokenizer, const void *bytes, size_t count,
                         struct error *err);

/* A JSON file of the folder; NULL, without an error, where there is none. */
int tokenizer_read_beside(cJSON **out, const char *folder, const char *file, struct error *err);

/* Sets a member of a map of texts; one that is there takes the new text. */
int tokenizer_map_text(cJSON *map, const char *key, const char *text, struct error *err);

/* Adds a merge of two spellings; both and what comes out must be in the vocabulary. */
int tokenizer_add_merge(struct tokenizer *tokenizer, const char *left, size_t left_length,
                        const char *right, size_t right_length, int32_t rank, struct error *err);

/* GPT-2's alphabet: byte -> code point, and back (-1 for a code point that stands for none). */
int32_t byte_letter(uint8_t byte);
int letter_byte(int32_t code_point);

#endif
