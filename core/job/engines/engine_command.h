/* The command that runs an engine's processes on one machine, as lines of bash: the heart of every
 * launch.sh, of Slurm or not. PyTorch's torchrun makes the processes, by the Python that is named:
 *
 *     PYTHON -m torch.distributed.run --standalone --nproc-per-node=2 train.py
 *
 * On several nodes one is started on each, which finds the others by three variables: NODE_RANK (0,
 * 1, ...), MASTER_ADDR (node 0's address) and MASTER_PORT. Node 0 has process 0.
 */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_COMMAND_H
#define SPECTRUM_JOB_ENGINES_ENGINE_COMMAND_H

#include "base/buffer.h"

#include <stdbool.h>

struct engine_command {
    const char *python;             /* a path, or a name for $PATH */
    const char *const *program;     /* what torchrun runs, and its arguments, up to a NULL:
                                     * {"train.py"}, {"-m", "axolotl.cli.train", "axolotl.yml"} */
    const char *const *environment; /* more variables, "NAME=VALUE", up to a NULL; NULL: none */
    int processes, nodes;           /* processes of each node */
    int threads;                    /* of each process; 0: the node's processors, shared */
    bool local_model;               /* the model is a folder: nothing is asked of the hub */
};

/* The last line replaces the shell (exec). `margin` is put before each; "" for none. */
void engine_command_put(struct buffer *out, const struct engine_command *command,
                        const char *margin);

/* For whoever starts a launch.sh of several nodes by hand: lines that end it where NODE_RANK or
 * MASTER_ADDR is missing or wrong, saying so, and that give MASTER_PORT its usual value. Nothing
 * for one node. */
void engine_command_put_check(struct buffer *out, const struct engine_command *command);

/* The lines by which a second start into the folder is refused while processes of the first one live, as
 * those of a supervisor that was killed do. */
void engine_command_put_lock(struct buffer *out);

#endif
