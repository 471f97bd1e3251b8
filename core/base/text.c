#include "base/text.h"

#include "base/decimal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

bool text_ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

bool text_is_one_of(const char *text, const char *const *list)
{
    while (*list && strcmp(text, *list) != 0)
        list++;
    return *list;
}

/* "8G" and "8GiB" are 2^33, "8GB" is 8 10^9. */
bool text_to_bytes(uint64_t *bytes, const char *text)
{
    static const char units[] = "KMGT";
    char digits[32];
    size_t length = strspn(text, "0123456789.");
    const char *end = text + length;
    double value, base = 1024;
    snprintf(digits, sizeof digits, "%.*s", (int)(length < sizeof digits ? length : 0), text);
    if (!decimal_read(&value, digits))
        return false;
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    if (unit) {
        end++;
        bool binary = strcasecmp(end, "iB") == 0, decimal = strcasecmp(end, "B") == 0;
        base = decimal ? 1000 : 1024;
        end += binary ? 2 : decimal;
        for (const char *u = units; u <= unit; u++)
            value *= base;
    }
    if (*end || !(value >= 1) || value > 0x1p62)
        return false;
    *bytes = (uint64_t)value;
    return true;
}

/* Three digits, whatever the unit. */
void bytes_put(double bytes, char *out, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    int unit = 0;
    while (bytes >= 999.5 && unit < 5) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, size,
             unit == 0 || bytes >= 99.95 ? "%.0f %s"
             : bytes >= 9.995            ? "%.1f %s"
                                         : "%.2f %s",
             bytes, units[unit]);
}

struct bytes_text bytes_text(double bytes)
{
    struct bytes_text out;
    bytes_put(bytes, out.text, sizeof out.text);
    return out;
}

/* --- UTF-8 --- */

size_t utf8_decode(const char *text, size_t length, int32_t *code_point)
{
    *code_point = -1;
    if (length == 0)
        return 0;
    utf8proc_int32_t value;
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text,
                                             length > 4 ? 4 : (utf8proc_ssize_t)length, &value);
    if (used <= 0)
        return 1;
    *code_point = value;
    return (size_t)used;
}

size_t utf8_encode(int32_t code_point, char out[4])
{
    return (size_t)utf8proc_encode_char(code_point, (utf8proc_uint8_t *)out);
}

bool utf8_valid(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        int32_t code_point;
        i += utf8_decode(text + i, length - i, &code_point);
        if (code_point < 0)
            return false;
    }
    return true;
}

/* C0, DEL and C1; bidirectional embeddings, overrides and isolates, which can make a line read
 * otherwise than it is; line and paragraph separators. */
bool utf8_is_unsafe(int32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
}

bool utf8_printable(const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        int32_t code_point;
        i += utf8_decode(text + i, length - i, &code_point);
        if (utf8_is_unsafe(code_point)) /* -1, an invalid byte, is unsafe too */
            return false;
    }
    return true;
}

/* `out` may be `text` itself: no character becomes longer. */
static void copy_safe(char *out, size_t size, const char *text, const char *blanks)
{
    size_t length = strlen(text), to = 0;
    for (size_t from = 0; from < length;) {
        int32_t code_point;
        size_t used = utf8_decode(text + from, length - from, &code_point);
        bool unsafe = utf8_is_unsafe(code_point);
        size_t put = unsafe ? 1 : used;
        if (to + put >= size)
            break;
        memmove(out + to, !unsafe ? text + from : strchr(blanks, text[from]) ? " " : "?", put);
        to += put;
        from += used;
    }
    out[to] = '\0';
}

void utf8_copy(char *out, size_t size, const char *text)
{
    copy_safe(out, size, text, "");
}

void utf8_copy_line(char *out, size_t size, const char *text)
{
    copy_safe(out, size, text, "\n\r\t");
}

void utf8_sanitize(char *text)
{
    utf8_copy(text, strlen(text) + 1, text);
}

/* The length without the beginning of a character whose rest is not there. */
static size_t whole_length(const char *text, size_t length)
{
    for (size_t back = 1; back <= 3 && back <= length; back++) {
        unsigned char byte = (unsigned char)text[length - back];
        if ((byte & 0xC0) == 0x80)
            continue;
        size_t needed = byte < 0xC2 || byte > 0xF4 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
        return needed > back ? length - back : length;
    }
    return length;
}

void utf8_mend(char *text)
{
    size_t length = whole_length(text, strlen(text));
    text[length] = '\0';
    for (size_t i = 0; i < length;) {
        int32_t code_point;
        size_t used = utf8_decode(text + i, length - i, &code_point);
        if (code_point < 0)
            text[i] = '?';
        i += used;
    }
}

int utf8_columns(int32_t code_point)
{
    return utf8_is_unsafe(code_point) ? 0 : utf8proc_charwidth(code_point);
}
