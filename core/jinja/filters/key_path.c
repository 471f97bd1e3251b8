/* Paths: the attribute="a.b.0" of map(), sort(), groupby() and others. */
#include "jinja/filters/filters.h"

#include "jinja/objects/attributes.h"
#include "jinja/value/numbers.h"
#include "jinja/value/strings.h"

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
