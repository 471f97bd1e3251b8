/* Added tokens: texts that are cut out of the input before anything else sees it. */
#ifndef SPECTRUM_TEXT_ADDED_H
#define SPECTRUM_TEXT_ADDED_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    struct added_token *tokens;
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

#endif
