#include "tui/session/job_log.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Twice what is kept, so that old text is moved away seldom. */
int job_log_open(struct job_log *log, const char *job, struct error *err)
{
    *log = (struct job_log){.path = NULL};
    if (job_dir_confine(job, err) == 0)
        log->path = path_join(job, "log.txt", err);
    if (log->path)
        log->text = array_alloc(2 * LOG_KEPT, 1, err);
    if (log->text)
        return 0;
    job_log_close(log);
    return -1;
}

void job_log_close(struct job_log *log)
{
    free(log->path);
    free(log->text);
    free(log->starts);
    *log = (struct job_log){.path = NULL};
}

/* Where lines begin. What stands before the first end of a line, where the log was cut, is the rest
 * of one. */
static void find_lines(struct job_log *log)
{
    size_t at = 0;
    const char *first = log->cut ? memchr(log->text, '\n', log->length) : NULL;
    if (first)
        at = (size_t)(first - log->text) + 1;
    log->count = 0;
    while (at < log->length) {
        const char *end = memchr(log->text + at, '\n', log->length - at);
        if (array_reserve((void **)&log->starts, &log->capacity, log->count + 1,
                          sizeof *log->starts, NULL) != 0)
            return;
        log->starts[log->count++] = at;
        at = end ? (size_t)(end - log->text) + 1 : log->length;
    }
}

/* Twice what is kept has room, so that what is new can be read after it; then the front goes. */
bool job_log_update(struct job_log *log)
{
    struct error err = ERROR_INIT;
    uint64_t size = 0;
    bool troubled = log->trouble[0] != '\0';
    log->trouble[0] = '\0';
    int there = file_find(log->path, &err);
    if (there == 0)
        return troubled;
    int fd = there > 0 ? file_open_read(log->path, &size, &err) : -1;
    bool same = fd >= 0 && size == log->offset;
    if (fd >= 0 && !same) {
        if (size < log->offset || size - log->offset > LOG_KEPT) { /* another log, or long ago */
            log->length = 0;
            log->cut = size > LOG_KEPT;
            log->offset = log->cut ? size - LOG_KEPT : 0;
        }
        size_t count = (size_t)(size - log->offset);
        if (file_read_at(fd, log->text + log->length, count, log->offset, log->path, &err) == 0) {
            log->length += count;
            log->offset = size;
        }
        if (log->length > LOG_KEPT) {
            memmove(log->text, log->text + log->length - LOG_KEPT, LOG_KEPT);
            log->length = LOG_KEPT;
            log->cut = true;
        }
        find_lines(log);
    }
    if (fd >= 0)
        sys.close(fd);
    if (err.kind != ERROR_NONE)
        snprintf(log->trouble, sizeof log->trouble, "%s", err.text);
    return !same || troubled;
}

/* "step 12/200  loss ...", as training says that a step is done. */
static bool is_step(const char *line)
{
    const char *at = strncmp(line, "step ", 5) == 0 ? line + 5 : "";
    size_t digits = strspn(at, "0123456789");
    return digits > 0 && at[digits] == '/';
}

/* Cut to what a line may have, cleaned of what a terminal would obey; its kind is told by how the
 * program begins such lines. */
enum job_log_kind job_log_line(const struct job_log *log, size_t i, char out[LOG_LINE_MAX])
{
    size_t from = log->starts[i], end = i + 1 < log->count ? log->starts[i + 1] : log->length;
    size_t length = end - from;
    while (length > 0 &&
           (log->text[from + length - 1] == '\n' || log->text[from + length - 1] == '\r'))
        length--;
    char line[LOG_LINE_MAX + 4];
    length = length < LOG_LINE_MAX ? length : LOG_LINE_MAX;
    memcpy(line, log->text + from, length);
    line[length] = '\0';
    for (size_t k = 0; k < length; k++)
        if (line[k] == '\0' || line[k] == '\t')
            line[k] = line[k] ? ' ' : '?';
    utf8_mend(line);
    utf8_copy(out, LOG_LINE_MAX, line);
    return strncmp(out, "spectrum: ", 10) == 0 ? LOG_ERROR
           : strncmp(out, "warning: ", 9) == 0 ? LOG_WARNING
           : is_step(out)                      ? LOG_STEP
                                               : LOG_LINE;
}
