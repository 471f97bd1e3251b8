#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

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
void utf8_copy(char *out, size_t size, const char *text)
{
    size_t length = strlen(text), to = 0;
    for (size_t from = 0; from < length;) {
        int32_t code_point;
        size_t used = utf8_decode(text + from, length - from, &code_point);
        bool unsafe = utf8_is_unsafe(code_point);
        size_t put = unsafe ? 1 : used;
        if (to + put >= size)
            break;
        memmove(out + to, unsafe ? "?" : text + from, put);
        to += put;
        from += used;
    }
    out[to] = '\0';
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
