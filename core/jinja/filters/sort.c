/* Filters that put in order: sort, dictsort, min, max, unique, groupby; and the paths by which
 * these and map(), sum(), join(), selectattr() find what of an element counts. */
#include "jinja/filters/filters.h"

#include "jinja/methods/methods.h"
#include "jinja/objects/objects.h"
#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

/* --- paths: the attribute="a.b.0" of map(), sort(), groupby() and others --- */

/* Between dots are keys; one of digits is a whole number. */
int jinja_path_make(struct jinja_run *run, struct jinja_value attribute, struct jinja_path *out)
{
    out->fallback = jinja_none();
    if (jinja_new_list(run, JINJA_PLAIN, &out->keys) != 0)
        return -1;
    if (attribute.type == JINJA_NONE)
        return 0;
    if (attribute.type != JINJA_STRING)
        return jinja_add(run, out->keys, attribute);
    struct jinja_text text = attribute.is.text;
    for (size_t begin = 0;; begin++) {
        ptrdiff_t dot = jinja_search(text, (struct jinja_text){".", 1}, begin);
        size_t end = dot < 0 ? text.length : (size_t)dot;
        struct jinja_value key = jinja_part(attribute, begin, end);
        bool digits = end > begin, beyond = false;
        for (size_t i = begin; i < end; i++)
            digits = digits && text.bytes[i] >= '0' && text.bytes[i] <= '9';
        if (digits) {
            struct jinja_text number = key.is.text;
            key = jinja_int(0);
            if (!jinja_read_integer(number, 10, &key.is.integer, &beyond) || beyond)
                return error_set(run->err, "an attribute's number beyond 64 bits");
        }
        if (jinja_add(run, out->keys, key) != 0)
            return -1;
        if (dot < 0)
            return 0;
        begin = end;
    }
}

/* "a.b.0" by its parts, each a name or a number; from the first that is missing on, the
 * fallback. */
int jinja_path_follow(struct jinja_run *run, const struct jinja_path *path,
                      struct jinja_value value, struct jinja_value *out)
{
    for (size_t i = 0; i < path->keys.is.list->count; i++) {
        if (jinja_subscript(run, value, path->keys.is.list->items[i], out) != 0)
            return -1;
        value = *out;
        if (value.type == JINJA_UNDEFINED && path->fallback.type != JINJA_NONE)
            value = path->fallback;
    }
    *out = value;
    return 0;
}

/* --- sort, unique, min and max, groupby --- */

typedef const struct jinja_arguments args;

/* Texts that are compared without regard to case are compared in lower case. */
static int ignore_case(struct jinja_run *run, struct jinja_value value, struct jinja_value *out)
{
    struct buffer text = BUFFER_INIT;
    *out = value;
    if (value.type != JINJA_STRING)
        return 0;
    if (jinja_step(run, value.is.text.length) != 0)
        return -1;
    jinja_write_lower(&text, value.is.text);
    return jinja_finish(run, &text, value.markup, out);
}

/* The key of one element along a path. */
static int find_key(struct jinja_run *run, const struct jinja_path *path, struct jinja_value item,
                    bool case_sensitive, struct jinja_value *out)
{
    if (jinja_path_follow(run, path, item, out) != 0)
        return -1;
    return case_sensitive ? 0 : ignore_case(run, *out, out);
}

/* The items of a list in the order of their keys. */
static int order_by(struct jinja_run *run, const struct jinja_list *items,
                    const struct jinja_value *keys, bool reverse, struct jinja_value *out)
{
    size_t count = items->count, levels = 1;
    uint64_t weight = 0;
    for (size_t i = 0; i < count; i++)
        weight += jinja_weight(keys[i]);
    while (count >> levels)
        levels++;
    size_t *order = jinja_heap_take(run->heap, 2 * count * sizeof *order, run->err);
    if (!order || jinja_step(run, 1 + weight * levels / 8) != 0 ||
        jinja_order(keys, count, reverse, order, run->err) != 0 ||
        jinja_new_list(run, JINJA_PLAIN, out) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (jinja_add(run, *out, items->items[order[i]]) != 0)
            return -1;
    return 0;
}

/* The keys of sort(): lists of what each of the paths finds. A comma is between paths. */
static int multiple_keys(struct jinja_run *run, const struct jinja_list *items,
                         struct jinja_value attribute, bool case_sensitive,
                         struct jinja_value *keys)
{
    struct jinja_value names, comma = jinja_string(","), found;
    if (attribute.type == JINJA_STRING) {
        if (jinja_call_method(run, attribute, "split", &comma, 1, &names) != 0)
            return -1;
    } else if (jinja_new_list(run, JINJA_PLAIN, &names) != 0 ||
               jinja_add(run, names, attribute) != 0) {
        return -1;
    }
    for (size_t i = 0; i < items->count; i++)
        if (jinja_new_list(run, JINJA_PLAIN, &keys[i]) != 0)
            return -1;
    for (size_t j = 0; j < names.is.list->count; j++) {
        struct jinja_path path;
        if (jinja_path_make(run, names.is.list->items[j], &path) != 0)
            return -1;
        for (size_t i = 0; i < items->count; i++)
            if (find_key(run, &path, items->items[i], case_sensitive, &found) != 0 ||
                jinja_add(run, keys[i], found) != 0)
                return -1;
    }
    return 0;
}

/* Stable, by lists of keys, so that several attributes can be named. */
static int filter_sort(struct jinja_run *run, struct jinja_value value, args *arguments,
                       struct jinja_value *out)
{
    struct jinja_value bound[3] = {jinja_bool(false), jinja_bool(false), jinja_none()};
    struct jinja_list *list;
    if (jinja_bind(run, "sort()", arguments,
                   (const char *const[]){"reverse", "case_sensitive", "attribute", NULL}, 0,
                   bound) != 0 ||
        jinja_iterate(run, value, &list) != 0)
        return -1;
    struct jinja_value *keys = jinja_heap_take(run->heap, list->count * sizeof *keys, run->err);
    if (!keys || multiple_keys(run, list, bound[2], jinja_truth(bound[1]), keys) != 0)
        return -1;
    return order_by(run, list, keys, jinja_truth(bound[0]), out);
}

/* Pairs of a dictionary, by key or by value. */
static int filter_dictsort(struct jinja_run *run, struct jinja_value value, args *arguments,
                           struct jinja_value *out)
{
    struct jinja_value bound[3] = {jinja_bool(false), jinja_string("key"), jinja_bool(false)}, view;
    if (jinja_bind(run, "dictsort()", arguments,
                   (const char *const[]){"case_sensitive", "by", "reverse", NULL}, 0, bound) != 0)
        return -1;
    bool by_value = jinja_equal(bound[1], jinja_string("value"));
    if (!by_value && !jinja_equal(bound[1], jinja_string("key")))
        return error_set(run->err, "You can only sort by either \"key\" or \"value\"");
    if (value.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(value, run->err);
    if (value.type != JINJA_DICT)
        return error_set(run->err, "dictsort() wants a dictionary, not '%s'",
                         jinja_type_name(value));
    if (jinja_call_method(run, value, "items", NULL, 0, &view) != 0)
        return -1;
    const struct jinja_list *items = view.is.list;
    struct jinja_value *keys = jinja_heap_take(run->heap, items->count * sizeof *keys, run->err);
    if (!keys)
        return -1;
    for (size_t i = 0; i < items->count; i++) {
        keys[i] = items->items[i].is.list->items[by_value];
        if (!jinja_truth(bound[0]) && ignore_case(run, keys[i], &keys[i]) != 0)
            return -1;
    }
    return order_by(run, items, keys, jinja_truth(bound[2]), out);
}

/* --- the least, the greatest --- */

/* The first of the least (sign -1) or the greatest (1). */
static int extreme(struct jinja_run *run, struct jinja_value value, args *arguments, int sign,
                   struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_bool(false), jinja_none()}, best, key;
    struct jinja_list *list;
    struct jinja_path path;
    if (jinja_bind(run, sign < 0 ? "min()" : "max()", arguments,
                   (const char *const[]){"case_sensitive", "attribute", NULL}, 0, bound) != 0 ||
        jinja_iterate(run, value, &list) != 0 || jinja_path_make(run, bound[1], &path) != 0)
        return -1;
    *out = jinja_undefined_because("No aggregated item, sequence was empty.");
    for (size_t i = 0; i < list->count; i++) {
        int order = sign;
        if (find_key(run, &path, list->items[i], jinja_truth(bound[0]), &key) != 0 ||
            (i && jinja_compare(key, best, &order, run->err) != 0))
            return -1;
        if (order * sign <= 0)
            continue;
        best = key;
        *out = list->items[i];
    }
    return 0;
}

static int filter_min(struct jinja_run *run, struct jinja_value value, args *arguments,
                      struct jinja_value *out)
{
    return extreme(run, value, arguments, -1, out);
}

static int filter_max(struct jinja_run *run, struct jinja_value value, args *arguments,
                      struct jinja_value *out)
{
    return extreme(run, value, arguments, 1, out);
}

/* --- equal ones --- */

/* The first of each; what was seen is a list, gone through for every element. */
static int filter_unique(struct jinja_run *run, struct jinja_value value, args *arguments,
                         struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_bool(false), jinja_none()}, seen, key;
    struct jinja_list *list;
    struct jinja_path path;
    if (jinja_bind(run, "unique()", arguments,
                   (const char *const[]){"case_sensitive", "attribute", NULL}, 0, bound) != 0 ||
        jinja_iterate(run, value, &list) != 0 || jinja_path_make(run, bound[1], &path) != 0 ||
        jinja_new_list(run, JINJA_ITERATOR, out) != 0 ||
        jinja_new_list(run, JINJA_PLAIN, &seen) != 0)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        bool known;
        if (find_key(run, &path, list->items[i], jinja_truth(bound[0]), &key) != 0 ||
            jinja_step(run, 1 + seen.is.list->weight / 2) != 0)
            return -1;
        if (!jinja_hashable(key))
            return error_set(run->err, "unhashable type: '%s'", jinja_type_name(key));
        if (jinja_contains(seen, key, &known, run->err) != 0 ||
            (!known &&
             (jinja_add(run, seen, key) != 0 || jinja_add(run, *out, list->items[i]) != 0)))
            return -1;
    }
    return 0;
}

/* Pairs of what the members have in common, and they. Without regard to case the former is what the
 * first of them has. A group joins its pair when it is complete, so that the pair knows how much it
 * holds. */
static int filter_groupby(struct jinja_run *run, struct jinja_value value, args *arguments,
                          struct jinja_value *out)
{
    struct jinja_value bound[3] = {jinja_none(), jinja_none(), jinja_bool(false)};
    struct jinja_value sorted, key, last = jinja_none(), pair = jinja_none(),
                                    members = jinja_none(), grouper;
    struct jinja_list *list;
    struct jinja_path path;
    if (jinja_bind(run, "groupby()", arguments,
                   (const char *const[]){"attribute", "default", "case_sensitive", NULL}, 1,
                   bound) != 0 ||
        jinja_iterate(run, value, &list) != 0 || jinja_path_make(run, bound[0], &path) != 0 ||
        jinja_new_list(run, JINJA_PLAIN, out) != 0)
        return -1;
    path.fallback = bound[1];
    bool exact = jinja_truth(bound[2]);
    struct jinja_value *keys = jinja_heap_take(run->heap, list->count * sizeof *keys, run->err);
    if (!keys)
        return -1;
    for (size_t i = 0; i < list->count; i++)
        if (find_key(run, &path, list->items[i], exact, &keys[i]) != 0)
            return -1;
    if (order_by(run, list, keys, false, &sorted) != 0)
        return -1;
    for (size_t i = 0; i < sorted.is.list->count; i++) {
        struct jinja_value item = sorted.is.list->items[i];
        if (find_key(run, &path, item, exact, &key) != 0)
            return -1;
        if (i == 0 || !jinja_equal(key, last)) {
            if (jinja_path_follow(run, &path, item, &grouper) != 0 ||
                (i > 0 && jinja_add(run, pair, members) != 0) ||
                jinja_new_list(run, JINJA_PLAIN, &members) != 0 ||
                jinja_new(run->heap, JINJA_TUPLE, &pair, run->err) != 0)
                return -1;
            pair.is.list->kind = JINJA_GROUP;
            if (jinja_add(run, pair, grouper) != 0 || jinja_add(run, *out, pair) != 0)
                return -1;
            last = key;
        }
        if (jinja_add(run, members, item) != 0)
            return -1;
    }
    return sorted.is.list->count > 0 ? jinja_add(run, pair, members) : 0;
}

const struct jinja_filter_entry jinja_sort_filters[] = {
    {"dictsort", filter_dictsort},
    {"groupby", filter_groupby},
    {"max", filter_max},
    {"min", filter_min},
    {"sort", filter_sort},
    {"unique", filter_unique},
    {NULL, NULL},
};
