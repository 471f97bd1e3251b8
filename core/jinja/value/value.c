/* Values: making them, what a container may hold, and what Python's len(), iter(), bool() and
 * type() make of one. */
#include "jinja/value/value.h"

#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- making them --- */

struct jinja_value jinja_none(void)
{
    return (struct jinja_value){.type = JINJA_NONE};
}

struct jinja_value jinja_bool(bool truth)
{
    return (struct jinja_value){.type = JINJA_BOOL, .is.truth = truth};
}

struct jinja_value jinja_int(int64_t integer)
{
    return (struct jinja_value){.type = JINJA_INT, .is.integer = integer};
}

struct jinja_value jinja_float(double number)
{
    return (struct jinja_value){.type = JINJA_FLOAT, .is.number = number};
}

struct jinja_value jinja_undefined(const char *name)
{
    return (struct jinja_value){.type = JINJA_UNDEFINED, .is.text = {name, strlen(name)}};
}

struct jinja_value jinja_undefined_because(const char *why)
{
    struct jinja_value value = jinja_undefined(why);
    value.markup = true;
    return value;
}

int jinja_fail_undefined(struct jinja_value value, struct error *err)
{
    struct jinja_text text = value.is.text;
    return error_set(err, value.markup ? "%.*s" : "'%.*s' is undefined", (int)text.length,
                     text.bytes);
}

struct jinja_value jinja_text(const char *bytes, size_t length)
{
    return (struct jinja_value){.type = JINJA_STRING, .is.text = {bytes, length}};
}

struct jinja_value jinja_string(const char *text)
{
    return jinja_text(text, strlen(text));
}

/* With a NUL after it, so that names can be handed to C's functions. */
int jinja_text_copy(struct jinja_heap *heap, const char *bytes, size_t length,
                    struct jinja_value *out, struct error *err)
{
    char *copy = jinja_heap_take(heap, length + 1, err);
    if (!copy)
        return -1;
    if (length)
        memcpy(copy, bytes, length);
    *out = jinja_text(copy, length);
    return 0;
}

int jinja_new(struct jinja_heap *heap, enum jinja_type type, struct jinja_value *out,
              struct error *err)
{
    *out = (struct jinja_value){.type = type};
    if (type == JINJA_LIST || type == JINJA_TUPLE)
        return (out->is.list = jinja_heap_take(heap, sizeof *out->is.list, err)) ? 0 : -1;
    return (out->is.map = jinja_heap_take(heap, sizeof *out->is.map, err)) ? 0 : -1;
}

/* Room for one more of `size` bytes in an array of the heap; what it outgrows stays taken. */
static int grow(struct jinja_heap *heap, void **array, size_t *capacity, size_t count, size_t size,
                struct error *err)
{
    if (count < *capacity)
        return 0;
    size_t wanted = count ? count * 2 : 4;
    void *larger = jinja_heap_take(heap, wanted * size, err);
    if (!larger)
        return -1;
    if (count)
        memcpy(larger, *array, count * size);
    *array = larger;
    *capacity = wanted;
    return 0;
}

/* What it costs to go through a value once, with all that it holds: a list that is held twice
 * counts twice. Kept up to date as elements are added, never computed by going through. */
uint64_t jinja_weight(struct jinja_value value)
{
    switch (value.type) {
    case JINJA_STRING:
        return 1 + value.is.text.length / JINJA_BYTES_A_STEP;
    case JINJA_LIST:
    case JINJA_TUPLE:
        return 1 + value.is.list->weight;
    case JINJA_DICT:
        return 1 + value.is.map->weight;
    default:
        return 1;
    }
}

/* Makes a container as deep and as heavy as one more of its values wants it to be. */
static int hold(int *nesting, uint64_t *weight, struct jinja_value value, struct error *err)
{
    int depth = 0;
    if (value.type == JINJA_LIST || value.type == JINJA_TUPLE)
        depth = value.is.list->nesting + 1;
    else if (value.type == JINJA_DICT)
        depth = value.is.map->nesting + 1;
    if (depth > JINJA_NESTING_MAX)
        return error_set(err, "lists and dictionaries nest deeper than %d levels",
                         JINJA_NESTING_MAX);
    if (*weight + jinja_weight(value) > JINJA_WEIGHT_MAX)
        return error_set(err, "a list or dictionary of more than %llu values, written out",
                         (unsigned long long)JINJA_WEIGHT_MAX);
    *weight += jinja_weight(value);
    if (depth > *nesting)
        *nesting = depth;
    return 0;
}

int jinja_append(struct jinja_heap *heap, struct jinja_list *list, struct jinja_value item,
                 struct error *err)
{
    if (hold(&list->nesting, &list->weight, item, err) != 0 ||
        grow(heap, (void **)&list->items, &list->capacity, list->count, sizeof item, err) != 0)
        return -1;
    list->items[list->count++] = item;
    return 0;
}

/* Without a look for an equal key, which the caller has had. */
int jinja_add_entry(struct jinja_heap *heap, struct jinja_map *map, struct jinja_value key,
                    struct jinja_value value, struct error *err)
{
    if (hold(&map->nesting, &map->weight, key, err) != 0 ||
        hold(&map->nesting, &map->weight, value, err) != 0 ||
        grow(heap, (void **)&map->entries, &map->capacity, map->count, sizeof *map->entries, err) !=
            0)
        return -1;
    map->entries[map->count++] = (struct jinja_entry){.key = key, .value = value};
    return 0;
}

int jinja_put_value(struct jinja_map *map, struct jinja_entry *entry, struct jinja_value value,
                    struct error *err)
{
    if (hold(&map->nesting, &map->weight, value, err) != 0)
        return -1;
    entry->value = value;
    return 0;
}

/* --- from JSON --- */

/* A number as Python's json reads it: a float where it is written with a point or an exponent. */
static int number_from_json(const cJSON *json, struct jinja_value *out, struct error *err)
{
    const char *written = json->valuestring;
    double number = json->valuedouble;
    if (!written) {
        bool whole = number == floor(number) && fabs(number) < 0x1p63;
        *out = whole ? jinja_int((int64_t)number) : jinja_float(number);
        return 0;
    }
    if (strspn(written, "-0123456789") != strlen(written)) {
        *out = jinja_float(number);
        return 0;
    }
    errno = 0;
    *out = jinja_int(strtoll(written, NULL, 10));
    return errno ? error_set(err, "the number %.40s does not fit 64 bits", written) : 0;
}

int jinja_from_json(struct jinja_heap *heap, const cJSON *json, struct jinja_value *out,
                    struct error *err)
{
    if (cJSON_IsNumber(json))
        return number_from_json(json, out, err);
    if (cJSON_IsString(json))
        return jinja_text_copy(heap, json->valuestring, strlen(json->valuestring), out, err);
    bool object = cJSON_IsObject(json);
    if (!object && !cJSON_IsArray(json)) {
        *out = cJSON_IsBool(json) ? jinja_bool(cJSON_IsTrue(json)) : jinja_none();
        return 0;
    }
    if (jinja_new(heap, object ? JINJA_DICT : JINJA_LIST, out, err) != 0)
        return -1;
    for (const cJSON *child = json->child; child; child = child->next) {
        struct jinja_value key, value;
        if (jinja_from_json(heap, child, &value, err) != 0)
            return -1;
        if (!object) {
            if (jinja_append(heap, out->is.list, value, err) != 0)
                return -1;
        } else if (jinja_text_copy(heap, child->string, strlen(child->string), &key, err) != 0 ||
                   jinja_add_entry(heap, out->is.map, key, value, err) != 0) {
            return -1; /* json_parse() lets no key through twice */
        }
    }
    return 0;
}

/* --- what Python makes of them --- */

/* Python's name of the type, for messages that are Python's. */
const char *jinja_type_name(struct jinja_value value)
{
    static const char *const names[] = {
        [JINJA_UNDEFINED] = "Undefined", [JINJA_NONE] = "NoneType",
        [JINJA_BOOL] = "bool",           [JINJA_INT] = "int",
        [JINJA_FLOAT] = "float",         [JINJA_STRING] = "str",
        [JINJA_TUPLE] = "tuple",         [JINJA_DICT] = "dict",
        [JINJA_NAMESPACE] = "Namespace", [JINJA_CALLABLE] = "function",
    };
    static const char *const lists[] = {
        [JINJA_PLAIN] = "list",     [JINJA_ITERATOR] = "generator", [JINJA_RANGE] = "range",
        [JINJA_KEYS] = "dict_keys", [JINJA_VALUES] = "dict_values", [JINJA_ITEMS] = "dict_items",
        [JINJA_GROUP] = "list",
    };
    if (value.type == JINJA_LIST)
        return lists[value.is.list->kind];
    return value.type == JINJA_STRING && value.markup ? "Markup" : names[value.type];
}

bool jinja_is_list(struct jinja_value value)
{
    return value.type == JINJA_LIST || value.type == JINJA_TUPLE;
}

bool jinja_is_whole(struct jinja_value value)
{
    return value.type == JINJA_INT || value.type == JINJA_BOOL;
}

int64_t jinja_whole_of(struct jinja_value value)
{
    return value.type == JINJA_BOOL ? value.is.truth : value.is.integer;
}

/* Python's: empty is false; an iterator is true, as nobody knows yet what it has. */
bool jinja_truth(struct jinja_value value)
{
    switch (value.type) {
    case JINJA_UNDEFINED:
    case JINJA_NONE:
        return false;
    case JINJA_BOOL:
        return value.is.truth;
    case JINJA_INT:
        return value.is.integer != 0;
    case JINJA_FLOAT:
        return value.is.number != 0;
    case JINJA_STRING:
        return value.is.text.length != 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
        return value.is.list->kind == JINJA_ITERATOR || value.is.list->count != 0;
    case JINJA_DICT:
        return value.is.map->count != 0;
    default:
        return true;
    }
}

/* May it be a key? As in Python, where lists and dictionaries may not and what compares by identity
 * may. */
bool jinja_hashable(struct jinja_value value)
{
    if (value.type == JINJA_LIST)
        return value.is.list->kind == JINJA_ITERATOR || value.is.list->kind == JINJA_RANGE ||
               value.is.list->kind == JINJA_VALUES;
    if (value.type == JINJA_TUPLE) {
        for (size_t i = 0; i < value.is.list->count; i++)
            if (!jinja_hashable(value.is.list->items[i]))
                return false;
        return true;
    }
    return value.type != JINJA_DICT;
}

/* All that a value holds was looked at, as by tojson. Nesting is bounded, so this ends. */
void jinja_mark_read(struct jinja_value value)
{
    if (value.type == JINJA_LIST || value.type == JINJA_TUPLE)
        for (size_t i = 0; i < value.is.list->count; i++)
            jinja_mark_read(value.is.list->items[i]);
    if (value.type == JINJA_DICT)
        for (size_t i = 0; i < value.is.map->count; i++) {
            value.is.map->entries[i].read = true;
            jinja_mark_read(value.is.map->entries[i].value);
        }
}

/* -1: it has none. Of a text its code points: bytes that do not continue another one. */
int64_t jinja_length(struct jinja_value value)
{
    int64_t count = 0;
    switch (value.type) {
    case JINJA_UNDEFINED:
        return 0;
    case JINJA_STRING:
        for (size_t i = 0; i < value.is.text.length; i++)
            count += ((unsigned char)value.is.text.bytes[i] & 0xC0) != 0x80;
        return count;
    case JINJA_LIST:
    case JINJA_TUPLE:
        return value.is.list->kind == JINJA_ITERATOR ? -1 : (int64_t)value.is.list->count;
    case JINJA_DICT:
        return (int64_t)value.is.map->count;
    default:
        return -1;
    }
}

/* The characters of a text are parts of it, and plain, be it marked as safe or not. */
int jinja_items(struct jinja_heap *heap, struct jinja_value value, struct jinja_list **out,
                struct error *err)
{
    bool sequence = value.type == JINJA_LIST || value.type == JINJA_TUPLE;
    if (sequence && value.is.list->kind != JINJA_ITERATOR) {
        *out = value.is.list;
        return 0;
    }
    struct jinja_value made;
    if (jinja_new(heap, JINJA_LIST, &made, err) != 0)
        return -1;
    struct jinja_list *list = *out = made.is.list;
    if (sequence) { /* an iterator, which is empty now */
        *list = *value.is.list;
        list->kind = JINJA_PLAIN;
        *value.is.list = (struct jinja_list){.kind = JINJA_ITERATOR};
        return 0;
    }
    if (value.type == JINJA_STRING) {
        struct jinja_text text = value.is.text;
        for (size_t at = 0, step; at < text.length; at += step) {
            int32_t point;
            step = utf8_decode(text.bytes + at, text.length - at, &point);
            if (jinja_append(heap, list, jinja_text(text.bytes + at, step), err) != 0)
                return -1;
        }
        return 0;
    }
    if (value.type == JINJA_DICT) {
        for (size_t i = 0; i < value.is.map->count; i++) {
            value.is.map->entries[i].read = true;
            if (jinja_append(heap, list, value.is.map->entries[i].key, err) != 0)
                return -1;
        }
        return 0;
    }
    if (value.type == JINJA_UNDEFINED)
        return 0;
    return error_set(err, "'%s' object is not iterable", jinja_type_name(value));
}
