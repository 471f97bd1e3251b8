#include "job/engines/engine_slurm.h"

#include "base/run_command.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds that Slurm's commands may take: with a controller that does not answer they try for some
 * twenty by themselves. A submission is not broken off lightly, as one cannot know whether it was
 * one. */
enum { LOOK_SECONDS = 60, SUBMIT_SECONDS = 300, SAID_MAX = 1 << 16 };

const char *const engine_slurm_state_names[ENGINE_SLURM_STATES] = {
    "pending",   "running",     "completed",     "failed",    "timed out",
    "cancelled", "node failed", "out of memory", "preempted", "gone",
};

bool engine_slurm_is_over(enum engine_slurm_state state)
{
    return state != ENGINE_SLURM_PENDING && state != ENGINE_SLURM_RUNNING;
}

/* --- Slurm's words --- */

/* A row for each of its states. `reason`: for people; NULL: its reason or status says it. */
static const struct word {
    const char *word;
    enum engine_slurm_state state;
    const char *reason;
} words[] = {
    {"PENDING", ENGINE_SLURM_PENDING, NULL},
    {"REQUEUED", ENGINE_SLURM_PENDING, NULL},
    {"REQUEUE_FED", ENGINE_SLURM_PENDING, NULL},
    {"REQUEUE_HOLD", ENGINE_SLURM_PENDING, "is held after it was put into the queue again"},
    {"SPECIAL_EXIT", ENGINE_SLURM_PENDING, "is held after it was put into the queue again"},
    {"RESV_DEL_HOLD", ENGINE_SLURM_PENDING, "is held, as its reservation was removed"},
    {"CONFIGURING", ENGINE_SLURM_RUNNING, "waits for its nodes to be made ready"},
    {"RUNNING", ENGINE_SLURM_RUNNING, ""},
    {"COMPLETING", ENGINE_SLURM_RUNNING, "is ending"},
    {"STAGE_OUT", ENGINE_SLURM_RUNNING, "is ending"},
    {"RESIZING", ENGINE_SLURM_RUNNING, "is being resized"},
    {"SIGNALING", ENGINE_SLURM_RUNNING, ""},
    {"STOPPED", ENGINE_SLURM_RUNNING, "is stopped, and keeps its nodes"},
    {"SUSPENDED", ENGINE_SLURM_RUNNING, "is suspended"},
    {"COMPLETED", ENGINE_SLURM_COMPLETED, ""},
    {"FAILED", ENGINE_SLURM_FAILED, NULL},
    {"LAUNCH_FAILED", ENGINE_SLURM_FAILED, "could not be started on its nodes"},
    {"BOOT_FAIL", ENGINE_SLURM_NODE_FAIL, "ended: a node did not start"},
    {"NODE_FAIL", ENGINE_SLURM_NODE_FAIL, "ended: a node failed"},
    {"TIMEOUT", ENGINE_SLURM_TIMEOUT, "ran into its time limit"},
    {"DEADLINE", ENGINE_SLURM_TIMEOUT, "ran into its deadline"},
    {"CANCELLED", ENGINE_SLURM_CANCELLED, "was cancelled"},
    {"REVOKED", ENGINE_SLURM_CANCELLED, "was started on another cluster instead"},
    {"OUT_OF_MEMORY", ENGINE_SLURM_OUT_OF_MEMORY,
     "needed more memory than it had asked for: --sbatch --mem=... gives more"},
    {"PREEMPTED", ENGINE_SLURM_PREEMPTED, "lost its nodes to another job"},
};

/* Why a job waits, by how Slurm's reason begins; "*": Slurm's own word follows, as which limit it
 * is says more. Of several the first. */
static const struct {
    const char *start, *text;
} waits[] = {
    {"Resources", "waits for resources"},
    {"Priority", "waits for jobs of a higher priority"},
    {"DependencyNeverSatisfied", "never starts: the job that it depends on did not end as it must"},
    {"Dependency", "waits for another job, on which it depends"},
    {"JobHeldUser", "is held by its user: scontrol release lets it go"},
    {"JobHeldAdmin", "is held by an administrator"},
    {"JobHoldMaxRequeue", "is held, as it was put into the queue again too often"},
    {"job_requeued_in_held_state", "is held after it was put into the queue again"},
    {"launch_failed_requeued_held", "is held, as it could not be started on a node"},
    {"ReqNodeNotAvail", "waits for nodes that are down, reserved or in use*"},
    {"NodeDown", "waits for a node that is down"},
    {"Licenses", "waits for a licence"},
    {"ReservationDeleted", "is held, as its reservation was removed"},
    {"Reservation", "waits for its reservation"},
    {"PartitionDown", "waits: its partition is down"},
    {"PartitionInactive", "waits: its partition starts no jobs now"},
    {"PartitionNodeLimit", "asks for more nodes than its partition gives a job, or has now"},
    {"PartitionTimeLimit", "asks for more time than its partition gives a job"},
    {"PartitionConfig", "asks for what its partition does not have"},
    {"BadConstraints", "asks for what no node has (--constraint)"},
    {"AccountNotAllowed", "may not run in its partition with this account"},
    {"QOSNotAllowed", "may not run in its partition with this QOS"},
    {"InvalidAccount", "names an account that there is not"},
    {"InvalidQOS", "names a QOS that there is not"},
    {"QOS", "waits, or asks for more than its QOS allows*"},
    {"Assoc", "waits, or asks for more than its account allows*"},
    {"MaxMemPerLimit", "asks for more memory than a job may have"},
    {"MaxCpuPerAccount", "waits, or asks for more than its account allows*"},
    {"Cleaning", "waits until its last sitting is tidied up"},
    {"Prolog", "waits while its nodes are made ready"},
    {"NodesNotReady", "waits while its nodes are made ready"},
    {"SystemFailure", "waits, as Slurm has trouble of its own"},
    {"None", "waits"},
    {"WaitingForScheduling", "waits"},
    {"(null)", "waits"},
};

/* --- the line of scontrol --- */

/* The value of a key of "KEY=VALUE KEY=VALUE ..."; the first one counts: of the fields that may
 * have blanks in them, the job's name has none (engine_slurm_option_check), and others come later.
 */
static bool value_of(char *out, size_t size, const char *line, const char *key)
{
    size_t length = strlen(key);
    char text[256];
    for (const char *at = line; (at = strstr(at, key)); at += length)
        if ((at == line || isspace((unsigned char)at[-1])) && at[length] == '=') {
            at += length + 1;
            snprintf(text, sizeof text, "%.*s", (int)strcspn(at, " \t\r\n"), at);
            utf8_copy(out, size, text);
            return true;
        }
    out[0] = '\0';
    return false;
}

/* What is no value: "(null)", "None", "Unknown", "N/A". */
static bool says_something(const char *value)
{
    static const char *const nothing[] = {"", "(null)", "None", "Unknown", "N/A", NULL};
    return !text_is_one_of(value, nothing);
}

/* "3:0", an exit status and a signal. */
static void read_exit(struct engine_slurm_look *out, const char *text)
{
    unsigned status = 0, number = 0;
    if (sscanf(text, "%3u:%3u", &status, &number) == 2) {
        out->status = (int)status;
        out->signal = (int)number;
    }
}

static void say_wait(struct engine_slurm_look *out, const char *line, const char *why)
{
    char when[24];
    const char *text = NULL;
    if (strcmp(why, "BeginTime") == 0) {
        value_of(when, sizeof when, line, "EligibleTime");
        snprintf(out->reason, sizeof out->reason, "%s%s%s",
                 out->restarts > 0 ? "is in the queue again, and waits"
                                   : "waits for its begin time",
                 says_something(when) ? " until " : "", says_something(when) ? when : "");
        return;
    }
    for (size_t i = 0; i < sizeof waits / sizeof *waits && !text; i++)
        if (strncmp(why, waits[i].start, strlen(waits[i].start)) == 0)
            text = waits[i].text;
    if (!text)
        text = "waits*";
    size_t length = strcspn(text, "*");
    snprintf(out->reason, sizeof out->reason, "%.*s", (int)length, text);
    if (text[length])
        snprintf(out->reason + length, sizeof out->reason - length, " (%s)", why);
}

/* Slurm's daemon ends a script by "signal" 53 when it cannot open the job's output. */
enum { NO_OUTPUT = 53 };

static void say_failure(struct engine_slurm_look *out)
{
    if (out->signal == NO_OUTPUT)
        snprintf(out->reason, sizeof out->reason,
                 "could not write engine.log on its node: the run's folder must be one that all "
                 "nodes have");
    else if (out->signal)
        snprintf(out->reason, sizeof out->reason, "was ended by signal %d", out->signal);
    else
        snprintf(out->reason, sizeof out->reason, "ended with status %d", out->status);
}

/* state: Slurm's word, to which another one may be added ("CANCELLED by 1000", "CANCELLED+"). */
static void set_state(struct engine_slurm_look *out, const char *line, const char *state,
                      const char *why)
{
    size_t length = strspn(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    const struct word *found = NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words && !found; i++)
        if (strlen(words[i].word) == length && strncmp(words[i].word, state, length) == 0)
            found = &words[i];
    if (!found) { /* of a Slurm that is newer: it will come to one that is known, or be gone */
        out->state = ENGINE_SLURM_RUNNING;
        snprintf(out->reason, sizeof out->reason, "is %s", state);
        return;
    }
    out->state = found->state;
    if (found->reason)
        snprintf(out->reason, sizeof out->reason, "%s", found->reason);
    else if (found->state == ENGINE_SLURM_PENDING)
        say_wait(out, line, why);
    else
        say_failure(out);
}

int engine_slurm_read(struct engine_slurm_look *out, const char *line, struct error *err)
{
    char state[64], text[64], why[128];
    *out = (struct engine_slurm_look){.restarts = -1};
    if (!value_of(state, sizeof state, line, "JobState") || !state[0])
        return error_set(err, "scontrol's answer has no JobState: %.80s", line);
    value_of(why, sizeof why, line, "Reason");
    if (value_of(text, sizeof text, line, "Restarts") && isdigit((unsigned char)text[0]))
        out->restarts = (int)strtol(text, NULL, 10) & 0xFFFF;
    value_of(text, sizeof text, line, "ExitCode");
    read_exit(out, text);
    value_of(out->nodes, sizeof out->nodes, line, "NodeList");
    if (!says_something(out->nodes))
        out->nodes[0] = '\0';
    set_state(out, line, state, why);
    if (out->state == ENGINE_SLURM_PENDING &&
        value_of(out->expected, sizeof out->expected, line, "StartTime") &&
        !says_something(out->expected))
        out->expected[0] = '\0';
    return 0;
}

/* --- the commands --- */

/* A job, and the option that names its cluster: "" where it has none. */
struct job_name {
    char number[24], cluster[88];
};

static int take_apart(struct job_name *out, const char *job, struct error *err)
{
    size_t digits = strspn(job, "0123456789"), rest = 0;
    const char *cluster = job + digits;
    if (*cluster == ';')
        rest = strspn(++cluster, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "._-");
    if (digits == 0 || digits >= sizeof out->number || cluster[rest] != '\0' || rest > 64 ||
        (rest == 0 && cluster > job + digits) || cluster[0] == '-')
        return error_set(err, "\"%.80s\" is no job of Slurm", job);
    snprintf(out->number, sizeof out->number, "%.*s", (int)digits, job);
    snprintf(out->cluster, sizeof out->cluster, "%s%s", rest ? "--clusters=" : "",
             rest ? cluster : "");
    return 0;
}

/* argv[0] is a name for $PATH. */
static int run(struct command_answer *said, const struct command_run *asked, char **argv,
               struct error *err)
{
    struct command_run command = *asked;
    char *name = argv[0];
    *said = (struct command_answer){0};
    if (!(argv[0] = command_find(name, NULL))) {
        argv[0] = name;
        return error_set(err,
                         "%s is not found: Slurm's commands are on a cluster's login nodes; launch "
                         "there, or without --slurm",
                         name);
    }
    command.argv = argv;
    int status = run_command(said, &command, err);
    free(argv[0]);
    argv[0] = name;
    return status;
}

/* COMMAND [--clusters=C] ARGUMENT..., up to a NULL and at most five. */
static int ask(struct command_answer *said, const char *command, const struct job_name *job,
               const char *const *arguments, struct error *err)
{
    const struct command_run asked = {.seconds = LOOK_SECONDS, .cap = SAID_MAX};
    char *all[8] = {(char *)(uintptr_t)command};
    size_t count = 1;
    if (job->cluster[0])
        all[count++] = (char *)(uintptr_t)job->cluster;
    for (size_t i = 0; i < 5 && arguments[i]; i++)
        all[count++] = (char *)(uintptr_t)arguments[i];
    return run(said, &asked, all, err);
}

static bool says(const struct command_answer *said, const char *text)
{
    return strstr(buffer_string(&said->err), text) || strstr(buffer_string(&said->out), text);
}

/* "squeue: error: ..." */
static int fail_as_said(const struct command_answer *said, const char *command, struct error *err)
{
    char line[320];
    command_last_words(said, line, sizeof line);
    return error_set(err, "%s: %s", command, line[0] ? line : "it failed without a word");
}

int engine_slurm_submit(char job[ENGINE_SLURM_JOB_SIZE], const char *folder, struct error *err)
{
    char *arguments[] = {(char[]){"sbatch"}, (char[]){"--parsable"}, (char[]){"launch.sh"}, NULL};
    /* These would count for more than the lines of the script, which rests on them. */
    static const char *const without[] = {
        "SBATCH_ARRAY_INX", "SBATCH_JOB_NAME", "SBATCH_OPEN_MODE",  "SBATCH_OUTPUT",
        "SBATCH_ERROR",     "SBATCH_INPUT",    "SBATCH_SIGNAL",     "SBATCH_REQUEUE",
        "SBATCH_WAIT",      "SBATCH_DEBUG",    "SBATCH_NO_REQUEUE", NULL};
    const struct command_run command = {
        .folder = folder, .without = without, .seconds = SUBMIT_SECONDS, .cap = SAID_MAX};
    struct command_answer said;
    struct job_name name;
    int status = run(&said, &command, arguments, err);
    if (status == 0 && said.status != 0)
        status = fail_as_said(&said, "sbatch", err);
    if (status == 0) {
        buffer_clear(&said.err);
        command_last_words(&said, job, ENGINE_SLURM_JOB_SIZE);
        if (take_apart(&name, job, NULL) != 0)
            status = error_set(err, "sbatch was to say the job's number, and said \"%.80s\"", job);
    }
    command_answer_free(&said);
    return status;
}

/* Of a job that the controller has forgotten, where accounts are kept: "COMPLETED|0:0|n1". */
static int look_at_accounts(struct engine_slurm_look *out, const struct job_name *job)
{
    char option[32], line[400];
    struct command_answer said;
    snprintf(option, sizeof option, "--jobs=%s", job->number);
    const char *const all[] = {
        "--noheader", "--parsable2", "--allocations", option, "--format=State,ExitCode,NodeList",
        NULL};
    int status = ask(&said, "sacct", job, all, NULL);
    bool known = false;
    if (status == 0 && said.status == 0) {
        buffer_clear(&said.err);
        command_last_words(&said, line, sizeof line);
        char *rest = line, *state = strsep(&rest, "|"), *exit = strsep(&rest, "|");
        if (exit && rest && state[0]) {
            read_exit(out, exit);
            utf8_copy(out->nodes, sizeof out->nodes, strcmp(rest, "None assigned") ? rest : "");
            set_state(out, "", state, "");
            known = engine_slurm_is_over(out->state);
        }
    }
    command_answer_free(&said);
    return known ? 0 : -1;
}

int engine_slurm_look(struct engine_slurm_look *out, const char *job, struct error *err)
{
    struct job_name name;
    struct command_answer said;
    *out = (struct engine_slurm_look){.restarts = -1};
    if (take_apart(&name, job, err) != 0)
        return -1;
    const char *const arguments[] = {"--oneliner", "show", "job", name.number, NULL};
    int status = ask(&said, "scontrol", &name, arguments, err);
    if (status == 0 && said.status == 0)
        status = engine_slurm_read(out, buffer_string(&said.out), err);
    else if (status == 0 && !says(&said, "Invalid job id"))
        status = fail_as_said(&said, "scontrol", err);
    else if (status == 0 && look_at_accounts(out, &name) != 0) {
        *out = (struct engine_slurm_look){.restarts = -1, .state = ENGINE_SLURM_GONE};
        snprintf(out->reason, sizeof out->reason,
                 "is over, and Slurm does not know any more how it ended");
    }
    command_answer_free(&said);
    return status;
}

int engine_slurm_cancel(const char *job, struct error *err)
{
    struct job_name name;
    struct command_answer said;
    if (take_apart(&name, job, err) != 0)
        return -1;
    int status = ask(&said, "scancel", &name, (const char *const[]){name.number, NULL}, err);
    if (status == 0 && said.status != 0 && !says(&said, "Invalid job id") &&
        !says(&said, "already completing or completed"))
        status = fail_as_said(&said, "scancel", err);
    command_answer_free(&said);
    return status;
}
