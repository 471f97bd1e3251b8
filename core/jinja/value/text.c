/* Texts by code points; kinds of characters, and their upper, lower and title case, of all of
 * Unicode, as Python's str has them: "ß" in upper case is "SS", a sigma at the end of a word has a
 * shape of its own in lower case. utf8proc has Unicode's tables; unicode_tables.c what Python knows
 * beyond them. */
#include "jinja/value/value.h"

#include "base/text.h"
#include "jinja/value/unicode_tables.h"

#include <string.h>
#include <utf8proc.h>

size_t jinja_offset(struct jinja_text text, size_t index)
{
    size_t at = 0;
    for (; at < text.length; at++)
        if (((unsigned char)text.bytes[at] & 0xC0) != 0x80 && index-- == 0)
            return at;
    return at;
}

int32_t jinja_point_at(struct jinja_text text, size_t at, size_t *bytes)
{
    int32_t point = -1;
    *bytes = utf8_decode(text.bytes + at, text.length - at, &point);
    return point;
}

struct jinja_value jinja_part(struct jinja_value text, size_t begin, size_t end)
{
    struct jinja_value part = text;
    part.is.text = (struct jinja_text){text.is.text.bytes + begin, end - begin};
    return part;
}

ptrdiff_t jinja_search(struct jinja_text text, struct jinja_text part, size_t from)
{
    if (from > text.length || part.length > text.length - from)
        return -1;
    if (part.length == 0)
        return (ptrdiff_t)from;
    const char *found = memmem(text.bytes + from, text.length - from, part.bytes, part.length);
    return found ? found - text.bytes : -1;
}

/* The last place at which `part` stands and ends at `to` or before. */
ptrdiff_t jinja_search_back(struct jinja_text text, struct jinja_text part, size_t to)
{
    if (part.length > to)
        return -1;
    for (size_t at = to - part.length;; at--) {
        if (memcmp(text.bytes + at, part.bytes, part.length) == 0)
            return (ptrdiff_t)at;
        if (at == 0)
            return -1;
    }
}

/* The five marks of HTML, by the entities that markupsafe writes. */
void jinja_write_escaped(struct buffer *out, struct jinja_text text)
{
    static const char marks[] = "&<>\"'";
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};
    for (size_t i = 0; i < text.length; i++) {
        const char *mark = text.bytes[i] ? strchr(marks, text.bytes[i]) : NULL;
        if (mark)
            buffer_text(out, entities[mark - marks]);
        else
            buffer_byte(out, text.bytes[i]);
    }
}

/* --- kinds of characters --- */

static bool in_ranges(const struct jinja_range *ranges, int32_t point)
{
    for (; ranges->high; ranges++)
        if (point >= ranges->low && point <= ranges->high)
            return true;
    return false;
}

bool jinja_is_space(int32_t point)
{
    return (point >= 9 && point <= 13) || (point >= 0x1C && point <= 0x20) || point == 0x85 ||
           point == 0xA0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200A) ||
           point == 0x2028 || point == 0x2029 || point == 0x202F || point == 0x205F ||
           point == 0x3000;
}

bool jinja_is_line_end(int32_t point)
{
    return (point >= 10 && point <= 13) || (point >= 0x1C && point <= 0x1E) || point == 0x85 ||
           point == 0x2028 || point == 0x2029;
}

bool jinja_is_lower(int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_LL || in_ranges(jinja_other_lower, point);
}

bool jinja_is_upper(int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_LU || in_ranges(jinja_other_upper, point);
}

bool jinja_is_titled(int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_LT;
}

bool jinja_is_alpha(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool jinja_is_decimal(int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_ND;
}

bool jinja_is_digit(int32_t point)
{
    return jinja_is_decimal(point) || in_ranges(jinja_other_digits, point);
}

bool jinja_is_numeric(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) ||
           in_ranges(jinja_other_numbers, point);
}

/* Letters, marks, numbers, punctuation, symbols, and of the white space a space. */
bool jinja_is_printable(int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return false;
    case UTF8PROC_CATEGORY_ZS:
        return point == ' ';
    default:
        return true;
    }
}

/* --- cases --- */

enum letter_case { UPPER, TITLE, LOWER };

static void write_point(struct buffer *out, int32_t point)
{
    char bytes[4];
    buffer_append(out, bytes, utf8_encode(point, bytes));
}

/* ASCII by a bit; then the characters that become several; then utf8proc's tables. */
static void write_case(struct buffer *out, int32_t point, enum letter_case to)
{
    if (point < 0x80) {
        bool lower = point >= 'a' && point <= 'z', upper = point >= 'A' && point <= 'Z';
        if (to == LOWER ? upper : lower)
            point ^= 0x20;
        buffer_byte(out, (char)point);
        return;
    }
    for (const struct jinja_special_case *special = jinja_special_cases; special->point; special++)
        if (special->point == point) {
            buffer_text(out, to == UPPER   ? special->upper
                             : to == TITLE ? special->title
                                           : special->lower);
            return;
        }
    write_point(out, to == UPPER   ? utf8proc_toupper(point)
                     : to == TITLE ? utf8proc_totitle(point)
                                   : utf8proc_tolower(point));
}

static bool is_cased(int32_t point)
{
    return jinja_is_lower(point) || jinja_is_upper(point) || jinja_is_titled(point);
}

/* What Unicode lets stand inside a word without being looked at. */
static bool is_case_ignorable(int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
        return true;
    default:
        return point == '\'' || point == '.' || point == ':' || point == 0xB7 || point == 0x387 ||
               point == 0x2018 || point == 0x2019 || point == 0x2024 || point == 0x2027;
    }
}

/* A sigma is final where a cased letter stands before it and none after it. */
static bool is_final_sigma(struct jinja_text text, size_t at)
{
    size_t bytes, next = at + 2;
    int32_t point = -1;
    bool before = false;
    for (size_t i = at; i > 0;) {
        do
            i--;
        while (i > 0 && ((unsigned char)text.bytes[i] & 0xC0) == 0x80);
        point = jinja_point_at(text, i, &bytes);
        if (!is_case_ignorable(point)) {
            before = is_cased(point);
            break;
        }
    }
    for (; before && next < text.length; next += bytes) {
        point = jinja_point_at(text, next, &bytes);
        if (!is_case_ignorable(point))
            return !is_cased(point);
    }
    return before;
}

static void write_lower_at(struct buffer *out, struct jinja_text text, size_t at, int32_t point)
{
    if (point == 0x3A3)
        write_point(out, is_final_sigma(text, at) ? 0x3C2 : 0x3C3);
    else
        write_case(out, point, LOWER);
}

/* Goes through a text; an invalid byte stays what it is. NOLINTBEGIN(bugprone-macro-parentheses):
 * the names of what it declares have none. */
#define EACH_POINT(text, at, bytes, point)                                                         \
    for (size_t at = 0, bytes; at < (text).length; at += bytes)                                    \
        if ((point = jinja_point_at(text, at, &bytes)) < 0)                                        \
            buffer_append(out, (text).bytes + at, bytes);                                          \
        else
/* NOLINTEND(bugprone-macro-parentheses) */

void jinja_write_upper(struct buffer *out, struct jinja_text text)
{
    int32_t point;
    EACH_POINT(text, at, bytes, point)
    write_case(out, point, UPPER);
}

void jinja_write_lower(struct buffer *out, struct jinja_text text)
{
    int32_t point;
    EACH_POINT(text, at, bytes, point)
    write_lower_at(out, text, at, point);
}

void jinja_write_title(struct buffer *out, struct jinja_text text)
{
    int32_t point;
    bool inside = false; /* a word */
    EACH_POINT(text, at, bytes, point)
    {
        if (inside)
            write_lower_at(out, text, at, point);
        else
            write_case(out, point, TITLE);
        inside = is_cased(point);
    }
}

/* The first character in title case, all others in lower case. */
void jinja_write_capitalized(struct buffer *out, struct jinja_text text)
{
    int32_t point;
    EACH_POINT(text, at, bytes, point)
    {
        if (at == 0)
            write_case(out, point, TITLE);
        else
            write_lower_at(out, text, at, point);
    }
}

/* Upper case becomes lower and lower upper; what is neither stays. */
void jinja_write_swapped(struct buffer *out, struct jinja_text text)
{
    int32_t point;
    EACH_POINT(text, at, bytes, point)
    {
        if (jinja_is_upper(point))
            write_lower_at(out, text, at, point);
        else if (jinja_is_lower(point))
            write_case(out, point, UPPER);
        else
            write_point(out, point);
    }
}

/* Case folding for comparisons: one character may become several. */
void jinja_write_folded(struct buffer *out, struct jinja_text text)
{
    int32_t point, folded[8];
    EACH_POINT(text, at, bytes, point)
    {
        int boundary = 0;
        utf8proc_ssize_t count =
            utf8proc_decompose_char(point, folded, 8, UTF8PROC_CASEFOLD, &boundary);
        for (utf8proc_ssize_t i = 0; i < count && i < 8; i++)
            write_point(out, folded[i]);
    }
}
