/* The job of a launched run on Slurm, by Slurm's own commands:
 *
 *     engine_slurm_submit()  -> "7"                       sbatch, in the run's folder
 *     engine_slurm_look()    -> state, reason, restarts   scontrol, or sacct of one long over
 *     engine_slurm_cancel()                               scancel
 *
 * What runs is the batch script of engine_slurm_script.h. A job is known by what sbatch said: "7",
 * or "7;CLUSTER" where it was sent to another cluster. The functions refuse any other text, so it
 * may come from a file.
 */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_SLURM_H
#define SPECTRUM_JOB_ENGINES_ENGINE_SLURM_H

#include "base/error.h"

#include <stdbool.h>

enum { ENGINE_SLURM_JOB_SIZE = 96 };

/* Gives FOLDER/launch.sh to Slurm, to be run in FOLDER. */
int engine_slurm_submit(char job[ENGINE_SLURM_JOB_SIZE], const char *folder, struct error *err);

enum engine_slurm_state {
    ENGINE_SLURM_PENDING, /* also between two sittings */
    ENGINE_SLURM_RUNNING, /* also while its nodes are made ready, it ends, or is suspended */
    ENGINE_SLURM_COMPLETED,
    ENGINE_SLURM_FAILED,
    ENGINE_SLURM_TIMEOUT,
    ENGINE_SLURM_CANCELLED,
    ENGINE_SLURM_NODE_FAIL,
    ENGINE_SLURM_OUT_OF_MEMORY,
    ENGINE_SLURM_PREEMPTED,
    ENGINE_SLURM_GONE, /* it is over, and Slurm has forgotten how it ended */
    ENGINE_SLURM_STATES
};

/* "pending", "out of memory", ... */
extern const char *const engine_slurm_state_names[ENGINE_SLURM_STATES];

/* Neither pending nor running. */
bool engine_slurm_is_over(enum engine_slurm_state state);

struct engine_slurm_look {
    enum engine_slurm_state state;
    char reason[240];  /* for people: "waits for resources", "was cancelled"; "": nothing to say */
    char expected[24]; /* when a pending one is expected to start, as Slurm has it; "": unknown */
    char nodes[200];   /* "n[1-2]"; "": none yet */
    int restarts;      /* how often it was put into the queue again; -1: unknown */
    int status;        /* of the batch script, as it exited, */
    int signal;        /* and the signal that ended it, or 0 */
};

/* An error where Slurm does not answer: that says nothing about the job; ask again later. */
int engine_slurm_look(struct engine_slurm_look *out, const char *job, struct error *err);

/* 0 also where it is over already. */
int engine_slurm_cancel(const char *job, struct error *err);

/* What engine_slurm_look() makes of the line of `scontrol --oneliner show job`. */
int engine_slurm_read(struct engine_slurm_look *out, const char *line, struct error *err);

#endif
