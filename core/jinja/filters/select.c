/* Filters that apply others, or tests: map, select, reject and their kin; attr, default, items. */
#include "jinja/filters/filters.h"

#include "jinja/methods/methods.h"
#include "jinja/objects/objects.h"
#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

typedef const struct jinja_arguments args;

/* The argument at `at` as a name that ends with NUL, for look-ups. */
static int name_argument(struct jinja_run *run, args *arguments, size_t at, const char *what,
                         const char **out)
{
    struct jinja_value name = arguments->values[at], copy;
    if (name.type != JINJA_STRING)
        return error_set(run->err, "%s is named by a str, not by '%s'", what,
                         jinja_type_name(name));
    if (jinja_text_copy(run->heap, name.is.text.bytes, name.is.text.length, &copy, run->err) != 0)
        return -1;
    *out = copy.is.text.bytes;
    return 0;
}

static struct jinja_arguments after(args *arguments, size_t skipped)
{
    struct jinja_arguments rest = *arguments;
    rest.values += skipped;
    rest.count -= skipped;
    return rest;
}

/* --- map --- */

/* map("filter", arguments ...), or map(attribute="a.b", default=...). */
static int filter_map(struct jinja_run *run, struct jinja_value value, args *arguments,
                      struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_none(), jinja_none()}, item;
    struct jinja_list *list;
    struct jinja_path path;
    struct jinja_arguments rest = {0};
    jinja_filter *filter = NULL;
    const char *name = NULL;
    bool attribute = false;
    if (jinja_new_list(run, JINJA_ITERATOR, out) != 0)
        return -1;
    if (!jinja_truth(value))
        return 0;
    if (jinja_iterate(run, value, &list) != 0)
        return -1;
    for (size_t i = 0; arguments->count == 0 && i < arguments->named_count; i++)
        attribute |= jinja_equal(arguments->named[i].key, jinja_string("attribute"));
    if (attribute) {
        if (jinja_bind(run, "map()", arguments, (const char *const[]){"attribute", "default", NULL},
                       1, bound) != 0 ||
            jinja_path_make(run, bound[0], &path) != 0)
            return -1;
        path.fallback = bound[1];
    } else {
        if (arguments->count == 0)
            return error_set(run->err, "map requires a filter argument");
        if (name_argument(run, arguments, 0, "a filter", &name) != 0)
            return -1;
        if (!(filter = run->library->filter(name)))
            return error_set(run->err, "No filter named '%s'.", name);
        rest = after(arguments, 1);
    }
    for (size_t i = 0; i < list->count; i++)
        if ((attribute ? jinja_path_follow(run, &path, list->items[i], &item)
                       : filter(run, list->items[i], &rest, &item)) != 0 ||
            jinja_add(run, *out, item) != 0)
            return -1;
    return 0;
}

/* --- select --- */

/* The elements that pass a test, or that are true where none is named: as they are, or along a path
 * that the first argument says. */
static int choose(struct jinja_run *run, struct jinja_value value, args *arguments,
                  bool by_attribute, bool wanted, struct jinja_value *out)
{
    size_t at = by_attribute ? 1 : 0;
    struct jinja_path path;
    struct jinja_arguments rest = {0};
    struct jinja_list *list;
    jinja_test *test = NULL;
    const char *name = NULL;
    if (jinja_new_list(run, JINJA_ITERATOR, out) != 0)
        return -1;
    if (!jinja_truth(value))
        return 0;
    if (arguments->count < at)
        return error_set(run->err, "Missing parameter for attribute name");
    if (jinja_path_make(run, by_attribute ? arguments->values[0] : jinja_none(), &path) != 0)
        return -1;
    if (arguments->count > at) {
        if (name_argument(run, arguments, at, "a test", &name) != 0)
            return -1;
        rest = after(arguments, at + 1);
        if (!(test = run->library->test(name)))
            return error_set(run->err, "No test named '%s'.", name);
    }
    if (jinja_iterate(run, value, &list) != 0)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        struct jinja_value looked_at;
        if (jinja_path_follow(run, &path, list->items[i], &looked_at) != 0)
            return -1;
        bool is = jinja_truth(looked_at);
        if (test && test(run, looked_at, &rest, &is) != 0)
            return -1;
        if (is == wanted && jinja_add(run, *out, list->items[i]) != 0)
            return -1;
    }
    return 0;
}

#define CHOICE(name, by_attribute, wanted)                                                         \
    static int name(struct jinja_run *run, struct jinja_value value, args *arguments,              \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        return choose(run, value, arguments, by_attribute, wanted, out);                           \
    }

CHOICE(filter_select, false, true)
CHOICE(filter_reject, false, false)
CHOICE(filter_selectattr, true, true)
CHOICE(filter_rejectattr, true, false)

/* --- one value --- */

/* getattr(): an attribute or method, never an item. */
static int filter_attr(struct jinja_run *run, struct jinja_value value, args *arguments,
                       struct jinja_value *out)
{
    struct jinja_value name = jinja_none();
    const char *text = NULL;
    if (jinja_bind(run, "attr()", arguments, (const char *const[]){"name", NULL}, 1, &name) != 0)
        return -1;
    struct jinja_arguments one = {.values = &name, .count = 1};
    if (name_argument(run, &one, 0, "an attribute", &text) != 0)
        return -1;
    if (value.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(value, run->err);
    *out = jinja_undefined(text);
    return jinja_attribute_only(run, value, text, out) < 0 ? -1 : 0;
}

/* Of what is undefined; with `boolean`, of whatever is false, too ("", 0, none, an empty list). */
static int filter_default(struct jinja_run *run, struct jinja_value value, args *arguments,
                          struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_string(""), jinja_bool(false)};
    if (jinja_bind(run, "default()", arguments,
                   (const char *const[]){"default_value", "boolean", NULL}, 0, bound) != 0)
        return -1;
    bool absent = value.type == JINJA_UNDEFINED || (jinja_truth(bound[1]) && !jinja_truth(value));
    *out = absent ? bound[0] : value;
    return 0;
}

/* As the method, but nothing of an undefined value. */
static int filter_items(struct jinja_run *run, struct jinja_value value, args *arguments,
                        struct jinja_value *out)
{
    if (jinja_bind(run, "items()", arguments, (const char *const[]){NULL}, 0, NULL) != 0)
        return -1;
    if (value.type == JINJA_UNDEFINED)
        return jinja_new_list(run, JINJA_ITERATOR, out);
    if (value.type != JINJA_DICT)
        return error_set(run->err, "Can only get item pairs from a mapping.");
    if (jinja_call_method(run, value, "items", NULL, 0, out) != 0)
        return -1;
    out->is.list->kind = JINJA_ITERATOR;
    return 0;
}

const struct jinja_filter_entry jinja_select_filters[] = {
    {"attr", filter_attr},
    {"d", filter_default},
    {"default", filter_default},
    {"items", filter_items},
    {"map", filter_map},
    {"reject", filter_reject},
    {"rejectattr", filter_rejectattr},
    {"select", filter_select},
    {"selectattr", filter_selectattr},
    {NULL, NULL},
};
