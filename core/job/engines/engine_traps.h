/* How training a part of a model goes wrong on engines that are usually given all of it, one row each:
 * on which engine, under what condition, what happens then, and who sees to it. Most of them say
 * nothing when they spring: another set of tensors trains, or another forward pass is computed, and
 * the loss falls all the same.
 *
 * A trap is avoided in one of three ways, and `spectrum doctor --engine E` prints which. tests/engines/
 * traps has a script for each that the CPU shows. */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_TRAPS_H
#define SPECTRUM_JOB_ENGINES_ENGINE_TRAPS_H

#include "job/engine.h"

enum trap_way {
    TRAP_REFUSED,   /* the version is not started with: it is below a package's `least` */
    TRAP_SET_RIGHT, /* what is written into the run's folder does not do that */
    TRAP_CHECKED,   /* the run's script looks for it, and ends with a message where it finds it */
};

struct engine_trap {
    unsigned engines;      /* a bit for each enum engine: TRAP_OF() */
    const char *name;      /* "zero3-recompute"; the script's name, where there is one */
    const char *condition; /* when it springs */
    const char *effect;    /* what happens then */
    enum trap_way way;
    const char *remedy;                /* what is done about it */
    const char *package, *repaired_in; /* of TRAP_REFUSED: the first version without it */
};

#define TRAP_OF(trap, engine) (((trap)->engines >> (engine)) & 1u)

const struct engine_trap *engine_traps(size_t *count);

/* "refused", "set right", "checked". */
const char *trap_way_name(enum trap_way way);

#endif
