/* The writing end of a job's metrics.jsonl: lines are appended, each in one write.
 *
 *     job_metrics_open() -> job_metrics_append() ... -> job_metrics_flush() -> job_metrics_close()
 *
 * 1. A file that was opened ends with a whole line: opening ends a partial one, which a killed
 *    writer left. Readers pass over it (metrics.h).
 * 2. It stays locked (flock) while it is open, so that two workers never write into one job: a
 *    second one is an error. The lock also shows a worker that outlived its supervisor (lock.h).
 * 3. A full disk is not a reason to lose the steps since the last checkpoint: lines for which there
 *    is no room wait in `held`, up to JOB_METRICS_HELD_MAX bytes, and go before the next one.
 *    Whatever part of them was written is cut off, so that each line is in the file once.
 */
#ifndef SPECTRUM_JOB_METRICS_WRITER_H
#define SPECTRUM_JOB_METRICS_WRITER_H

#include "base/buffer.h"

#include <stdbool.h>

enum { JOB_METRICS_HELD_MAX = 16 << 20 };
struct job_metrics_writer {
    int fd;
    char *path;
    struct buffer held; /* whole lines that wait for room */
};
int job_metrics_open(struct job_metrics_writer *writer, const char *job, struct error *err);
/* Appends one JSON object (without the line's end). 1, with `err` set to why: it waits for room. */
int job_metrics_append(struct job_metrics_writer *writer, const struct buffer *object,
                       struct error *err);
/* Writes what waits; an error where there is still not enough room for it. */
int job_metrics_flush(struct job_metrics_writer *writer, struct error *err);
void job_metrics_close(struct job_metrics_writer *writer);
/* Does a living process have the job's writing end open? */
bool job_metrics_are_written(const char *job);

#endif
