/* A template's source as tokens. Internal to core/jinja.
 *
 * Between tags everything is text, which the lexer already gives as it will be written: with "\n"
 * for every kind of line end, without the last line end of the source, without the blanks before a
 * tag at the start of a line (lstrip_blocks), without the line end after a tag (trim_blocks), and
 * without what a "-" in a tag eats. Comments are gone, {% raw %} is text.
 */
#ifndef SPECTRUM_JINJA_LEXER_H
#define SPECTRUM_JINJA_LEXER_H

#include "jinja/value/heap.h"
#include "jinja/value/value.h"

enum token_kind {
    TOKEN_END,         /* of the source */
    TOKEN_TEXT,        /* value */
    TOKEN_BLOCK_BEGIN, /* {% */
    TOKEN_BLOCK_END,   /* %} */
    TOKEN_PRINT_BEGIN, /* {{ */
    TOKEN_PRINT_END,   /* }} */
    TOKEN_NAME,        /* text */
    TOKEN_STRING,      /* value, with its escapes decoded */
    TOKEN_INTEGER,     /* value */
    TOKEN_FLOAT,       /* value */
    TOKEN_OPERATOR,    /* text: also brackets, commas and the like */
};

struct token {
    enum token_kind kind;
    int line;
    struct jinja_text text;   /* in the source */
    struct jinja_value value; /* of texts, strings and numbers */
};

struct lexer {
    struct jinja_heap *heap; /* of what tokens point to */
    const char *source;
    size_t length, at;
    int line;
    enum { LEXER_TEXT, LEXER_BLOCK, LEXER_PRINT } state;
    char closing[256]; /* brackets that must follow, the innermost last */
    size_t open;
};

/* Copies the source into the heap with its line ends made equal. */
int lexer_init(struct lexer *lexer, struct jinja_heap *heap, const char *source, size_t length,
               struct error *err);

/* The next token. Errors are without their line, which is lexer->line. */
int lexer_next(struct lexer *lexer, struct token *token, struct error *err);

/* "'endfor'", "end of the template": for messages. `out` is one of the caller's. */
const char *token_describe(const struct token *token, char *out, size_t size);

#endif
