/* text.format(...): fields in braces, "{0.name[key]!r:>{width}}", as string.Formatter goes through
 * them, and what Python's types make of what stands behind the colon. */
#include "jinja/filters.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* [[fill]align][sign][#][0][width][,][.precision][type] */
struct spec {
    struct jinja_text fill;
    char align, sign, group, type; /* NUL: not said */
    bool alternate, zero;
    int64_t width, precision; /* -1: not said */
};

/* A formatting under way. Fields are numbered by themselves or by hand, not both. */
struct fields {
    struct jinja_run *run;
    const struct jinja_arguments *arguments;
    bool automatic, manual, markup;
    size_t next;
};

/* --- what stands behind the colon --- */

static char byte_at(struct jinja_text text, size_t at)
{
    return at < text.length ? text.bytes[at] : '\0';
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static int64_t read_digits(struct jinja_text text, size_t *at)
{
    int64_t number = 0;
    for (; is_one_of(byte_at(text, *at), "0123456789"); ++*at)
        number = number < (int64_t)JINJA_TEXT_MAX ? number * 10 + (text.bytes[*at] - '0') : number;
    return number;
}

static int read_spec(struct jinja_run *run, struct jinja_text text, struct spec *out)
{
    size_t at = 0, fill = 0;
    *out = (struct spec){.fill = {" ", 1}, .width = -1, .precision = -1};
    if (text.length)
        jinja_point_at(text, 0, &fill);
    if (fill && is_one_of(byte_at(text, fill), "<>=^")) {
        out->fill.bytes = text.bytes;
        out->fill.length = fill;
        out->align = text.bytes[fill];
        at = fill + 1;
    } else {
        fill = 0;
        if (is_one_of(byte_at(text, 0), "<>=^"))
            out->align = text.bytes[at++];
    }
    if (is_one_of(byte_at(text, at), "+- "))
        out->sign = text.bytes[at++];
    out->alternate = byte_at(text, at) == '#';
    at += out->alternate;
    out->zero = byte_at(text, at) == '0';
    at += out->zero;
    if (out->zero && !fill)
        out->fill.bytes = "0";
    if (is_one_of(byte_at(text, at), "0123456789"))
        out->width = read_digits(text, &at);
    if (is_one_of(byte_at(text, at), ",_"))
        out->group = text.bytes[at++];
    if (byte_at(text, at) == '.') {
        at++;
        if (!is_one_of(byte_at(text, at), "0123456789"))
            return error_set(run->err, "Format specifier missing precision");
        out->precision = read_digits(text, &at);
    }
    if (at < text.length)
        out->type = text.bytes[at++];
    if (at < text.length)
        return error_set(run->err, "Invalid format specifier '%.*s'", (int)text.length, text.bytes);
    return 0;
}

/* The sign (and prefix), then the body, in the width; `align` where the format says none. */
static int pad(struct jinja_run *run, const struct spec *spec, char align, const char *sign,
               struct jinja_text body, struct buffer *out)
{
    int64_t length = (int64_t)strlen(sign) + jinja_length(jinja_text(body.bytes, body.length));
    int64_t missing = spec->width > length ? spec->width - length : 0;
    struct jinja_text fill = spec->fill;
    if (spec->align)
        align = spec->align;
    else if (spec->zero && align == '>')
        align = '='; /* zeros of a number stand behind its sign */
    int64_t before = align == '>' ? missing : align == '^' ? missing / 2 : 0;
    int64_t between = align == '=' ? missing : 0;
    if (jinja_repeat(run, out, fill, before) != 0)
        return -1;
    buffer_text(out, sign);
    if (jinja_repeat(run, out, fill, between) != 0)
        return -1;
    buffer_append(out, body.bytes, body.length);
    return jinja_repeat(run, out, fill, missing - before - between);
}

static int refuse(struct jinja_run *run, const struct spec *spec, const char *type)
{
    if (spec->type)
        return error_set(run->err, "Unknown format code '%c' for object of type '%s'", spec->type,
                         type);
    return error_set(run->err, "a format that an object of type '%s' does not have", type);
}

static int format_text(struct jinja_run *run, const struct spec *spec, struct jinja_text text,
                       struct buffer *out)
{
    if ((spec->type && spec->type != 's') || spec->sign || spec->alternate || spec->group ||
        spec->align == '=')
        return refuse(run, spec, "str");
    if (spec->precision >= 0)
        text.length = jinja_offset(text, (size_t)spec->precision);
    return pad(run, spec, '<', "", text, out);
}

/* Digits with a mark between each three (of %x and the like: four), up to the point. */
static void write_grouped(struct buffer *out, const char *digits, const struct spec *spec)
{
    size_t whole = spec->group ? strspn(digits, "0123456789abcdefABCDEF") : 0;
    size_t each = is_one_of(spec->type, "xXob") ? 4 : 3;
    for (size_t i = 0; i < whole; i++) {
        buffer_byte(out, digits[i]);
        if ((whole - i - 1) % each == 0 && i + 1 < whole)
            buffer_byte(out, spec->group);
    }
    buffer_text(out, digits + whole);
}

static int format_digits(struct jinja_run *run, const struct spec *spec, bool negative,
                         const char *prefix, const char *digits, struct buffer *out)
{
    char sign[8] = {negative ? '-' : is_one_of(spec->sign, "+ ") ? spec->sign : '\0'};
    struct buffer body = BUFFER_INIT;
    strcat(sign, prefix);
    if (spec->group && spec->zero)
        return error_set(run->err, "zeros and marks between digits in one format are not known");
    write_grouped(&body, digits, spec);
    int result = buffer_check(&body, run->err);
    if (result == 0)
        result =
            pad(run, spec, '>', sign, (struct jinja_text){buffer_string(&body), body.length}, out);
    buffer_free(&body);
    return result;
}

static int format_float(struct jinja_run *run, const struct spec *spec, double number,
                        struct buffer *out)
{
    char format[8] = "";
    struct buffer digits = BUFFER_INIT;
    if ((spec->type && !is_one_of(spec->type, "eEfFgG%")) ||
        (!spec->type && (spec->alternate || spec->precision >= 0)))
        return refuse(run, spec, "float");
    if (spec->precision > 400)
        return error_set(run->err, "more than 400 digits behind the point of a float");
    double size = isnan(number) ? number : fabs(number);
    if (!spec->type) {
        jinja_write_float(&digits, size);
    } else {
        snprintf(format, sizeof format, "%%%s.*%c", spec->alternate ? "#" : "",
                 spec->type == '%' ? 'f' : spec->type);
        buffer_format(&digits, format, spec->precision < 0 ? 6 : (int)spec->precision,
                      spec->type == '%' ? size * 100 : size);
        if (spec->type == '%')
            buffer_byte(&digits, '%');
    }
    int result = buffer_check(&digits, run->err);
    if (result == 0)
        result = format_digits(run, spec, signbit(number) && !isnan(number), "",
                               buffer_string(&digits), out);
    buffer_free(&digits);
    return result;
}

static int format_integer(struct jinja_run *run, const struct spec *spec, int64_t number,
                          struct buffer *out)
{
    char digits[72];
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    const char *prefix = "", *symbols = spec->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = is_one_of(spec->type, "xX") ? 16 : spec->type == 'o' ? 8 : 10;
    if (is_one_of(spec->type, "eEfFgG%"))
        return format_float(run, spec, (double)number, out);
    if ((spec->type && !is_one_of(spec->type, "dxXob")) || spec->precision >= 0 ||
        (spec->group == ',' && is_one_of(spec->type, "xXob")))
        return refuse(run, spec, "int");
    base = spec->type == 'b' ? 2 : base;
    if (spec->alternate)
        prefix = spec->type == 'x'   ? "0x"
                 : spec->type == 'X' ? "0X"
                 : spec->type == 'o' ? "0o"
                 : spec->type == 'b' ? "0b"
                                     : "";
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do
        digits[--at] = symbols[rest % base];
    while (rest /= base);
    return format_digits(run, spec, number < 0, prefix, digits + at, out);
}

/* format(value, text) */
static int format_value(struct jinja_run *run, struct jinja_value value, struct jinja_text text,
                        struct buffer *out)
{
    struct spec spec;
    if (text.length == 0)
        return jinja_write(out, value, run->err);
    if (read_spec(run, text, &spec) != 0)
        return -1;
    switch (value.type) {
    case JINJA_STRING:
        return value.markup ? refuse(run, &spec, "Markup")
                            : format_text(run, &spec, value.is.text, out);
    case JINJA_BOOL:
        return format_integer(run, &spec, value.is.truth, out);
    case JINJA_INT:
        return format_integer(run, &spec, value.is.integer, out);
    case JINJA_FLOAT:
        return format_float(run, &spec, value.is.number, out);
    default:
        return error_set(run->err, "unsupported format string passed to %s.__format__",
                         jinja_type_name(value));
    }
}

/* --- fields --- */

static bool is_digits(struct jinja_text text)
{
    size_t at = 0;
    while (is_one_of(byte_at(text, at), "0123456789"))
        at++;
    return text.length && at == text.length;
}

/* An argument by its number or its name. */
static int find_argument(struct fields *f, struct jinja_text name, struct jinja_value *out)
{
    const struct jinja_arguments *given = f->arguments;
    size_t digits = 0;
    if (is_digits(name)) {
        int64_t index = read_digits(name, &digits);
        if (index >= (int64_t)given->count)
            return error_set(f->run->err, "Replacement index %" PRId64 " out of range", index);
        *out = given->values[index];
        return 0;
    }
    for (size_t i = 0; i < given->named_count; i++) {
        struct jinja_text key = given->named[i].key.is.text;
        if (key.length == name.length && memcmp(key.bytes, name.bytes, name.length) == 0) {
            *out = given->named[i].value;
            return 0;
        }
    }
    return error_set(f->run->err, "no argument '%.*s'", (int)name.length, name.bytes);
}

/* ".name" or "[key]" of what was found so far; *at goes behind it. */
static int follow(struct fields *f, struct jinja_text path, size_t *at, struct jinja_value *value)
{
    struct jinja_run *run = f->run;
    bool bracket = path.bytes[*at] == '[';
    size_t begin = ++*at, digits = 0;
    while (*at < path.length && !is_one_of(path.bytes[*at], bracket ? "]" : ".["))
        ++*at;
    struct jinja_text name = {path.bytes + begin, *at - begin};
    struct jinja_value key;
    if (name.length == 0)
        return error_set(run->err, "Empty attribute in format string");
    if (jinja_text_copy(run->heap, name.bytes, name.length, &key, run->err) != 0)
        return -1;
    if (!bracket)
        return jinja_attribute(run, *value, key.is.text.bytes, value);
    if (*at == path.length)
        return error_set(run->err, "Missing ']' in format string");
    if (++*at < path.length && !is_one_of(path.bytes[*at], ".["))
        return error_set(run->err, "Only '.' or '[' may follow ']' in format field specifier");
    if (is_digits(name))
        key = jinja_int(read_digits(name, &digits));
    return jinja_subscript(run, *value, key, value);
}

static int find_value(struct fields *f, struct jinja_text path, struct jinja_value *out)
{
    struct jinja_text name = path;
    char number[24];
    for (name.length = 0; name.length < path.length; name.length++)
        if (is_one_of(path.bytes[name.length], ".["))
            break;
    size_t at = name.length;
    if (path.length == 0) {
        snprintf(number, sizeof number, "%zu", f->next++);
        name = (struct jinja_text){number, strlen(number)};
        f->automatic = true;
    } else {
        f->manual = f->manual || is_digits(path);
    }
    if (f->automatic && f->manual)
        return error_set(f->run->err, "cannot switch between field numbering by hand and automatic "
                                      "field numbering");
    if (find_argument(f, name, out) != 0)
        return -1;
    while (at < path.length)
        if (follow(f, path, &at, out) != 0)
            return -1;
    return 0;
}

static int write_fields(struct fields *f, struct jinja_text format, int depth, struct buffer *out);

/* The value as !s or !r asks, with the format whose own fields are filled in. */
static int write_value(struct fields *f, struct jinja_value value, char conversion,
                       struct jinja_text format, int depth, struct buffer *out)
{
    struct buffer text = BUFFER_INIT, spec = BUFFER_INIT, converted = BUFFER_INIT;
    bool safe = value.type == JINJA_STRING && value.markup && !conversion;
    int result = write_fields(f, format, depth - 1, &spec);
    if (result == 0 && conversion) {
        result = conversion == 'r' ? jinja_write_repr(&converted, value, f->run->err)
                                   : jinja_write(&converted, value, f->run->err);
        value = jinja_text(buffer_string(&converted), converted.length);
    }
    if (result == 0)
        result = format_value(f->run, value, (struct jinja_text){buffer_string(&spec), spec.length},
                              &text);
    if (result == 0) {
        struct jinja_text made = {buffer_string(&text), text.length};
        if (f->markup && !safe)
            jinja_write_escaped(out, made);
        else
            buffer_append(out, made.bytes, made.length);
        result = jinja_step(f->run, 1 + made.length / 16);
    }
    if (result == 0 && out->length > JINJA_TEXT_MAX)
        result = error_set(f->run->err, "a text of more than %zu bytes", JINJA_TEXT_MAX);
    buffer_free(&text);
    buffer_free(&spec);
    buffer_free(&converted);
    return result;
}

/* One field, from behind its "{"; *at goes behind its "}". */
static int write_field(struct fields *f, struct jinja_text format, size_t *at, int depth,
                       struct buffer *out)
{
    struct jinja_text path = {format.bytes + *at, 0}, spec = {"", 0};
    struct jinja_value value;
    char conversion = '\0';
    bool bracket = false;
    int level = 1;
    for (; *at < format.length && (bracket || !is_one_of(format.bytes[*at], "}:!{")); ++*at)
        bracket = format.bytes[*at] == '[' || (bracket && format.bytes[*at] != ']');
    path.length = (size_t)(format.bytes + *at - path.bytes);
    if (byte_at(format, *at) == '{')
        return error_set(f->run->err, "unexpected '{' in field name");
    if (byte_at(format, *at) == '!') {
        conversion = byte_at(format, *at + 1);
        *at += 2;
        if (!is_one_of(conversion, "rs") || !is_one_of(byte_at(format, *at), ":}"))
            return error_set(f->run->err, "a conversion other than !r and !s in a format");
    }
    if (byte_at(format, *at) == ':') {
        spec.bytes = format.bytes + ++*at;
        for (; *at < format.length; ++*at) {
            level += (format.bytes[*at] == '{') - (format.bytes[*at] == '}');
            if (level == 0)
                break;
        }
        spec.length = (size_t)(format.bytes + *at - spec.bytes);
    }
    if (byte_at(format, *at) != '}')
        return error_set(f->run->err, "expected '}' before end of string");
    ++*at;
    return find_value(f, path, &value) == 0 ? write_value(f, value, conversion, spec, depth, out)
                                            : -1;
}

static int write_fields(struct fields *f, struct jinja_text format, int depth, struct buffer *out)
{
    if (depth < 0)
        return error_set(f->run->err, "Max string recursion exceeded");
    for (size_t at = 0; at < format.length;) {
        size_t begin = at;
        while (at < format.length && !is_one_of(format.bytes[at], "{}"))
            at++;
        buffer_append(out, format.bytes + begin, at - begin);
        if (at == format.length)
            break;
        char brace = format.bytes[at++];
        if (byte_at(format, at) == brace) {
            buffer_byte(out, brace);
            at++;
        } else if (brace == '}' || at == format.length) {
            return error_set(f->run->err, "Single '%c' encountered in format string", brace);
        } else if (write_field(f, format, &at, depth, out) != 0) {
            return -1;
        }
    }
    return jinja_step(f->run, 1 + format.length / 16);
}

int jinja_format_braces(struct jinja_run *run, struct jinja_value format,
                        const struct jinja_arguments *arguments, struct jinja_value *out)
{
    struct fields fields = {.run = run, .arguments = arguments, .markup = format.markup};
    struct buffer text = BUFFER_INIT;
    if (write_fields(&fields, format.is.text, 2, &text) == 0)
        return jinja_finish(run, &text, format.markup, out);
    buffer_free(&text);
    return -1;
}
