#include "tui/session/candidates.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/sys.h"
#include "tui/session/form_keep.h"
#include "tui/session/wording.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The entry with what was typed before it, and a "/" where it is a folder. */
static char *entry_path(const char *typed, size_t kept, const char *name)
{
    struct buffer path = BUFFER_INIT;
    struct stat info;
    buffer_append(&path, typed, kept);
    buffer_text(&path, name);
    if (!path.failed && sys.stat(path.data, &info) == 0 && S_ISDIR(info.st_mode))
        buffer_byte(&path, '/');
    if (path.failed)
        buffer_free(&path);
    return path.data;
}

bool candidates_of_path(struct candidates *out, const char *path)
{
    char typed[PATH_MAX], folder[PATH_MAX] = ".";
    *out = (struct candidates){.count = 0};
    snprintf(typed, sizeof typed, "%s", path);
    path_expand(typed, sizeof typed);
    const char *slash = strrchr(typed, '/'), *start = slash ? slash + 1 : typed;
    size_t kept = (size_t)(start - typed), length = strlen(start);
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", (int)kept, typed);
    DIR *open = sys.opendir(folder);
    for (struct dirent *at; open && (at = sys.readdir(open));) {
        bool hidden = at->d_name[0] == '.' && start[0] != '.';
        bool link = strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0;
        if (hidden || link || strncmp(at->d_name, start, length) != 0)
            continue;
        out->more = out->count == CANDIDATES_MAX;
        if (out->more)
            break;
        out->items[out->count] = entry_path(typed, kept, at->d_name);
        out->count += out->items[out->count] != NULL;
    }
    if (open)
        sys.closedir(open);
    qsort(out->items, out->count, sizeof *out->items, by_bytes);
    return out->count > 0;
}

bool candidates_of_history(struct candidates *out, size_t field)
{
    *out = (struct candidates){.count = 0};
    out->count = form_history_read(field, out->items, FORM_HISTORY_MAX);
    return out->count > 0;
}

void candidates_move(struct candidates *candidates, int by)
{
    if (candidates->count > 0)
        candidates->cursor =
            (candidates->cursor + candidates->count + (size_t)by) % candidates->count;
}

void candidates_free(struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++)
        free(candidates->items[i]);
    *candidates = (struct candidates){.count = 0};
}
