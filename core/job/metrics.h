/* The reading end of a job's metrics.jsonl: followed while it grows, by as many readers as there
 * are.
 *
 *     job_metrics_follow() -> job_metrics_update() ... -> job_metrics_free()
 *
 * A struct job_metrics keeps 32 bytes of each line that counts (job_line.h), for graphs; what else
 * a line has is read from the file when it is wanted (job_metrics_json(), job_metrics_last()).
 * Which lines count:
 *
 *     {"step": 1, "loss": 5}        counts
 *     {"step": 2, "loss": 4}        does not: the resume goes back to step 1
 *     {"event": "resume", "step": 1}
 *     {"step": 2, "loss": 4.5}      counts
 *
 * After a resume at step N lines of later steps do not count, and a line of a step replaces those
 * of its kind of that step and of later ones: so steps rise. The numbered invariants are in
 * metrics.c.
 *
 * Memory is bounded whatever the file is: of more than JOB_LINES_MAX lines half of the earlier half
 * is forgotten, of four values the two between the lowest and the highest, and no event;
 * job_metrics_read() has them all. Of a file over JOB_METRICS_MAX only the end is read, which
 * `damage` then says.
 */
#ifndef SPECTRUM_JOB_METRICS_H
#define SPECTRUM_JOB_METRICS_H

#include "base/json.h"
#include "job/job_line.h"

struct job_metrics_cache; /* lines that were read whole */

/* From here on in the file earlier lines of the step and of later ones no longer count. */
struct job_void {
    uint64_t offset;
    int64_t step;
};
struct job_voids {
    struct job_void *list; /* offsets rise, and so do steps */
    size_t count, capacity;
};

enum { JOB_LINES_MAX = 2 << 20 };
#define JOB_METRICS_MAX (UINT64_C(4) << 30)

/* The lines so far that count, in the file's order. */
struct job_metrics {
    char *path;
    uint64_t offset; /* bytes of the file that are taken in, */
    uint64_t begun;  /* but for those before this one */
    struct job_line *lines;
    size_t count, capacity;
    size_t most;                  /* JOB_LINES_MAX; tests have fewer */
    size_t taken;                 /* lines taken in so far, whether they still count or not */
    size_t skipped;               /* lines that are not JSON objects */
    int64_t last[JOB_LINE_EVENT]; /* the newest step of each kind that has steps */
    bool replacing;               /* lines came that make others void */
    struct job_voids voids[JOB_LINE_EVENT]; /* of each such kind */
    bool midway;   /* the offset may be inside a line, whose rest is passed over */
    bool end_only; /* set before the first update: only the last step is wanted, of which the
                      file's end tells */
    struct job_metrics_cache *cache;
    char damage[200]; /* what is wrong with the file; empty: nothing */
};
int job_metrics_follow(struct job_metrics *metrics, const char *job, struct error *err);
/* Takes in what was appended since; a partial last line waits. *added: lines taken in. A file that
 * is not there yet is empty; one that became shorter is read from its beginning. */
int job_metrics_update(struct job_metrics *metrics, size_t *added, struct error *err);
void job_metrics_free(struct job_metrics *metrics);

/* Reads the file from `place` ({0} at first, and then where the last call ended) up to what
 * update took in, or up to `until`: `take` gets every line that counts, none of which is forgotten
 * here, until it is false. Who reads a part at a time lets `until` be more than LINE_MAX_BYTES beyond
 * the offset, as a line that it cuts waits for the next call. */
struct job_metrics_place {
    uint64_t offset;
    bool midway;
    uint64_t until; /* 0: all */
};
int job_metrics_read(const struct job_metrics *metrics, struct job_metrics_place *place,
                     bool (*take)(void *context, const char *text, size_t length), void *context,
                     struct error *err);

/* Line `i` with all its values, read from the file; the caller's. NULL: it can no longer be
 * read. */
cJSON *job_metrics_json(const struct job_metrics *metrics, size_t i);

/* The last line that has the number `key`; NULL: none. For keys other than the two losses the
 * newest thousands of lines are looked at. Valid until the next update or call. */
const cJSON *job_metrics_last(const struct job_metrics *metrics, const char *key);

/* As that, for a line that has a text or an object `key`. */
const cJSON *job_metrics_last_with(const struct job_metrics *metrics, const char *key);

/* The last training step that was written; -1: none. */
int64_t job_metrics_last_step(const struct job_metrics *metrics);

#endif
