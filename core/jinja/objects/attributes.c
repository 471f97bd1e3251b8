/* value.name, value[key], value[start:stop:step]. */
#include "jinja/objects/objects.h"

#include "jinja/methods/methods.h"
#include "jinja/value/value.h"

#include <string.h>

/* Views and iterators have no elements by number. */
static bool has_elements(struct jinja_value value)
{
    return jinja_is_list(value) &&
           (value.is.list->kind == JINJA_PLAIN || value.is.list->kind == JINJA_RANGE ||
            value.is.list->kind == JINJA_GROUP);
}

/* --- attributes --- */

static bool find_entry(struct jinja_map *map, struct jinja_value key, struct jinja_value *out)
{
    struct jinja_entry *entry = jinja_find(map, key);
    if (!entry)
        return false;
    entry->read = true;
    *out = entry->value;
    return true;
}

/* range(3).stop, and the names of groupby's pairs. */
static bool list_attribute(struct jinja_value value, const char *name, struct jinja_value *out)
{
    const struct jinja_list *list = value.is.list;
    const struct {
        enum jinja_list_kind kind;
        const char *name;
        struct jinja_value value;
    } all[] = {
        {JINJA_RANGE, "start", jinja_int(list->start)},
        {JINJA_RANGE, "stop", jinja_int(list->stop)},
        {JINJA_RANGE, "step", jinja_int(list->step)},
        {JINJA_GROUP, "grouper", list->count > 0 ? list->items[0] : jinja_none()},
        {JINJA_GROUP, "list", list->count > 1 ? list->items[1] : jinja_none()},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].kind == list->kind && strcmp(all[i].name, name) == 0) {
            *out = all[i].value;
            return true;
        }
    return false;
}

/* What every Python object has: __class__ and the like, which the sandbox keeps to itself. */
static bool is_of_every_object(const char *name)
{
    static const char *const names[] = {
        "__class__",   "__delattr__", "__dir__",    "__doc__",           "__eq__",
        "__format__",  "__ge__",      "__gt__",     "__getattribute__",  "__getstate__",
        "__hash__",    "__init__",    "__le__",     "__init_subclass__", "__lt__",
        "__ne__",      "__new__",     "__reduce__", "__reduce_ex__",     "__repr__",
        "__setattr__", "__sizeof__",  "__str__",    "__subclasshook__",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* Namespaces have what was set; numbers 1.5.real and its kind; a range its bounds, groupby's pairs
 * their names; callables what they have; then come methods. */
int jinja_attribute_only(struct jinja_run *run, struct jinja_value value, const char *name,
                         struct jinja_value *out)
{
    bool whole = value.type == JINJA_BOOL || value.type == JINJA_INT;
    if (value.type == JINJA_NAMESPACE)
        return find_entry(value.is.map, jinja_string(name), out);
    if (is_of_every_object(name)) {
        *out = jinja_undefined_because("the sandbox has no attributes that begin with __");
        return 1;
    }
    if (value.type == JINJA_CALLABLE)
        return value.is.callable->attribute
                   ? value.is.callable->attribute(run, value.is.callable, name, out)
                   : 0;
    if (whole || value.type == JINJA_FLOAT) {
        bool is_imaginary = strcmp(name, "imag") == 0;
        if (strcmp(name, "real") == 0 || (whole && strcmp(name, "numerator") == 0)) {
            *out = value.type == JINJA_BOOL ? jinja_int(value.is.truth) : value;
            return 1;
        }
        if (is_imaginary || (whole && strcmp(name, "denominator") == 0)) {
            *out = whole ? jinja_int(!is_imaginary) : jinja_float(0);
            return 1;
        }
    }
    if (jinja_is_list(value) && list_attribute(value, name, out))
        return 1;
    return jinja_method(run, value, name, out);
}

/* --- items --- */

/* A dictionary's entry; of a list or text the element that a whole number means, counted from the
 * end where it is negative. */
static bool find_item(struct jinja_value value, struct jinja_value key, struct jinja_value *out)
{
    if (value.type == JINJA_DICT)
        return jinja_hashable(key) && find_entry(value.is.map, key, out);
    if (key.type != JINJA_INT && key.type != JINJA_BOOL)
        return false;
    int64_t index = jinja_whole_of(key);
    if (has_elements(value)) {
        int64_t count = (int64_t)value.is.list->count;
        index += index < 0 ? count : 0;
        if (index < 0 || index >= count)
            return false;
        *out = value.is.list->items[index];
        return true;
    }
    if (value.type != JINJA_STRING)
        return false;
    struct jinja_text text = value.is.text;
    index += index < 0 ? jinja_length(value) : 0;
    size_t at = index < 0 ? text.length : jinja_offset(text, (size_t)index), bytes;
    if (at == text.length)
        return false;
    jinja_point_at(text, at, &bytes);
    *out = jinja_part(value, at, at + bytes);
    return true;
}

/* What is looked up goes through the entries, or through a text. */
static int count_steps(struct jinja_run *run, struct jinja_value value)
{
    size_t size = value.type == JINJA_DICT || value.type == JINJA_NAMESPACE ? value.is.map->count
                  : value.type == JINJA_STRING                              ? value.is.text.length
                                                                            : 0;
    return jinja_step(run, 1 + size / JINJA_BYTES_A_STEP);
}

/* value.name: an attribute first, then an item by that name; value["name"] looks the other way
 * round. */
int jinja_attribute(struct jinja_run *run, struct jinja_value value, const char *name,
                    struct jinja_value *out)
{
    if (value.type == JINJA_UNDEFINED && !is_of_every_object(name))
        return jinja_fail_undefined(value, run->err);
    if (count_steps(run, value) != 0)
        return -1;
    int found = jinja_attribute_only(run, value, name, out);
    if (found == 0 && !find_item(value, jinja_string(name), out))
        *out = jinja_undefined(name);
    return found < 0 ? -1 : 0;
}

int jinja_subscript(struct jinja_run *run, struct jinja_value value, struct jinja_value key,
                    struct jinja_value *out)
{
    if (value.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(value, run->err);
    if (count_steps(run, value) != 0)
        return -1;
    if (find_item(value, key, out))
        return 0;
    *out = jinja_undefined_because("an element is not there");
    if (key.type != JINJA_STRING)
        return 0;
    struct jinja_value name; /* a text in the heap ends with NUL, but a part of one does not */
    if (jinja_text_copy(run->heap, key.is.text.bytes, key.is.text.length, &name, run->err) != 0)
        return -1;
    *out = jinja_undefined(name.is.text.bytes);
    if (strlen(name.is.text.bytes) != name.is.text.length)
        return 0; /* no attribute has NUL in its name */
    return jinja_attribute_only(run, value, name.is.text.bytes, out) < 0 ? -1 : 0;
}

/* --- slices --- */

/* Python's bounds of a slice: `count` elements, `step` apart, from `start` on. */
struct slice {
    int64_t start, step, count;
};

/* One bound: `absent` where it is None, counted from the end where it is negative, then clipped. */
static int slice_bound(struct jinja_run *run, struct jinja_value bound, int64_t absent,
                       int64_t least, int64_t most, int64_t count, int64_t *out)
{
    if (bound.type == JINJA_NONE) {
        *out = absent;
        return 0;
    }
    if (bound.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(bound, run->err);
    if (bound.type != JINJA_INT && bound.type != JINJA_BOOL)
        return error_set(run->err, "slice indices must be integers or None, not '%s'",
                         jinja_type_name(bound));
    int64_t at = bound.type == JINJA_BOOL ? bound.is.truth : bound.is.integer;
    at += at < 0 ? count : 0;
    *out = at < least ? least : at > most ? most : at;
    return 0;
}

/* A text with step 1 is a part of it; any other is put together character by character. */
static int slice_text(struct jinja_run *run, struct jinja_value value, struct slice slice,
                      struct jinja_value *out)
{
    struct jinja_text text = value.is.text;
    size_t at = jinja_offset(text, slice.start < 0 ? 0 : (size_t)slice.start), bytes;
    if (slice.step == 1 || slice.count == 0) {
        struct jinja_text rest = {text.bytes + at, text.length - at};
        *out = jinja_part(value, at, at + jinja_offset(rest, (size_t)slice.count));
        return 0;
    }
    struct buffer picked = BUFFER_INIT;
    int64_t stride = slice.step < 0 ? -slice.step : slice.step;
    for (int64_t i = 0; i < slice.count; i++) {
        jinja_point_at(text, at, &bytes);
        buffer_append(&picked, text.bytes + at, bytes);
        for (int64_t j = 0; j < stride && i + 1 < slice.count; j++) {
            if (slice.step > 0) {
                jinja_point_at(text, at, &bytes);
                at += bytes;
            } else {
                do
                    at--;
                while (((unsigned char)text.bytes[at] & 0xC0) == 0x80);
            }
        }
    }
    return jinja_finish(run, &picked, value.markup, out);
}

/* Python's slices. Bounds are clamped to what there is: 0 to the length forwards, -1 to the length
 * - 1 backwards, where -1 stands before the first element; then the count follows by division. A
 * slice of a range is a range, and knows its bounds. */
int jinja_slice(struct jinja_run *run, struct jinja_value value, struct jinja_value start,
                struct jinja_value stop, struct jinja_value step, struct jinja_value *out)
{
    const int64_t far = INT64_MAX / 2;
    struct slice slice = {0};
    int64_t end = 0;
    if (value.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(value, run->err);
    if (value.type != JINJA_STRING && !has_elements(value))
        return error_set(run->err, "'%s' object has no slices", jinja_type_name(value));
    int64_t count = jinja_length(value);
    if (jinja_step(run, 1 + (uint64_t)count / 16) != 0 ||
        slice_bound(run, step, 1, -far, far, 0, &slice.step) != 0)
        return -1;
    if (slice.step == 0)
        return error_set(run->err, "slice step cannot be zero");
    bool back = slice.step < 0;
    int64_t least = back ? -1 : 0, most = back ? count - 1 : count;
    if (slice_bound(run, start, back ? most : least, least, most, count, &slice.start) != 0 ||
        slice_bound(run, stop, back ? least : most, least, most, count, &end) != 0)
        return -1;
    int64_t span = back ? slice.start - end : end - slice.start;
    int64_t stride = back ? -slice.step : slice.step;
    slice.count = span > 0 ? (span - 1) / stride + 1 : 0;
    if (value.type == JINJA_STRING)
        return slice_text(run, value, slice, out);
    const struct jinja_list *from = value.is.list;
    if (jinja_new(run->heap, value.type, out, run->err) != 0)
        return -1;
    struct jinja_list *to = out->is.list;
    to->kind = from->kind;
    if (from->kind == JINJA_RANGE) {
        to->start = from->start + slice.start * from->step;
        to->step = from->step * slice.step;
        to->stop = to->start + slice.count * to->step;
    }
    for (int64_t i = 0; i < slice.count; i++)
        if (jinja_append(run->heap, to, from->items[slice.start + i * slice.step], run->err) != 0)
            return -1;
    return 0;
}
