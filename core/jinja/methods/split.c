/* Methods of texts that take them apart and put them together: split, partition, splitlines,
 * join. */
#include "jinja/methods/methods.h"

#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

typedef const struct jinja_arguments args;

static int append_part(struct jinja_run *run, struct jinja_value self, size_t begin, size_t end,
                       struct jinja_value *out)
{
    return jinja_append(run->heap, out->is.list, jinja_part(self, begin, end), run->err);
}

/* --- split --- */

static size_t skip_spaces(struct jinja_text text, size_t at, bool spaces)
{
    size_t bytes;
    while (at < text.length && jinja_is_space(jinja_point_at(text, at, &bytes)) == spaces)
        at += bytes;
    return at;
}

/* The same towards the beginning: where the run that ends at `at` begins. */
static size_t skip_spaces_back(struct jinja_text text, size_t at, bool spaces)
{
    while (at > 0) {
        size_t before = at - 1, bytes;
        while (before > 0 && ((unsigned char)text.bytes[before] & 0xC0) == 0x80)
            before--;
        if (jinja_is_space(jinja_point_at(text, before, &bytes)) != spaces)
            break;
        at = before;
    }
    return at;
}

/* Words between white space; what is left after the last split keeps the white space at its end.
 */
static int split_words(struct jinja_run *run, struct jinja_value self, uint64_t most,
                       struct jinja_value *out)
{
    struct jinja_text text = self.is.text;
    for (size_t at = skip_spaces(text, 0, true); at < text.length; most--) {
        size_t end = most ? skip_spaces(text, at, false) : text.length;
        if (append_part(run, self, at, end, out) != 0)
            return -1;
        at = skip_spaces(text, end, true);
    }
    return 0;
}

/* From the end: after `most` parts the rest, up to the first word's beginning, is one. The parts
 * are in the order in which they are found, which the caller turns round. */
static int split_words_back(struct jinja_run *run, struct jinja_value self, uint64_t most,
                            struct jinja_value *out)
{
    struct jinja_text text = self.is.text;
    for (size_t end = skip_spaces_back(text, text.length, true); end > 0; most--) {
        size_t begin = most ? skip_spaces_back(text, end, false) : 0;
        if (append_part(run, self, begin, end, out) != 0)
            return -1;
        end = skip_spaces_back(text, begin, true);
    }
    return 0;
}

/* At most `most` cuts; the last part is what is left, even where that is empty. */
static int split_at(struct jinja_run *run, struct jinja_value self, struct jinja_text by,
                    uint64_t most, struct jinja_value *out)
{
    size_t from = 0;
    for (ptrdiff_t at; most && (at = jinja_search(self.is.text, by, from)) >= 0; most--) {
        if (append_part(run, self, from, (size_t)at, out) != 0)
            return -1;
        from = (size_t)at + by.length;
    }
    return append_part(run, self, from, self.is.text.length, out);
}

/* The same from the end, for rsplit. */
static int split_at_back(struct jinja_run *run, struct jinja_value self, struct jinja_text by,
                         uint64_t most, struct jinja_value *out)
{
    size_t to = self.is.text.length;
    for (ptrdiff_t at; most && (at = jinja_search_back(self.is.text, by, to)) >= 0; most--) {
        if (append_part(run, self, (size_t)at + by.length, to, out) != 0)
            return -1;
        to = (size_t)at;
    }
    return append_part(run, self, 0, to, out);
}

/* Cut from the back, parts come last first, and are turned round at the end. */
static int split(struct jinja_run *run, struct jinja_value self, args *arguments, bool back,
                 struct jinja_value *out)
{
    struct jinja_value bound[2] = {jinja_none(), jinja_int(-1)}, by;
    int64_t most;
    if (jinja_bind(run, "split()", arguments, (const char *const[]){"sep", "maxsplit", NULL}, 0,
                   bound) != 0 ||
        jinja_to_integer(run, bound[1], &most) != 0)
        return -1;
    by = bound[0];
    if (by.type != JINJA_NONE && by.type != JINJA_STRING)
        return error_set(run->err, "the separator must be str or None, not '%s'",
                         jinja_type_name(by));
    if (by.type == JINJA_STRING && by.is.text.length == 0)
        return error_set(run->err, "empty separator");
    size_t each = by.type == JINJA_STRING && back ? by.is.text.length / JINJA_BYTES_A_STEP : 0;
    if (jinja_new(run->heap, JINJA_LIST, out, run->err) != 0 ||
        jinja_step(run, 1 + self.is.text.length * (1 + each) / JINJA_BYTES_A_STEP) != 0)
        return -1;
    uint64_t splits = most < 0 ? UINT64_MAX : (uint64_t)most;
    if (by.type == JINJA_NONE
            ? (back ? split_words_back : split_words)(run, self, splits, out) != 0
            : (back ? split_at_back : split_at)(run, self, by.is.text, splits, out) != 0)
        return -1;
    struct jinja_list *list = out->is.list;
    for (size_t i = 0; back && i < list->count / 2; i++) { /* the last came first */
        struct jinja_value item = list->items[i];
        list->items[i] = list->items[list->count - 1 - i];
        list->items[list->count - 1 - i] = item;
    }
    return jinja_step(run, list->count);
}

/* Every line end that Python knows; "\r\n" is one. */
static int text_splitlines(struct jinja_run *run, struct jinja_value self, args *arguments,
                           struct jinja_value *out)
{
    struct jinja_value keep = jinja_bool(false);
    struct jinja_text text = self.is.text;
    if (jinja_bind(run, "splitlines()", arguments, (const char *const[]){"keepends", NULL}, 0,
                   &keep) != 0 ||
        jinja_new(run->heap, JINJA_LIST, out, run->err) != 0 ||
        jinja_step(run, 1 + text.length / 16) != 0)
        return -1;
    for (size_t begin = 0, end, next; begin < text.length; begin = next) {
        size_t bytes = 0;
        for (end = begin; end < text.length; end += bytes)
            if (jinja_is_line_end(jinja_point_at(text, end, &bytes)))
                break;
        next = end < text.length ? end + bytes : end;
        if (next < text.length && text.bytes[end] == '\r' && text.bytes[next] == '\n')
            next++;
        if (append_part(run, self, begin, jinja_truth(keep) ? next : end, out) != 0)
            return -1;
    }
    return 0;
}

/* --- partition --- */

/* What is before, the separator, what is after; not found, all of it is at one end. */
static int partition(struct jinja_run *run, struct jinja_value self, args *arguments, bool back,
                     struct jinja_value *out)
{
    struct jinja_value by;
    struct jinja_text text = self.is.text;
    if (jinja_text_argument(run, arguments, 0, &by) != 0 ||
        jinja_new(run->heap, JINJA_TUPLE, out, run->err) != 0 ||
        jinja_step(run, 1 + text.length / JINJA_BYTES_A_STEP) != 0)
        return -1;
    if (by.is.text.length == 0)
        return error_set(run->err, "empty separator");
    ptrdiff_t found =
        back ? jinja_search_back(text, by.is.text, text.length) : jinja_search(text, by.is.text, 0);
    size_t absent = back ? 0 : text.length;
    size_t begin = found < 0 ? absent : (size_t)found;
    size_t end = found < 0 ? absent : begin + by.is.text.length;
    return append_part(run, self, 0, begin, out) != 0 ||
                   append_part(run, self, begin, end, out) != 0 ||
                   append_part(run, self, end, text.length, out) != 0
               ? -1
               : 0;
}

/* --- join --- */

/* From the front, and from the back. */
#define BOTH_WAYS(forwards, backwards, function)                                                   \
    static int forwards(struct jinja_run *run, struct jinja_value self, args *arguments,           \
                        struct jinja_value *out)                                                   \
    {                                                                                              \
        return function(run, self, arguments, false, out);                                         \
    }                                                                                              \
    static int backwards(struct jinja_run *run, struct jinja_value self, args *arguments,          \
                         struct jinja_value *out)                                                  \
    {                                                                                              \
        return function(run, self, arguments, true, out);                                          \
    }

BOTH_WAYS(text_split, text_rsplit, split)
BOTH_WAYS(text_partition, text_rpartition, partition)

/* Texts alone. In a safe text what is joined is escaped. */
static int text_join(struct jinja_run *run, struct jinja_value self, args *arguments,
                     struct jinja_value *out)
{
    struct jinja_list *list;
    struct buffer text = BUFFER_INIT;
    int result = jinja_items(run->heap, arguments->values[0], &list, run->err);
    for (size_t i = 0; result == 0 && i < list->count; i++) {
        struct jinja_value item = list->items[i];
        if (item.type != JINJA_STRING) {
            result = error_set(run->err, "sequence item %zu: expected str instance, %s found", i,
                               jinja_type_name(item));
            break;
        }
        if (i)
            buffer_append(&text, self.is.text.bytes, self.is.text.length);
        if (self.markup && !item.markup)
            jinja_write_escaped(&text, item.is.text);
        else
            buffer_append(&text, item.is.text.bytes, item.is.text.length);
        result = text.length > jinja_text_max(run)
                     ? error_set_kind(run->err, ERROR_BOUND, "a text of more than %zu bytes",
                                      jinja_text_max(run))
                     : jinja_step(run, 1);
    }
    if (result == 0)
        return jinja_finish(run, &text, self.markup, out);
    buffer_free(&text);
    return -1;
}

const struct jinja_method_entry jinja_split_methods[] = {
    {"join", text_join, 1, 1, false},
    {"partition", text_partition, 1, 1, false},
    {"rpartition", text_rpartition, 1, 1, false},
    {"rsplit", text_rsplit, 0, 2, true},
    {"split", text_split, 0, 2, true},
    {"splitlines", text_splitlines, 0, 1, true},
    {.name = NULL},
};
