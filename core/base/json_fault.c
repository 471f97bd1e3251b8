#include "base/json_fault.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* RFC 8259's grammar, a function a rule, with the mistakes that people and programs make named
 * where they are met: Python's literals and quotes, comments, commas too many, texts that are cut.
 */
enum { DEPTH_MAX = 64 };

/* A parser that keeps nothing. Its functions are true as long as there is no fault; `lost` is a
 * text that it does not check. */
struct walker {
    const char *text;
    size_t length, at;
    bool loose, lost;
    struct json_fault *out;
};

__attribute__((format(printf, 2, 3))) static bool fault(struct walker *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(w->out->what, sizeof w->out->what, format, arguments);
    va_end(arguments);
    w->out->at = w->at;
    w->out->cut = w->at >= w->length;
    return false;
}

static bool is_next(const struct walker *w, const char *word)
{
    size_t length = strlen(word);
    return w->length - w->at >= length && memcmp(w->text + w->at, word, length) == 0;
}

static bool take(struct walker *w, const char *word)
{
    bool here = is_next(w, word);
    w->at += here ? strlen(word) : 0;
    return here;
}

/* The next byte, which may be none: '\0'. A NUL in the text gives the walk up. */
static char peek(struct walker *w)
{
    if (w->at >= w->length)
        return '\0';
    w->lost |= w->text[w->at] == '\0';
    return w->text[w->at];
}

static bool skip_space(struct walker *w)
{
    while (w->at < w->length && w->text[w->at] && strchr(" \t\r\n", w->text[w->at]))
        w->at++;
    if (is_next(w, "//") || is_next(w, "/*") || is_next(w, "#"))
        return fault(w, "a comment: JSON has none");
    return true;
}

/* What stands where a value, a key, a comma or an end should. */
static bool unexpected(struct walker *w, const char *expected)
{
    static const struct {
        const char *text, *what;
    } known[] = {
        {"'", "a text in single quotes, as Python shows it: JSON has double ones (json.dumps)"},
        {"\xE2\x80\x9C", "a typographic quotation mark: JSON has \""},
        {"\xE2\x80\x9D", "a typographic quotation mark: JSON has \""},
        {"\xEF\xBB\xBF", "a second mark of byte order: files that were put one after another?"},
        {"\xC2\xA0", "a no-break space: JSON has plain ones"},
        {"True", "Python's True: JSON has true (json.dumps)"},
        {"False", "Python's False: JSON has false (json.dumps)"},
        {"None", "Python's None: JSON has null (json.dumps)"},
        {"NaN", "NaN: JSON has no such number"},
        {"Infinity", "Infinity: JSON has no such number"},
        {"-Infinity", "-Infinity: JSON has no such number"},
        {"undefined", "undefined: JSON has null"},
    };
    if (w->at >= w->length)
        return fault(w, "it ends where %s should be", expected);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is_next(w, known[i].text))
            return fault(w, "%s", known[i].what);
    unsigned char c = (unsigned char)w->text[w->at];
    if (c > ' ' && c < 0x7F)
        return fault(w, "\"%c\" where %s should be", c, expected);
    return fault(w, "the byte 0x%02X where %s should be", c, expected);
}

/* Four digits of a \\u, or -1. */
static int hex_unit(const struct walker *w, size_t at)
{
    int unit = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = at + i < w->length ? w->text[at + i] : '\0';
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* After the backslash of "\uXXXX": characters above U+FFFF are two of them, a high half (D800 to
 * DBFF) and a low one. */
static bool walk_unicode(struct walker *w)
{
    int unit = hex_unit(w, w->at + 1), low;
    if (unit < 0)
        return fault(w, "\\u without four hexadecimal digits");
    bool high = unit >= 0xD800 && unit <= 0xDBFF;
    low = high && w->length - w->at >= 7 && memcmp(w->text + w->at + 5, "\\u", 2) == 0
              ? hex_unit(w, w->at + 7)
              : -1;
    bool pair = low >= 0xDC00 && low <= 0xDFFF;
    if (unit >= 0xD800 && unit <= 0xDFFF && !pair)
        return fault(w,
                     "\\u%04x is half of a surrogate pair, not a character: an emoji cut in two?",
                     (unsigned)unit);
    w->at += pair ? 11 : 5;
    return true;
}

/* From its quote to the closing one; escapes must be JSON's. */
static bool walk_string(struct walker *w)
{
    size_t begin = w->at++;
    while (w->at < w->length) {
        char c = w->text[w->at];
        if (c == '"') {
            w->at++;
            return true;
        }
        w->at++;
        if (c != '\\')
            continue;
        c = peek(w);
        if (c == 'u' && !walk_unicode(w))
            return false;
        if (c == 'u')
            continue;
        if (!c || !strchr("\"\\/bfnrt", c))
            return w->at < w->length ? fault(w, "a backslash that begins no escape of JSON")
                                     : fault(w, "it ends inside a text");
        w->at++;
    }
    w->at = w->length;
    return fault(w, "it ends inside a text that begins at byte %zu", begin);
}

static size_t take_digits(struct walker *w)
{
    size_t from = w->at;
    while (peek(w) >= '0' && peek(w) <= '9')
        w->at++;
    return w->at - from;
}

/* The grammar of JSON's numbers: no "+", no leading ".", digits after ".". */
static bool walk_number(struct walker *w)
{
    take(w, "-");
    if (take_digits(w) == 0)
        return w->loose && take(w, "Infinity") ? true : unexpected(w, "a digit");
    if (take(w, ".") && take_digits(w) == 0)
        return unexpected(w, "a digit");
    if (!take(w, "e") && !take(w, "E"))
        return true;
    if (!take(w, "+"))
        take(w, "-");
    return take_digits(w) > 0 || unexpected(w, "a digit");
}

static bool walk_value(struct walker *w, int depth);

/* An object or an array, up to what follows its end. */
static bool walk_members(struct walker *w, bool object, int depth)
{
    const char *kind = object ? "an object" : "an array", end = object ? '}' : ']';
    w->at++;
    if (!skip_space(w))
        return false;
    if (peek(w) == end)
        return ++w->at;
    for (;;) {
        if (object) {
            char c = peek(w);
            if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
                return fault(w, "a key without quotes");
            if (c != '"')
                return unexpected(w, "a key in double quotes");
            if (!walk_string(w) || !skip_space(w))
                return false;
            if (!take(w, ":"))
                return unexpected(w, "the colon after a key");
        }
        if (!walk_value(w, depth + 1))
            return false;
        if (peek(w) == end)
            return ++w->at;
        if (peek(w) != ',') {
            char expected[48];
            snprintf(expected, sizeof expected, "a comma or the end of %s", kind);
            return unexpected(w, expected);
        }
        size_t comma = w->at++;
        if (!skip_space(w))
            return false;
        if (peek(w) == end || peek(w) == ',') {
            bool last = peek(w) == end;
            w->at = comma;
            return last ? fault(w, "a comma before the end of %s: JSON has none", kind)
                        : fault(w, "two commas");
        }
    }
}

/* A value and the space around it. */
static bool walk_value(struct walker *w, int depth)
{
    if (!skip_space(w))
        return false;
    char c = peek(w);
    bool right;
    if (depth > DEPTH_MAX) {
        w->lost = true;
        return false;
    }
    if (c == '{' || c == '[')
        right = walk_members(w, c == '{', depth);
    else if (c == '"')
        right = walk_string(w);
    else if (c == '-' || (c >= '0' && c <= '9'))
        right = walk_number(w);
    else if (take(w, "true") || take(w, "false") || take(w, "null") ||
             (w->loose && (take(w, "NaN") || take(w, "Infinity"))))
        right = true;
    else
        right = unexpected(w, "a value");
    return right && skip_space(w);
}

/* Columns count characters, as editors do. */
static void find_place(const struct walker *w)
{
    struct json_fault *out = w->out;
    out->line = out->column = 1;
    for (size_t i = 0; i < out->at && i < w->length; i++) {
        out->column += ((unsigned char)w->text[i] & 0xC0) != 0x80;
        if (w->text[i] == '\n') {
            out->line++;
            out->column = 1;
        }
    }
}

/* False where there is no fault, or where the walk lost its way: then nobody claims one. */
bool json_fault_find(const char *text, size_t length, bool loose, struct json_fault *out)
{
    struct walker w = {.text = text, .length = length, .loose = loose, .out = out};
    *out = (struct json_fault){0};
    bool right = walk_value(&w, 1);
    if (right && w.at < length && peek(&w)) {
        unsigned char c = (unsigned char)text[w.at];
        out->after = true;
        right = c > ' ' && c < 0x7F ? fault(&w, "\"%c\" after its end", c)
                                    : fault(&w, "the byte 0x%02X after its end", c);
    }
    if (right || w.lost)
        return false;
    find_place(&w);
    return true;
}
