/* The end of a job's log.txt, followed while it grows.
 *
 *     job_log_open() -> job_log_update() with each tick -> job_log_line() -> job_log_close()
 *
 * Of a log of any size the last LOG_KEPT bytes are kept, and no more than that is read at once. What
 * is in it may be anybody's: a line is given as text that a terminal may show.
 */
#ifndef SPECTRUM_TUI_SESSION_JOB_LOG_H
#define SPECTRUM_TUI_SESSION_JOB_LOG_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_KEPT = 256 << 10, LOG_LINE_MAX = 1024 };

enum job_log_kind {
    LOG_LINE,    /* what is said of the run, */
    LOG_STEP,    /* that another step is done, */
    LOG_WARNING, /* "warning: ...", */
    LOG_ERROR    /* and "spectrum: ...", as the program says what ended it */
};

struct job_log {
    char *path;
    char *text; /* the kept bytes; a line ends with '\n' */
    size_t length;
    uint64_t offset; /* of the file, what was read; the kept bytes are those before it */
    size_t *starts;  /* where in `text` a line begins */
    size_t count, capacity;
    bool cut;                     /* the first kept line is not the log's first */
    char trouble[ERROR_TEXT_MAX]; /* why it cannot be read; "" */
};

int job_log_open(struct job_log *log, const char *job, struct error *err);
void job_log_close(struct job_log *log);

/* Takes in what was appended, at most LOG_KEPT bytes of it; true: something changed. A log that is
 * not there yet is empty. */
bool job_log_update(struct job_log *log);

/* Line `i` of log->count, cut to LOG_LINE_MAX bytes. */
enum job_log_kind job_log_line(const struct job_log *log, size_t i, char out[LOG_LINE_MAX]);

#endif
