/* What a job's worker does at the moment, in a file of the job's folder: progress.json.
 *
 *     {"phase": "evaluating", "done": 7, "total": 20, "unit": "batches", "step": 50}
 *
 * The worker opens the writer when it has the metrics' lock (metrics_writer.h), so that there is
 * one writer, hands its `watch` to all that take time (base/work.h), and closes it at its end:
 *
 *     job_progress_open(&writer, job) -> work_tell(&writer.watch, ...) ... -> job_progress_close()
 *
 * 1. The file is whole or absent, and replaced by a rename. It is news, not a record: nobody waits
 *    until it is on the disk.
 * 2. It is replaced at most four times in any second: another phase is written at once, more of the
 *    same one every half second.
 * 3. What cannot be written is not there, and that is no error: a full disk stops no training. What
 *    an earlier write left goes then, too, as it says what is no longer so.
 * 4. There is none before and after a sitting; one that a killed worker left says what it did last,
 *    until the next sitting removes it.
 */
#ifndef SPECTRUM_JOB_JOB_PROGRESS_H
#define SPECTRUM_JOB_JOB_PROGRESS_H

#include "base/work.h"

#include <stdbool.h>
#include <stdint.h>

/* Where it is written first; a worker that is killed at that moment leaves it. */
#define JOB_PROGRESS_TEMPORARY ".progress.json.tmp"

enum { JOB_PROGRESS_EACH_SECOND = 4 };

struct job_progress_writer {
    struct work_watch watch;                  /* of this writer, which must stay where it is */
    char *path, *temporary;                   /* NULL: nothing is written */
    enum work_phase phase;                    /* that was written last; WORK_PHASES: none */
    int64_t step;                             /* that was told last; -1: none */
    double written[JOB_PROGRESS_EACH_SECOND]; /* when, the latest last */
};

/* Seconds that the four of a second are counted in; tests have fewer. */
extern double job_progress_second;

/* "evaluating" and "batches": a phase, and what of it is counted. */
void job_progress_words(enum work_phase phase, const char **name, const char **unit);

void job_progress_open(struct job_progress_writer *writer, const char *job);
/* Removes the file. */
void job_progress_close(struct job_progress_writer *writer);

/* As it is read. The file may be anybody's: texts are cut and made fit to be shown. */
struct job_progress {
    char phase[24], unit[16]; /* phase "": nothing is known */
    int64_t done, total;      /* 0 <= done <= total, or both -1: not known */
    int64_t step;             /* -1: not known */
};

/* Fills *out; false: there is none that can be read. */
bool job_progress_read(struct job_progress *out, const char *job);

#endif
