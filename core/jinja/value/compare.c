/* Equality, order and membership, as Python's operators have them. */
#include "jinja/value/value.h"

#include <math.h>
#include <string.h>

static bool is_number(struct jinja_value value)
{
    return value.type == JINJA_BOOL || value.type == JINJA_INT || value.type == JINJA_FLOAT;
}

/* Exact, though 2^53 + 1 is not a float: a float beyond 64 bits is greater than any whole number,
 * and within them its whole part is one; where those are equal its fraction decides. Neither is
 * NaN. */
static int order_numbers(struct jinja_value a, struct jinja_value b)
{
    bool a_float = a.type == JINJA_FLOAT, b_float = b.type == JINJA_FLOAT;
    if (a_float && b_float)
        return (a.is.number > b.is.number) - (a.is.number < b.is.number);
    if (a_float)
        return -order_numbers(b, a);
    int64_t whole = jinja_whole_of(a), other = b_float ? 0 : jinja_whole_of(b);
    double rest = 0;
    if (b_float) {
        if (b.is.number >= 0x1p63)
            return -1;
        if (b.is.number < -0x1p63)
            return 1;
        other = (int64_t)b.is.number;
        rest = b.is.number - trunc(b.is.number);
    }
    int order = (whole > other) - (whole < other);
    return order ? order : (rest < 0) - (rest > 0);
}

static bool is_nan(struct jinja_value value)
{
    return value.type == JINJA_FLOAT && isnan(value.is.number);
}

static int order_texts(struct jinja_text a, struct jinja_text b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.bytes, b.bytes, shorter) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

bool jinja_equal(struct jinja_value a, struct jinja_value b)
{
    if (is_number(a) && is_number(b))
        return !is_nan(a) && !is_nan(b) && order_numbers(a, b) == 0;
    if (a.type != b.type)
        return false;
    const struct jinja_list *x = a.is.list, *y = b.is.list;
    switch (a.type) {
    case JINJA_STRING:
        return a.is.text.length == b.is.text.length && order_texts(a.is.text, b.is.text) == 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
        if (x == y)
            return true;
        if (x->count != y->count || x->kind != y->kind || x->kind == JINJA_ITERATOR ||
            x->kind == JINJA_VALUES)
            return false; /* iterators and views of values are equal to themselves alone */
        for (size_t i = 0; i < x->count; i++)
            if (!jinja_equal(x->items[i], y->items[i]))
                return false;
        return true;
    case JINJA_DICT:
        if (a.is.map->count != b.is.map->count)
            return false;
        for (size_t i = 0; i < a.is.map->count; i++) {
            const struct jinja_entry *entry = &a.is.map->entries[i];
            const struct jinja_entry *other = jinja_find(b.is.map, entry->key);
            if (!other || !jinja_equal(entry->value, other->value))
                return false;
        }
        return true;
    case JINJA_NAMESPACE:
        return a.is.map == b.is.map;
    case JINJA_CALLABLE:
        return a.is.callable == b.is.callable;
    default: /* None is None, and what is undefined is equal to all that is */
        return true;
    }
}

/* Numbers with numbers, texts with texts by code points, lists with lists by their first
 * difference; all else has no order, as in Python. */
int jinja_compare(struct jinja_value a, struct jinja_value b, int *order, struct error *err)
{
    if (is_nan(a) || is_nan(b))
        return error_set(err, "NaN is neither smaller nor greater than anything");
    if (is_number(a) && is_number(b)) {
        *order = order_numbers(a, b);
        return 0;
    }
    if (a.type == JINJA_UNDEFINED || b.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(a.type == JINJA_UNDEFINED ? a : b, err);
    if (a.type == JINJA_STRING && b.type == JINJA_STRING) {
        *order = order_texts(a.is.text, b.is.text);
        return 0;
    }
    bool lists = (a.type == JINJA_LIST || a.type == JINJA_TUPLE) && a.type == b.type;
    if (!lists || a.is.list->kind != JINJA_PLAIN || b.is.list->kind != JINJA_PLAIN)
        return error_set(err, "'<' not supported between instances of '%s' and '%s'",
                         jinja_type_name(a), jinja_type_name(b));
    const struct jinja_list *x = a.is.list, *y = b.is.list;
    for (size_t i = 0; i < x->count && i < y->count; i++)
        if (!jinja_equal(x->items[i], y->items[i]))
            return jinja_compare(x->items[i], y->items[i], order, err);
    *order = (x->count > y->count) - (x->count < y->count);
    return 0;
}

/* Merges two sorted runs of indices, the lower one first where keys are equal. */
static int merge(const struct jinja_value *keys, const size_t *low, size_t low_count,
                 const size_t *high, size_t high_count, size_t *out, int sign, struct error *err)
{
    while (low_count && high_count) {
        int order = 0;
        if (jinja_compare(keys[*high], keys[*low], &order, err) != 0)
            return -1;
        bool from_high = order * sign < 0;
        *out++ = from_high ? *high++ : *low++;
        if (from_high)
            high_count--;
        else
            low_count--;
    }
    memcpy(out, low, low_count * sizeof *out);
    memcpy(out + low_count, high, high_count * sizeof *out);
    return 0;
}

/* A merge sort, from runs of one up, between the two halves of `order`. */
int jinja_order(const struct jinja_value *keys, size_t count, bool reverse, size_t *order,
                struct error *err)
{
    size_t *from = order, *to = order + count;
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t at = 0; at < count; at += 2 * run) {
            size_t low = count - at < run ? count - at : run;
            size_t high = count - at - low < run ? count - at - low : run;
            if (merge(keys, from + at, low, from + at + low, high, to + at, reverse ? -1 : 1,
                      err) != 0)
                return -1;
        }
        size_t *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != order)
        memcpy(order, from, count * sizeof *order);
    return 0;
}

int jinja_contains(struct jinja_value container, struct jinja_value item, bool *out,
                   struct error *err)
{
    struct jinja_text text = container.is.text;
    struct jinja_list *list = container.is.list;
    struct jinja_entry *entry;
    size_t at = 0;
    switch (container.type) {
    case JINJA_STRING:
        if (item.type != JINJA_STRING)
            return error_set(err, "'in <string>' requires string as left operand, not %s",
                             jinja_type_name(item));
        *out = item.is.text.length == 0 ||
               memmem(text.bytes, text.length, item.is.text.bytes, item.is.text.length);
        return 0;
    case JINJA_DICT:
        if (!jinja_hashable(item))
            return error_set(err, "unhashable type: '%s'", jinja_type_name(item));
        entry = jinja_find(container.is.map, item);
        *out = entry != NULL;
        if (entry)
            entry->read = true;
        return 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
        while (at < list->count && !jinja_equal(list->items[at], item))
            at++;
        *out = at < list->count;
        if (list->kind == JINJA_ITERATOR) { /* gone through up to what is found */
            size_t passed = at + *out;
            list->items += passed;
            list->count -= passed;
            list->capacity = list->count;
        }
        return 0;
    case JINJA_UNDEFINED:
        *out = false;
        return 0;
    default:
        return error_set(err, "argument of type '%s' is not iterable", jinja_type_name(container));
    }
}

/* --- entries of dictionaries --- */

int jinja_set(struct jinja_heap *heap, struct jinja_map *map, struct jinja_value key,
              struct jinja_value value, struct error *err)
{
    if (!jinja_hashable(key))
        return error_set(err, "unhashable type: '%s'", jinja_type_name(key));
    struct jinja_entry *entry = jinja_find(map, key);
    return entry ? jinja_put_value(map, entry, value, err)
                 : jinja_add_entry(heap, map, key, value, err);
}

struct jinja_entry *jinja_find(const struct jinja_map *map, struct jinja_value key)
{
    for (size_t i = 0; i < map->count; i++)
        if (jinja_equal(map->entries[i].key, key))
            return &map->entries[i];
    return NULL;
}

struct jinja_entry *jinja_find_text(const struct jinja_map *map, const char *key)
{
    return jinja_find(map, jinja_string(key));
}
