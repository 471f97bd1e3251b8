#include "tui/session/candidates.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"
#include "tui/canvas/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void candidates_free(struct candidates *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->words[i]);
    free(list->words);
    *list = (struct candidates){0};
}

/* At a place among those that are there. */
static void insert(struct candidates *list, size_t at, const char *word)
{
    if (list->count == CANDIDATES_MAX ||
        array_reserve((void **)&list->words, &list->capacity, list->count + 1, sizeof *list->words,
                      NULL) != 0)
        return;
    char *copy = string_copy(word, NULL);
    if (!copy)
        return;
    memmove(list->words + at + 1, list->words + at, (list->count - at) * sizeof *list->words);
    list->words[at] = copy;
    list->count++;
}

void candidates_append(struct candidates *list, const char *word)
{
    insert(list, list->count, word);
}

void candidates_add(struct candidates *list, const char *word, const char *typed)
{
    size_t at = list->count;
    if (strncmp(word, typed, strlen(typed)) != 0)
        return;
    while (at > 0 && strcmp(list->words[at - 1], word) > 0)
        at--;
    if (at == 0 || strcmp(list->words[at - 1], word) != 0)
        insert(list, at, word);
}

/* --- paths --- */

static bool is_folder(const char *folder, const char *name)
{
    struct buffer path = BUFFER_INIT;
    struct stat info;
    buffer_format(&path, "%s/%s", folder, name);
    bool is = !path.failed && sys.stat(buffer_string(&path), &info) == 0 && S_ISDIR(info.st_mode);
    buffer_free(&path);
    return is;
}

/* An entry of `folder`, as it would be typed: after the first `kept` bytes of what is. */
static void add_entry(struct candidates *list, const char *folder, const char *name,
                      const char *typed, size_t kept)
{
    struct buffer word = BUFFER_INIT;
    const char *begun = typed + kept;
    if (strncmp(name, begun, strlen(begun)) != 0 || (name[0] == '.' && begun[0] != '.') ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !utf8_printable(name))
        return;
    buffer_append(&word, typed, kept);
    buffer_format(&word, "%s%s", name, is_folder(folder, name) ? "/" : "");
    if (!word.failed)
        candidates_add(list, buffer_string(&word), typed);
    buffer_free(&word);
}

/* What was typed up to the last "/" stays as it was typed; "~" alone becomes a folder first. */
void candidates_add_paths(struct candidates *list, const char *typed)
{
    struct buffer folder = BUFFER_INIT;
    char *part = string_copy(typed, NULL);
    const char *slash = strrchr(typed, '/');
    size_t kept = slash ? (size_t)(slash + 1 - typed) : 0;
    if (strcmp(typed, "~") == 0) {
        candidates_add(list, "~/", typed);
    } else if (part) {
        part[kept] = '\0';
        path_put_home(&folder, kept > 0 ? part : ".");
        DIR *open = folder.failed ? NULL : sys.opendir(buffer_string(&folder));
        for (struct dirent *at; open && (at = sys.readdir(open));)
            add_entry(list, buffer_string(&folder), at->d_name, typed, kept);
        if (open)
            sys.closedir(open);
    }
    free(part);
    buffer_free(&folder);
}

/* --- what they have in common --- */

/* The first and the last of a sorted list differ soonest. */
void candidates_common(const struct candidates *list, const char *typed, char *out, size_t size)
{
    out[0] = '\0';
    if (list->count == 0)
        return;
    const char *first = list->words[0], *last = list->words[list->count - 1];
    size_t begun = strlen(typed), same = begun;
    while (first[same] && first[same] == last[same])
        same++;
    while (same > begun && ((unsigned char)first[same] & 0xC0) == 0x80)
        same--; /* not in the middle of a character */
    if (same - begun < size)
        snprintf(out, size, "%.*s", (int)(same - begun), first + begun);
}

void candidates_complete(struct candidates *list, const char *typed, char *more, size_t size)
{
    candidates_common(list, typed, more, size);
    list->chosen = 0;
    if (more[0] || list->count < 2)
        candidates_free(list);
}

/* While the list is open Tab and arrows choose; any other key closes it and is then the
 * caller's. */
enum choice candidates_input(struct candidates *list, int input)
{
    if (list->count == 0)
        return CHOICE_OTHER;
    if (input == INPUT_ENTER)
        return CHOICE_TAKEN;
    if (input == INPUT_DOWN || input == INPUT_TAB) {
        list->chosen = (list->chosen + 1) % list->count;
        return CHOICE_MOVED;
    }
    if (input == INPUT_UP || input == INPUT_BACK_TAB) {
        list->chosen = (list->chosen + list->count - 1) % list->count;
        return CHOICE_MOVED;
    }
    candidates_free(list);
    return input == INPUT_ESCAPE ? CHOICE_CLOSED : CHOICE_OTHER;
}

const char *candidate_name(const char *word)
{
    const char *name = word;
    for (const char *c = word; *c; c++)
        if (*c == '/' && c[1])
            name = c + 1;
    return name;
}
