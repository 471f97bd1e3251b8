/* json.dumps(), as transformers' tojson calls it. */
#include "jinja/value/value.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct writer {
    struct buffer *out;
    struct jinja_json_style style; /* with separators that are set */
    struct error *err;
};

static int write_value(struct writer *w, struct jinja_value value, int level);

/* What is escaped and has no letter of its own is UTF-16's units: a pair beyond 16 bits. */
static void write_text(struct writer *w, struct jinja_text text)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: what, and its letter */
    buffer_byte(w->out, '"');
    for (size_t at = 0, step; at < text.length; at += step) {
        int32_t point;
        step = utf8_decode(text.bytes + at, text.length - at, &point);
        const char *pair = named;
        while (*pair && *pair != point)
            pair += 2;
        bool escaped = (point >= 0 && point < 0x20) || (w->style.ensure_ascii && point > 0x7E);
        if (*pair)
            buffer_format(w->out, "\\%c", pair[1]);
        else if (!escaped)
            buffer_append(w->out, text.bytes + at, step);
        else if (point < 0x10000)
            buffer_format(w->out, "\\u%04x", (unsigned)point);
        else
            buffer_format(w->out, "\\u%04x\\u%04x", 0xD800 + ((unsigned)(point - 0x10000) >> 10),
                          0xDC00 + ((unsigned)(point - 0x10000) & 0x3FF));
    }
    buffer_byte(w->out, '"');
}

/* JSON's keys are texts: numbers, truths and None are written as they would be and put in
 * quotes. */
static int write_key(struct writer *w, struct jinja_value key)
{
    if (key.type == JINJA_STRING) {
        write_text(w, key.is.text);
        return 0;
    }
    if (key.type < JINJA_NONE || key.type > JINJA_FLOAT)
        return error_set(w->err, "keys must be str, int, float, bool or None, not %s",
                         jinja_type_name(key));
    buffer_byte(w->out, '"');
    int result = write_value(w, key, 0);
    buffer_byte(w->out, '"');
    return result;
}

/* A new line and its indentation, where there is one. */
static int break_line(struct writer *w, int level)
{
    const struct jinja_json_style *style = &w->style;
    if (!style->indent_text && style->indent < 0)
        return 0;
    size_t width = style->indent_text ? strlen(style->indent_text) : (size_t)style->indent;
    size_t room = w->out->length > w->style.most ? 0 : w->style.most - w->out->length;
    if (width && (size_t)level > room / width)
        return error_set(w->err, "a text of more than %zu bytes", w->style.most);
    buffer_byte(w->out, '\n');
    for (int i = 0; i < level; i++) {
        if (style->indent_text)
            buffer_text(w->out, style->indent_text);
        else
            for (size_t j = 0; j < width; j++)
                buffer_byte(w->out, ' ');
    }
    return 0;
}

/* An empty list is "[]" on one line, whatever the indentation. */
static int write_list(struct writer *w, const struct jinja_list *list, int level)
{
    buffer_byte(w->out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buffer_text(w->out, w->style.item_separator);
        if (break_line(w, level + 1) != 0 || write_value(w, list->items[i], level + 1) != 0)
            return -1;
    }
    if (list->count && break_line(w, level) != 0)
        return -1;
    buffer_byte(w->out, ']');
    return 0;
}

/* The entries' order by their keys; free() it. */
static size_t *sorted_entries(const struct jinja_map *map, struct error *err)
{
    struct jinja_value *keys = calloc(map->count, sizeof *keys);
    size_t *order = calloc(2 * map->count, sizeof *order);
    int result = keys && order ? 0 : error_set(err, "not enough memory");
    for (size_t i = 0; result == 0 && i < map->count; i++)
        keys[i] = map->entries[i].key;
    if (result == 0)
        result = jinja_order(keys, map->count, false, order, err);
    free(keys);
    if (result == 0)
        return order;
    free(order);
    return NULL;
}

/* Sorted by Python's order of keys where that is asked for; a stable sort, as its own. */
static int write_map(struct writer *w, struct jinja_map *map, int level)
{
    size_t *order = NULL;
    int result = 0;
    if (w->style.sort_keys && map->count && !(order = sorted_entries(map, w->err)))
        return -1;
    buffer_byte(w->out, '{');
    for (size_t i = 0; result == 0 && i < map->count; i++) {
        struct jinja_entry *entry = &map->entries[order ? order[i] : i];
        entry->read = true;
        if (i)
            buffer_text(w->out, w->style.item_separator);
        if ((result = break_line(w, level + 1)) != 0 || (result = write_key(w, entry->key)) != 0)
            break;
        buffer_text(w->out, w->style.key_separator);
        result = write_value(w, entry->value, level + 1);
    }
    free(order);
    if (result == 0 && map->count)
        result = break_line(w, level);
    buffer_byte(w->out, '}');
    return result;
}

/* What has no JSON (an undefined value, an iterator, a callable) is an error, as in Python. */
static int write_value(struct writer *w, struct jinja_value value, int level)
{
    double number = value.is.number;
    if (w->out->length > w->style.most)
        return error_set(w->err, "a text of more than %zu bytes", w->style.most);
    switch (value.type) {
    case JINJA_NONE:
        buffer_text(w->out, "null");
        return 0;
    case JINJA_BOOL:
        buffer_text(w->out, value.is.truth ? "true" : "false");
        return 0;
    case JINJA_INT:
        buffer_format(w->out, "%" PRId64, value.is.integer);
        return 0;
    case JINJA_FLOAT:
        if (isfinite(number))
            jinja_write_float(w->out, number);
        else
            buffer_text(w->out, isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
        return 0;
    case JINJA_STRING:
        write_text(w, value.is.text);
        return 0;
    case JINJA_DICT:
        return write_map(w, value.is.map, level);
    case JINJA_LIST:
    case JINJA_TUPLE:
        if (value.is.list->kind == JINJA_PLAIN || value.is.list->kind == JINJA_GROUP)
            return write_list(w, value.is.list, level);
        break;
    default:
        break;
    }
    return error_set(w->err, "Object of type %s is not JSON serializable", jinja_type_name(value));
}

/* Python's separators by default: ", " and ": ", and "," alone where every element has its line. */
int jinja_write_json(struct buffer *out, struct jinja_value value,
                     const struct jinja_json_style *style, struct error *err)
{
    struct writer writer = {out, *style, err};
    bool lines = style->indent_text || style->indent >= 0;
    if (!style->item_separator)
        writer.style.item_separator = lines ? "," : ", ";
    if (!style->key_separator)
        writer.style.key_separator = ": ";
    if (!style->most)
        writer.style.most = JINJA_TEXT_MAX;
    return write_value(&writer, value, 0);
}
