#include "tui/app/history.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 4 << 20 };
static const char folder_name[] = "history", file_name[] = "prompt";

static void drop(char **lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(lines[i]);
}

void history_free(struct history *history)
{
    drop(history->lines, history->count);
    free(history->lines);
    *history = (struct history){0};
}

/* Keeps the last HISTORY_MAX of more than twice as many: in one go, so that it is seldom. True: there
 * were. */
static bool cut(struct history *history)
{
    if (history->count <= 2 * HISTORY_MAX)
        return false;
    size_t over = history->count - HISTORY_MAX;
    drop(history->lines, over);
    memmove(history->lines, history->lines + over, HISTORY_MAX * sizeof *history->lines);
    history->count = HISTORY_MAX;
    return true;
}

static void append(struct history *history, const char *line)
{
    if (array_reserve((void **)&history->lines, &history->capacity, history->count + 1,
                      sizeof *history->lines, NULL) != 0)
        return;
    history->lines[history->count] = string_copy(line, NULL);
    history->count += history->lines[history->count] != NULL;
}

/* All of it, once more. */
static void save(const struct history *history, const char *path)
{
    struct buffer text = BUFFER_INIT;
    for (size_t i = 0; i < history->count; i++)
        buffer_format(&text, "%s\n", history->lines[i]);
    if (!text.failed)
        file_save_private(path, text.data, text.length, NULL);
    buffer_free(&text);
}

/* A line that is no entry, as a disk that was full leaves one, is left out. */
void history_load(struct history *history)
{
    struct buffer text = BUFFER_INIT;
    char *folder = xdg_state_path(folder_name, NULL);
    char *path = folder ? path_join(folder, file_name, NULL) : NULL;
    history->loaded = true;
    if (path && file_read_all(&text, path, FILE_MAX, NULL) == 0) {
        for (char *line = text.data, *next; line && *line; line = next) {
            next = strchr(line, '\n');
            if (next)
                *next++ = '\0';
            if (strchr(line, ' ') && utf8_printable(line))
                append(history, line);
        }
        if (cut(history))
            save(history, path);
    }
    buffer_free(&text);
    free(path);
    free(folder);
}

/* In one write, so that the lines of two screens do not mix. */
static void append_to_file(const char *line)
{
    struct buffer text = BUFFER_INIT;
    char *folder = xdg_state_folder(folder_name, NULL);
    char *path = folder ? path_join(folder, file_name, NULL) : NULL;
    int fd =
        path ? sys.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    buffer_format(&text, "%s\n", line);
    if (fd >= 0) {
        if (!text.failed)
            file_write(fd, text.data, text.length, path, NULL);
        sys.close(fd);
    }
    buffer_free(&text);
    free(path);
    free(folder);
}

/* Not twice in a row. Appended to the file at once, so that several screens have one history. */
void history_add(struct history *history, const char *kind, const char *text)
{
    size_t at = history->count;
    const char *last = history_find(history, kind, &at, -1);
    if (!text[0] || (last && strcmp(last, text) == 0) || !utf8_printable(text))
        return;
    struct buffer line = BUFFER_INIT;
    buffer_format(&line, "%s %s", kind, text);
    if (!line.failed) {
        append(history, line.data);
        append_to_file(line.data);
        cut(history);
    }
    buffer_free(&line);
}

const char *history_find(const struct history *history, const char *kind, size_t *at, int step)
{
    size_t length = strlen(kind);
    for (size_t i = *at + (size_t)step; i < history->count; i += (size_t)step) {
        const char *line = history->lines[i];
        if (strncmp(line, kind, length) == 0 && line[length] == ' ') {
            *at = i;
            return line + length + 1;
        }
    }
    return NULL;
}
