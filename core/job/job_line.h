/* Lines of metrics.jsonl as they are read: one line, and a file of them, a chunk at a time.
 *
 * A struct job_line is 32 bytes of plain data that stand for a line: what graphs need, and where
 * the line lies in the file. A struct job_lines is a place in a file: its owner sets fd, path,
 * offset and whom to give lines to, calls job_lines_read(), and keeps the offset for the next call.
 * Bytes are hostile here: a line that is not an object is not read, one without an end is passed
 * over.
 */
#ifndef SPECTRUM_JOB_JOB_LINE_H
#define SPECTRUM_JOB_JOB_LINE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a line; a longer one is passed over. */
enum { JOB_LINE_CAP = 1 << 20 };

/* A step's training values, its evaluation, its gradients' norms; an event, also a scan's row. Of
 * the kinds before JOB_LINE_EVENT one line a step counts (metrics.h). */
enum job_line_kind {
    JOB_LINE_TRAINING,
    JOB_LINE_EVALUATION,
    JOB_LINE_GRADIENTS,
    JOB_LINE_EVENT,
    JOB_LINE_KINDS
};

struct job_line {
    int64_t step;    /* -1: it has none */
    double value;    /* "loss" of training, "eval_loss" of an evaluation; NaN: none */
    uint64_t offset; /* where it lies in the file */
    uint32_t length;
    enum job_line_kind kind;
};

/* Kind, step, value and length of a line's text; false where it is not a JSON object. `path` is for
 * messages. */
bool job_line_read(struct job_line *line, const char *text, size_t length, const char *path);

/* Is it {"event": "resume", "step": N}? */
bool job_line_is_resume(const struct job_line *line);

struct job_lines {
    int fd;
    const char *path;
    uint64_t offset; /* what is before it was read */
    bool midway;     /* the offset may be inside a line, whose rest is passed over */
    bool endless;    /* a line was too long, and was passed over */
    size_t count;    /* lines that were taken */
    int (*take)(void *context, const char *text, size_t length, uint64_t offset, struct error *err);
    void *context;
};

/* Gives the whole lines from the offset up to `size` bytes of the file to take(), until that is not
 * 0. */
int job_lines_read(struct job_lines *lines, uint64_t size, struct error *err);

#endif
