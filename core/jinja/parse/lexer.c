/* Tokens of a source: the text between tags, and inside them names, operators and where they end.
 *
 * Every function looks at lexer->source from a place that it is given, or at lexer->at, and only
 * move_to() and the functions that begin with lex_ go on there. Outside of texts in quotes a source
 * may have anything; jinja2's own rules of white space decide what is written (parse.h).
 */
#include "jinja/parse/parse.h"

#include "base/text.h"
#include "jinja/value/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the source --- */

/* "\r\n" and "\r" become "\n"; the last line end goes. */
int lexer_init(struct lexer *lexer, struct jinja_heap *heap, const char *source, size_t length,
               struct error *err)
{
    char *copy = jinja_heap_take(heap, length + 1, err);
    if (!copy)
        return -1;
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (source[i] == '\r' && i + 1 < length && source[i + 1] == '\n')
            continue;
        copy[used++] = source[i];
        if (source[i] == '\r')
            copy[used - 1] = '\n';
    }
    if (used && copy[used - 1] == '\n')
        used--;
    *lexer = (struct lexer){.heap = heap, .source = copy, .length = used, .line = 1};
    return 0;
}

/* Bytes of the blank (Python's \s) that stands at `at`; 0: none does. */
static size_t blank_at(const struct lexer *lexer, size_t at)
{
    int32_t point;
    size_t bytes = utf8_decode(lexer->source + at, lexer->length - at, &point);
    return bytes && jinja_is_space(point) ? bytes : 0;
}

static size_t skip_blanks(const struct lexer *lexer, size_t at)
{
    for (size_t bytes; (bytes = blank_at(lexer, at)) != 0;)
        at += bytes;
    return at;
}

static bool looking_at(const struct lexer *lexer, size_t at, const char *text)
{
    size_t count = strlen(text);
    return at <= lexer->length && count <= lexer->length - at &&
           memcmp(lexer->source + at, text, count) == 0;
}

/* Goes on to `at`, counting lines. */
static void move_to(struct lexer *lexer, size_t at)
{
    for (; lexer->at < at; lexer->at++)
        lexer->line += lexer->source[lexer->at] == '\n';
}

/* --- text between tags --- */

/* After the tag's end that stands at `at`, with what it eats: "-" all blanks, else, for blocks
 * and comments, one line end; 0: no such end stands there. */
static size_t after_end(const struct lexer *lexer, size_t at, const char *end, bool plus, bool trim)
{
    if (looking_at(lexer, at, "-") && looking_at(lexer, at + 1, end))
        return skip_blanks(lexer, at + 1 + strlen(end));
    if (plus && looking_at(lexer, at, "+") && looking_at(lexer, at + 1, end))
        return at + 1 + strlen(end);
    if (!looking_at(lexer, at, end))
        return 0;
    at += strlen(end);
    return trim && looking_at(lexer, at, "\n") ? at + 1 : at;
}

/* Where the text that begins at `begin` ends, before the tag at `tag`: its "-" strips all blanks
 * before it; without "+" a block or comment strips those that are alone before it on its line. */
static size_t text_end(const struct lexer *lexer, size_t begin, size_t tag)
{
    const char *source = lexer->source;
    size_t end = begin; /* after the last that is not a blank */
    size_t line = begin;
    for (size_t at = begin; at < tag;) {
        size_t blank = blank_at(lexer, at);
        line = source[at] == '\n' ? at + 1 : line;
        at += blank ? blank : 1;
        end = blank ? end : at;
    }
    if (looking_at(lexer, tag + 2, "-"))
        return end;
    bool starts_line = line > begin || begin == 0 || source[begin - 1] == '\n';
    bool strips = !looking_at(lexer, tag + 2, "+") && source[tag + 1] != '{';
    return strips && starts_line && end <= line ? line : tag;
}

/* {% word %} that stands at `at`: the end of its word's blanks, where %} must follow; 0: another.*/
static size_t word_tag(const struct lexer *lexer, size_t at, const char *word)
{
    if (!looking_at(lexer, at, "{%"))
        return 0;
    at += 2;
    at += looking_at(lexer, at, "-") || looking_at(lexer, at, "+");
    at = skip_blanks(lexer, at);
    return looking_at(lexer, at, word) ? skip_blanks(lexer, at + strlen(word)) : 0;
}

/* Gives source[begin..end) as a token, unless it is empty. */
static bool give_text(const struct lexer *lexer, size_t begin, size_t end, struct token *token)
{
    token->kind = TOKEN_TEXT;
    token->text = (struct jinja_text){lexer->source + begin, end - begin};
    token->value = jinja_text(lexer->source + begin, end - begin);
    return end > begin;
}

/* What is between {% raw %}, which ended at lexer->at, and {% endraw %}. 1: the token has it. At
 * the very end of a source jinja2 lets {% raw %} and {# stand alone. */
static int lex_raw(struct lexer *lexer, struct token *token, struct error *err)
{
    if (lexer->at == lexer->length)
        return 0;
    for (size_t tag = lexer->at; tag < lexer->length; tag++) {
        size_t end = word_tag(lexer, tag, "endraw");
        end = end ? after_end(lexer, end, "%}", true, true) : 0;
        if (!end)
            continue;
        bool some = give_text(lexer, lexer->at, text_end(lexer, lexer->at, tag), token);
        move_to(lexer, end);
        return some;
    }
    return error_set(err, "{%% raw %%} has no {%% endraw %%}");
}

/* Text up to the next tag, or the tag's beginning where lexer->at is there already. */
static int lex_text(struct lexer *lexer, struct token *token, struct error *err)
{
    while (lexer->at < lexer->length) {
        size_t begin = lexer->at, tag = begin;
        while (tag < lexer->length && !looking_at(lexer, tag, "{{") &&
               !looking_at(lexer, tag, "{%") && !looking_at(lexer, tag, "{#"))
            tag++;
        size_t end = tag < lexer->length ? text_end(lexer, begin, tag) : tag;
        token->line = lexer->line;
        move_to(lexer, tag);
        if (give_text(lexer, begin, end, token))
            return 0;
        if (tag == lexer->length)
            break;
        size_t raw = word_tag(lexer, tag, "raw"), at = tag + 2;
        raw = raw ? after_end(lexer, raw, "%}", false, false) : 0;
        at += looking_at(lexer, at, "-") || looking_at(lexer, at, "+");
        if (raw) {
            move_to(lexer, raw);
            int given = lex_raw(lexer, token, err);
            if (given != 0)
                return given < 0 ? -1 : 0;
        } else if (lexer->source[tag + 1] == '#') {
            size_t after = at == lexer->length ? at : 0;
            for (; at < lexer->length && !after; at++)
                after = after_end(lexer, at, "#}", true, true);
            if (!after)
                return error_set(err, "a comment {# has no end #}");
            move_to(lexer, after);
        } else {
            bool print = lexer->source[tag + 1] == '{';
            lexer->state = print ? LEXER_PRINT : LEXER_BLOCK;
            token->line = lexer->line;
            token->kind = print ? TOKEN_PRINT_BEGIN : TOKEN_BLOCK_BEGIN;
            lexer->at = at;
            return 0;
        }
    }
    token->kind = TOKEN_END;
    token->line = lexer->line;
    return 0;
}

/* --- inside tags --- */

static const char *const operators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                        "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                        ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

/* Keeps the brackets that are open: the end of a tag counts only where none is, so that
 * {{ {"a": {}}}} ends where it should. */
static int lex_operator(struct lexer *lexer, struct token *token, struct error *err)
{
    size_t i = 0, count = sizeof operators / sizeof *operators;
    while (i < count && !looking_at(lexer, lexer->at, operators[i]))
        i++;
    if (i == count) {
        int32_t c;
        size_t bytes = utf8_decode(lexer->source + lexer->at, lexer->length - lexer->at, &c);
        return error_set(err, "unexpected character '%.*s'%s", (int)bytes,
                         lexer->source + lexer->at,
                         c > 0x7f ? " (names outside ASCII are not supported)" : "");
    }
    token->kind = TOKEN_OPERATOR;
    token->text = (struct jinja_text){operators[i], strlen(operators[i])};
    lexer->at += token->text.length;
    char c = operators[i][0];
    const char *pair = strchr("()[]{}", c);
    if (c == '(' || c == '[' || c == '{') {
        if (lexer->open == sizeof lexer->closing)
            return error_set(err, "more than %zu brackets within one another",
                             sizeof lexer->closing);
        lexer->closing[lexer->open++] = pair[1];
    } else if (pair) {
        if (!lexer->open)
            return error_set(err, "unexpected '%c'", c);
        char expected = lexer->closing[--lexer->open];
        if (c != expected)
            return error_set(err, "unexpected '%c', expected '%c'", c, expected);
    }
    return 0;
}

static bool is_name(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* The next token inside a tag, or the tag's end. */
static int lex_tag(struct lexer *lexer, struct token *token, struct error *err)
{
    bool print = lexer->state == LEXER_PRINT;
    const char *end = print ? "}}" : "%}";
    size_t after = 0, begin;
    for (;;) {
        after = lexer->open ? 0 : after_end(lexer, lexer->at, end, !print, !print);
        size_t blank = after ? 0 : blank_at(lexer, lexer->at);
        if (!blank)
            break;
        move_to(lexer, lexer->at + blank);
    }
    begin = lexer->at;
    token->line = lexer->line;
    token->text = (struct jinja_text){lexer->source + begin, 0};
    if (after) {
        move_to(lexer, after);
        lexer->state = LEXER_TEXT;
        token->kind = print ? TOKEN_PRINT_END : TOKEN_BLOCK_END;
        return 0;
    }
    if (begin == lexer->length) {
        token->kind = TOKEN_END;
        return 0;
    }
    char c = lexer->source[begin];
    if (c >= '0' && c <= '9')
        return lexer_number(lexer, token, err);
    if (c == '\'' || c == '"')
        return lexer_string(lexer, token, err);
    if (!is_name(c, true))
        return lex_operator(lexer, token, err);
    while (lexer->at < lexer->length && is_name(lexer->source[lexer->at], false))
        lexer->at++;
    token->kind = TOKEN_NAME;
    token->text.length = lexer->at - begin;
    return 0;
}

int lexer_next(struct lexer *lexer, struct token *token, struct error *err)
{
    *token = (struct token){0};
    return lexer->state == LEXER_TEXT ? lex_text(lexer, token, err) : lex_tag(lexer, token, err);
}

/* For messages: a name or an operator as it stands in the source, others by what they are. */
const char *token_describe(const struct token *token, char *out, size_t size)
{
    static const char *const kinds[] = {
        [TOKEN_END] = "the end of the template",
        [TOKEN_TEXT] = "text",
        [TOKEN_BLOCK_BEGIN] = "'{%'",
        [TOKEN_BLOCK_END] = "'%}'",
        [TOKEN_PRINT_BEGIN] = "'{{'",
        [TOKEN_PRINT_END] = "'}}'",
        [TOKEN_STRING] = "a text",
        [TOKEN_INTEGER] = "a number",
        [TOKEN_FLOAT] = "a number",
    };
    if (token->kind != TOKEN_NAME && token->kind != TOKEN_OPERATOR)
        return kinds[token->kind];
    int length = token->text.length < 64 ? (int)token->text.length : 64;
    snprintf(out, size, "'%.*s'", length, token->text.bytes);
    return out;
}
