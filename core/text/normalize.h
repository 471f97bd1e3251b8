/* Rewriting text before it is tokenised: Unicode normal forms, SentencePiece's marks for spaces. */
#ifndef SPECTRUM_TEXT_NORMALIZE_H
#define SPECTRUM_TEXT_NORMALIZE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

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

#endif
