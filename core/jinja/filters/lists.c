/* Filters of what can be gone through: batch, first, join, last, length, list, reverse, slice.
 *
 * A list that a filter makes is an iterator in jinja2 and one here (JINJA_ITERATOR): it has no
 * length and no elements by number, and is empty once it has been gone through.
 */
#include "jinja/filters/filters.h"

#include "jinja/objects/objects.h"
#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

typedef const struct jinja_arguments args;

/* Steps of a text's length: its characters are counted, which takes time, where a list knows its
 * own. */
static int filter_length(struct jinja_run *run, struct jinja_value value, args *arguments,
                         struct jinja_value *out)
{
    if (jinja_bind_none(run, "length()", arguments) != 0)
        return -1;
    *out = jinja_int(jinja_length(value));
    if (out->is.integer < 0)
        return error_set(run->err, "object of type '%s' has no len()", jinja_type_name(value));
    return value.type == JINJA_STRING
               ? jinja_step(run, 1 + value.is.text.length / JINJA_BYTES_A_STEP)
               : 0;
}

/* next(iter(value)): of an iterator the first is gone then. */
static int filter_first(struct jinja_run *run, struct jinja_value value, args *arguments,
                        struct jinja_value *out)
{
    struct jinja_list *list;
    if (jinja_bind_none(run, "first()", arguments) != 0)
        return -1;
    *out = jinja_undefined_because("No first item, sequence was empty.");
    if (value.type == JINJA_STRING) {
        size_t bytes = 0;
        if (value.is.text.length) {
            jinja_point_at(value.is.text, 0, &bytes);
            *out = jinja_part(value, 0, bytes);
            out->markup = false;
        }
        return 0;
    }
    bool iterator = jinja_is_list(value) && value.is.list->kind == JINJA_ITERATOR;
    if (iterator)
        list = value.is.list;
    else if (jinja_iterate(run, value, &list) != 0)
        return -1;
    if (list->count == 0)
        return 0;
    *out = list->items[0];
    if (iterator) {
        list->items++;
        list->capacity = --list->count;
    }
    return 0;
}

/* What reversed() gives first; iterators cannot be turned. */
static int filter_last(struct jinja_run *run, struct jinja_value value, args *arguments,
                       struct jinja_value *out)
{
    struct jinja_list *list;
    if (jinja_bind_none(run, "last()", arguments) != 0)
        return -1;
    if ((jinja_is_list(value) && value.is.list->kind == JINJA_ITERATOR) ||
        jinja_items(run->heap, value, &list, NULL) != 0)
        return error_set(run->err, "'%s' object is not reversible", jinja_type_name(value));
    if (jinja_step(run, 1 + list->count / 4) != 0)
        return -1;
    *out = list->count ? list->items[list->count - 1]
                       : jinja_undefined_because("No last item, sequence was empty.");
    if (value.type == JINJA_STRING)
        out->markup = value.markup; /* by number, not by going through it */
    return 0;
}

static int copy_list(struct jinja_run *run, const struct jinja_list *list, bool back,
                     enum jinja_list_kind kind, struct jinja_value *out)
{
    if (jinja_new_list(run, kind, out) != 0)
        return -1;
    for (size_t i = 0; i < list->count; i++)
        if (jinja_add(run, *out, list->items[back ? list->count - 1 - i : i]) != 0)
            return -1;
    return 0;
}

static int filter_list(struct jinja_run *run, struct jinja_value value, args *arguments,
                       struct jinja_value *out)
{
    struct jinja_list *list;
    if (jinja_bind_none(run, "list()", arguments) != 0 || jinja_iterate(run, value, &list) != 0)
        return -1;
    return copy_list(run, list, false, JINJA_PLAIN, out);
}

/* A text backwards; an iterator over anything else that can be turned, a list of what cannot. */
static int filter_reverse(struct jinja_run *run, struct jinja_value value, args *arguments,
                          struct jinja_value *out)
{
    struct jinja_list *list;
    if (jinja_bind_none(run, "reverse()", arguments) != 0)
        return -1;
    if (value.type == JINJA_STRING)
        return jinja_slice(run, value, jinja_none(), jinja_none(), jinja_int(-1), out);
    bool iterator = jinja_is_list(value) && value.is.list->kind == JINJA_ITERATOR;
    if (jinja_items(run->heap, value, &list, NULL) != 0)
        return error_set(run->err, "argument must be iterable");
    if (jinja_step(run, 1 + list->count / 4) != 0)
        return -1;
    return copy_list(run, list, true, iterator ? JINJA_PLAIN : JINJA_ITERATOR, out);
}

/* Elements as str() has them, or what a path finds of each. */
static int filter_join(struct jinja_run *run, struct jinja_value value, args *arguments,
                       struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_string(""), jinja_none()}, item, by;
    struct jinja_list *list;
    struct jinja_path path;
    struct buffer text = BUFFER_INIT;
    if (jinja_bind(run, "join()", arguments, (const char *const[]){"d", "attribute", NULL}, 0,
                   bound) != 0 ||
        jinja_path_make(run, bound[1], &path) != 0 || jinja_soft(run, bound[0], true, &by) != 0 ||
        jinja_iterate(run, value, &list) != 0)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buffer_append(&text, by.is.text.bytes, by.is.text.length);
        int result = jinja_path_follow(run, &path, list->items[i], &item);
        if (result == 0)
            result = jinja_write(&text, item, run->err);
        if (result == 0 && text.length > jinja_text_max(run))
            result = error_set_kind(run->err, ERROR_BOUND, "a text of more than %zu bytes",
                                    jinja_text_max(run));
        if (result != 0) {
            buffer_free(&text);
            return -1;
        }
    }
    return jinja_finish(run, &text, false, out);
}

/* --- parts --- */

static int fill(struct jinja_run *run, struct jinja_value row, struct jinja_value with,
                int64_t times)
{
    for (int64_t i = 0; i < times; i++)
        if (jinja_step(run, 1) != 0 || jinja_add(run, row, with) != 0)
            return -1;
    return 0;
}

/* Rows of so many elements; the last is filled up. A row of 0 is never full once it has
 * one. */
static int filter_batch(struct jinja_run *run, struct jinja_value value, args *arguments,
                        struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_none(), jinja_none()}, row;
    struct jinja_list *list;
    if (jinja_bind(run, "batch()", arguments, (const char *const[]){"linecount", "fill_with", NULL},
                   1, bound) != 0 ||
        jinja_iterate(run, value, &list) != 0 || jinja_new_list(run, JINJA_ITERATOR, out) != 0 ||
        jinja_new_list(run, JINJA_PLAIN, &row) != 0)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        bool full = jinja_equal(jinja_int((int64_t)row.is.list->count), bound[0]);
        if (full && (jinja_add(run, *out, row) != 0 || jinja_new_list(run, JINJA_PLAIN, &row) != 0))
            return -1;
        if (jinja_add(run, row, list->items[i]) != 0)
            return -1;
    }
    if (row.is.list->count == 0)
        return 0;
    if (bound[1].type != JINJA_NONE) {
        int64_t count;
        if (jinja_to_integer(run, bound[0], &count) != 0 ||
            fill(run, row, bound[1], count - (int64_t)row.is.list->count) != 0)
            return -1;
    }
    return jinja_add(run, *out, row);
}

/* So many columns, the first ones longer by one where it does not come out even; the others are
 * filled up. */
static int filter_slice(struct jinja_run *run, struct jinja_value value, args *arguments,
                        struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_none(), jinja_none()}, column;
    struct jinja_list *list;
    int64_t slices;
    if (jinja_bind(run, "slice()", arguments, (const char *const[]){"slices", "fill_with", NULL}, 1,
                   bound) != 0 ||
        jinja_iterate(run, value, &list) != 0 || jinja_to_integer(run, bound[0], &slices) != 0 ||
        jinja_new_list(run, JINJA_ITERATOR, out) != 0)
        return -1;
    if (slices == 0)
        return error_set(run->err, "integer division or modulo by zero");
    int64_t count = (int64_t)list->count, at = 0;
    for (int64_t i = 0; i < slices; i++) {
        bool longer = i < count % slices;
        int64_t length = count / slices + longer;
        if (jinja_step(run, 1) != 0 || jinja_new_list(run, JINJA_PLAIN, &column) != 0)
            return -1;
        for (int64_t j = 0; j < length; j++)
            if (jinja_add(run, column, list->items[at++]) != 0)
                return -1;
        if ((bound[1].type != JINJA_NONE && !longer && fill(run, column, bound[1], 1) != 0) ||
            jinja_add(run, *out, column) != 0)
            return -1;
    }
    return 0;
}

const struct jinja_filter_entry jinja_list_filters[] = {
    {"batch", filter_batch}, {"count", filter_length},
    {"first", filter_first}, {"join", filter_join},
    {"last", filter_last},   {"length", filter_length},
    {"list", filter_list},   {"reverse", filter_reverse},
    {"slice", filter_slice}, {NULL, NULL},
};
