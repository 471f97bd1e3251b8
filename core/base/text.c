#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
    double value = strtod(text, &end), base = 1024;
    const char *unit = end != text && *end ? strchr(units, *end & ~0x20) : NULL;
    if (unit) {
        end++;
        bool binary = strcasecmp(end, "iB") == 0, decimal = strcasecmp(end, "B") == 0;
        base = decimal ? 1000 : 1024;
        end += binary ? 2 : decimal;
        for (const char *u = units; u <= unit; u++)
            value *= base;
    }
    if (end == text || *end || !(value >= 1) || value > 0x1p62)
        return false;
    *bytes = (uint64_t)value;
    return true;
}

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
