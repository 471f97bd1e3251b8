#include "text/data_names.h"

#include "base/utf8.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { COMMAND_PATH_MAX = 160 };

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t n = strlen(end);
    return length >= n && strncasecmp(text + length - n, end, n) == 0;
}

bool data_name_ends(const char *path, const char *ending)
{
    size_t length = strlen(path);
    if (ends_with(path, length, ".gz"))
        length -= 3;
    else if (ends_with(path, length, ".zst"))
        length -= 4;
    return ends_with(path, length, ending);
}

const char *data_name_form(const char *path)
{
    static const char *const forms[] = {".txt", ".jsonl", ".ndjson", ".json"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (data_name_ends(path, forms[i]))
            return forms[i];
    return "";
}

const char *data_path_in_command(const char *path)
{
    size_t length = strlen(path);
    if (length > COMMAND_PATH_MAX || !utf8_printable(path) || path[0] == '-')
        return "FILE";
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)path[i]) && !strchr("/._-+=@%,: ", path[i]) &&
            !((unsigned char)path[i] & 0x80))
            return "FILE";
    return path;
}
