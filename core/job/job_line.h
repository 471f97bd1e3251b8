/* A line of metrics.jsonl as it is read: 32 bytes of plain data that stand for it, with what graphs
 * need, and where it lies in the file. (base/lines.h reads files of lines.)
 *
 * Bytes are hostile here: a line that is not an object is not read.
 */
#ifndef SPECTRUM_JOB_JOB_LINE_H
#define SPECTRUM_JOB_JOB_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
