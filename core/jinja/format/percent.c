/* text % value: printf's formats, as Python has them.
 *
 *     conversion = "%" [ "(" key ")" ] { "#" | "0" | "-" | " " | "+" } [ width ] [ "." precision ]
 *                  [ "h" | "l" | "L" ] kind
 *     width, precision = digits | "*", which takes a value
 *
 * A tuple gives a value to each conversion; any other value is given to the one that there is; a
 * dictionary by the keys.
 */
#include "jinja/format/format.h"

#include "base/text.h"
#include "jinja/value/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* One conversion: %(key)#0- +12.3d */
struct conversion {
    bool alternate, zero, left, space, plus;
    int64_t width, precision; /* -1: none */
    char kind;
};

/* What is formatted, and how far that has come. */
struct source {
    struct jinja_run *run;
    struct jinja_value format, value;
    size_t at;    /* byte of the format */
    size_t taken; /* of a tuple's elements; 1 of any other value */
    bool by_key;  /* a %(key) was met: nothing is left over then */
    struct buffer out;
};

static int next_value(struct source *s, struct jinja_value *out)
{
    bool tuple = s->value.type == JINJA_TUPLE;
    if (s->taken >= (tuple ? s->value.is.list->count : 1))
        return error_set(s->run->err, "not enough arguments for format string");
    *out = tuple ? s->value.is.list->items[s->taken] : s->value;
    s->taken++;
    return 0;
}

/* A byte of the format, NUL after its end. */
static char peek(const struct source *s)
{
    struct jinja_text text = s->format.is.text;
    return s->at < text.length ? text.bytes[s->at] : '\0';
}

/* "(key)", in which parentheses may nest. */
static int read_key(struct source *s, struct jinja_value *out)
{
    size_t begin = ++s->at;
    int depth = 1;
    for (; s->at < s->format.is.text.length && depth; s->at++)
        depth += (peek(s) == '(') - (peek(s) == ')');
    if (depth)
        return error_set(s->run->err, "incomplete format key");
    if (s->value.type != JINJA_DICT)
        return error_set(s->run->err, "format requires a mapping");
    struct jinja_value key = jinja_part(s->format, begin, s->at - 1);
    struct jinja_entry *entry = jinja_find(s->value.is.map, key);
    if (!entry)
        return error_set(s->run->err, "the format's key '%.*s' is not there",
                         (int)key.is.text.length, key.is.text.bytes);
    entry->read = true;
    s->by_key = true;
    *out = entry->value;
    return 0;
}

/* "12" or "*", the next value. */
static int read_number(struct source *s, int64_t *out)
{
    if (peek(s) == '*') {
        struct jinja_value value = jinja_none();
        s->at++;
        if (next_value(s, &value) != 0)
            return -1;
        if (value.type != JINJA_INT)
            return error_set(s->run->err, "* wants int");
        *out = value.is.integer;
        return 0;
    }
    for (*out = 0; peek(s) >= '0' && peek(s) <= '9'; s->at++)
        if (*out < (int64_t)JINJA_TEXT_MAX)
            *out = *out * 10 + (peek(s) - '0');
    return 0;
}

/* Flags, width, precision, a length that means nothing, and the kind. */
static int read_conversion(struct source *s, struct conversion *c)
{
    *c = (struct conversion){.width = -1, .precision = -1};
    for (;; s->at++) {
        switch (peek(s)) {
        case '#':
            c->alternate = true;
            continue;
        case '0':
            c->zero = true;
            continue;
        case '-':
            c->left = true;
            continue;
        case ' ':
            c->space = true;
            continue;
        case '+':
            c->plus = true;
            continue;
        default:
            break;
        }
        break;
    }
    if (read_number(s, &c->width) != 0)
        return -1;
    if (c->width < 0) {
        c->left = true;
        c->width = c->width < -(int64_t)JINJA_TEXT_MAX ? (int64_t)JINJA_TEXT_MAX : -c->width;
    }
    if (peek(s) == '.') {
        s->at++;
        if (read_number(s, &c->precision) != 0)
            return -1;
        c->precision = c->precision < 0 ? 0 : c->precision;
    }
    if (peek(s) && strchr("hlL", peek(s)))
        s->at++;
    c->kind = peek(s);
    if (s->at >= s->format.is.text.length)
        return error_set(s->run->err, "incomplete format");
    s->at++;
    return 0;
}

/* `sign` (and prefix), then the body, in the width: zeros go between them, spaces around both. */
static int pad(struct source *s, const struct conversion *c, bool zeros, const char *sign,
               struct jinja_text body)
{
    int64_t length = (int64_t)strlen(sign) + jinja_length(jinja_text(body.bytes, body.length));
    int64_t missing = c->width > length ? c->width - length : 0;
    struct jinja_text space = {" ", 1}, zero = {"0", 1};
    zeros = zeros && c->zero && !c->left;
    if (!zeros && !c->left && jinja_repeat(s->run, &s->out, space, missing) != 0)
        return -1;
    buffer_text(&s->out, sign);
    if (zeros && jinja_repeat(s->run, &s->out, zero, missing) != 0)
        return -1;
    buffer_append(&s->out, body.bytes, body.length);
    return c->left ? jinja_repeat(s->run, &s->out, space, missing) : 0;
}

/* %s and %r: as a text, cut to the precision. In a safe text what is not safe is escaped. */
static int format_text(struct source *s, const struct conversion *c, struct jinja_value value)
{
    struct buffer text = BUFFER_INIT, escaped = BUFFER_INIT;
    int written = c->kind == 'r' ? jinja_write_repr(&text, value, s->run->err)
                                 : jinja_write(&text, value, s->run->err);
    struct jinja_text body = {buffer_string(&text), text.length};
    bool safe = c->kind != 'r' && value.type == JINJA_STRING && value.markup;
    if (written == 0 && s->format.markup && !safe) {
        jinja_write_escaped(&escaped, body);
        body = (struct jinja_text){buffer_string(&escaped), escaped.length};
    }
    if (written == 0 && c->precision >= 0)
        body.length = jinja_offset(body, (size_t)c->precision);
    if (written == 0)
        written = pad(s, c, false, "", body);
    buffer_free(&text);
    buffer_free(&escaped);
    return written;
}

static const char *sign_of(const struct conversion *c, bool negative)
{
    return negative ? "-" : c->plus ? "+" : c->space ? " " : "";
}

/* %d, and %x, %X, %o of whole numbers; the precision is the least number of digits. */
static int format_integer(struct source *s, const struct conversion *c, int64_t number)
{
    struct buffer digits = BUFFER_INIT;
    char sign[8];
    uint64_t magnitude = number < 0 ? -(uint64_t)number : (uint64_t)number;
    const char *prefix = !c->alternate    ? ""
                         : c->kind == 'x' ? "0x"
                         : c->kind == 'X' ? "0X"
                         : c->kind == 'o' ? "0o"
                                          : "";
    buffer_format(&digits,
                  c->kind == 'x'   ? "%" PRIx64
                  : c->kind == 'X' ? "%" PRIX64
                  : c->kind == 'o' ? "%" PRIo64
                                   : "%" PRIu64,
                  magnitude);
    struct buffer body = BUFFER_INIT;
    int result = jinja_repeat(s->run, &body, (struct jinja_text){"0", 1},
                              c->precision - (int64_t)digits.length);
    buffer_append(&body, digits.data, digits.length);
    snprintf(sign, sizeof sign, "%s%s", sign_of(c, number < 0), prefix);
    if (result == 0)
        result = pad(s, c, true, sign, (struct jinja_text){buffer_string(&body), body.length});
    buffer_free(&digits);
    buffer_free(&body);
    return result;
}

/* %e, %f, %g: the C library's, which rounds as Python does. */
static int format_float(struct source *s, const struct conversion *c, double number)
{
    char format[16];
    struct buffer body = BUFFER_INIT;
    int precision = c->precision < 0 ? 6 : (int)c->precision;
    if (c->precision > 400)
        return error_set(s->run->err, "more than 400 digits after the point of a float");
    snprintf(format, sizeof format, "%%%s.*%c", c->alternate ? "#" : "", c->kind);
    buffer_format(&body, format, precision, isnan(number) ? number : fabs(number));
    const char *sign = sign_of(c, signbit(number) && !isnan(number));
    int result = pad(s, c, true, sign, (struct jinja_text){buffer_string(&body), body.length});
    buffer_free(&body);
    return result;
}

static int wrong_type(struct source *s, const struct conversion *c, const char *wanted,
                      struct jinja_value value)
{
    return value.type == JINJA_UNDEFINED
               ? jinja_fail_undefined(value, s->run->err)
               : error_set(s->run->err, "%%%c format: %s is required, not %s", c->kind, wanted,
                           jinja_type_name(value));
}

/* By kind. A float is cut to a whole number for %d, never the other way for %x. */
static int convert(struct source *s, const struct conversion *c, struct jinja_value value)
{
    bool whole = value.type == JINJA_INT || value.type == JINJA_BOOL;
    int64_t integer = value.type == JINJA_BOOL ? value.is.truth : value.is.integer;
    char bytes[4];
    switch (c->kind) {
    case 's':
    case 'r':
        return format_text(s, c, value);
    case 'd':
    case 'i':
    case 'u':
        if (value.type == JINJA_FLOAT && isfinite(value.is.number) &&
            fabs(value.is.number) < 0x1p63)
            return format_integer(s, c, (int64_t)value.is.number);
        return whole ? format_integer(s, c, integer)
                     : wrong_type(s, c, "a real number within 64 bits", value);
    case 'c': /* one character, or the code point of one */
        if (value.type == JINJA_INT && integer > 0 && integer <= 0x10FFFF &&
            (integer < 0xD800 || integer > 0xDFFF))
            value = jinja_text(bytes, utf8_encode((int32_t)integer, bytes));
        if (value.type != JINJA_STRING || jinja_length(value) != 1)
            return error_set(s->run->err, "%%c requires int or char");
        return format_text(s, c, value);
    case 'x':
    case 'X':
    case 'o':
        return whole ? format_integer(s, c, integer) : wrong_type(s, c, "an integer", value);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        return value.type == JINJA_FLOAT ? format_float(s, c, value.is.number)
               : whole                   ? format_float(s, c, (double)integer)
                                         : wrong_type(s, c, "a real number", value);
    default:
        return error_set(s->run->err, "unsupported format character '%c'", c->kind);
    }
}

/* Up to the next "%" the text is copied, then one conversion is read and its value taken. In the
 * end a tuple, or a single value, must have been used up, as in Python; a dictionary need not. */
int jinja_format_percent(struct jinja_run *run, struct jinja_value format, struct jinja_value value,
                         struct jinja_value *out)
{
    struct source s = {.run = run, .format = format, .value = value, .out = BUFFER_INIT};
    struct jinja_text text = format.is.text;
    bool mapping =
        value.type == JINJA_DICT || value.type == JINJA_LIST || value.type == JINJA_UNDEFINED;
    size_t given = value.type == JINJA_TUPLE ? value.is.list->count : mapping ? 0 : 1;
    while (s.at < text.length) {
        struct conversion c;
        struct jinja_value taken;
        ptrdiff_t sign = jinja_search(text, (struct jinja_text){"%", 1}, s.at);
        size_t end = sign < 0 ? text.length : (size_t)sign;
        buffer_append(&s.out, text.bytes + s.at, end - s.at);
        s.at = end + 1;
        if (sign >= 0) {
            bool keyed = peek(&s) == '(';
            if (jinja_step(run, 1) != 0 || (keyed && read_key(&s, &taken) != 0) ||
                read_conversion(&s, &c) != 0)
                goto fail;
            if (c.kind == '%')
                buffer_byte(&s.out, '%');
            else if ((!keyed && next_value(&s, &taken) != 0) || convert(&s, &c, taken) != 0)
                goto fail;
        }
        if (s.out.length > jinja_text_max(run)) {
            error_set_kind(run->err, ERROR_BOUND, "a text of more than %zu bytes",
                           jinja_text_max(run));
            goto fail;
        }
    }
    if (s.by_key || s.taken >= given)
        return jinja_finish(run, &s.out, format.markup, out);
    error_set(run->err, "not all arguments converted during string formatting");
fail:
    buffer_free(&s.out);
    return -1;
}
