/* text.format(...): fields in braces, by number or name, with what follows the name: ".attribute",
 * "[item]", "!r", ":spec", in which there may be fields again. */
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

/* One ".name" or "[key]" at *at. */
static int follow(struct formatter *f, struct jinja_text path, size_t *at, struct jinja_value *out)
{
    bool item = path.bytes[*at] == '[';
    size_t begin = ++*at;
    while (*at < path.length &&
           (item ? path.bytes[*at] != ']' : path.bytes[*at] != '.' && path.bytes[*at] != '['))
        ++*at;
    struct jinja_text name = {path.bytes + begin, *at - begin};
    if (name.length == 0 || (item && *at == path.length))
        return error_set(f->run->err, "Empty attribute in format string");
    *at += item;
    if (item && *at < path.length && path.bytes[*at] != '.' && path.bytes[*at] != '[')
        return error_set(f->run->err, "Only '.' or '[' may follow ']' in format field specifier");
    struct jinja_value key = jinja_text(name.bytes, name.length), copy;
    if (item)
        return f->run->library->subscript(f->run, *out,
                                          is_number(name) ? jinja_int(number_of(name)) : key, out);
    if (jinja_text_copy(f->run->heap, name.bytes, name.length, &copy, f->run->err) != 0)
        return -1;
    return f->run->library->attribute(f->run, *out, copy.is.text.bytes, out);
}

static int find_value(struct formatter *f, struct jinja_text path, struct jinja_value *out)
{
    size_t at = 0;
    while (at < path.length && path.bytes[at] != '.' && path.bytes[at] != '[')
        at++;
    if (find_argument(f, (struct jinja_text){path.bytes, at}, out) != 0)
        return -1;
    while (at < path.length)
        if (follow(f, path, &at, out) != 0)
            return -1;
    return 0;
}

/* "!r" and "!s" */
static int convert(struct formatter *f, char conversion, struct jinja_value *value)
{
    struct buffer text = BUFFER_INIT;
    if (conversion == 's')
        return jinja_soft(f->run, *value, true, value);
    if (conversion != 'r')
        return error_set(f->run->err, "Unknown conversion specifier '%c'", conversion);
    if (jinja_write_repr(&text, *value, f->run->err) == 0)
        return jinja_finish(f->run, &text, false, value);
    buffer_free(&text);
    return -1;
}

static int write_value(struct formatter *f, struct jinja_value value, struct jinja_text spec,
                       struct buffer *out)
{
    struct buffer text = BUFFER_INIT;
    bool safe = value.type == JINJA_STRING && value.markup;
    if (f->markup && safe && spec.length)
        return error_set(f->run->err, "Unsupported format specification for Markup.");
    int result = jinja_format_value(f->run, value, spec, &text);
    struct jinja_text written = {buffer_string(&text), text.length};
    if (result == 0 && f->markup && !safe)
        jinja_write_escaped(out, written);
    else if (result == 0)
        buffer_append(out, written.bytes, written.length);
    buffer_free(&text);
    return result;
}

/* What is between two braces. */
static int write_field(struct formatter *f, struct jinja_text field, int depth, struct buffer *out)
{
    size_t end = 0;
    bool item = false;
    for (; end < field.length && (item || (field.bytes[end] != '!' && field.bytes[end] != ':'));
         end++)
        item = field.bytes[end] == '[' || (item && field.bytes[end] != ']');
    struct jinja_text path = {field.bytes, end};
    struct jinja_value value;
    if (memchr(path.bytes, '{', path.length))
        return error_set(f->run->err, "unexpected '{' in field name");
    if (find_value(f, path, &value) != 0)
        return -1;
    if (end < field.length && field.bytes[end] == '!') {
        if (end + 1 == field.length || (end + 2 < field.length && field.bytes[end + 2] != ':'))
            return error_set(f->run->err, "expected ':' after conversion specifier");
        if (convert(f, field.bytes[end + 1], &value) != 0)
            return -1;
        end += 2;
    }
    struct buffer spec = BUFFER_INIT;
    int result = 0;
    if (end < field.length)
        result = format_into(f, (struct jinja_text){field.bytes + end + 1, field.length - end - 1},
                             depth + 1, &spec);
    if (result == 0)
        result = write_value(f, value, (struct jinja_text){buffer_string(&spec), spec.length}, out);
    buffer_free(&spec);
    return result;
}

/* The byte after the brace that closes a field which begins at `at`; 0: there is none. */
static size_t behind_field(struct jinja_text text, size_t at)
{
    int depth = 1;
    for (; at < text.length; at++) {
        depth += (text.bytes[at] == '{') - (text.bytes[at] == '}');
        if (depth == 0)
            return at + 1;
    }
    return 0;
}

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
        size_t end = brace == '{' ? behind_field(text, at + 1) : 0;
        if (!end)
            return error_set(f->run->err, "Single '%c' encountered in format string", brace);
        if (jinja_step(f->run, 1) != 0 ||
            write_field(f, (struct jinja_text){text.bytes + at + 1, end - at - 2}, depth, out) != 0)
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
