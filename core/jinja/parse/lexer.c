#include "jinja/parse/lexer.h"

#include "base/utf8.h"
#include "jinja/value/characters.h"

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

/* Behind the tag's end that stands at `at`, with what it eats: "-" all blanks, else, for blocks
 * and comments, one line end; 0: no such end stands there. */
static size_t behind_end(const struct lexer *lexer, size_t at, const char *end, bool plus,
                         bool trim)
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
    size_t end = begin; /* after the last that is no blank */
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

/* {% raw %}: after it; 0 where another tag stands at `at`. */
static size_t raw_begin(const struct lexer *lexer, size_t at)
{
    size_t end = word_tag(lexer, at, "raw");
    return end ? behind_end(lexer, end, "%}", false, false) : 0;
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
        end = end ? behind_end(lexer, end, "%}", true, true) : 0;
        if (!end)
            continue;
        bool some = give_text(lexer, lexer->at, text_end(lexer, lexer->at, tag), token);
        move_to(lexer, end);
        return some;
    }
    return error_set(err, "{%% raw %%} has no {%% endraw %%}");
}

static int skip_comment(struct lexer *lexer, struct error *err)
{
    size_t at = lexer->at + 2;
    at += looking_at(lexer, at, "-") || looking_at(lexer, at, "+");
    size_t end = at == lexer->length ? at : 0;
    for (; at < lexer->length && !end; at++)
        end = behind_end(lexer, at, "#}", true, true);
    if (!end)
        return error_set(err, "a comment {# has no end #}");
    move_to(lexer, end);
    return 0;
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
        size_t raw = raw_begin(lexer, tag);
        if (raw) {
            move_to(lexer, raw);
            int given = lex_raw(lexer, token, err);
            if (given != 0)
                return given < 0 ? -1 : 0;
        } else if (lexer->source[tag + 1] == '#') {
            if (skip_comment(lexer, err) != 0)
                return -1;
        } else {
            bool print = lexer->source[tag + 1] == '{';
            lexer->state = print ? LEXER_PRINT : LEXER_BLOCK;
            token->line = lexer->line;
            token->kind = print ? TOKEN_PRINT_BEGIN : TOKEN_BLOCK_BEGIN;
            lexer->at = tag + 2;
            lexer->at += looking_at(lexer, lexer->at, "-") || looking_at(lexer, lexer->at, "+");
            return 0;
        }
    }
    token->kind = TOKEN_END;
    token->line = lexer->line;
    return 0;
}

/* --- numbers --- */

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* The byte at `at`; NUL after the end. */
static char byte_at(const struct lexer *lexer, size_t at)
{
    return at < lexer->length ? lexer->source[at] : '\0';
}

/* Behind the digits of a base that stand at `at`, with single "_" between them; `at`: none do. */
static size_t behind_digits(const struct lexer *lexer, size_t at, int base)
{
    size_t end = at;
    while (digit_value(byte_at(lexer, at)) < base) {
        end = ++at;
        at += byte_at(lexer, at) == '_';
    }
    return end;
}

/* Behind "e+10" at `at`; `at` where no exponent stands. */
static size_t behind_exponent(const struct lexer *lexer, size_t at)
{
    size_t digits = at + 1;
    if (byte_at(lexer, at) != 'e' && byte_at(lexer, at) != 'E')
        return at;
    digits += byte_at(lexer, digits) == '+' || byte_at(lexer, digits) == '-';
    size_t end = behind_digits(lexer, digits, 10);
    return end > digits ? end : at;
}

/* 1.5, 1e3, 1.5e-3: digits, and a fraction or an exponent or both. Not after a dot: a.0.1 has two
 * whole numbers. `at` where none stands. */
static size_t behind_float(const struct lexer *lexer, size_t at)
{
    if (at && lexer->source[at - 1] == '.')
        return at;
    size_t whole = behind_digits(lexer, at, 10), fraction = whole;
    if (byte_at(lexer, whole) == '.') {
        size_t end = behind_digits(lexer, whole + 1, 10);
        fraction = end > whole + 1 ? end : whole;
    }
    size_t end = behind_exponent(lexer, fraction);
    return end > whole ? end : at;
}

static int read_float(struct lexer *lexer, size_t end, struct token *token, struct error *err)
{
    char *text = jinja_heap_take(lexer->heap, end - lexer->at + 1, err);
    if (!text)
        return -1;
    size_t used = 0;
    for (; lexer->at < end; lexer->at++)
        if (lexer->source[lexer->at] != '_')
            text[used++] = lexer->source[lexer->at];
    token->kind = TOKEN_FLOAT;
    token->value = jinja_float(strtod(text, NULL));
    return 0;
}

/* 0x1f, 0o17, 0b11, 17, 0; "017" is 0 and then 17, as in jinja2. */
static int read_integer(struct lexer *lexer, struct token *token, struct error *err)
{
    static const struct {
        const char *letters;
        int base;
    } bases[] = {{"xX", 16}, {"oO", 8}, {"bB", 2}};
    int base = 10;
    size_t digits = lexer->at, end = 0;
    char first = byte_at(lexer, digits), second = byte_at(lexer, digits + 1);
    for (size_t i = 0; first == '0' && i < 3; i++) {
        size_t begin = digits + 2 + (byte_at(lexer, digits + 2) == '_');
        if (second && strchr(bases[i].letters, second) &&
            behind_digits(lexer, begin, bases[i].base) > begin) {
            base = bases[i].base;
            digits = begin;
            break;
        }
    }
    end = behind_digits(lexer, digits, base == 10 && first == '0' ? 1 : base);
    int64_t value = 0;
    for (; digits < end; digits++) {
        if (lexer->source[digits] != '_' &&
            (__builtin_mul_overflow(value, base, &value) ||
             __builtin_add_overflow(value, digit_value(lexer->source[digits]), &value)))
            return error_set(err, "a whole number that is beyond 64 bits");
    }
    lexer->at = end;
    token->kind = TOKEN_INTEGER;
    token->value = jinja_int(value);
    return 0;
}

static int lex_number(struct lexer *lexer, struct token *token, struct error *err)
{
    size_t end = behind_float(lexer, lexer->at);
    return end > lexer->at ? read_float(lexer, end, token, err) : read_integer(lexer, token, err);
}

/* --- texts --- */

/* Reads `count` hexadecimal digits at *at, as a code point of UTF-8. */
static int read_code_point(const struct lexer *lexer, size_t *at, size_t count, int32_t *out,
                           struct error *err)
{
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = digit_value(byte_at(lexer, *at + i));
        if (digit >= 16)
            return error_set(err,
                             "an escape of a text that lacks hexadecimal digits: \\%c needs "
                             "%zu",
                             lexer->source[*at - 1], count);
        value = value * 16 + digit;
    }
    if (value > 0x10ffff)
        return error_set(err, "an escape of a text that is not a character of Unicode");
    if (value >= 0xd800 && value <= 0xdfff)
        return error_set(err, "an escape of a text that is half a character (a surrogate): write "
                              "the character itself, or \\U and its eight digits");
    *at += count;
    *out = (int32_t)value;
    return 0;
}

/* Up to three octal digits at *at. */
static int32_t read_octal(const struct lexer *lexer, size_t *at)
{
    int32_t value = 0;
    for (int i = 0; i < 3 && digit_value(byte_at(lexer, *at)) < 8; i++)
        value = value * 8 + digit_value(byte_at(lexer, (*at)++));
    return value;
}

/* A backslash before a character that no escape begins with stays. Before one outside ASCII jinja2
 * gives the backslash and the character's own escape, without its backslash. */
static size_t keep_backslash(const struct lexer *lexer, size_t *at, char *out)
{
    int32_t c;
    size_t bytes = utf8_decode(lexer->source + *at, lexer->length - *at, &c), used = 1;
    out[0] = '\\';
    if (c >= 0x80) {
        static const char digits[] = "0123456789abcdef";
        int count = c > 0xffff ? 8 : c > 0xff ? 4 : 2;
        out[used++] = c > 0xffff ? 'U' : c > 0xff ? 'u' : 'x';
        while (count--)
            out[used++] = digits[(c >> (4 * count)) & 15];
    } else {
        out[used++] = lexer->source[*at];
    }
    *at += bytes;
    return used;
}

/* The escape after the backslash before *at into out, at most ten bytes; how many, or -1. */
static int read_escape(const struct lexer *lexer, size_t *at, char *out, struct error *err)
{
    static const char letters[] = "\\'\"abfnrtv", meant[] = "\\'\"\a\b\f\n\r\t\v";
    char c = lexer->source[*at];
    const char *simple = c ? strchr(letters, c) : NULL;
    int32_t code_point = 0;
    if (c == '\n') {
        ++*at;
        return 0;
    }
    if (simple) {
        out[0] = meant[simple - letters];
        ++*at;
        return 1;
    }
    if (c == 'x' || c == 'u' || c == 'U') {
        ++*at;
        if (read_code_point(lexer, at, c == 'x' ? 2 : c == 'u' ? 4 : 8, &code_point, err) != 0)
            return -1;
        return (int)utf8_encode(code_point, out);
    }
    if (c == 'N')
        return error_set(err, "\\N in a text, a character by its name, is not supported: write the "
                              "character itself");
    if (digit_value(c) < 8)
        return (int)utf8_encode(read_octal(lexer, at), out);
    return (int)keep_backslash(lexer, at, out);
}

static int lex_string(struct lexer *lexer, struct token *token, struct error *err)
{
    char quote = lexer->source[lexer->at];
    size_t at = lexer->at + 1, end = at, used = 0;
    while (end < lexer->length && lexer->source[end] != quote)
        end += lexer->source[end] == '\\' ? 2 : 1;
    if (end >= lexer->length)
        return error_set(err, "a text that begins with %c has no end", quote);
    /* "\é" is the longest: four bytes for three. */
    char *text = jinja_heap_take(lexer->heap, 2 * (end - at) + 16, err);
    if (!text)
        return -1;
    while (at < end) {
        if (lexer->source[at] != '\\') {
            lexer->line += lexer->source[at] == '\n';
            text[used++] = lexer->source[at++];
            continue;
        }
        lexer->line += lexer->source[++at] == '\n';
        int count = read_escape(lexer, &at, text + used, err);
        if (count < 0)
            return -1;
        used += (size_t)count;
    }
    lexer->at = end + 1;
    token->kind = TOKEN_STRING;
    token->value = jinja_text(text, used);
    return 0;
}

/* --- inside tags --- */

static const char *const operators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                        "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                        ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

/* Keeps the brackets that are open: the end of a tag counts only where none is, so that
 * {{ {"a": {}}}} ends where it should. */
static int balance(struct lexer *lexer, char c, struct error *err)
{
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

static int lex_operator(struct lexer *lexer, struct token *token, struct error *err)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!looking_at(lexer, lexer->at, operators[i]))
            continue;
        token->kind = TOKEN_OPERATOR;
        token->text = (struct jinja_text){operators[i], strlen(operators[i])};
        lexer->at += token->text.length;
        return balance(lexer, operators[i][0], err);
    }
    int32_t c;
    size_t bytes = utf8_decode(lexer->source + lexer->at, lexer->length - lexer->at, &c);
    return error_set(err, "unexpected character '%.*s'%s", (int)bytes, lexer->source + lexer->at,
                     c > 0x7f ? " (names outside ASCII are not supported)" : "");
}

static bool is_name(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

static void lex_name(struct lexer *lexer, struct token *token)
{
    size_t begin = lexer->at;
    while (lexer->at < lexer->length && is_name(lexer->source[lexer->at], false))
        lexer->at++;
    token->kind = TOKEN_NAME;
    token->text = (struct jinja_text){lexer->source + begin, lexer->at - begin};
}

static int lex_tag(struct lexer *lexer, struct token *token, struct error *err)
{
    bool print = lexer->state == LEXER_PRINT;
    const char *end = print ? "}}" : "%}";
    size_t behind = 0;
    for (;;) {
        behind = lexer->open ? 0 : behind_end(lexer, lexer->at, end, !print, !print);
        size_t blank = behind ? 0 : blank_at(lexer, lexer->at);
        if (!blank)
            break;
        move_to(lexer, lexer->at + blank);
    }
    token->line = lexer->line;
    token->text = (struct jinja_text){lexer->source + lexer->at, 0};
    if (behind) {
        move_to(lexer, behind);
        lexer->state = LEXER_TEXT;
        token->kind = print ? TOKEN_PRINT_END : TOKEN_BLOCK_END;
        return 0;
    }
    if (lexer->at == lexer->length) {
        token->kind = TOKEN_END;
        return 0;
    }
    char c = lexer->source[lexer->at];
    if (c >= '0' && c <= '9')
        return lex_number(lexer, token, err);
    if (c == '\'' || c == '"')
        return lex_string(lexer, token, err);
    if (!is_name(c, true))
        return lex_operator(lexer, token, err);
    lex_name(lexer, token);
    return 0;
}

int lexer_next(struct lexer *lexer, struct token *token, struct error *err)
{
    *token = (struct token){0};
    return lexer->state == LEXER_TEXT ? lex_text(lexer, token, err) : lex_tag(lexer, token, err);
}

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
