/* The batch script of a launched run on Slurm: RUN/launch.sh, given to sbatch in RUN.
 *
 * One task a node, which is one torchrun (engine_command.h). What ends a sitting, and what then
 * happens:
 *
 *   the time limit is near   Slurm tells the batch shell (USR1), which makes control/stop; the
 *                            processes write a checkpoint and end with 0, and the job asks Slurm to
 *                            be put into the queue again: as often as it may, and as long as each
 *                            sitting brought a new checkpoint
 *   a node fails, or another Slurm puts it into the queue again by itself
 *   job takes its nodes
 *   anything else            the job ends
 *
 * Each sitting appends to engine.log, beginning with a line that begins with ENGINE_LOG_MARK
 * (engine_failure.h), and goes on from the newest checkpoint. srun is never told to end: it would
 * kill the processes at once.
 */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_SLURM_SCRIPT_H
#define SPECTRUM_JOB_ENGINES_ENGINE_SLURM_SCRIPT_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/option.h"
#include "job/engines/engine_command.h"

enum { ENGINE_SLURM_REQUEUES = 100 }; /* `requeues`, unless somebody wants another number */

struct engine_slurm_script {
    const char *name;           /* of the job; NULL: "spectrum" */
    struct option_list options; /* as the user wrote them; each is checked again */
    int requeues;               /* how often it may go back into the queue at its time limit */
    struct engine_command command;
};

/* Can the option be a line of the script? "--NAME", "--NAME=VALUE" or "--NAME VALUE", one at a
 * time. Those on which the script itself rests (nodes, tasks, output, ...) are refused by name,
 * with what to do instead; all errors are ERROR_USAGE. */
int engine_slurm_option_check(const char *option, struct error *err);

/* The user's options stand after ours, so that they win where both say the same. */
int engine_slurm_script_put(struct buffer *out, const struct engine_slurm_script *script,
                            struct error *err);

#endif
