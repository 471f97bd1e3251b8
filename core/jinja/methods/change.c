/* Methods of texts that give another text: upper, center, replace, strip, ... Where the text is
 * safe, so is what it becomes, and what goes into it is escaped (Markup). */
#include "jinja/methods/methods.h"

#include "jinja/format/format.h"
#include "jinja/run/run.h"
#include "jinja/value/value.h"

#include <string.h>

typedef const struct jinja_arguments args;

/* --- cases --- */

typedef void writer(struct buffer *out, struct jinja_text text);

static int change_case(struct jinja_run *run, struct jinja_value self, writer *write,
                       struct jinja_value *out)
{
    struct buffer text = BUFFER_INIT;
    if (jinja_step(run, self.is.text.length) != 0)
        return -1;
    write(&text, self.is.text);
    return jinja_finish(run, &text, self.markup, out);
}

#define CASE_METHOD(name, write)                                                                   \
    static int name(struct jinja_run *run, struct jinja_value self, args *arguments,               \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        (void)arguments;                                                                           \
        return change_case(run, self, write, out);                                                 \
    }

CASE_METHOD(text_upper, jinja_write_upper)
CASE_METHOD(text_lower, jinja_write_lower)
CASE_METHOD(text_title, jinja_write_title)
CASE_METHOD(text_capitalize, jinja_write_capitalized)
CASE_METHOD(text_swapcase, jinja_write_swapped)
CASE_METHOD(text_casefold, jinja_write_folded)

/* --- widths --- */

/* The text between fills to the width: `left` of those that are missing stand before it. */
enum side { SIDE_LEFT, SIDE_RIGHT, SIDE_CENTER };

static int pad(struct jinja_run *run, struct jinja_value self, args *arguments, enum side side,
               struct jinja_value *out)
{
    struct jinja_value filler = jinja_string(" ");
    struct buffer text = BUFFER_INIT;
    int64_t width;
    if (jinja_integer_argument(run, arguments, 0, &width) != 0 ||
        jinja_text_argument(run, arguments, 1, &filler) != 0)
        return -1;
    struct jinja_text fill = filler.is.text;
    bool escaped =
        self.markup && !filler.markup && fill.length == 1 && strchr("&<>\"'", fill.bytes[0]);
    if (jinja_length(filler) != 1 || escaped)
        return error_set(run->err, "The fill character must be exactly one character long");
    int64_t length = jinja_length(self), missing = width > length ? width - length : 0;
    int64_t left = side == SIDE_LEFT ? 0 : missing;
    if (side == SIDE_CENTER) /* an odd one is to the right, or to the left where the width is odd */
        left = missing / 2 + (missing & width & 1);
    int result = jinja_repeat(run, &text, fill, left);
    buffer_append(&text, self.is.text.bytes, self.is.text.length);
    if (result != 0 || jinja_repeat(run, &text, fill, missing - left) != 0) {
        buffer_free(&text);
        return -1;
    }
    return jinja_finish(run, &text, self.markup, out);
}

#define PAD(name, side)                                                                            \
    static int name(struct jinja_run *run, struct jinja_value self, args *arguments,               \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        return pad(run, self, arguments, side, out);                                               \
    }

PAD(text_ljust, SIDE_LEFT)
PAD(text_rjust, SIDE_RIGHT)
PAD(text_center, SIDE_CENTER)

/* Zeros after a sign, in front of all else. */
static int text_zfill(struct jinja_run *run, struct jinja_value self, args *arguments,
                      struct jinja_value *out)
{
    int64_t width = 0, length = jinja_length(self);
    struct jinja_text text = self.is.text;
    struct buffer filled = BUFFER_INIT;
    if (jinja_integer_argument(run, arguments, 0, &width) != 0)
        return -1;
    size_t sign = text.length && (text.bytes[0] == '-' || text.bytes[0] == '+');
    buffer_append(&filled, text.bytes, sign);
    if (width > length &&
        jinja_repeat(run, &filled, (struct jinja_text){"0", 1}, width - length) != 0) {
        buffer_free(&filled);
        return -1;
    }
    buffer_append(&filled, text.bytes + sign, text.length - sign);
    return jinja_finish(run, &filled, self.markup, out);
}

/* Columns are counted from the last line end on. */
static int text_expandtabs(struct jinja_run *run, struct jinja_value self, args *arguments,
                           struct jinja_value *out)
{
    struct jinja_value size = jinja_int(8);
    struct jinja_text text = self.is.text;
    struct buffer expanded = BUFFER_INIT;
    int64_t width, column = 0;
    int result = 0;
    if (jinja_bind(run, "expandtabs()", arguments, (const char *const[]){"tabsize", NULL}, 0,
                   &size) != 0 ||
        jinja_to_integer(run, size, &width) != 0)
        return -1;
    for (size_t at = 0, bytes; result == 0 && at < text.length; at += bytes) {
        int32_t point = jinja_point_at(text, at, &bytes);
        if (point == '\t') {
            int64_t spaces = width > 0 ? width - column % width : 0;
            result = jinja_repeat(run, &expanded, (struct jinja_text){" ", 1}, spaces);
            column += spaces;
        } else {
            buffer_append(&expanded, text.bytes + at, bytes);
            column = point == '\n' || point == '\r' ? 0 : column + 1;
        }
    }
    if (result == 0)
        return jinja_finish(run, &expanded, self.markup, out);
    buffer_free(&expanded);
    return -1;
}

/* --- ends --- */

/* Does strip() take this character? `set`: those that it takes, None: white space. */
static bool is_stripped(struct jinja_value set, struct jinja_text text, size_t at, size_t *bytes)
{
    int32_t point = jinja_point_at(text, at, bytes);
    if (set.type == JINJA_NONE)
        return jinja_is_space(point);
    return jinja_search(set.is.text, (struct jinja_text){text.bytes + at, *bytes}, 0) >= 0;
}

/* What is taken counts as steps, by the length of the set. */
static int strip(struct jinja_run *run, struct jinja_value self, args *arguments, bool left,
                 bool right, struct jinja_value *out)
{
    struct jinja_value set = arguments->count ? arguments->values[0] : jinja_none();
    struct jinja_text text = self.is.text;
    size_t begin = 0, end = text.length, bytes;
    if (set.type != JINJA_NONE && set.type != JINJA_STRING)
        return error_set(run->err, "the argument must be None or str, not '%s'",
                         jinja_type_name(set));
    uint64_t each = set.type == JINJA_STRING ? set.is.text.length / JINJA_BYTES_A_STEP : 0;
    while (left && begin < end && is_stripped(set, text, begin, &bytes))
        begin += bytes;
    while (right && end > begin) {
        size_t last = end - 1; /* where the last character begins */
        while (last > 0 && ((unsigned char)text.bytes[last] & 0xC0) == 0x80)
            last--;
        if (!is_stripped(set, text, last, &bytes))
            break;
        end -= bytes;
    }
    *out = jinja_part(self, begin, end);
    return jinja_step(run, 1 + (text.length - (end - begin)) * (1 + each) / JINJA_BYTES_A_STEP);
}

#define STRIP(name, left, right)                                                                   \
    static int name(struct jinja_run *run, struct jinja_value self, args *arguments,               \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        return strip(run, self, arguments, left, right, out);                                      \
    }

STRIP(text_strip, true, true)
STRIP(text_lstrip, true, false)
STRIP(text_rstrip, false, true)

/* Once, and only where it is there. */
static int remove_end(struct jinja_run *run, struct jinja_value self, args *arguments, bool back,
                      struct jinja_value *out)
{
    struct jinja_value end;
    struct jinja_text text = self.is.text;
    if (jinja_text_argument(run, arguments, 0, &end) != 0)
        return -1;
    size_t length = end.is.text.length;
    bool has =
        length && length <= text.length &&
        memcmp(text.bytes + (back ? text.length - length : 0), end.is.text.bytes, length) == 0;
    size_t cut = has ? length : 0;
    *out = jinja_part(self, back ? 0 : cut, back ? text.length - cut : text.length);
    return 0;
}

#define REMOVE_END(name, back)                                                                     \
    static int name(struct jinja_run *run, struct jinja_value self, args *arguments,               \
                    struct jinja_value *out)                                                       \
    {                                                                                              \
        return remove_end(run, self, arguments, back, out);                                        \
    }

REMOVE_END(text_removeprefix, false)
REMOVE_END(text_removesuffix, true)

/* --- replace --- */

/* `by` instead of each of the first `most` places where `old` is; "" is before every character and
 * at the end. */
static int replace(struct jinja_run *run, struct jinja_text text, struct jinja_text old,
                   struct jinja_text by, uint64_t most, struct buffer *out)
{
    size_t from = 0;
    for (uint64_t done = 0; done < most; done++) {
        ptrdiff_t at = jinja_search(text, old, from);
        if (old.length == 0 && done > 0 && from < text.length) {
            size_t bytes;
            jinja_point_at(text, from, &bytes);
            at = (ptrdiff_t)(from + bytes);
        } else if (old.length == 0 && done > 0) {
            break;
        }
        if (at < 0)
            break;
        buffer_append(out, text.bytes + from, (size_t)at - from);
        buffer_append(out, by.bytes, by.length);
        from = (size_t)at + old.length;
        if (out->length > jinja_text_max(run))
            return error_set_kind(run->err, ERROR_BOUND, "a text of more than %zu bytes",
                                  jinja_text_max(run));
        if (jinja_step(run, 1 + by.length / JINJA_BYTES_A_STEP) != 0)
            return -1;
    }
    buffer_append(out, text.bytes + from, text.length - from);
    return 0;
}

/* Where the text is safe, what is put in is escaped unless it is safe itself. */
static int text_replace(struct jinja_run *run, struct jinja_value self, args *arguments,
                        struct jinja_value *out)
{
    struct jinja_value old, by;
    struct buffer escaped = BUFFER_INIT, text = BUFFER_INIT;
    int64_t most = -1;
    if (jinja_text_argument(run, arguments, 0, &old) != 0 ||
        jinja_text_argument(run, arguments, 1, &by) != 0 ||
        jinja_integer_argument(run, arguments, 2, &most) != 0)
        return -1;
    if (self.markup && !by.markup) {
        jinja_write_escaped(&escaped, by.is.text);
        by = jinja_text(buffer_string(&escaped), escaped.length);
    }
    int result = replace(run, self.is.text, old.is.text, by.is.text,
                         most < 0 ? UINT64_MAX : (uint64_t)most, &text);
    buffer_free(&escaped);
    if (result == 0)
        return jinja_finish(run, &text, self.markup, out);
    buffer_free(&text);
    return -1;
}

static int text_format(struct jinja_run *run, struct jinja_value self, args *arguments,
                       struct jinja_value *out)
{
    return jinja_format_braces(run, self, arguments, out);
}

const struct jinja_method_entry jinja_change_methods[] = {
    {"capitalize", text_capitalize, 0, 0, false},
    {"casefold", text_casefold, 0, 0, false},
    {"center", text_center, 1, 2, false},
    {"expandtabs", text_expandtabs, 0, 1, true},
    {"format", text_format, 0, SIZE_MAX, true},
    {"ljust", text_ljust, 1, 2, false},
    {"lower", text_lower, 0, 0, false},
    {"lstrip", text_lstrip, 0, 1, false},
    {"removeprefix", text_removeprefix, 1, 1, false},
    {"removesuffix", text_removesuffix, 1, 1, false},
    {"replace", text_replace, 2, 3, false},
    {"rjust", text_rjust, 1, 2, false},
    {"rstrip", text_rstrip, 0, 1, false},
    {"strip", text_strip, 0, 1, false},
    {"swapcase", text_swapcase, 0, 0, false},
    {"title", text_title, 0, 0, false},
    {"upper", text_upper, 0, 0, false},
    {"zfill", text_zfill, 1, 1, false},
    {.name = NULL},
};
