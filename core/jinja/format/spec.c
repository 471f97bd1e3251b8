/* format(value, spec): "[[fill]align][sign][#][0][width][, or _][.precision][type]". */
#include "jinja/format/format.h"

#include "jinja/value/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct spec {
    struct jinja_text fill;
    char align, sign; /* '\0': none is given */
    bool alternate, zero;
    int64_t width, precision; /* -1: none */
    char group, type;
};

static bool is_align(char letter)
{
    return letter && strchr("<>=^", letter);
}

/* Digits at *at; -1: none. */
static int64_t read_count(struct jinja_text text, size_t *at)
{
    int64_t count = -1;
    for (; *at < text.length && text.bytes[*at] >= '0' && text.bytes[*at] <= '9'; ++*at) {
        count = count < 0 ? 0 : count;
        if (count < (int64_t)JINJA_TEXT_MAX)
            count = count * 10 + (text.bytes[*at] - '0');
    }
    return count;
}

/* A fill may be any character, and only what stands before an alignment is one. */
static int read_spec(struct jinja_run *run, struct jinja_text text, struct spec *out)
{
    size_t at = 0, fill = 0;
    *out = (struct spec){.fill = {" ", 1}, .precision = -1};
    if (text.length)
        jinja_point_at(text, 0, &fill);
    if (fill && fill < text.length && is_align(text.bytes[fill])) {
        out->fill = (struct jinja_text){text.bytes, fill};
        out->align = text.bytes[fill];
        at = fill + 1;
    } else if (text.length && is_align(text.bytes[0])) {
        out->align = text.bytes[at++];
    }
    bool filled = out->fill.bytes == text.bytes;
#define NEXT_IS(letters) (at < text.length && text.bytes[at] && strchr(letters, text.bytes[at]))
    if (NEXT_IS("+- "))
        out->sign = text.bytes[at++];
    if (NEXT_IS("#"))
        out->alternate = at++ < text.length;
    if (NEXT_IS("0")) {
        out->zero = at++ < text.length;
        if (!filled)
            out->fill = (struct jinja_text){"0", 1};
    }
    out->width = read_count(text, &at);
    if (NEXT_IS(",_"))
        out->group = text.bytes[at++];
    if (NEXT_IS(".")) {
        at++;
        if ((out->precision = read_count(text, &at)) < 0)
            return error_set(run->err, "Format specifier missing precision");
    }
    if (at < text.length)
        out->type = text.bytes[at++];
#undef NEXT_IS
    return at == text.length ? 0
                             : error_set(run->err, "Invalid format specifier '%.*s'",
                                         (int)text.length, text.bytes);
}

/* Sign and prefix, then the body, filled up to the width on the side that the alignment says. */
static int pad(struct jinja_run *run, const struct spec *spec, char align, const char *prefix,
               struct jinja_text body, struct buffer *out)
{
    int64_t length = (int64_t)strlen(prefix) + jinja_length(jinja_text(body.bytes, body.length));
    int64_t missing = spec->width > length ? spec->width - length : 0;
    int64_t left = align == '>' ? missing : align == '^' ? missing / 2 : 0;
    int64_t inside = align == '=' ? missing : 0;
    if (jinja_repeat(run, out, spec->fill, left) != 0)
        return -1;
    buffer_text(out, prefix);
    if (jinja_repeat(run, out, spec->fill, inside) != 0)
        return -1;
    buffer_append(out, body.bytes, body.length);
    return jinja_repeat(run, out, spec->fill, missing - left - inside);
}

static int wrong_type(struct jinja_run *run, char type, struct jinja_value value)
{
    return error_set(run->err, "Unknown format code '%c' for object of type '%s'", type,
                     jinja_type_name(value));
}

/* The digits in front of the point in groups, from the right: of four where there is a base, else
 * of three. */
static int finish_number(struct jinja_run *run, const struct spec *spec, bool negative,
                         const char *base, const char *digits, struct buffer *out)
{
    struct buffer body = BUFFER_INIT;
    char prefix[8];
    bool zeros = spec->zero || spec->align == '=';
    if (spec->group && zeros && spec->width > 0)
        return error_set(run->err, "groups of digits together with zeros in front are not known "
                                   "here");
    snprintf(prefix, sizeof prefix, "%s%s",
             negative            ? "-"
             : spec->sign == '+' ? "+"
             : spec->sign == ' ' ? " "
                                 : "",
             spec->alternate ? base : "");
    size_t size = *base ? 4 : 3;
    size_t whole = strspn(digits, *base ? "0123456789abcdefABCDEF" : "0123456789");
    for (size_t i = 0; i < whole; i++) {
        if (spec->group && i && (whole - i) % size == 0)
            buffer_byte(&body, spec->group);
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): strspn() saw it */
        buffer_byte(&body, digits[i]);
    }
    buffer_text(&body, digits + whole);
    char align = spec->align ? spec->align : spec->zero ? '=' : '>';
    int result =
        pad(run, spec, align, prefix, (struct jinja_text){buffer_string(&body), body.length}, out);
    buffer_free(&body);
    return result;
}

/* Digits from the last to the first, in the base that the type names. */
static int format_integer(struct jinja_run *run, const struct spec *spec, int64_t number,
                          struct buffer *out)
{
    char digits[72], *at = digits + sizeof digits;
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    char type = spec->type ? spec->type : 'd';
    unsigned base = type == 'b' ? 2 : type == 'o' ? 8 : (type | 0x20) == 'x' ? 16 : 10;
    if (spec->precision >= 0)
        return error_set(run->err, "Precision not allowed in integer format specifier");
    if (spec->group == ',' && base != 10)
        return error_set(run->err, "Cannot specify ',' with '%c'.", type);
    *--at = '\0';
    do
        *--at = (type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[left % base];
    while (left /= base);
    const char *prefix = type == 'b'   ? "0b"
                         : type == 'o' ? "0o"
                         : type == 'x' ? "0x"
                         : type == 'X' ? "0X"
                                       : "";
    return finish_number(run, spec, number < 0, prefix, at, out);
}

/* Without a type a float is written as str() has it. */
static int format_float(struct jinja_run *run, const struct spec *spec, double number,
                        struct buffer *out)
{
    struct buffer digits = BUFFER_INIT;
    char format[8];
    double magnitude = isnan(number) ? number : fabs(number);
    bool percent = spec->type == '%';
    int precision = spec->precision < 0 ? 6 : (int)spec->precision;
    if (spec->precision > 400)
        return error_set(run->err, "more than 400 digits after the point of a float");
    if (!spec->type && (spec->precision >= 0 || spec->alternate))
        return error_set(run->err, "a precision without one of the types e, f, g and %% is not "
                                   "known here");
    if (!spec->type)
        jinja_write_float(&digits, magnitude);
    snprintf(format, sizeof format, "%%%s.*%c", spec->alternate ? "#" : "",
             percent             ? 'f'
             : spec->type == 'n' ? 'g'
                                 : spec->type);
    if (spec->type)
        buffer_format(&digits, format, precision, percent ? magnitude * 100 : magnitude);
    if (percent)
        buffer_byte(&digits, '%');
    int result = finish_number(run, spec, signbit(number) && !isnan(number), "",
                               buffer_string(&digits), out);
    buffer_free(&digits);
    return result;
}

/* By the value's type: a text may have a width and a precision, a whole number the types of whole
 * numbers or, as a float, those of floats. An empty format is str(). */
int jinja_format_value(struct jinja_run *run, struct jinja_value value, struct jinja_text text,
                       struct buffer *out)
{
    struct spec spec;
    if (text.length == 0)
        return jinja_write(out, value, run->err);
    if (value.type < JINJA_BOOL || value.type > JINJA_STRING)
        return error_set(run->err, "unsupported format string passed to %s.__format__",
                         jinja_type_name(value));
    if (read_spec(run, text, &spec) != 0)
        return -1;
    if (value.type == JINJA_STRING) {
        struct jinja_text shown = value.is.text;
        if (spec.type && spec.type != 's')
            return wrong_type(run, spec.type, value);
        if (spec.sign || spec.alternate || spec.group || spec.align == '=')
            return error_set(run->err,
                             "signs, #, = and groups of digits are for numbers, not for str");
        if (spec.precision >= 0)
            shown.length = jinja_offset(shown, (size_t)spec.precision);
        return pad(run, &spec, spec.align ? spec.align : '<', "", shown, out);
    }
    bool whole = value.type != JINJA_FLOAT;
    int64_t integer = value.type == JINJA_BOOL ? value.is.truth : value.is.integer;
    if (whole && (!spec.type || strchr("bdnoxX", spec.type)))
        return format_integer(run, &spec, integer, out);
    if (spec.type && !strchr("eEfFgGn%", spec.type))
        return wrong_type(run, spec.type, value);
    return format_float(run, &spec, whole ? (double)integer : value.is.number, out);
}
