/* Values as Python writes them: str() and repr(). */
#include "jinja/value/value.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Namespaces may hold one another, which their nesting does not count. */
#define DEEPEST (2 * JINJA_NESTING_MAX)

static int write_value(struct buffer *out, struct jinja_value value, int depth, struct error *err);

/* In single quotes, unless the text has those and no double ones. */
static void write_text_repr(struct buffer *out, struct jinja_text text)
{
    bool single = memchr(text.bytes, '\'', text.length) != NULL;
    char quote = single && !memchr(text.bytes, '"', text.length) ? '"' : '\'';
    buffer_byte(out, quote);
    for (size_t at = 0, step; at < text.length; at += step) {
        int32_t point;
        step = utf8_decode(text.bytes + at, text.length - at, &point);
        if (point == quote || point == '\\')
            buffer_byte(out, '\\');
        if (point < 0 || jinja_is_printable(point))
            buffer_append(out, text.bytes + at, step);
        else if (point == '\n' || point == '\r' || point == '\t')
            buffer_text(out, point == '\n' ? "\\n" : point == '\r' ? "\\r" : "\\t");
        else
            buffer_format(out,
                          point < 0x100     ? "\\x%02x"
                          : point < 0x10000 ? "\\u%04x"
                                            : "\\U%08x",
                          (unsigned)point);
    }
    buffer_byte(out, quote);
}

/* A view has its kind's name around it, a tuple of one its comma. */
static int write_list(struct buffer *out, struct jinja_value value, int depth, struct error *err)
{
    const struct jinja_list *list = value.is.list;
    bool tuple = value.type == JINJA_TUPLE;
    if (list->kind == JINJA_RANGE) {
        buffer_format(out, "range(%" PRId64 ", %" PRId64, list->start, list->stop);
        if (list->step != 1)
            buffer_format(out, ", %" PRId64, list->step);
        buffer_byte(out, ')');
        return 0;
    }
    if (list->kind == JINJA_ITERATOR)
        return error_set(err, "an iterator has no text; make it a list with the filter list, or "
                              "use join");
    bool view = list->kind != JINJA_PLAIN && list->kind != JINJA_GROUP;
    if (view)
        buffer_format(out, "%s(", jinja_type_name(value));
    buffer_byte(out, tuple ? '(' : '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buffer_text(out, ", ");
        if (write_value(out, list->items[i], depth, err) != 0)
            return -1;
    }
    if (tuple && list->count == 1)
        buffer_byte(out, ',');
    buffer_byte(out, tuple ? ')' : ']');
    if (view)
        buffer_byte(out, ')');
    return 0;
}

/* Written out, every entry counts as read. */
static int write_map(struct buffer *out, struct jinja_map *map, int depth, struct error *err)
{
    buffer_byte(out, '{');
    for (size_t i = 0; i < map->count; i++) {
        struct jinja_entry *entry = &map->entries[i];
        entry->read = true;
        if (i)
            buffer_text(out, ", ");
        if (write_value(out, entry->key, depth, err) != 0)
            return -1;
        buffer_text(out, ": ");
        if (write_value(out, entry->value, depth, err) != 0)
            return -1;
    }
    buffer_byte(out, '}');
    return 0;
}

/* repr() */
static int write_value(struct buffer *out, struct jinja_value value, int depth, struct error *err)
{
    if (depth > DEEPEST)
        return error_set(err, "a namespace that holds itself has no text");
    if (out->length > JINJA_TEXT_MAX)
        return error_set(err, "a text of more than %zu bytes", JINJA_TEXT_MAX);
    switch (value.type) {
    case JINJA_UNDEFINED:
        buffer_text(out, "Undefined");
        return 0;
    case JINJA_NONE:
        buffer_text(out, "None");
        return 0;
    case JINJA_BOOL:
        buffer_text(out, value.is.truth ? "True" : "False");
        return 0;
    case JINJA_INT:
        buffer_format(out, "%" PRId64, value.is.integer);
        return 0;
    case JINJA_FLOAT:
        jinja_write_float(out, value.is.number);
        return 0;
    case JINJA_STRING:
        if (value.markup)
            buffer_text(out, "Markup(");
        write_text_repr(out, value.is.text);
        if (value.markup)
            buffer_byte(out, ')');
        return 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
        return write_list(out, value, depth + 1, err);
    case JINJA_DICT:
        return write_map(out, value.is.map, depth + 1, err);
    case JINJA_NAMESPACE:
        buffer_text(out, "<Namespace ");
        if (write_map(out, value.is.map, depth + 1, err) != 0)
            return -1;
        buffer_byte(out, '>');
        return 0;
    default:
        return error_set(err, "'%s' is called, it has no text", value.is.callable->name);
    }
}

int jinja_write_repr(struct buffer *out, struct jinja_value value, struct error *err)
{
    return write_value(out, value, 0, err);
}

int jinja_write(struct buffer *out, struct jinja_value value, struct error *err)
{
    if (value.type == JINJA_UNDEFINED)
        return 0;
    if (value.type != JINJA_STRING)
        return write_value(out, value, 0, err);
    buffer_append(out, value.is.text.bytes, value.is.text.length);
    return 0;
}

int jinja_take_text(struct jinja_heap *heap, struct buffer *buffer, struct jinja_value *out,
                    struct error *err)
{
    int result = buffer_check(buffer, err);
    if (result == 0)
        result = jinja_text_copy(heap, buffer_string(buffer), buffer->length, out, err);
    buffer_free(buffer);
    return result;
}
