/* metrics.jsonl: written a line at a time, followed while it grows (docs/formats.md). */
#ifndef SPECTRUM_JOB_METRICS_H
#define SPECTRUM_JOB_METRICS_H

#include "base/buffer.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

/* The writing end. Opening ends a partial last line, which a killed writer left. The file stays
 * locked (flock) while it is open, so that two workers never write into one job: a second one is an
 * error.
 *
 * A full disk is no reason to lose the steps since the last checkpoint: lines for which there is no
 * room wait in memory, up to JOB_METRICS_HELD_MAX bytes, and go before the next one. */
enum { JOB_METRICS_HELD_MAX = 16 << 20 };
struct job_metrics_writer {
    int fd;
    char *path;
    struct buffer held; /* whole lines that wait for room */
};
int job_metrics_open(struct job_metrics_writer *writer, const char *job, struct error *err);
/* Appends one JSON object (without the line's end) in one write. 1, with `err` set to why: it waits
 * for room. */
int job_metrics_append(struct job_metrics_writer *writer, const struct buffer *object,
                       struct error *err);
/* Writes what waits; an error where there still is no room for it. */
int job_metrics_flush(struct job_metrics_writer *writer, struct error *err);
void job_metrics_close(struct job_metrics_writer *writer);
/* Does a living process have the job's writing end open? */
bool job_metrics_are_written(const char *job);

enum job_line_kind { JOB_LINE_TRAINING, JOB_LINE_EVALUATION, JOB_LINE_EVENT };

/* One line that counts: a step's training values, a step's evaluation, a scan's row, an event.
 * Only what graphs need is kept; job_metrics_json() reads the rest again. */
struct job_line {
    int64_t step;    /* -1: it has none */
    double value;    /* "loss" of training, "eval_loss" of an evaluation; NaN: it has none */
    uint64_t offset; /* where it lies in the file */
    uint32_t length;
    enum job_line_kind kind;
};

struct job_metrics_cache; /* lines that were read again */

/* From here on in the file earlier lines of the step and of later ones no longer count. */
struct job_void {
    uint64_t offset;
    int64_t step;
};
struct job_voids {
    struct job_void *list; /* offsets rise, and so do steps */
    size_t count, capacity;
};

/* The reading end: the lines so far that count, in the file's order. After a resume at step N lines
 * of later steps no longer count, and a line of a step replaces those of its kind of that step and
 * of later ones: steps rise. Memory is bounded: a line takes 32 bytes, and of more than
 * JOB_LINES_MAX half of the earlier half is forgotten: of four values the two between the lowest
 * and the highest, and no event; job_metrics_read() has them all. Of a file over JOB_METRICS_MAX
 * only the end is read, which `damage` then says. */
enum { JOB_LINES_MAX = 2 << 20 };
#define JOB_METRICS_MAX (UINT64_C(4) << 30)

struct job_metrics {
    char *path;
    uint64_t offset; /* bytes of the file that are taken in, */
    uint64_t begun;  /* but for those before this one */
    struct job_line *lines;
    size_t count, capacity;
    size_t most;               /* JOB_LINES_MAX; tests have fewer */
    size_t taken;              /* lines taken in so far, whether they still count or not */
    size_t skipped;            /* lines that are no JSON objects */
    int64_t last[2];           /* the newest step of training and of evaluation */
    bool replacing;            /* lines came that make others void */
    struct job_voids voids[2]; /* of training and of evaluation */
    bool midway;               /* the offset may be inside a line, whose rest is passed over */
    bool end_only; /* set before the first update: only the last step is wanted, of which the
                      file's end tells */
    struct job_metrics_cache *cache;
    char damage[200]; /* what is wrong with the file; empty: nothing */
};
int job_metrics_follow(struct job_metrics *metrics, const char *job, struct error *err);
/* Takes in what was appended since; a partial last line waits. *added: lines taken in. A file that
 * is not there yet is empty; one that became shorter began anew. */
int job_metrics_update(struct job_metrics *metrics, size_t *added, struct error *err);
void job_metrics_free(struct job_metrics *metrics);

/* Reads the file again from `place` ({0} at first, and then where the last call ended) up to what
 * update took in: `take` gets every line that counts, none of which is forgotten here, until it is
 * false. */
struct job_metrics_place {
    uint64_t offset;
    bool midway;
};
int job_metrics_read(const struct job_metrics *metrics, struct job_metrics_place *place,
                     bool (*take)(void *context, const char *text, size_t length), void *context,
                     struct error *err);

/* Line `i` with all its values, read again; the caller's. NULL: it can no longer be read. */
cJSON *job_metrics_json(const struct job_metrics *metrics, size_t i);

/* The last line that has the number `key`; NULL: none. For keys other than the two losses the
 * newest thousands of lines are looked at. Valid until the next update or call. */
const cJSON *job_metrics_last(const struct job_metrics *metrics, const char *key);

/* As that, for a line that has a text or an object `key`. */
const cJSON *job_metrics_last_with(const struct job_metrics *metrics, const char *key);

/* The last training step that was written; -1: none. */
int64_t job_metrics_last_step(const struct job_metrics *metrics);

#endif
