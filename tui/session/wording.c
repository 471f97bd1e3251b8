#include "tui/session/wording.h"

#include "base/decimal.h"
#include "base/xdg.h"
#include "tui/session/candidates.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers --- */

/* "1,234,567". */
void digits_put(int64_t number, char *out, size_t size)
{
    snprintf(out, size, "%s", decimal_text(number).text);
}

void whole_put(double number, char *out, size_t size)
{
    if (isnan(number))
        snprintf(out, size, "n/a");
    else if (fabs(number) < 0x1p53)
        digits_put(llround(number), out, size);
    else
        snprintf(out, size, "%.4g", number);
}

void loss_put(double loss, char *out, size_t size)
{
    if (isnan(loss))
        snprintf(out, size, "n/a");
    else
        snprintf(out, size, fabs(loss) < 1e6 ? "%.4f" : "%.4g", loss);
}

void since_put(double seconds, char *out, size_t size)
{
    if (isnan(seconds))
        snprintf(out, size, "n/a");
    else if (seconds < 60)
        snprintf(out, size, "%.0f s", seconds);
    else if (seconds < 3600)
        snprintf(out, size, "%.0f min", floor(seconds / 60));
    else if (seconds < 2 * 86400)
        snprintf(out, size, "%.0f h", floor(seconds / 3600));
    else
        snprintf(out, size, "%.0f days", floor(seconds / 86400));
}

/* Three digits and more are enough for parameters: all of them below 100,000, then k, M and B with
 * one or two decimals; beyond 10^15 it is an exponent, as a file may claim any number. */
void count_put(double count, char *out, size_t size)
{
    if (count < 100000)
        digits_put((int64_t)fmax(count, -1e15), out, size);
    else if (count < 999.95e3)
        snprintf(out, size, "%.1fk", count / 1e3);
    else if (count < 999.95e6)
        snprintf(out, size, "%.1fM", count / 1e6);
    else if (count < 1e15)
        snprintf(out, size, "%.2fB", count / 1e9);
    else
        snprintf(out, size, "%.2e", count);
}

/* Two units at most: seconds are of no interest beside hours. */
void seconds_put(double seconds, char *out, size_t size)
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) {
        snprintf(out, size, "n/a");
        return;
    }
    long whole = lround(seconds);
    if (whole < 60)
        snprintf(out, size, "%ld s", whole);
    else if (whole < 3600)
        snprintf(out, size, "%ld min %02ld s", whole / 60, whole % 60);
    else
        snprintf(out, size, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
}

/* --- paths --- */

bool path_complete(char *path, size_t size)
{
    struct candidates list = {0};
    size_t length = strlen(path);
    candidates_add_paths(&list, path);
    candidates_common(&list, path, path + length, size - length);
    candidates_free(&list);
    return path[length] != '\0';
}

void path_expand(char *path, size_t size)
{
    struct buffer whole = BUFFER_INIT;
    if (path[0] == '~')
        path_put_home(&whole, path);
    if (whole.length > 0 && whole.length < size && !whole.failed)
        memcpy(path, buffer_string(&whole), whole.length + 1);
    buffer_free(&whole);
}

bool path_ends_with(const char *path, const char *tail)
{
    size_t length = strlen(path), size = strlen(tail);
    return length > size && strcmp(path + length - size, tail) == 0;
}

static int columns_of(const char *text)
{
    int32_t code_point;
    int columns = 0;
    for (size_t bytes, length = strlen(text); length > 0; text += bytes, length -= bytes) {
        bytes = utf8_decode(text, length, &code_point);
        columns += utf8_columns(code_point);
    }
    return columns;
}

void path_put_short(const char *path, int columns, char *out, size_t size)
{
    static const char cut[] = "…";
    const char *home = getenv("HOME");
    char whole[4096]; /* as long as paths are */
    size_t length = home && home[0] == '/' ? strlen(home) : 0;
    bool in_home = length > 1 && strncmp(path, home, length) == 0 && path[length] == '/';
    snprintf(whole, sizeof whole, "%s%s", in_home ? "~" : "", in_home ? path + length : path);
    utf8_sanitize(whole);
    const char *from = whole;
    if (columns_of(whole) > columns || strlen(whole) >= size) {
        const char *slash;
        while (*from && (columns_of(from) > columns - 1 || strlen(from) + sizeof cut > size))
            do
                from++;
            while ((*from & 0xC0) == 0x80);
        if ((slash = strchr(from, '/')))
            from = slash;
    }
    char text[sizeof whole + sizeof cut];
    snprintf(text, sizeof text, "%s%s", from == whole ? "" : cut, from);
    utf8_copy(out, size, text);
}

void path_put_last(const char *path, char *out, size_t size)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t from = length;
    while (from > 0 && path[from - 1] != '/')
        from--;
    char last[4096]; /* as long as paths are */
    snprintf(last, sizeof last, "%.*s", (int)(length - from), path + from);
    utf8_copy(out, size, last);
}
