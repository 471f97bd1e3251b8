/* Numbers and texts in quotes, as jinja2's lexer reads them.
 *
 *     integer = decimal | "0" ("x" | "o" | "b") digits        in capitals, too; "_" between digits
 *     float   = digits [ "." digits ] [ ("e" | "E") [ "+" | "-" ] digits ]   with one of the two
 *     text    = quote { character | escape } the same quote
 */
#include "jinja/parse/parse.h"

#include "base/text.h"
#include "jinja/value/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* After the digits of a base that stand at `at`, with single "_" between them; `at`: none do. */
static size_t after_digits(const struct lexer *lexer, size_t at, int base)
{
    size_t end = at;
    while (digit_value(byte_at(lexer, at)) < base) {
        end = ++at;
        at += byte_at(lexer, at) == '_';
    }
    return end;
}

/* 1.5, 1e3, 1.5e-3: digits, and a fraction or an exponent or both. Not after a dot: a.0.1 has two
 * whole numbers. `at` where none stands. */
static size_t after_float(const struct lexer *lexer, size_t at)
{
    if (at && lexer->source[at - 1] == '.')
        return at;
    size_t whole = after_digits(lexer, at, 10), end = whole;
    if (byte_at(lexer, whole) == '.') {
        size_t fraction = after_digits(lexer, whole + 1, 10);
        end = fraction > whole + 1 ? fraction : whole;
    }
    if (byte_at(lexer, end) == 'e' || byte_at(lexer, end) == 'E') {
        size_t digits = end + 1;
        digits += byte_at(lexer, digits) == '+' || byte_at(lexer, digits) == '-';
        size_t exponent = after_digits(lexer, digits, 10);
        end = exponent > digits ? exponent : end;
    }
    return end > whole ? end : at;
}

/* 0x1f, 0o17, 0b11, 17, 0; "017" is 0 and then 17, as in jinja2. */
int lexer_number(struct lexer *lexer, struct token *token, struct error *err)
{
    static const struct {
        const char *letters;
        int base;
    } bases[] = {{"xX", 16}, {"oO", 8}, {"bB", 2}};
    size_t digits = lexer->at, end = after_float(lexer, digits), used = 0;
    if (end > digits) {
        char *text = jinja_heap_take(lexer->heap, end - digits + 1, err);
        if (!text)
            return -1;
        for (; lexer->at < end; lexer->at++)
            if (lexer->source[lexer->at] != '_')
                text[used++] = lexer->source[lexer->at];
        token->kind = TOKEN_FLOAT;
        token->value = jinja_float(strtod(text, NULL));
        return 0;
    }
    int base = 10;
    char first = byte_at(lexer, digits), second = byte_at(lexer, digits + 1);
    for (size_t i = 0; first == '0' && i < 3; i++) {
        size_t begin = digits + 2 + (byte_at(lexer, digits + 2) == '_');
        if (second && strchr(bases[i].letters, second) &&
            after_digits(lexer, begin, bases[i].base) > begin) {
            base = bases[i].base;
            digits = begin;
            break;
        }
    }
    end = after_digits(lexer, digits, base == 10 && first == '0' ? 1 : base);
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

/* --- texts --- */

/* The escape after the backslash before *at into out, at most ten bytes; how many, or -1. A
 * backslash before a character that no escape begins with stays. Before one outside ASCII jinja2
 * gives the backslash and the character's own escape, without its backslash. */
static int read_escape(const struct lexer *lexer, size_t *at, char *out, struct error *err)
{
    static const char letters[] = "\\'\"abfnrtv", meant[] = "\\'\"\a\b\f\n\r\t\v";
    static const char hexadecimal[] = "0123456789abcdef";
    char c = lexer->source[*at];
    const char *simple = c ? strchr(letters, c) : NULL;
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
        size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        int64_t value = 0;
        ++*at;
        for (size_t i = 0; i < count; i++) {
            int digit = digit_value(byte_at(lexer, *at + i));
            if (digit >= 16)
                return error_set(err,
                                 "an escape of a text that lacks hexadecimal digits: \\%c needs "
                                 "%zu",
                                 c, count);
            value = value * 16 + digit;
        }
        if (value > 0x10ffff)
            return error_set(err, "an escape of a text that is not a character of Unicode");
        if (value >= 0xd800 && value <= 0xdfff)
            return error_set(err, "an escape of a text that is half a character (a surrogate): "
                                  "write the character itself, or \\U and its eight digits");
        *at += count;
        return (int)utf8_encode((int32_t)value, out);
    }
    if (c == 'N')
        return error_set(err, "\\N in a text, a character by its name, is not supported: write the "
                              "character itself");
    if (digit_value(c) < 8) { /* up to three octal ones */
        int32_t value = 0;
        for (int i = 0; i < 3 && digit_value(byte_at(lexer, *at)) < 8; i++)
            value = value * 8 + digit_value(byte_at(lexer, (*at)++));
        return (int)utf8_encode(value, out);
    }
    int32_t point;
    int used = 0, count;
    size_t bytes = utf8_decode(lexer->source + *at, lexer->length - *at, &point);
    out[used++] = '\\';
    if (point < 0x80) {
        out[used++] = c;
    } else {
        count = point > 0xffff ? 8 : point > 0xff ? 4 : 2;
        out[used++] = point > 0xffff ? 'U' : point > 0xff ? 'u' : 'x';
        while (count--)
            out[used++] = hexadecimal[(point >> (4 * count)) & 15];
    }
    *at += bytes;
    return used;
}

int lexer_string(struct lexer *lexer, struct token *token, struct error *err)
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
