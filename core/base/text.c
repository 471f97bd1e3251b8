#include "base/text.h"

#include <stdlib.h>
#include <string.h>

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

bool text_to_bytes(uint64_t *bytes, const char *text)
{
    static const char units[] = "KMGT";
    char *end;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    if (unit) {
        end++;
        for (const char *u = units; u <= unit; u++)
            value *= 1024;
    }
    if (end == text || *end || !(value >= 1) || value > 0x1p62)
        return false;
    *bytes = (uint64_t)value;
    return true;
}
