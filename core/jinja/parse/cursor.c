/* The parser among its tokens: one in hand and one ahead, which is as far as the grammar needs to
 * look (`name "="` of an argument, `not in`). */
#include "jinja/parse/parse.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *parser_take(struct parser *parser, size_t bytes)
{
    return jinja_heap_take(parser->parsed->heap, bytes, parser->err);
}

int parser_fail(struct parser *parser, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(parser->err, "%s", text);
}

int parser_expected(struct parser *parser, const char *what)
{
    char got[80];
    return parser_fail(parser, "expected %s, got %s", what,
                       token_describe(&parser->token, got, sizeof got));
}

/* --- tokens --- */

int parser_advance(struct parser *parser)
{
    parser->token = parser->next;
    if (parser->token.kind == TOKEN_END ||
        lexer_next(&parser->lexer, &parser->next, parser->err) == 0)
        return 0;
    parser->token.line = parser->lexer.line; /* where the error is */
    return -1;
}

bool token_is(const struct token *token, enum token_kind kind, const char *text)
{
    return token->kind == kind && token->text.length == strlen(text) &&
           memcmp(token->text.bytes, text, token->text.length) == 0;
}

bool parser_at(const struct parser *parser, const char *op)
{
    return token_is(&parser->token, TOKEN_OPERATOR, op);
}

bool parser_at_word(const struct parser *parser, const char *word)
{
    return token_is(&parser->token, TOKEN_NAME, word);
}

static int take_if(struct parser *parser, bool there)
{
    if (!there)
        return 0;
    return parser_advance(parser) == 0 ? 1 : -1;
}

int parser_take_operator(struct parser *parser, const char *op)
{
    return take_if(parser, parser_at(parser, op));
}

int parser_take_word(struct parser *parser, const char *word)
{
    return take_if(parser, parser_at_word(parser, word));
}

int parser_expect(struct parser *parser, const char *op)
{
    char what[8];
    snprintf(what, sizeof what, "'%s'", op);
    if (!parser_at(parser, op))
        return parser_expected(parser, what);
    return parser_advance(parser);
}

int parser_expect_kind(struct parser *parser, enum token_kind kind, const char *what)
{
    if (parser->token.kind != kind)
        return parser_expected(parser, what);
    return parser_advance(parser);
}

/* --- names and literals --- */

/* A name as a text of the template's own, NUL-terminated. */
int parser_word(struct parser *parser, const char **out)
{
    struct jinja_value copy;
    struct jinja_text text = parser->token.text;
    if (parser->token.kind != TOKEN_NAME)
        return parser_expected(parser, "a name");
    if (jinja_text_copy(parser->parsed->heap, text.bytes, text.length, &copy, parser->err) != 0)
        return -1;
    *out = copy.is.text.bytes;
    return parser_advance(parser);
}

/* A name that is the same object wherever it occurs, so that scopes compare pointers. The search is
 * over all names of the template, of which there are JINJA_NAMES_MAX at most. */
int parser_symbol(struct parser *parser, struct symbol **out)
{
    struct jinja_template *parsed = parser->parsed;
    struct jinja_text text = parser->token.text;
    for (int i = 0; i < parsed->symbol_count && parser->token.kind == TOKEN_NAME; i++) {
        struct symbol *known = parsed->symbols[i];
        if (known->length == text.length && memcmp(known->text, text.bytes, text.length) == 0) {
            *out = known;
            return parser_advance(parser);
        }
    }
    if (parsed->symbol_count == JINJA_NAMES_MAX)
        return parser_fail(parser, "more than %d different names", JINJA_NAMES_MAX);
    struct symbol *symbol = parser_take(parser, sizeof *symbol);
    if (!symbol || parser_word(parser, &symbol->text) != 0)
        return -1;
    symbol->length = text.length;
    symbol->id = parsed->symbol_count;
    *out = parsed->symbols[parsed->symbol_count++] = symbol;
    return 0;
}

static int special_of(const struct symbol *name)
{
    static const char *const names[SPECIALS] = {
        [SPECIAL_CALLER] = "caller", [SPECIAL_VARARGS] = "varargs", [SPECIAL_KWARGS] = "kwargs"};
    for (int i = 0; i < SPECIALS; i++)
        if (strcmp(name->text, names[i]) == 0)
            return i;
    return -1;
}

void parser_reads(struct parser *parser, struct symbol *name)
{
    int special = special_of(name);
    name->named = true;
    for (struct macro_use *use = parser->macros; use && special >= 0; use = use->outer)
        if (!use->hidden[special])
            use->used[special] = name;
}

/* A name is assigned to: constants cannot be, and a macro that sets `caller`, `varargs` or `kwargs`
 * itself does not get the special one. */
int parser_sets(struct parser *parser, struct symbol *name)
{
    static const char *const constants[] = {"true", "false", "none", "True", "False", "None"};
    int special = special_of(name);
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (strcmp(name->text, constants[i]) == 0)
            return parser_fail(parser, "cannot assign to '%s'", name->text);
    for (struct macro_use *use = parser->macros; use && special >= 0; use = use->outer)
        use->hidden[special] = true;
    return 0;
}

/* --- bounds --- */

int parser_enter(struct parser *parser)
{
    if (parser->depth == JINJA_BRACKETS_MAX)
        return parser_fail(parser, "more than %d brackets, blocks or conditions within one another",
                           JINJA_BRACKETS_MAX);
    parser->depth++;
    return 0;
}

void parser_leave(struct parser *parser)
{
    parser->depth--;
}
