/* Cutting text into words, inside which merges happen: a sequence of regular expressions, each
 * applied inside the pieces that the one before left. */
#ifndef SPECTRUM_TEXT_PRETOKENIZE_H
#define SPECTRUM_TEXT_PRETOKENIZE_H

#include "base/error.h"
#include "base/regex.h"

#include <stdbool.h>
#include <stddef.h>

enum { SPLITS_MAX = 8 };

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

#endif
