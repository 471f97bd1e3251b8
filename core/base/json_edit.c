#include "base/json_edit.h"

#include "base/json_writer.h"

#include <string.h>

static const char space[] = " \t\r\n";

/* Behind the string that begins at text[at]. */
static size_t behind_string(const char *text, size_t at)
{
    for (at++; text[at] != '"'; at++)
        at += text[at] == '\\';
    return at + 1;
}

bool json_find_value(const char *text, const char *key, size_t *begin, size_t *end)
{
    size_t at = 0;
    *begin = 0;
    for (int depth = 0; text[at]; at++) {
        if (text[at] == '"') {
            size_t behind = behind_string(text, at), length = behind - at - 2;
            bool is_key = depth == 1 && text[behind + strspn(text + behind, space)] == ':';
            if (is_key && !*begin && length == strlen(key) &&
                memcmp(text + at + 1, key, length) == 0) {
                behind += strspn(text + behind, space) + 1;
                *begin = behind;
            }
            at = behind - 1;
            continue;
        }
        if (*begin && depth == 1 && (text[at] == ',' || text[at] == '}'))
            break;
        depth += (text[at] == '{' || text[at] == '[') - (text[at] == '}' || text[at] == ']');
    }
    while (*begin && at > *begin && strchr(space, text[at - 1]))
        at--;
    *end = at;
    return *begin > 0;
}

void json_put_edited(struct buffer *out, const char *text, const char *key, const char *value)
{
    size_t begin, end;
    if (json_find_value(text, key, &begin, &end)) {
        buffer_append(out, text, begin);
        buffer_byte(out, ' ');
        buffer_text(out, value);
        buffer_text(out, text + end);
        return;
    }
    const char *brace = strchr(text, '{'), *rest = brace + 1 + strspn(brace + 1, space);
    buffer_append(out, text, (size_t)(brace + 1 - text));
    buffer_text(out, "\n  ");
    json_put_string(out, key);
    buffer_text(out, ": ");
    buffer_text(out, value);
    buffer_text(out, *rest == '}' ? "" : ",");
    buffer_text(out, brace + 1);
}
