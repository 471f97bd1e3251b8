/* Why an engine ended, in one line for people: from the end of RUN/engine.log, to which torchrun,
 * its processes and Slurm write without order, and the status with which the whole ended.
 *
 * The log is hostile text of any length. What says most wins, whatever comes first:
 *
 *   1. a line of our own scripts, "spectrum: MESSAGE"
 *   2. what Slurm did to the job (time limit, preemption, a node that failed, memory)
 *   3. an exception of the process that torchrun says failed first, or else of another one: out of
 *      memory and modules that are missing in words of our own, others as Python has them
 *   4. the signal or the status of the process that failed first
 *   5. a connection that broke, or another process that was waited for in vain: it may be a
 *      consequence
 *   6. torchrun itself was told to end
 *   7. the last line, and the status
 */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_FAILURE_H
#define SPECTRUM_JOB_ENGINES_ENGINE_FAILURE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* How the line begins that stands before what a sitting says; what is before the last one is not
 * looked at. */
#define ENGINE_LOG_MARK "=== spectrum:"

enum engine_failure_kind {
    ENGINE_FAILURE_OWN,           /* a check of ours */
    ENGINE_FAILURE_TIME_LIMIT,    /* Slurm's */
    ENGINE_FAILURE_PREEMPTED,     /* by Slurm */
    ENGINE_FAILURE_NODE,          /* one failed, says Slurm */
    ENGINE_FAILURE_CANCELLED,     /* by Slurm */
    ENGINE_FAILURE_DEVICE_MEMORY, /* of a GPU */
    ENGINE_FAILURE_MEMORY,        /* of the machine, or of the job on it */
    ENGINE_FAILURE_MODULE,        /* Python lacks one */
    ENGINE_FAILURE_EXCEPTION,
    ENGINE_FAILURE_KILLED,  /* a process, by a signal */
    ENGINE_FAILURE_STATUS,  /* a process, which said nothing of it */
    ENGINE_FAILURE_NETWORK, /* between processes */
    ENGINE_FAILURE_STOPPED, /* from outside, by TERM, INT or HUP */
    ENGINE_FAILURE_UNKNOWN,
};

/* How the whole ended, as far as that is known. */
struct engine_end {
    int status; /* as it exited; -1: unknown, or a signal ended it */
    int signal; /* 0: none, or unknown */
    int nodes;  /* of the run: with several, hosts are named */
};

struct engine_failure {
    enum engine_failure_kind kind;
    char text[512]; /* one line, safe to show */
};

/* Never fails: where the text says nothing, the end is all that is known. */
void engine_failure_find(struct engine_failure *out, const char *text, size_t length,
                         const struct engine_end *end);

/* The same of the log's last MiB, from byte `from` on (where this sitting began; 0: unknown). It
 * may grow meanwhile, and may not be there. */
void engine_failure_read(struct engine_failure *out, const char *path, uint64_t from,
                         const struct engine_end *end);

#endif
