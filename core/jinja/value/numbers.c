/* Numbers: in texts, as int() and float() read them, with white space around, "_" between digits,
 * and digits of any script; and as repr() writes a float. */
#include "jinja/value/value.h"

#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* The value of a decimal digit of any script: each has its ten in a row, on ends of which the
 * category changes, or of which another row begins. */
static int digit_value(int32_t point)
{
    if (point >= '0' && point <= '9')
        return point - '0';
    utf8proc_int32_t decomposed[4];
    int boundary = 0;
    if (utf8proc_decompose_char(point, decomposed, 4, UTF8PROC_COMPAT, &boundary) == 1 &&
        decomposed[0] >= '0' && decomposed[0] <= '9')
        return decomposed[0] - '0';
    int32_t zero = point;
    while (zero > 0 && jinja_is_decimal(zero - 1))
        zero--;
    return (point - zero) % 10;
}

/* The text without white space around, decimal digits as ASCII's; anything else beyond ASCII makes
 * it no number. */
static bool to_ascii(struct jinja_text text, struct buffer *out)
{
    bool plain = true;
    size_t begin = 0, end = text.length, bytes;
    while (begin < end && jinja_is_space(jinja_point_at(text, begin, &bytes)))
        begin += bytes;
    for (size_t at = begin, last = begin; at < text.length; at += bytes) {
        if (!jinja_is_space(jinja_point_at(text, at, &bytes)))
            last = at + bytes;
        end = last;
    }
    for (size_t at = begin; at < end && plain; at += bytes) {
        int32_t point = jinja_point_at(text, at, &bytes);
        if (point >= 0x80 && jinja_is_decimal(point))
            point = '0' + digit_value(point);
        plain = point > 0 && point < 0x80;
        buffer_byte(out, (char)point);
    }
    return plain && out->length > 0 && !out->failed;
}

/* After the sign: a prefix that the base allows, digits, single "_" between them. */
static bool read_digits(const char *at, int base, bool negative, int64_t *out, bool *beyond)
{
    static const char letters[] = "bBoOxX";
    static const int bases[] = {2, 8, 16};
    bool any = false, gap = false, zero_led = *at == '0';
    const char *letter = at[0] == '0' && at[1] ? strchr(letters, at[1]) : NULL;
    int prefix = letter ? bases[(letter - letters) / 2] : 0;
    if (prefix && (base == 0 || base == prefix)) {
        base = prefix;
        at += 2 + (at[2] == '_');
    } else if (base == 0) {
        base = 10;
        if (zero_led && strspn(at, "0_") != strlen(at))
            return false; /* "010" says neither 8 nor 10 */
    }
    for (*out = 0; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '_' && any && !gap) {
            gap = true;
            continue;
        }
        int digit = isdigit(c) ? c - '0' : isalpha(c) ? tolower(c) - 'a' + 10 : 99;
        if (digit >= base)
            return false;
        any = true;
        gap = false;
        *beyond = *beyond || __builtin_mul_overflow(*out, (int64_t)base, out) ||
                  __builtin_add_overflow(*out, negative ? -digit : digit, out);
    }
    return any && !gap;
}

/* *beyond: it is a whole number, but not of 64 bits; which of the two it is the caller must say. */
bool jinja_read_integer(struct jinja_text text, int base, int64_t *out, bool *beyond)
{
    struct buffer ascii = BUFFER_INIT;
    bool is = to_ascii(text, &ascii);
    *beyond = false;
    if (is) {
        const char *at = buffer_string(&ascii);
        bool sign = *at == '-' || *at == '+';
        is = read_digits(at + sign, base, *at == '-', out, beyond);
    }
    buffer_free(&ascii);
    return is;
}

/* strtod() reads more than Python does, hexadecimal numbers and "nan(...)", and no "_", of which
 * one may stand between two digits: so the form is looked at first. */
static bool is_float(char *text)
{
    char *at = text, *to = text;
    for (; *at; at++) {
        bool between = at > text && isdigit((unsigned char)at[-1]) && isdigit((unsigned char)at[1]);
        if (*at == '_' && !between)
            return false;
        if (*at != '_')
            *to++ = *at;
    }
    *to = '\0';
    at = text + (*text == '-' || *text == '+');
    if (strcasecmp(at, "inf") == 0 || strcasecmp(at, "infinity") == 0 || strcasecmp(at, "nan") == 0)
        return true;
    size_t whole = strspn(at, "0123456789"), fraction = 0;
    at += whole;
    if (*at == '.')
        fraction = strspn(++at, "0123456789");
    at += fraction;
    if (whole + fraction == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '-' || *at == '+';
        size_t digits = strspn(at, "0123456789");
        if (digits == 0)
            return false;
        at += digits;
    }
    return *at == '\0';
}

bool jinja_read_float(struct jinja_text text, double *out)
{
    struct buffer ascii = BUFFER_INIT;
    bool is = to_ascii(text, &ascii) && is_float(ascii.data);
    if (is)
        *out = strtod(ascii.data, NULL);
    buffer_free(&ascii);
    return is;
}

/* --- and as they are written --- */

/* The fewest digits that read back as the same number, into `digits`; their exponent of ten: 1.5 is
 * "15" and 0. */
static int shortest_digits(double magnitude, char digits[24])
{
    char text[40];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, magnitude);
        if (strtod(text, NULL) == magnitude)
            break;
    }
    size_t count = 0;
    const char *at = text;
    for (; *at && *at != 'e'; at++)
        if (*at != '.')
            digits[count++] = *at;
    digits[count] = '\0';
    return *at ? (int)strtol(at + 1, NULL, 10) : 0;
}

/* Fixed where the exponent is from -4 to 15, with one digit after the point at least. */
void jinja_write_float(struct buffer *out, double number)
{
    if (!isfinite(number)) {
        buffer_text(out, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
        return;
    }
    char digits[24];
    int exponent = shortest_digits(fabs(number), digits);
    int count = (int)strlen(digits);
    if (signbit(number))
        buffer_byte(out, '-');
    if (exponent < -4 || exponent >= 16) {
        buffer_byte(out, digits[0]);
        if (count > 1)
            buffer_format(out, ".%s", digits + 1);
        buffer_format(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    if (exponent < 0)
        buffer_format(out, "0.%.*s%s", -exponent - 1, "000", digits);
    else if (exponent + 1 < count)
        buffer_format(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    else
        buffer_format(out, "%s%.*s.0", digits, exponent + 1 - count, "000000000000000");
}
