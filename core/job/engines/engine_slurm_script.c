#include "job/engines/engine_slurm_script.h"

#include "base/text.h"
#include "job/engines/engine_failure.h"

#include <ctype.h>
#include <string.h>

enum { VALUE_MAX = 1000 };

/* --- the user's options --- */

/* Which the script does without, and what to do instead. */
static const struct refused {
    const char *name, *instead;
} refused[] = {
    {"array", "a run is one job"},
    {"nodes", "launch has a --nodes of its own"},
    {"ntasks", "there is one task a node, which starts --processes of them"},
    {"ntasks-per-node", "there is one task a node, which starts --processes of them"},
    {"ntasks-per-core", "there is one task a node, which starts --processes of them"},
    {"ntasks-per-socket", "there is one task a node, which starts --processes of them"},
    {"ntasks-per-gpu", "there is one task a node, which starts --processes of them"},
    {"output", "all that the job says goes into engine.log of the run's folder"},
    {"error", "all that the job says goes into engine.log of the run's folder"},
    {"open-mode", "what the job says is appended to engine.log of the run's folder"},
    {"input", "the job reads nothing from there"},
    {"chdir", "the job runs in the run's folder"},
    {"wrap", "the job is the run's launch.sh"},
    {"parsable", "it is no option of a job"},
    {"quiet", "it is no option of a job"},
    {"test-only", "use --dry-run, then `sbatch --test-only launch.sh` in the run's folder"},
    {"wait", "the job is followed all the same"},
    {"help", "see `man sbatch`"},
    {"usage", "see `man sbatch`"},
    {"version", "it is no option of a job"},
};

/* An option in its two parts. */
struct parts {
    const char *name; /* without "--" */
    size_t name_length;
    const char *value; /* NULL: it has none */
};

static struct parts parts_of(const char *option)
{
    struct parts parts = {.name = option + 2};
    parts.name_length = strcspn(parts.name, "= \t");
    const char *end = parts.name + parts.name_length;
    if (*end)
        parts.value = *end == '=' ? end + 1 : end + strspn(end, " \t");
    return parts;
}

/* sbatch takes a name that is cut short, as long as one option alone begins so. */
static bool may_mean(const struct parts *parts, const char *name)
{
    return parts->name_length <= strlen(name) &&
           strncmp(parts->name, name, parts->name_length) == 0;
}

/* "B:USR1@SECONDS": to the batch shell alone, and that signal. */
static bool is_our_signal(const char *value)
{
    static const char start[] = "B:USR1@";
    size_t length = sizeof start - 1;
    if (!value || strncmp(value, start, length) != 0)
        return false;
    size_t digits = strspn(value + length, "0123456789");
    return digits > 0 && digits <= 5 && value[length + digits] == '\0';
}

static int refuse(const char *option, const char *why, struct error *err)
{
    return error_set_kind(err, ERROR_USAGE, "--sbatch '%s': %s", option, why);
}

int engine_slurm_option_check(const char *option, struct error *err)
{
    if (strncmp(option, "--", 2) != 0)
        return refuse(option, "an option of sbatch in full, such as --partition=NAME", err);
    if (!utf8_printable(option))
        return refuse(option, "it has a line end or another control character", err);
    struct parts parts = parts_of(option);
    if (parts.name_length == 0 ||
        strspn(parts.name, "abcdefghijklmnopqrstuvwxyz0123456789-") < parts.name_length)
        return refuse(option, "it has no name that an option of sbatch could have", err);
    if (parts.value && strlen(parts.value) > VALUE_MAX)
        return refuse("...", "its value is too long", err);
    if (parts.value && strstr(parts.value, " --"))
        return refuse(option, "one option at a time: give --sbatch again for the next", err);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (may_mean(&parts, refused[i].name))
            return error_set_kind(err, ERROR_USAGE, "--sbatch '%s': not --%s here: %s", option,
                                  refused[i].name, refused[i].instead);
    if (may_mean(&parts, "signal") && !is_our_signal(parts.value))
        return refuse(option,
                      "the run is told that its time is up by --signal=B:USR1@SECONDS alone", err);
    /* `scontrol show job` does not quote it */
    if (may_mean(&parts, "job-name") && (!parts.value || strpbrk(parts.value, " \t=")))
        return refuse(option, "a job's name without blanks and \"=\"", err);
    return 0;
}

/* As one word to sbatch. In such a line it knows quotes, which alone keep blanks together, and
 * within them a backslash and comments. */
static void put_option(struct buffer *out, const char *option)
{
    struct parts parts = parts_of(option);
    const char *quote = parts.value && strpbrk(parts.value, " \t#\\\"'") ? "\"" : "";
    buffer_format(out, "#SBATCH --%.*s%s%s", (int)parts.name_length, parts.name,
                  parts.value ? "=" : "", quote);
    for (const char *at = parts.value; at && *at; at++) {
        if (strchr("#\\\"", *at))
            buffer_byte(out, '\\');
        buffer_byte(out, *at);
    }
    buffer_format(out, "%s\n", quote);
}

/* --- the script --- */

/* What of a name every tool takes as it is. */
static void put_name(struct buffer *out, const char *name)
{
    for (; *name; name++)
        buffer_byte(out, isalnum((unsigned char)*name) || strchr("._-", *name) ? *name : '_');
}

static void put_head(struct buffer *out, const struct engine_slurm_script *script)
{
    buffer_text(out, "#!/usr/bin/env bash\n"
                     "# This run as a job of Slurm: ./launch.sh submits it (sbatch launch.sh, in "
                     "this folder).\n"
                     "#SBATCH --job-name=");
    put_name(out, script->name && script->name[0] ? script->name : "spectrum");
    buffer_format(out,
                  "\n#SBATCH --nodes=%d\n"
                  "#SBATCH --ntasks-per-node=1\n"
                  "#SBATCH --output=engine.log\n"
                  "#SBATCH --open-mode=append\n"
                  "#SBATCH --requeue\n"
                  "#SBATCH --signal=B:USR1@120\n",
                  script->command.nodes);
    for (size_t i = 0; i < script->options.count; i++)
        put_option(out, script->options.items[i]);
    buffer_text(out, "set -u\n"
                     "if [ -z \"${SLURM_JOB_ID:-}\" ]; then\n"
                     "  cd \"$(dirname \"$0\")\" || exit 1\n"
                     "  exec sbatch launch.sh\n"
                     "fi\n"
                     "if [ ! -f engine.json ]; then\n"
                     "  echo \"spectrum: $PWD is not the run's folder; there: sbatch launch.sh\" "
                     ">&2\n"
                     "  exit 2\n"
                     "fi\n");
}

static void put_engine(struct buffer *out, const struct engine_command *command)
{
    buffer_text(out, "\n# One torchrun, on each of the nodes.\n"
                     "engine() {\n");
    if (command->nodes > 1)
        buffer_text(out, "  export NODE_RANK=$SLURM_NODEID\n");
    engine_command_put(out, command, "  ");
    buffer_text(out, "}\n");
    if (command->nodes > 1)
        buffer_text(out,
                    "\n# They meet at the first node, by the address at which Slurm reaches it.\n"
                    "first=$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | head -n 1)\n"
                    "address=$(scontrol --oneliner show node \"$first\" | sed -n 's/.* "
                    "NodeAddr=\\([^ ]*\\).*/\\1/p')\n"
                    "export MASTER_ADDR=${address:-$first}\n"
                    "export MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))\n");
}

/* From here to the end of srun. A stop that a person asked for is an empty file, and stays; ours
 * says why, so that it is known from theirs when the job was killed before it could take it away.
 */
static void put_sitting(struct buffer *out)
{
    static const char text[] =
        "\n# Near the time limit Slurm sends USR1 to this shell alone. The processes look for "
        "control/stop at each step,\n"
        "# write a checkpoint and end. srun gets no signal from here: it would kill them at once.\n"
        "limit=\"the job's time is nearly up\"\n"
        "ours() { [ \"$(cat control/stop 2>/dev/null)\" = \"$limit\" ]; }\n"
        "newest() { find checkpoints -maxdepth 1 -name 'step-*' 2>/dev/null | sort | tail -n 1; }\n"
        "mkdir -p control\n"
        "if ours; then rm -f control/stop; fi # of a sitting that was killed before this one\n"
        "near=''\n"
        "interrupted=''\n"
        "restarts=${SLURM_RESTART_COUNT:-0}\n"
        "before=$(newest)\n"
        "warned() {\n"
        "  interrupted=yes\n"
        "  echo \"$limit: a checkpoint is written\"\n"
        "  [ -e control/stop ] || { echo \"$limit\" >control/stop && near=yes; }\n"
        "}\n"
        "trap warned USR1\n"
        "trap 'interrupted=yes' TERM # who sends it ends the processes, too: they are waited for\n"
        "\n"
        "echo \"" ENGINE_LOG_MARK " job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, sitting "
        "$((restarts + 1)), $(date +%Y-%m-%dT%H:%M:%S)\"\n"
        "srun --export=ALL --mpi=none --cpu-bind=none --kill-on-bad-exit=1 \\\n"
        "  bash -c \"$(declare -f engine); engine\" &\n"
        "step=$!\n"
        "while interrupted=''; wait $step; status=$?; [ -n \"$interrupted\" ]; do :; done\n";
    buffer_text(out, text);
}

/* What follows when it ended. */
static void put_end(struct buffer *out, int requeues)
{
    static const char text[] =
        "\n# Ended by the time limit alone: it goes on in another sitting.\n"
        "if [ $status -ne 0 ] || [ -z \"$near\" ]; then exit $status; fi\n"
        "if [ -e control/stop ] && ! ours; then exit 0; fi # a person wants it to end, too\n"
        "rm -f control/stop\n"
        "if tail -n 20 metrics.jsonl 2>/dev/null | grep -q '\"why\": *\"completed\"'; then exit 0; "
        "fi\n"
        "if [ \"$(newest)\" = \"$before\" ]; then\n"
        "  echo \"spectrum: the job's time was up before a checkpoint was written: give it more "
        "(--sbatch --time=...)\" >&2\n"
        "  exit 1\n"
        "fi\n";
    buffer_text(out, text);
    buffer_format(out,
                  "if [ \"$restarts\" -ge %d ]; then\n"
                  "  echo \"the job was put into the queue again %d time%s, as often as it may be: "
                  "resume the run to go on\"\n"
                  "elif ! scontrol requeue \"$SLURM_JOB_ID\"; then\n"
                  "  echo \"Slurm does not put the job into the queue again: resume the run to go "
                  "on\"\n"
                  "fi\n",
                  requeues, requeues, text_s((uint64_t)requeues));
}

int engine_slurm_script_put(struct buffer *out, const struct engine_slurm_script *script,
                            struct error *err)
{
    for (size_t i = 0; i < script->options.count; i++)
        if (engine_slurm_option_check(script->options.items[i], err) != 0)
            return -1;
    put_head(out, script);
    put_engine(out, &script->command);
    put_sitting(out);
    put_end(out, script->requeues);
    return buffer_check(out, err);
}
