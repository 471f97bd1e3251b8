/* How far long work is, as whoever does it tells whoever waits: a phase, and what of it is done.
 *
 * A struct work_watch is the waiting side's; those who work have a pointer to it (NULL: nobody
 * waits), hand it on, and call work_tell() as often as they like. What is told is kept by nobody
 * here: job/job_progress.h writes it into a job's folder.
 */
#ifndef SPECTRUM_BASE_WORK_H
#define SPECTRUM_BASE_WORK_H

#include <stddef.h>
#include <stdint.h>

enum work_phase {
    WORK_TOKENIZING, /* bytes of the data files */
    WORK_SCANNING,   /* matrices */
    WORK_LOADING,    /* tensors of the model */
    WORK_TRAINING,   /* steps; its `done` is where the other phases of a run stand, too */
    WORK_EVALUATING, /* batches */
    WORK_SAMPLING,   /* tokens */
    WORK_SAVING,     /* bytes of a checkpoint, or of an export */
    WORK_QUEUED,     /* of another machine's batch system; nothing is counted */
    WORK_SILENT,     /* seconds since another tool's log was written */
    WORK_PHASES
};

struct work_watch {
    void *context;
    /* `total` 0: neither is known */
    void (*tell)(void *context, enum work_phase phase, uint64_t done, uint64_t total);
};

static inline void work_tell(const struct work_watch *watch, enum work_phase phase, uint64_t done,
                             uint64_t total)
{
    if (watch && watch->tell)
        watch->tell(watch->context, phase, done, total);
}

#endif
