#include "tui/session/wording.h"

#include "base/sys.h"
#include "base/xdg.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- numbers --- */

void digits_put(int64_t number, char *out, size_t size)
{
    char plain[32], grouped[48];
    int length = snprintf(plain, sizeof plain, "%lld", (long long)number), at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && plain[i - 1] != '-')
            grouped[at++] = ',';
        grouped[at++] = plain[i];
    }
    grouped[at] = '\0';
    snprintf(out, size, "%s", grouped);
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

enum { NAME_SIZE = 256 };

/* The folder is what stands before the last "/", the current one where there is none; what is typed
 * after it is completed as far as all entries that begin so agree. */
bool path_complete(char *path, size_t size)
{
    char folder[4096] = ".", name[NAME_SIZE] = ""; /* name: what they have in common so far */
    struct stat info;
    const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path;
    size_t before = strlen(path), kept = (size_t)(start - path), typed = strlen(start);
    int found = 0;
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", (int)kept, path);
    DIR *open = sys.opendir(folder);
    for (struct dirent *at; open && (at = sys.readdir(open));) {
        /* hidden entries only where a dot was typed */
        if (strncmp(at->d_name, start, typed) != 0 || (at->d_name[0] == '.' && start[0] != '.'))
            continue;
        if (found++ == 0)
            snprintf(name, NAME_SIZE, "%s", at->d_name);
        size_t same = 0;
        while (name[same] && name[same] == at->d_name[same])
            same++;
        while (same > typed && ((unsigned char)name[same] & 0xC0) == 0x80)
            same--; /* not in the middle of a character */
        name[same] = '\0';
    }
    if (open)
        sys.closedir(open);
    if (found == 0 || kept + strlen(name) + 2 > size)
        return false;
    memcpy(path + kept, name, strlen(name) + 1);
    if (found == 1 && sys.stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        memcpy(path + strlen(path), "/", 2);
    return strlen(path) > before;
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
