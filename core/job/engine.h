/* Who trains: this program, or an engine of others' that `spectrum launch` starts on several
 * processes. A row for each says what it needs, what it can do of a run that is asked for, and
 * which parts its script is made of; doctor, launch and the messages of both read the same rows.
 *
 * Versions are those of Python packages. `least` is the first that has what the scripts call;
 * `tested` is the one that all of it was run with, and that the lines for pip name. */
#ifndef SPECTRUM_JOB_ENGINE_H
#define SPECTRUM_JOB_ENGINE_H

#include "job/method.h"

#include <stdbool.h>

enum engine {
    ENGINE_HERE, /* this program's own trainer, in one process: nothing of the below is used */
    ENGINE_FSDP2,
    ENGINE_DEEPSPEED,
    ENGINE_TRL,
    ENGINE_AXOLOTL,
    ENGINE_COUNT
};

struct engine_package {
    const char *name; /* as pip has it */
    const char *least, *tested;
    const char *why; /* what is missing below `least`; NULL: nothing that is worth a line */
};

/* A Python file of a run's folder, and the parts that it is made of (engines/engine_script.h), which a
 * NULL ends. */
struct engine_script {
    const char *name; /* NULL: there are no more */
    const char *const *parts;
};

enum { ENGINE_PACKAGES_MAX = 10, ENGINE_SCRIPTS_MAX = 4 };

struct engine_info {
    const char *name, *title; /* "fsdp2"; "PyTorch FSDP2" */
    const char *what;         /* a line about it */

    const char *python; /* the least version of Python itself; NULL: it needs none */
    struct engine_package packages[ENGINE_PACKAGES_MAX]; /* a NULL name ends them */
    bool compiles; /* builds operations at its first start, unless told not to: a compiler, ninja */

    struct engine_script scripts[ENGINE_SCRIPTS_MAX]; /* the one that is started first */

    /* What it can do of a run that is asked for. */
    unsigned methods; /* a bit for each enum training_method: ENGINE_HAS() */
    bool offload;     /* optimiser states and masters in the host's memory */
    bool shards;      /* each process has a part of every tensor; else the whole model */
    bool nodes;       /* several machines */
    bool cpu;         /* several processes on the CPU, for trials */
    bool evaluation;  /* evaluation data on the way */
    bool weights;     /* targets that weigh other than 1 */
};

#define ENGINE_HAS(info, method) (((info)->methods >> (method)) & 1u)

/* The row of an engine; never NULL. */
const struct engine_info *engine_info(enum engine engine);

/* ENGINE_COUNT where there is none of that name. */
enum engine engine_by_name(const char *name);

/* "here", "fsdp2", ... by the enum; a NULL ends them. The second list lacks "here". */
extern const char *const engine_names[ENGINE_COUNT + 1];
#define engine_launched_names (engine_names + 1)

#endif
