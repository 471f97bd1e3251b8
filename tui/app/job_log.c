#include "tui/app/job_log.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/sys.h"
#include "base/utf8.h"
#include "job/job_dir.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL = 4096 };

/* The last bytes of the log, as a string. */
static void read_tail(const char *job, char tail[TAIL + 1])
{
    uint64_t size = 0;
    char *path = job_dir_confine(job, NULL) == 0 ? path_join(job, "log.txt", NULL) : NULL;
    int fd = path ? file_open_read(path, &size, NULL) : -1;
    size_t count = size < TAIL ? (size_t)size : TAIL;
    tail[0] = '\0';
    if (fd >= 0) {
        if (file_read_at(fd, tail, count, size - count, path, NULL) == 0)
            tail[count] = '\0';
        for (size_t i = 0; i < count; i++)
            if (tail[i] == '\0') /* a hole */
                tail[i] = '\n';
        sys.close(fd);
    }
    free(path);
}

/* The last line that begins as main() begins an error: "spectrum: "; with `last`, unless other
 * lines follow it. Supervisor and worker write to the same log, and the worker's line comes first.
 */
static const char *find_error(char *tail, bool last)
{
    const char *found = NULL, *mark = "spectrum: ";
    for (char *line = strtok(tail, "\n"); line; line = strtok(NULL, "\n")) {
        bool is_error = strncmp(line, mark, strlen(mark)) == 0;
        if (is_error && !strstr(line, "result.json says how"))
            found = line + strlen(mark);
        else if (last && !is_error)
            found = NULL; /* it went on after that one */
    }
    return found;
}

void job_last_message(const char *job, char *out, size_t size)
{
    char tail[TAIL + 1];
    cJSON *result = job_dir_read(job, "result.json", NULL);
    const char *message = NULL, *status = "", *error;
    read_tail(job, tail);
    json_get_string(result, "message", &message);
    json_get_string(result, "status", &status);
    /* Without a result it died; or there was no room for one, which the log may have had. */
    error = !result || strcmp(status, "failed") == 0 ? find_error(tail, !result) : NULL;
    snprintf(out, size, "%s", error ? error : message ? message : "nothing says how");
    utf8_sanitize(out);
    cJSON_Delete(result);
}
