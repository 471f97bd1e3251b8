/* What a tokenizer is made of. Internal to text/tokenizer.
 *
 * The way of a text (encode.c):
 *
 *     text -> added tokens cut out -> normalised -> added tokens of the normalised text cut out
 *          -> prefixed -> cut into words by regular expressions -> symbols -> merged -> ids
 *
 * A tokenizer is made in this order, by load_json.c or load_gguf.c:
 *
 *     tokenizer_new -> vocabulary, merges, steps of normalizer and splitter -> added tokens
 *                   -> tokenizer_finish (byte tables, look-ups, cache) -> ready to encode
 *
 * Whatever decides which ids a text gets is noted (tokenizer_note_source(), tokenizer_note_bytes())
 * as it is read: the fingerprint is made of that. Every struct here begins as {0} and is freed by
 * the function of its name, which leaves it unusable; a tokenizer that could not be made is closed
 * as any other.
 */
#ifndef SPECTRUM_TEXT_TOKENIZER_PARTS_H
#define SPECTRUM_TEXT_TOKENIZER_PARTS_H

#include "base/regex.h"
#include "text/tokenizer/tokenizer.h"

/* --- vocabulary: token text <-> id (vocabulary.c) --- */

enum {
    VOCABULARY_IDS_MAX = 1 << 22,   /* more is a file that lies */
    VOCABULARY_TOKEN_MAX = 1 << 16, /* bytes of one token */
};

struct vocabulary_entry {
    size_t offset; /* of the text in the arena */
    uint32_t length;
    bool present;
    bool special;
};

struct vocabulary {
    char *arena; /* NUL after each text */
    size_t arena_length, arena_capacity;
    struct vocabulary_entry *entries; /* [size], by id; gaps are not present */
    size_t size, entry_capacity;
    int32_t *slots; /* [slot_count], open addressing; -1 empty; a power of two, at most half full */
    size_t slot_count, used;
};

/* An id that is taken by another text is an error; a text that is there already keeps its first
 * id in look-ups. */
int vocabulary_add(struct vocabulary *v, int64_t id, const char *text, size_t length,
                   struct error *err);
int32_t vocabulary_find(const struct vocabulary *v, const char *text, size_t length); /* or -1 */
const char *vocabulary_text(const struct vocabulary *v, int32_t id, size_t *length);  /* or NULL */
void vocabulary_free(struct vocabulary *v);

/* GPT-2's alphabet: byte -> code point, and back (-1 for a code point that stands for none). */
int32_t byte_letter(uint8_t byte);
int letter_byte(int32_t code_point);

/* --- merges (bpe.c, which has the algorithm) --- */

struct merge {
    int32_t left, right; /* left -1: empty slot */
    int32_t rank;        /* lower merges first */
    int32_t id;          /* what comes out */
};

/* Open addressing as the vocabulary's. */
struct merge_table {
    struct merge *slots; /* [slot_count] */
    size_t slot_count, used;
};

/* Adds a pair; a pair that is there already keeps its lower rank. */
int merge_table_add(struct merge_table *table, struct merge merge, struct error *err);
const struct merge *merge_table_find(const struct merge_table *table, int32_t left, int32_t right);
void merge_table_free(struct merge_table *table);

struct bpe_symbol {
    int32_t id;
    int32_t previous, next; /* indices, -1 at the ends */
    uint32_t begin, length; /* bytes of the word that it stands for; length 0: merged away */
};

struct bpe_candidate {
    int32_t rank, left, id; /* index of the left symbol, what would come out */
};

/* Symbols of one word, reused from word to word. */
struct bpe_word {
    struct bpe_symbol *symbols; /* [count] */
    size_t count, capacity;
    struct bpe_candidate *heap; /* [heap_count] */
    size_t heap_count, heap_capacity;
};

/* Appends a symbol after the others. */
int bpe_push(struct bpe_word *word, int32_t id, size_t begin, size_t length, struct error *err);

/* Merges until nothing merges and closes the gaps: symbols[0..count) is the result. */
int bpe_merge(struct bpe_word *word, const struct merge_table *merges, struct error *err);
void bpe_free(struct bpe_word *word);

/* --- rewriting text before it is tokenised (normalize.c) --- */

enum rewrite_kind {
    REWRITE_NFC,
    REWRITE_NFD,
    REWRITE_NFKC,
    REWRITE_NFKD,
    REWRITE_PREPEND,       /* `to` in front of a text that is not empty */
    REWRITE_PREPEND_ONCE,  /* the same unless the text begins with `to` already */
    REWRITE_PREPEND_FIRST, /* the same, and only at the beginning of the whole input */
    REWRITE_REPLACE        /* every `from` by `to` */
};

struct rewrite {
    enum rewrite_kind kind;
    char *from, *to; /* owned; NULL where the kind has none */
};

enum { REWRITES_MAX = 16 };

struct rewriter {
    struct rewrite steps[REWRITES_MAX];
    int count;
    struct buffer spare; /* swapped with the output between steps */
};

/* Copies the strings. */
int rewriter_add(struct rewriter *rewriter, enum rewrite_kind kind, const char *from,
                 const char *to, struct error *err);

/* Where a text stands: what PREPEND looks at. */
struct rewrite_place {
    bool starts_input; /* nothing of the input lies before it */
    bool starts_piece; /* it is the beginning of a piece, not what follows in one */
};

/* *out = text[0..length) rewritten; *out is cleared first. The text is valid UTF-8. */
int rewriter_run(struct rewriter *rewriter, const char *text, size_t length,
                 struct rewrite_place place, struct buffer *out, struct error *err);
void rewriter_free(struct rewriter *rewriter);

/* --- cutting it into words (pretokenize.c, which has the patterns' meaning) --- */

enum { SPLITS_MAX = 8 };

/* A sequence of regular expressions, each applied inside the pieces that the one before left. */
struct splitter {
    struct regex *steps[SPLITS_MAX];
    char *patterns[SPLITS_MAX];  /* as they were given */
    bool drops_rest[SPLITS_MAX]; /* text between matches is lost (else it is a piece too) */
    int count;
};

/* GPT-2's own pattern (Radford et al. 2019, released code), Llama 3's and Qwen 2's. */
#define SPLIT_GPT2                                                                                 \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define SPLIT_LLAMA3                                                                               \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"                      \
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define SPLIT_QWEN2                                                                                \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"                           \
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* Adds a step. The pattern is in Oniguruma's Ruby dialect, as in tokenizer.json. */
int splitter_add(struct splitter *splitter, const char *pattern, bool drops_rest,
                 struct error *err);

/* Calls `word` for every piece of text[0..length), in order, until it returns non-zero, which is
 * then returned. Begin and end are bytes of `text`. */
typedef int splitter_word(void *context, size_t begin, size_t end, struct error *err);
int splitter_run(const struct splitter *splitter, const char *text, size_t length,
                 splitter_word *word, void *context, struct error *err);
void splitter_free(struct splitter *splitter);

/* --- added tokens: texts that are cut out of the input before anything else sees it (added.c) ---
 */

struct added_token {
    char *content; /* as it is looked for */
    size_t length;
    int32_t id;
    bool special;     /* left alone where special tokens are not parsed */
    bool single_word; /* only between word borders */
    bool strips_left, strips_right;
};

/* Sorted by content once added_index() was called. */
struct added_tokens {
    struct added_token *tokens; /* [count] */
    size_t count, capacity;
    size_t first[257]; /* tokens that begin with byte b: [first[b], first[b + 1]) */
};

/* Copies the content. An empty one is left out. */
int added_push(struct added_tokens *added, struct added_token token, struct error *err);
void added_index(struct added_tokens *added);

struct added_match {
    const struct added_token *token; /* NULL: none up to the end of the text */
    size_t begin, end;               /* with the white space that the token swallows */
};

/* The leftmost match in text[from..length), the longest there. */
struct added_match added_find(const struct added_tokens *added, const char *text, size_t length,
                              size_t from, bool parse_special);
void added_free(struct added_tokens *added);

/* --- all of it (build.c) --- */

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
    struct cached_word *cache;   /* [CACHE_ENTRIES] */
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

/* Sets a member of a map of texts; one that is there takes the new text. */
int tokenizer_map_text(cJSON *map, const char *key, const char *text, struct error *err);

/* Adds a merge of two spellings; both and what comes out must be in the vocabulary. */
int tokenizer_add_merge(struct tokenizer *tokenizer, const char *left, size_t left_length,
                        const char *right, size_t right_length, int32_t rank, struct error *err);

/* --- what lies beside a tokenizer.json (load_added.c, load_templates.c) --- */

/* Added and named tokens of tokenizer.json (`root`, whose model is loaded) and of the
 * files beside it; `config` is tokenizer_config.json, or NULL. */
int tokenizer_load_added(struct tokenizer *tokenizer, const cJSON *root, const cJSON *config,
                         const char *folder, struct error *err);

/* The chat templates that a folder has by the names of each, above them those of
 * `config`, which is tokenizer_config.json, or NULL; those of a GGUF file's metadata. */
int tokenizer_load_templates(struct tokenizer *tokenizer, const cJSON *config, const char *folder,
                             struct error *err);
int tokenizer_load_gguf_templates(struct tokenizer *tokenizer, const cJSON *metadata,
                                  struct error *err);

#endif
