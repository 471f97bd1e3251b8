/* text.format(...):
 *
 *     text  = { character | "{{" | "}}" | "{" field "}" }
 *     field = [ number | name ] { "." name | "[" key "]" } [ "!" ( "r" | "s" ) ] [ ":" spec ]
 *
 * A spec is a text with fields itself, once. Fields are numbered by hand or by their order, not
 * both. */
#include "jinja/format/format.h"

#include "jinja/value/value.h"

#include <string.h>

struct formatter {
    struct jinja_run *run;
    const struct jinja_arguments *arguments;
    bool markup;      /* of a safe text: what is put in is escaped */
    size_t automatic; /* number of the next "{}" */
    bool by_hand;     /* there was a "{0}" */
};

static int format_into(struct formatter *f, struct jinja_text text, int depth, struct buffer *out);

static bool is_number(struct jinja_text name)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.bytes[i] < '0' || name.bytes[i] > '9')
            return false;
    return name.length > 0 && name.length < 10;
}

static int64_t number_of(struct jinja_text name)
{
    int64_t number = 0;
    for (size_t i = 0; i < name.length; i++)
        number = number * 10 + (name.bytes[i] - '0');
    return number;
}

/* The argument that a field begins with. */
static int find_argument(struct formatter *f, struct jinja_text name, struct jinja_value *out)
{
    size_t index = f->automatic;
    if (name.length && !is_number(name)) {
        for (size_t i = 0; i < f->arguments->named_count; i++)
            if (jinja_equal(f->arguments->named[i].key, jinja_text(name.bytes, name.length))) {
                *out = f->arguments->named[i].value;
                return 0;
            }
        return error_set(f->run->err, "no argument is named '%.*s'", (int)name.length, name.bytes);
    }
    if (name.length)
        index = (size_t)number_of(name);
    if (name.length ? f->automatic > 0 : f->by_hand)
        return error_set(f->run->err, "{} and {0} cannot stand in one text");
    f->by_hand = name.length > 0;
    f->automatic += name.length == 0;
    if (index >= f->arguments->count)
        return error_set(f->run->err, "Replacement index %zu out of range", index);
    *out = f->arguments->values[index];
    return 0;
}

/* What a path finds: an argument, then ".name" and "[key]" from it. */
static int find_value(struct formatter *f, struct jinja_text path, struct jinja_value *out)
{
    struct jinja_run *run = f->run;
    size_t at = 0;
    while (at < path.length && path.bytes[at] != '.' && path.bytes[at] != '[')
        at++;
    if (find_argument(f, (struct jinja_text){path.bytes, at}, out) != 0)
        return -1;
    while (at < path.length) {
        bool item = path.bytes[at] == '[';
        size_t begin = ++at;
        while (at < path.length &&
               (item ? path.bytes[at] != ']' : path.bytes[at] != '.' && path.bytes[at] != '['))
            at++;
        struct jinja_text name = {path.bytes + begin, at - begin};
        if (name.length == 0 || (item && at == path.length))
            return error_set(run->err, "Empty attribute in format string");
        at += item;
        if (item && at < path.length && path.bytes[at] != '.' && path.bytes[at] != '[')
            return error_set(run->err, "Only '.' or '[' may follow ']' in format field specifier");
        struct jinja_value key = jinja_text(name.bytes, name.length), copy;
        if (item && is_number(name))
            key = jinja_int(number_of(name));
        if (item ? run->library->subscript(run, *out, key, out) != 0
                 : jinja_text_copy(run->heap, name.bytes, name.length, &copy, run->err) != 0 ||
                       run->library->attribute(run, *out, copy.is.text.bytes, out) != 0)
            return -1;
    }
    return 0;
}

/* What is between two braces. */
static int write_field(struct formatter *f, struct jinja_text field, int depth, struct buffer *out)
{
    struct jinja_run *run = f->run;
    struct buffer spec = BUFFER_INIT, text = BUFFER_INIT;
    struct jinja_value value;
    size_t end = 0;
    bool item = false;
    int result = -1;
    for (; end < field.length && (item || (field.bytes[end] != '!' && field.bytes[end] != ':'));
         end++)
        item = field.bytes[end] == '[' || (item && field.bytes[end] != ']');
    struct jinja_text path = {field.bytes, end};
    if (memchr(path.bytes, '{', path.length))
        return error_set(run->err, "unexpected '{' in field name");
    if (find_value(f, path, &value) != 0)
        return -1;
    if (end < field.length && field.bytes[end] == '!') {
        if (end + 1 == field.length || (end + 2 < field.length && field.bytes[end + 2] != ':'))
            return error_set(run->err, "expected ':' after conversion specifier");
        char conversion = field.bytes[end + 1];
        if (conversion != 's' && conversion != 'r')
            return error_set(run->err, "Unknown conversion specifier '%c'", conversion);
        if (conversion == 's' && jinja_soft(run, value, true, &value) != 0)
            return -1;
        if (conversion == 'r' && jinja_write_repr(&text, value, run->err) != 0)
            goto out;
        if (conversion == 'r' && jinja_finish(run, &text, false, &value) != 0)
            return -1;
        end += 2;
    }
    bool safe = value.type == JINJA_STRING && value.markup;
    if (end < field.length &&
        format_into(f, (struct jinja_text){field.bytes + end + 1, field.length - end - 1},
                    depth + 1, &spec) != 0)
        goto out;
    if (f->markup && safe && spec.length) {
        error_set(run->err, "Unsupported format specification for Markup.");
        goto out;
    }
    result = jinja_format_value(run, value, (struct jinja_text){buffer_string(&spec), spec.length},
                                &text);
    if (result == 0 && f->markup && !safe)
        jinja_write_escaped(out, (struct jinja_text){buffer_string(&text), text.length});
    else if (result == 0)
        buffer_append(out, buffer_string(&text), text.length);
out:
    buffer_free(&text);
    buffer_free(&spec);
    return result;
}

/* A text, or with depth 1 the spec of a field, in which fields may stand but no spec of theirs. */
static int format_into(struct formatter *f, struct jinja_text text, int depth, struct buffer *out)
{
    if (depth > 1)
        return error_set(f->run->err, "Max string recursion exceeded");
    for (size_t at = 0; at < text.length;) {
        char brace = text.bytes[at];
        bool twice = at + 1 < text.length && text.bytes[at + 1] == brace;
        if ((brace != '{' && brace != '}') || twice) {
            buffer_byte(out, brace);
            at += brace == '{' || brace == '}' ? 2 : 1;
            continue;
        }
        size_t end = ++at; /* of the field: where its brace closes */
        int open = brace == '{';
        for (; open && end < text.length; end++)
            open += (text.bytes[end] == '{') - (text.bytes[end] == '}');
        if (brace == '}' || open)
            return error_set(f->run->err, "Single '%c' encountered in format string", brace);
        if (jinja_step(f->run, 1) != 0 ||
            write_field(f, (struct jinja_text){text.bytes + at, end - 1 - at}, depth, out) != 0)
            return -1;
        at = end;
    }
    return out->length > jinja_text_max(f->run)
               ? error_set_kind(f->run->err, ERROR_BOUND, "a text of more than %zu bytes",
                                jinja_text_max(f->run))
               : 0;
}

int jinja_format_braces(struct jinja_run *run, struct jinja_value format,
                        const struct jinja_arguments *arguments, struct jinja_value *out)
{
    struct formatter f = {.run = run, .arguments = arguments, .markup = format.markup};
    struct buffer text = BUFFER_INIT;
    if (format_into(&f, format.is.text, 0, &text) == 0)
        return jinja_finish(run, &text, format.markup, out);
    buffer_free(&text);
    return -1;
}
