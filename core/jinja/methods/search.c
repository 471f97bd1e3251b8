/* Methods of texts that look: find, count, startswith, isupper, ... */
#include "jinja/methods/methods.h"

#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

typedef const struct jinja_arguments args;

/* The bytes between arguments `first` and `first` + 1, code points as of a slice. False: the range
 * begins after the text, where not even "" is found. */
static int find_range(struct jinja_run *run, struct jinja_value self, args *arguments, size_t first,
                      size_t *begin, size_t *end, bool *inside)
{
    int64_t count = jinja_length(self), bounds[2] = {0, count};
    for (size_t i = 0; i < 2; i++) {
        size_t at = first + i;
        if (at >= arguments->count || arguments->values[at].type == JINJA_NONE)
            continue;
        if (jinja_to_integer(run, arguments->values[at], &bounds[i]) != 0)
            return -1;
        bounds[i] += bounds[i] < 0 ? count : 0;
        bounds[i] = bounds[i] < 0 ? 0 : bounds[i];
    }
    bounds[1] = bounds[1] > count ? count : bounds[1];
    *inside = bounds[0] <= bounds[1];
    *begin = jinja_offset(self.is.text, (size_t)bounds[0]);
    *end = jinja_offset(self.is.text, (size_t)bounds[1]);
    return jinja_step(run, 1 + self.is.text.length / JINJA_BYTES_A_STEP);
}

/* find and index, from the front or the back; places are code points. */
static int look_for(struct jinja_run *run, struct jinja_value self, args *arguments, bool back,
                    bool must, struct jinja_value *out)
{
    struct jinja_value part;
    size_t begin, end;
    bool inside;
    if (jinja_text_argument(run, arguments, 0, &part) != 0 ||
        find_range(run, self, arguments, 1, &begin, &end, &inside) != 0)
        return -1;
    struct jinja_text range = {self.is.text.bytes, inside ? end : 0};
    ptrdiff_t found = -1;
    if (back && jinja_step(run, 1 + part.is.text.length * (end - begin) / 64) != 0)
        return -1;
    if (inside)
        found = back ? jinja_search_back(range, part.is.text, end)
                     : jinja_search(range, part.is.text, begin);
    if (found < (ptrdiff_t)begin)
        found = -1;
    if (found < 0 && must)
        return error_set(run->err, "substring not found");
    *out = jinja_int(found < 0 ? -1 : jinja_length(jinja_text(range.bytes, (size_t)found)));
    return 0;
}

#define LOOK(name, back, must)                                                                     \
    static int name(struct jinja_run *run, struct jinja_value self, args *arguments,               \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        return look_for(run, self, arguments, back, must, out);                                    \
    }

LOOK(text_find, false, false)
LOOK(text_rfind, true, false)
LOOK(text_index, false, true)
LOOK(text_rindex, true, true)

/* Without overlaps. */
static int text_count(struct jinja_run *run, struct jinja_value self, args *arguments,
                      struct jinja_value *out)
{
    struct jinja_value part;
    size_t begin, end;
    bool inside;
    int64_t count = 0;
    if (jinja_text_argument(run, arguments, 0, &part) != 0 ||
        find_range(run, self, arguments, 1, &begin, &end, &inside) != 0)
        return -1;
    struct jinja_text range = {self.is.text.bytes, end};
    if (inside && part.is.text.length == 0) /* before each character, and at the end */
        count = jinja_length(jinja_text(range.bytes + begin, end - begin)) + 1;
    else if (inside)
        for (ptrdiff_t at; (at = jinja_search(range, part.is.text, begin)) >= 0; count++)
            begin = (size_t)at + part.is.text.length;
    *out = jinja_int(count);
    return 0;
}

/* One text, or a tuple of which any will do. */
static int starts_or_ends(struct jinja_run *run, struct jinja_value self, args *arguments,
                          bool back, struct jinja_value *out)
{
    size_t begin, end;
    bool inside, found = false;
    struct jinja_value parts = arguments->values[0];
    struct jinja_list one = {.items = &parts, .count = 1};
    const struct jinja_list *list = parts.type == JINJA_TUPLE ? parts.is.list : &one;
    if (find_range(run, self, arguments, 1, &begin, &end, &inside) != 0 ||
        jinja_step(run, list->count) != 0)
        return -1;
    struct jinja_text range = {self.is.text.bytes + begin, inside ? end - begin : 0};
    for (size_t i = 0; i < list->count && !found; i++) {
        struct jinja_text part = list->items[i].is.text;
        if (list->items[i].type != JINJA_STRING)
            return error_set(run->err, "first arg must be str or a tuple of str, not %s",
                             jinja_type_name(list->items[i]));
        if (!inside || part.length > range.length)
            continue;
        const char *at = range.bytes + (back ? range.length - part.length : 0);
        found = part.length == 0 || memcmp(at, part.bytes, part.length) == 0;
    }
    *out = jinja_bool(found);
    return 0;
}

#define END(name, back)                                                                            \
    static int name(struct jinja_run *run, struct jinja_value self, args *arguments,               \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        return starts_or_ends(run, self, arguments, back, out);                                    \
    }

END(text_startswith, false)
END(text_endswith, true)

/* --- questions --- */

/* Every character is such a one; of an empty text, `empty`. */
static int every(struct jinja_run *run, struct jinja_value self, bool (*is)(int32_t), bool empty,
                 struct jinja_value *out)
{
    struct jinja_text text = self.is.text;
    bool all = text.length > 0 || empty;
    for (size_t at = 0, bytes; at < text.length && all; at += bytes)
        all = is(jinja_point_at(text, at, &bytes));
    *out = jinja_bool(all);
    return jinja_step(run, 1 + text.length / JINJA_BYTES_A_STEP);
}

static bool is_alnum(int32_t point)
{
    return jinja_is_alpha(point) || jinja_is_numeric(point);
}

static bool is_ascii(int32_t point)
{
    return point >= 0 && point < 0x80;
}

#define QUESTION(name, is, empty)                                                                  \
    static int name(struct jinja_run *run, struct jinja_value self, args *arguments,               \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        (void)arguments;                                                                           \
        return every(run, self, is, empty, out);                                                   \
    }

QUESTION(text_isalnum, is_alnum, false)
QUESTION(text_isalpha, jinja_is_alpha, false)
QUESTION(text_isascii, is_ascii, true)
QUESTION(text_isdecimal, jinja_is_decimal, false)
QUESTION(text_isdigit, jinja_is_digit, false)
QUESTION(text_isnumeric, jinja_is_numeric, false)
QUESTION(text_isprintable, jinja_is_printable, true)
QUESTION(text_isspace, jinja_is_space, false)

/* Has one cased letter at least, and none but those of one case. */
static int one_case(struct jinja_run *run, struct jinja_value self, bool (*wanted)(int32_t),
                    bool (*other)(int32_t), struct jinja_value *out)
{
    struct jinja_text text = self.is.text;
    bool cased = false, all = true;
    for (size_t at = 0, bytes; at < text.length && all; at += bytes) {
        int32_t point = jinja_point_at(text, at, &bytes);
        all = !other(point) && !jinja_is_titled(point);
        cased = cased || wanted(point);
    }
    *out = jinja_bool(all && cased);
    return jinja_step(run, 1 + text.length / JINJA_BYTES_A_STEP);
}

#define ONE_CASE(name, wanted, other)                                                              \
    static int name(struct jinja_run *run, struct jinja_value self, args *arguments,               \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        (void)arguments;                                                                           \
        return one_case(run, self, wanted, other, out);                                            \
    }

ONE_CASE(text_islower, jinja_is_lower, jinja_is_upper)
ONE_CASE(text_isupper, jinja_is_upper, jinja_is_lower)

/* Capitals begin words, small letters go on with them. */
static int text_istitle(struct jinja_run *run, struct jinja_value self, args *arguments,
                        struct jinja_value *out)
{
    struct jinja_text text = self.is.text;
    bool cased = false, inside = false, titled = true;
    (void)arguments;
    for (size_t at = 0, bytes; at < text.length && titled; at += bytes) {
        int32_t point = jinja_point_at(text, at, &bytes);
        bool begins = jinja_is_upper(point) || jinja_is_titled(point);
        bool continues = jinja_is_lower(point);
        titled = !(begins && inside) && !(continues && !inside);
        inside = begins || continues;
        cased = cased || inside;
    }
    *out = jinja_bool(titled && cased);
    return jinja_step(run, 1 + text.length / JINJA_BYTES_A_STEP);
}

const struct jinja_method_entry jinja_search_methods[] = {
    {"count", text_count, 1, 3, false},
    {"endswith", text_endswith, 1, 3, false},
    {"find", text_find, 1, 3, false},
    {"index", text_index, 1, 3, false},
    {"isalnum", text_isalnum, 0, 0, false},
    {"isalpha", text_isalpha, 0, 0, false},
    {"isascii", text_isascii, 0, 0, false},
    {"isdecimal", text_isdecimal, 0, 0, false},
    {"isdigit", text_isdigit, 0, 0, false},
    {"islower", text_islower, 0, 0, false},
    {"isnumeric", text_isnumeric, 0, 0, false},
    {"isprintable", text_isprintable, 0, 0, false},
    {"isspace", text_isspace, 0, 0, false},
    {"istitle", text_istitle, 0, 0, false},
    {"isupper", text_isupper, 0, 0, false},
    {"rfind", text_rfind, 1, 3, false},
    {"rindex", text_rindex, 1, 3, false},
    {"startswith", text_startswith, 1, 3, false},
    {.name = NULL},
};
