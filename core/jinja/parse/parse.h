/* A source to a tree (nodes.h): tokens, the parser's place among them, expressions, statements, and
 * what is found out about the tree before it runs. Internal to core/jinja.
 *
 *     lexer_init -> lexer_next, parser_advance -> parse_template -> jinja_check_scopes
 *
 * The parser lies on jinja_parse()'s stack; everything that it makes lies in the heap of its
 * template, which is freed with it, also after an error. Errors are without their line: it is that
 * of the current token, or of the lexer.
 */
#ifndef SPECTRUM_JINJA_PARSE_PARSE_H
#define SPECTRUM_JINJA_PARSE_PARSE_H

#include "jinja/parse/nodes.h"

/* --- tokens (lexer.c; literals.c has numbers and texts) --- */

/* Between tags everything is text, which the lexer already gives as it will be written: with "\n"
 * for every kind of line end, without the last line end of the source, without the blanks before a
 * tag at the start of a line (lstrip_blocks), without the line end after a tag (trim_blocks), and
 * without what a "-" in a tag eats. Comments are gone, {% raw %} is text. */

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

/* A number, or a text in quotes, that begins at lexer->at, with its value; what is written wrong is
 * an error. */
int lexer_number(struct lexer *lexer, struct token *token, struct error *err);
int lexer_string(struct lexer *lexer, struct token *token, struct error *err);

/* --- the parser's place in the source (cursor.c) --- */

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

/* --- expressions (expressions.c, which has their grammar) --- */

/* with_condition: `a if b else c` is one expression; without, it ends before the `if`. */
int parse_expression(struct parser *parser, bool with_condition, struct expression **out);

/* One expression, or several with commas, which are a tuple. `end`: a word that may follow the last
 * comma; NULL: none. */
int parse_tuple(struct parser *parser, bool with_condition, const char *end,
                struct expression **out);

/* filter(arguments) | filter ..., the first without its bar. */
int parse_filters(struct parser *parser, struct link **out);

/* --- statements (statements.c, which has theirs) --- */

/* All of the source, from the parser's first token on. */
int parse_template(struct parser *parser, struct body *out);

/* --- names and filters before anything runs (scopes.c) --- */

/* Fills each body's list of names that it leaves unset (body.unset). Errors name their line. */
int jinja_check_scopes(struct jinja_template *parsed, struct error *err);

#endif
