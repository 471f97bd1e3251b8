/* The text of a data set's file, line by line, or as a table of comma-separated values.
 *
 * It is read whole: evaluation sets have some megabytes. Plain, or packed by gzip, zstd or bzip2.
 * UTF-8, without NUL; a byte order mark is not text. What is none of that is refused with the file
 * and the line. */
#ifndef SPECTRUM_TASK_SOURCE_H
#define SPECTRUM_TASK_SOURCE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { TASK_FILE_MAX = 1 << 28, TASK_LINE_MAX = 1 << 20, TASK_FIELDS_MAX = 64 };

struct task_source {
    const char *path; /* the caller's */
    struct buffer text;
    size_t at, line; /* of what comes next; lines from 1 */
};

int task_source_open(struct task_source *source, const char *path, struct error *err);
void task_source_close(struct task_source *source);

/* 1: *text has the next line without its end, inside of the source; 0: there is none; -1: it is too
 * long. */
int task_source_line(struct task_source *source, const char **text, size_t *length,
                     struct error *err);

/* A row of a table (RFC 4180): fields between commas, in quotes where they have commas, quotes
 * (doubled) or ends of lines. The texts are its own, until the next row; starts as {0}. */
struct task_row {
    struct buffer text;
    size_t at[TASK_FIELDS_MAX]; /* where each field begins in it */
    size_t count, line;         /* the line that it begins on */
};
const char *task_row_field(const struct task_row *row, size_t index);
void task_row_free(struct task_row *row);

/* 1, 0 or -1 as above; rows without any text are passed over. */
int task_source_row(struct task_source *source, struct task_row *row, struct error *err);

#endif
