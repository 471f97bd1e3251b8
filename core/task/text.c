#include "task/text.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

/* str.isspace() of one character. */
static bool is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

size_t text_strip_end(const char *text, size_t length)
{
    while (length > 0) {
        size_t begin = length - 1;
        int32_t code;
        while (begin > 0 && ((unsigned char)text[begin] & 0xC0) == 0x80)
            begin--;
        utf8_decode(text + begin, length - begin, &code);
        if (!is_space(code))
            break;
        length = begin;
    }
    return length;
}

void text_strip(const char **text, size_t *length)
{
    int32_t code;
    *length = text_strip_end(*text, *length);
    while (*length > 0) {
        size_t step = utf8_decode(*text, *length, &code);
        if (!is_space(code))
            break;
        *text += step;
        *length -= step;
    }
}

void text_replace(struct buffer *out, const char *text, const char *old, const char *new_text)
{
    const char *found;
    for (; (found = strstr(text, old)); text = found + strlen(old)) {
        buffer_append(out, text, (size_t)(found - text));
        buffer_text(out, new_text);
    }
    buffer_text(out, text);
}
