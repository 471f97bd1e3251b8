/* Equality, order and membership, as Python's operators have them. */
#include "jinja/value/compare.h"

#include <math.h>
#include <string.h>

static bool is_number(struct jinja_value value)
{
    return value.type == JINJA_BOOL || value.type == JINJA_INT || value.type == JINJA_FLOAT;
}

static int order_integers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Exact, though 2^53 + 1 is no float: a float beyond 64 bits is greater than any whole number, and
 * within them its whole part is one. Neither is NaN. */
static int order_mixed(int64_t a, double b)
{
    if (b >= 0x1p63)
        return -1;
    if (b < -0x1p63)
        return 1;
    int order = order_integers(a, (int64_t)b);
    double rest = b - trunc(b);
    return order ? order : (rest < 0) - (rest > 0);
}

static int order_numbers(struct jinja_value a, struct jinja_value b)
{
    bool a_float = a.type == JINJA_FLOAT, b_float = b.type == JINJA_FLOAT;
    if (a_float && b_float)
        return (a.is.number > b.is.number) - (a.is.number < b.is.number);
    if (a_float)
        return -order_mixed(jinja_whole_of(b), a.is.number);
    return b_float ? order_mixed(jinja_whole_of(a), b.is.number)
                   : order_integers(jinja_whole_of(a), jinja_whole_of(b));
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

static bool equal_maps(const struct jinja_map *a, const struct jinja_map *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct jinja_entry *other = jinja_find(b, a->entries[i].key);
        if (!other || !jinja_equal(a->entries[i].value, other->value))
            return false;
    }
    return true;
}

static bool equal_lists(const struct jinja_list *a, const struct jinja_list *b)
{
    if (a == b)
        return true;
    if (a->count != b->count || a->kind != b->kind || a->kind == JINJA_ITERATOR ||
        a->kind == JINJA_VALUES)
        return false; /* iterators and views of values are equal to themselves alone */
    for (size_t i = 0; i < a->count; i++)
        if (!jinja_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

bool jinja_equal(struct jinja_value a, struct jinja_value b)
{
    if (is_number(a) && is_number(b))
        return !is_nan(a) && !is_nan(b) && order_numbers(a, b) == 0;
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case JINJA_STRING:
        return a.is.text.length == b.is.text.length && order_texts(a.is.text, b.is.text) == 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
        return equal_lists(a.is.list, b.is.list);
    case JINJA_DICT:
        return equal_maps(a.is.map, b.is.map);
    case JINJA_NAMESPACE:
        return a.is.map == b.is.map;
    case JINJA_CALLABLE:
        return a.is.callable == b.is.callable;
    default: /* None is None, and what is undefined is equal to all that is */
        return true;
    }
}

static int compare_lists(const struct jinja_list *a, const struct jinja_list *b, int *order,
                         struct error *err)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        if (!jinja_equal(a->items[i], b->items[i]))
            return jinja_compare(a->items[i], b->items[i], order, err);
    *order = (a->count > b->count) - (a->count < b->count);
    return 0;
}

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
    bool lists = a.type == JINJA_LIST || a.type == JINJA_TUPLE;
    if (lists && a.type == b.type && a.is.list->kind == JINJA_PLAIN &&
        b.is.list->kind == JINJA_PLAIN)
        return compare_lists(a.is.list, b.is.list, order, err);
    return error_set(err, "'<' not supported between instances of '%s' and '%s'",
                     jinja_type_name(a), jinja_type_name(b));
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

static int text_contains(struct jinja_value text, struct jinja_value item, bool *out,
                         struct error *err)
{
    if (item.type != JINJA_STRING)
        return error_set(err, "'in <string>' requires string as left operand, not %s",
                         jinja_type_name(item));
    *out = item.is.text.length == 0 ||
           memmem(text.is.text.bytes, text.is.text.length, item.is.text.bytes, item.is.text.length);
    return 0;
}

static int map_contains(struct jinja_map *map, struct jinja_value item, bool *out,
                        struct error *err)
{
    if (!jinja_hashable(item))
        return error_set(err, "unhashable type: '%s'", jinja_type_name(item));
    struct jinja_entry *entry = jinja_find(map, item);
    *out = entry != NULL;
    if (entry)
        entry->read = true;
    return 0;
}

/* An iterator is gone through up to what is found. */
static bool list_contains(struct jinja_list *list, struct jinja_value item)
{
    size_t at = 0;
    while (at < list->count && !jinja_equal(list->items[at], item))
        at++;
    bool found = at < list->count;
    if (list->kind == JINJA_ITERATOR) {
        size_t passed = at + found;
        list->items += passed;
        list->count -= passed;
        list->capacity = list->count;
    }
    return found;
}

int jinja_contains(struct jinja_value container, struct jinja_value item, bool *out,
                   struct error *err)
{
    switch (container.type) {
    case JINJA_STRING:
        return text_contains(container, item, out, err);
    case JINJA_DICT:
        return map_contains(container.is.map, item, out, err);
    case JINJA_LIST:
    case JINJA_TUPLE:
        *out = list_contains(container.is.list, item);
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
