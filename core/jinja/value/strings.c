#include "jinja/value/strings.h"

#include "base/utf8.h"

#include <string.h>

static bool begins_point(char byte)
{
    return ((unsigned char)byte & 0xC0) != 0x80;
}

size_t jinja_offset(struct jinja_text text, size_t index)
{
    size_t at = 0;
    for (; at < text.length; at++)
        if (begins_point(text.bytes[at]) && index-- == 0)
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
