/* Which filters there are, and what they share. */
#include "jinja/filters.h"
#include "jinja/methods.h"

#include <string.h>

int jinja_new_list(struct jinja_run *run, enum jinja_list_kind kind, struct jinja_value *out)
{
    if (jinja_new(run->heap, JINJA_LIST, out, run->err) != 0)
        return -1;
    out->is.list->kind = kind;
    return 0;
}

int jinja_add(struct jinja_run *run, struct jinja_value list, struct jinja_value item)
{
    return jinja_append(run->heap, list.is.list, item, run->err);
}

int jinja_iterate(struct jinja_run *run, struct jinja_value value, struct jinja_list **out)
{
    if (jinja_items(run->heap, value, out, run->err) != 0)
        return -1;
    return jinja_step(run, 1 + (*out)->count / 4);
}

int jinja_call_method(struct jinja_run *run, struct jinja_value self, const char *name,
                      const struct jinja_value *values, size_t count, struct jinja_value *out)
{
    struct jinja_value method;
    struct jinja_arguments arguments = {.values = values, .count = count};
    int found = jinja_method(run, self, name, &method);
    if (found <= 0)
        return found < 0 ? -1
                         : error_set(run->err, "'%s' object has no method '%s'",
                                     jinja_type_name(self), name);
    return jinja_call(run, method, &arguments, out);
}

/* --- paths --- */

/* One key of a path: digits are a whole number. */
static int add_key(struct jinja_run *run, struct jinja_value text, struct jinja_value keys)
{
    struct jinja_value key = text;
    bool digits = text.is.text.length > 0, beyond = false;
    for (size_t i = 0; i < text.is.text.length; i++)
        digits = digits && text.is.text.bytes[i] >= '0' && text.is.text.bytes[i] <= '9';
    if (digits) {
        key = jinja_int(0);
        if (!jinja_read_integer(text.is.text, 10, &key.is.integer, &beyond) || beyond)
            return error_set(run->err, "an attribute's number beyond 64 bits");
    }
    return jinja_add(run, keys, key);
}

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
        if (add_key(run, jinja_part(attribute, begin, end), out->keys) != 0)
            return -1;
        if (dot < 0)
            return 0;
        begin = end;
    }
}

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

/* --- by name --- */

jinja_filter *jinja_filter_by_name(const char *name)
{
    static const struct jinja_filter_entry *const tables[] = {
        jinja_text_filters, jinja_html_filters, jinja_number_filters,
        jinja_list_filters, jinja_sort_filters, jinja_select_filters,
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct jinja_filter_entry *entry = tables[i]; entry->name; entry++)
            if (strcmp(entry->name, name) == 0)
                return entry->apply;
    return NULL;
}
