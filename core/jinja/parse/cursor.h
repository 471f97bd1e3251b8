/* The parser's place in the source: the current token and the next, what is around them, and where
 * the tree goes. Expressions and statements are parsed with it. Internal to core/jinja. */
#ifndef SPECTRUM_JINJA_CURSOR_H
#define SPECTRUM_JINJA_CURSOR_H

#include "jinja/parse/lexer.h"
#include "jinja/parse/nodes.h"

/* A macro or call block that is being parsed: do the names that jinja gives its body occur in it?
 * Once the body itself gives such a name a value, it is a name like any other. */
enum { SPECIAL_CALLER, SPECIAL_VARARGS, SPECIAL_KWARGS, SPECIALS };
struct macro_use {
    struct symbol *used[SPECIALS];
    bool hidden[SPECIALS];
    struct macro_use *outer;
};

struct parser {
    struct jinja_template *parsed;
    struct lexer lexer;
    struct token token, next; /* the current one, and the one after it */
    int depth;                /* of what is being parsed within one another */
    int loops;                /* around it, whatever is between */
    bool breakable;           /* there is a loop that break would leave */
    struct macro_use *macros;
    struct error *err;
};

/* Zeroed memory of the tree; NULL with an error. */
void *parser_take(struct parser *parser, size_t bytes);

/* An error at the current token, or at a line. Return -1. */
int parser_fail(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int parser_expected(struct parser *parser, const char *what);

int parser_advance(struct parser *parser);

/* Is the current token this operator, this word? take: then it goes on after it; 1, 0, or -1. */
bool parser_at(const struct parser *parser, const char *op);
bool parser_at_word(const struct parser *parser, const char *word);
bool token_is(const struct token *token, enum token_kind kind, const char *text);
int parser_take_operator(struct parser *parser, const char *op);
int parser_take_word(struct parser *parser, const char *word);

/* The same where it must be there: 0, or -1 with an error. */
int parser_expect(struct parser *parser, const char *op);
int parser_expect_kind(struct parser *parser, enum token_kind kind, const char *what);

/* The current token's text in the heap, which must be a name; goes on after it. */
int parser_word(struct parser *parser, const char **out);
int parser_symbol(struct parser *parser, struct symbol **out);

/* Notes that an expression reads a name, that a statement sets one. */
void parser_reads(struct parser *parser, struct symbol *name);
int parser_sets(struct parser *parser, struct symbol *name);

/* Everything that may hold itself is parsed between these two. */
int parser_enter(struct parser *parser);
void parser_leave(struct parser *parser);

#endif
