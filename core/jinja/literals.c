#include "jinja/literals.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* --- numbers --- */

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* The byte at `at`; NUL behind the end. */
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

/* 1.5, 1e3, 1.5e-3: digits, and a fraction or an exponent or both. Not behind a dot: a.0.1 has two
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

int lex_number(struct lexer *lexer, struct token *token, struct error *err)
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
        return error_set(err, "an escape of a text that is no character of Unicode");
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

/* The escape behind the backslash before *at into out, at most ten bytes; how many, or -1. */
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

int lex_string(struct lexer *lexer, struct token *token, struct error *err)
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
