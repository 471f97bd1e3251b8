/* Filters of texts: those that are a method of str, and indent, title, truncate, wordcount. */
#include "jinja/filters/filters.h"

#include "jinja/format/format.h"
#include "jinja/methods/methods.h"
#include "jinja/objects/objects.h"
#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

typedef const struct jinja_arguments args;

/* A filter that is a method without arguments: soft_str(value).name() */
static int by_method(struct jinja_run *run, struct jinja_value value, args *arguments,
                     const char *name, struct jinja_value *out)
{
    struct jinja_value text;
    if (jinja_bind(run, name, arguments, (const char *const[]){NULL}, 0, NULL) != 0 ||
        jinja_soft(run, value, false, &text) != 0)
        return -1;
    return jinja_call_method(run, text, name, NULL, 0, out);
}

#define BY_METHOD(name, method)                                                                    \
    static int name(struct jinja_run *run, struct jinja_value value, args *arguments,              \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        return by_method(run, value, arguments, method, out);                                      \
    }

BY_METHOD(filter_capitalize, "capitalize")
BY_METHOD(filter_lower, "lower")
BY_METHOD(filter_upper, "upper")

static int filter_string(struct jinja_run *run, struct jinja_value value, args *arguments,
                         struct jinja_value *out)
{
    return jinja_bind(run, "string()", arguments, (const char *const[]){NULL}, 0, NULL) != 0
               ? -1
               : jinja_soft(run, value, false, out);
}

static int filter_center(struct jinja_run *run, struct jinja_value value, args *arguments,
                         struct jinja_value *out)
{
    struct jinja_value width = jinja_int(80), text;
    if (jinja_bind(run, "center()", arguments, (const char *const[]){"width", NULL}, 0, &width) !=
            0 ||
        jinja_soft(run, value, false, &text) != 0)
        return -1;
    return jinja_call_method(run, text, "center", &width, 1, out);
}

static int filter_trim(struct jinja_run *run, struct jinja_value value, args *arguments,
                       struct jinja_value *out)
{
    struct jinja_value chars = jinja_none(), text;
    if (jinja_bind(run, "trim()", arguments, (const char *const[]){"chars", NULL}, 0, &chars) !=
            0 ||
        jinja_soft(run, value, false, &text) != 0)
        return -1;
    return jinja_call_method(run, text, "strip", &chars, 1, out);
}

/* Of plain texts, all three: what is safe is not here. */
static int filter_replace(struct jinja_run *run, struct jinja_value value, args *arguments,
                          struct jinja_value *out)
{
    struct jinja_value bound[3] = {jinja_none(), jinja_none(), jinja_none()}, text;
    if (jinja_bind(run, "replace()", arguments, (const char *const[]){"old", "new", "count", NULL},
                   2, bound) != 0 ||
        jinja_soft(run, value, true, &text) != 0 ||
        jinja_soft(run, bound[0], true, &bound[0]) != 0 ||
        jinja_soft(run, bound[1], true, &bound[1]) != 0)
        return -1;
    return jinja_call_method(run, text, "replace", bound, bound[2].type == JINJA_NONE ? 2 : 3, out);
}

/* text % arguments, which are all by position or all by name. */
static int filter_format(struct jinja_run *run, struct jinja_value value, args *arguments,
                         struct jinja_value *out)
{
    struct jinja_value text, given;
    if (arguments->count && arguments->named_count)
        return error_set(run->err,
                         "can't handle positional and keyword arguments at the same time");
    bool named = arguments->named_count > 0;
    if (jinja_soft(run, value, false, &text) != 0 ||
        jinja_new(run->heap, named ? JINJA_DICT : JINJA_TUPLE, &given, run->err) != 0)
        return -1;
    for (size_t i = 0; i < arguments->count; i++)
        if (jinja_add(run, given, arguments->values[i]) != 0)
            return -1;
    for (size_t i = 0; i < arguments->named_count; i++)
        if (jinja_set(run->heap, given.is.map, arguments->named[i].key, arguments->named[i].value,
                      run->err) != 0)
            return -1;
    return jinja_format_percent(run, text, given, out);
}

/* --- lines and words --- */

static int need_text(struct jinja_run *run, const char *what, struct jinja_value value)
{
    if (value.type == JINJA_UNDEFINED)
        return jinja_fail_undefined(value, run->err);
    return value.type == JINJA_STRING
               ? 0
               : error_set(run->err, "%s wants a text, not '%s'", what, jinja_type_name(value));
}

/* Every line after the first, empty ones only with `blank`; the first with `first`; by a text, or
 * so many spaces. What ends a line is "\n" afterwards. */
static int filter_indent(struct jinja_run *run, struct jinja_value value, args *arguments,
                         struct jinja_value *out)
{
    struct jinja_value bound[3] = {jinja_int(4), jinja_bool(false), jinja_bool(false)};
    struct jinja_value lines, indention, ended;
    struct buffer text = BUFFER_INIT;
    int64_t count;
    if (jinja_bind(run, "indent()", arguments,
                   (const char *const[]){"width", "first", "blank", NULL}, 0, bound) != 0 ||
        need_text(run, "indent()", value) != 0)
        return -1;
    indention = bound[0];
    if (indention.type != JINJA_STRING &&
        (jinja_to_integer(run, bound[0], &count) != 0 ||
         jinja_binary(run, "*", jinja_string(" "), jinja_int(count), &indention) != 0))
        return -1;
    if (jinja_binary(run, "+", value, jinja_string("\n"), &ended) != 0 ||
        jinja_call_method(run, ended, "splitlines", NULL, 0, &lines) != 0)
        return -1;
    bool first = jinja_truth(bound[1]), blank = jinja_truth(bound[2]);
    for (size_t i = 0; i < lines.is.list->count; i++) {
        struct jinja_text line = lines.is.list->items[i].is.text;
        if (i)
            buffer_byte(&text, '\n');
        if (i ? blank || line.length : first) {
            if (jinja_repeat(run, &text, indention.is.text, 1) != 0) {
                buffer_free(&text);
                return -1;
            }
        }
        buffer_append(&text, line.bytes, line.length);
    }
    return jinja_finish(run, &text, value.markup, out);
}

static bool ends_word(int32_t point)
{
    return jinja_is_space(point) || (point > 0 && point < 0x80 && strchr("-({[<", point));
}

/* The first character of every word in upper case, the others in lower case; words end at white
 * space and at "-({[<". */
static int filter_title(struct jinja_run *run, struct jinja_value value, args *arguments,
                        struct jinja_value *out)
{
    struct jinja_value soft;
    struct buffer text = BUFFER_INIT;
    if (jinja_bind(run, "title()", arguments, (const char *const[]){NULL}, 0, NULL) != 0 ||
        jinja_soft(run, value, false, &soft) != 0 || jinja_step(run, soft.is.text.length) != 0)
        return -1;
    struct jinja_text from = soft.is.text;
    size_t bytes;
    for (size_t at = 0, end; at < from.length; at = end) {
        bool between = ends_word(jinja_point_at(from, at, &bytes));
        size_t second = at + bytes;
        for (end = second; end < from.length; end += bytes)
            if (ends_word(jinja_point_at(from, end, &bytes)) != between)
                break;
        jinja_write_upper(&text, jinja_part(soft, at, second).is.text);
        jinja_write_lower(&text, jinja_part(soft, second, end).is.text);
    }
    return jinja_finish(run, &text, false, out);
}

/* A text that is longer by more than the leeway is cut, at a space unless words may be. */
static int filter_truncate(struct jinja_run *run, struct jinja_value value, args *arguments,
                           struct jinja_value *out)
{
    struct jinja_value bound[4] = {jinja_int(255), jinja_bool(false), jinja_string("..."),
                                   jinja_int(5)};
    int64_t length, leeway;
    if (jinja_bind(run, "truncate()", arguments,
                   (const char *const[]){"length", "killwords", "end", "leeway", NULL}, 0,
                   bound) != 0)
        return -1;
    if (bound[3].type == JINJA_NONE)
        bound[3] = jinja_int(5);
    if (jinja_to_integer(run, bound[0], &length) != 0 ||
        jinja_to_integer(run, bound[3], &leeway) != 0 ||
        need_text(run, "truncate()", bound[2]) != 0)
        return -1;
    int64_t end = jinja_length(bound[2]), room = length - end;
    if (length < end || leeway < 0)
        return error_set(run->err, length < end ? "truncate() to less than the length of its end"
                                                : "truncate() with a leeway below 0");
    *out = value; /* whatever has a length, and is short enough */
    int64_t over, given = jinja_length(value);
    if (given >= 0 && (__builtin_add_overflow(length, leeway, &over) || given <= over))
        return 0;
    if (need_text(run, "truncate()", value) != 0)
        return -1;
    struct jinja_value cut = jinja_part(value, 0, jinja_offset(value.is.text, (size_t)room));
    ptrdiff_t space =
        jinja_search_back(cut.is.text, (struct jinja_text){" ", 1}, cut.is.text.length);
    if (!jinja_truth(bound[1]) && space >= 0)
        cut = jinja_part(cut, 0, (size_t)space);
    return jinja_binary(run, "+", cut, bound[2], out);
}

/* The pieces of a line in turn: a word, or white space. */
static size_t piece_end(struct jinja_text line, size_t at)
{
    size_t bytes;
    bool space = strchr(" \t", line.bytes[at]) != NULL;
    for (; at < line.length; at += bytes) {
        jinja_point_at(line, at, &bytes);
        if ((bytes == 1 && strchr(" \t\v\f", line.bytes[at]) != NULL) != space)
            break;
    }
    return at;
}

/* One line of a text in lines of `width` characters, `by` between them, as Python's textwrap cuts
 * it: white space goes where a line ends or, but for the first, begins; a word that is longer than
 * a line is cut where words may be, and begins in what is left of the line before. */
static int wrap_line(struct jinja_run *run, struct jinja_value line, int64_t width, bool cut,
                     struct jinja_text by, struct buffer *out)
{
    struct jinja_text text = line.is.text;
    size_t begin = 0, at = 0,
           kept = 0; /* of the line that is being filled; `kept`: without space */
    int64_t used = 0;
    bool first = true;
    while (at < text.length) {
        size_t end = piece_end(text, at);
        bool space = strchr(" \t\v\f", text.bytes[at]) != NULL;
        int64_t length = jinja_length(jinja_text(text.bytes + at, end - at));
        if (jinja_step(run, 1) != 0)
            return -1;
        if (out->length > jinja_text_max(run))
            return error_set_kind(run->err, ERROR_BOUND, "a text of more than %zu bytes",
                                  jinja_text_max(run));
        if (space && used == 0 && !first) { /* begins no line but the first */
            begin = kept = at = end;
            continue;
        }
        bool fits = used + length <= width;
        if (!fits && length > width && (cut || used == 0)) {
            struct jinja_text piece = {text.bytes + at, end - at};
            int64_t room = width - used;
            end = cut ? at + jinja_offset(piece, (size_t)room) : end;
            kept = space ? kept : end;
            fits = false;
        } else if (!fits) {
            end = at;
        } else {
            kept = space ? kept : end;
            used += length;
        }
        at = end;
        if (fits)
            continue;
        if (kept > begin) {
            if (!first)
                buffer_append(out, by.bytes, by.length);
            buffer_append(out, text.bytes + begin, kept - begin);
            first = false;
        }
        begin = kept = at;
        used = 0;
    }
    if (kept > begin) {
        if (!first)
            buffer_append(out, by.bytes, by.length);
        buffer_append(out, text.bytes + begin, kept - begin);
    }
    return 0;
}

/* Where words may break at hyphens, one with a hyphen is refused: textwrap's rules for those are
 * its own. */
static int filter_wordwrap(struct jinja_run *run, struct jinja_value value, args *arguments,
                           struct jinja_value *out)
{
    struct jinja_value bound[4] = {jinja_int(79), jinja_bool(true), jinja_none(), jinja_bool(true)};
    struct jinja_value lines;
    struct buffer text = BUFFER_INIT;
    int64_t width;
    int result = 0;
    if (jinja_bind(run, "wordwrap()", arguments,
                   (const char *const[]){"width", "break_long_words", "wrapstring",
                                         "break_on_hyphens", NULL},
                   0, bound) != 0 ||
        jinja_to_integer(run, bound[0], &width) != 0 || need_text(run, "wordwrap()", value) != 0)
        return -1;
    if (bound[2].type == JINJA_NONE)
        bound[2] = jinja_string("\n");
    if (need_text(run, "wordwrap()", bound[2]) != 0 ||
        jinja_call_method(run, value, "splitlines", NULL, 0, &lines) != 0)
        return -1;
    if (jinja_truth(bound[3]) && memchr(value.is.text.bytes, '-', value.is.text.length))
        return error_set(run->err, "wordwrap() breaks no words at hyphens here; say "
                                   "break_on_hyphens=false");
    if (width <= 0)
        return lines.is.list->count
                   ? error_set(run->err, "invalid width %lld (must be > 0)", (long long)width)
                   : jinja_finish(run, &text, false, out);
    for (size_t i = 0; result == 0 && i < lines.is.list->count; i++) {
        if (i)
            buffer_append(&text, bound[2].is.text.bytes, bound[2].is.text.length);
        result = wrap_line(run, lines.is.list->items[i], width, jinja_truth(bound[1]),
                           bound[2].is.text, &text);
        if (result == 0 && text.length > jinja_text_max(run))
            result = error_set_kind(run->err, ERROR_BOUND, "a text of more than %zu bytes",
                                    jinja_text_max(run));
    }
    if (result == 0)
        return jinja_finish(run, &text, false, out);
    buffer_free(&text);
    return -1;
}

/* Runs of letters, digits and "_". */
static int filter_wordcount(struct jinja_run *run, struct jinja_value value, args *arguments,
                            struct jinja_value *out)
{
    struct jinja_value text;
    int64_t count = 0;
    bool inside = false;
    if (jinja_bind(run, "wordcount()", arguments, (const char *const[]){NULL}, 0, NULL) != 0 ||
        jinja_soft(run, value, false, &text) != 0)
        return -1;
    for (size_t at = 0, bytes; at < text.is.text.length; at += bytes) {
        int32_t point = jinja_point_at(text.is.text, at, &bytes);
        bool word = jinja_is_alpha(point) || jinja_is_numeric(point) || point == '_';
        count += word && !inside;
        inside = word;
    }
    *out = jinja_int(count);
    return jinja_step(run, 1 + text.is.text.length / JINJA_BYTES_A_STEP);
}

const struct jinja_filter_entry jinja_text_filters[] = {
    {"capitalize", filter_capitalize},
    {"center", filter_center},
    {"format", filter_format},
    {"indent", filter_indent},
    {"lower", filter_lower},
    {"replace", filter_replace},
    {"string", filter_string},
    {"title", filter_title},
    {"trim", filter_trim},
    {"truncate", filter_truncate},
    {"upper", filter_upper},
    {"wordcount", filter_wordcount},
    {"wordwrap", filter_wordwrap},
    {NULL, NULL},
};
