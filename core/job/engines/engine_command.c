#include "job/engines/engine_command.h"

#include "base/quote.h"

#include <string.h>

/* export NAME='VALUE'; names are this program's own. */
static void put_variable(struct buffer *out, const char *margin, const char *pair)
{
    const char *value = strchr(pair, '=') + 1;
    buffer_format(out, "%sexport %.*s", margin, (int)(value - pair), pair);
    quote_put_shell_word(out, value);
    buffer_byte(out, '\n');
}

/* Numerical libraries would otherwise start a thread a processor in each process. */
static void put_threads(struct buffer *out, const char *margin,
                        const struct engine_command *command)
{
    if (command->threads > 0)
        buffer_format(out, "%sexport OMP_NUM_THREADS=%d\n", margin, command->threads);
    else
        buffer_format(out,
                      "%sthreads=$(($(nproc) / %d)) # processors that this may use\n"
                      "%sexport OMP_NUM_THREADS=$((threads > 0 ? threads : 1))\n",
                      margin, command->processes, margin);
}

static void put_environment(struct buffer *out, const char *margin,
                            const struct engine_command *command)
{
    static const char *const usual[] = {"TOKENIZERS_PARALLELISM=false", "AXOLOTL_DO_NOT_TRACK=1",
                                        "HF_HUB_DISABLE_TELEMETRY=1", NULL};
    put_threads(out, margin, command);
    for (const char *const *pair = usual; *pair; pair++)
        put_variable(out, margin, *pair);
    if (command->local_model)
        put_variable(out, margin, "HF_HUB_OFFLINE=1");
    for (const char *const *pair = command->environment; pair && *pair; pair++)
        put_variable(out, margin, *pair);
    /* each process would compile torch and transformers anew at each start */
    buffer_format(out, "%sunset PYTHONDONTWRITEBYTECODE\n", margin);
}

void engine_command_put(struct buffer *out, const struct engine_command *command,
                        const char *margin)
{
    put_environment(out, margin, command);
    buffer_format(out, "%sexec ", margin);
    quote_put_shell_word(out, command->python);
    buffer_text(out, " -m torch.distributed.run");
    if (command->nodes > 1)
        buffer_format(out,
                      " --nnodes=%d --node-rank=\"$NODE_RANK\" --master-addr=\"$MASTER_ADDR\""
                      " --master-port=\"$MASTER_PORT\"",
                      command->nodes);
    else
        buffer_text(out, " --standalone");
    buffer_format(out, " --nproc-per-node=%d", command->processes);
    for (const char *const *word = command->program; *word; word++) {
        buffer_byte(out, ' ');
        quote_put_shell_word(out, *word);
    }
    buffer_byte(out, '\n');
}

void engine_command_put_check(struct buffer *out, const struct engine_command *command)
{
    if (command->nodes < 2)
        return;
    buffer_format(out,
                  "case ${NODE_RANK:-} in\n"
                  "'' | *[!0-9]*) NODE_RANK=none ;;\n"
                  "esac\n"
                  "if [ \"$NODE_RANK\" = none ] || [ \"$NODE_RANK\" -ge %d ] ||"
                  " [ -z \"${MASTER_ADDR:-}\" ]; then\n"
                  "  echo \"spectrum: this run has %d nodes: start $0 on each, with NODE_RANK (0"
                  " to %d, another one on each) and\" \\\n"
                  "    \"MASTER_ADDR (the address of node 0, the same on all) in the"
                  " environment\" >&2\n"
                  "  exit 2\n"
                  "fi\n"
                  "export MASTER_PORT=${MASTER_PORT:-29500}\n",
                  command->nodes, command->nodes, command->nodes - 1);
}

void engine_command_put_lock(struct buffer *out)
{
    buffer_text(
        out, "# One start at a time: what begins below has the lock until it ends.\n"
             "exec 9>>engine.lock\n"
             "if [ \"${NODE_RANK:-0}\" = 0 ] && command -v flock >/dev/null && ! flock -n 9; then\n"
             "  group=$(tr -cd 0-9 <engine.lock)\n"
             "  echo \"spectrum: processes of an earlier start still train in this folder;\" \\\n"
             "    \"kill -- -$group ends them\" >&2\n"
             "  exit 3\n"
             "fi\n"
             "[ \"${NODE_RANK:-0}\" != 0 ] || echo $$ >engine.lock\n");
}
