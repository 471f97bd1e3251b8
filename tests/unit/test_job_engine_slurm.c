/* Launched runs on Slurm without one: the batch script, the lines of scontrol, and the commands
 * that are called, by scripts in their place. tests/engines/slurm.sh has a real one. */
#include "test_folder.h"

#include "base/text.h"
#include "job/engines/engine_command.h"
#include "job/engines/engine_slurm.h"
#include "job/engines/engine_slurm_script.h"

#include <string.h>
#include <sys/stat.h>

static struct error err;

/* --- the command --- */

static const char *const train[] = {"train.py", NULL};

static void check_command(const struct engine_command *command, const char *expected)
{
    struct buffer out = BUFFER_INIT;
    engine_command_put(&out, command, "  ");
    assert_string_equal(buffer_string(&out), expected);
    buffer_free(&out);
}

static void a_command_is_what_the_engine_needs(void **state)
{
    (void)state;
    static const char *const axolotl[] = {"-m", "axolotl.cli.train", "axo'lotl.yml", NULL};
    static const char *const more[] = {"DS_ACCELERATOR=cpu", "X=$(x) y", NULL};
    check_command(&(struct engine_command){.python = "/opt/venv/bin/python",
                                           .program = train,
                                           .processes = 2,
                                           .nodes = 1,
                                           .threads = 3},
                  "  export OMP_NUM_THREADS=3\n"
                  "  export TOKENIZERS_PARALLELISM=false\n"
                  "  export AXOLOTL_DO_NOT_TRACK=1\n"
                  "  export HF_HUB_DISABLE_TELEMETRY=1\n"
                  "  unset PYTHONDONTWRITEBYTECODE\n"
                  "  exec /opt/venv/bin/python -m torch.distributed.run --standalone "
                  "--nproc-per-node=2 train.py\n");
    check_command(&(struct engine_command){.python = "/o p/python",
                                           .program = axolotl,
                                           .environment = more,
                                           .processes = 4,
                                           .nodes = 2,
                                           .local_model = true},
                  "  threads=$(($(nproc) / 4)) # processors that this may use\n"
                  "  export OMP_NUM_THREADS=$((threads > 0 ? threads : 1))\n"
                  "  export TOKENIZERS_PARALLELISM=false\n"
                  "  export AXOLOTL_DO_NOT_TRACK=1\n"
                  "  export HF_HUB_DISABLE_TELEMETRY=1\n"
                  "  export HF_HUB_OFFLINE=1\n"
                  "  export DS_ACCELERATOR=cpu\n"
                  "  export X='$(x) y'\n"
                  "  unset PYTHONDONTWRITEBYTECODE\n"
                  "  exec '/o p/python' -m torch.distributed.run --nnodes=2 "
                  "--node-rank=\"$NODE_RANK\" --master-addr=\"$MASTER_ADDR\" "
                  "--master-port=\"$MASTER_PORT\" --nproc-per-node=4 -m axolotl.cli.train "
                  "'axo'\\''lotl.yml'\n");
}

/* Runs "SETTINGS bash launch.sh" of several nodes, with echo in Python's place: its status, and
 * what it says. */
static int start_by_hand(const char *settings, char *said, size_t size)
{
    char path[128], line[512];
    struct buffer out = BUFFER_INIT;
    struct engine_command command = {
        .python = "echo", .program = train, .processes = 2, .nodes = 3, .threads = 1};
    engine_command_put_check(&out, &command);
    engine_command_put(&out, &command, "");
    snprintf(path, sizeof path, "%s/launch.sh", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(buffer_string(&out), file);
    fclose(file);
    buffer_free(&out);
    snprintf(line, sizeof line, "env -u NODE_RANK -u MASTER_ADDR -u MASTER_PORT %s bash %s 2>&1",
             settings, path);
    FILE *program = popen(line, "r");
    assert_non_null(program);
    size_t got = fread(said, 1, size - 1, program);
    said[got] = '\0';
    return pclose(program) >> 8;
}

static void several_nodes_by_hand_need_to_be_told(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "NODE_RANK=1",
                                        "MASTER_ADDR=h",
                                        "NODE_RANK=3 MASTER_ADDR=h",
                                        "NODE_RANK=-1 MASTER_ADDR=h",
                                        "NODE_RANK=one MASTER_ADDR=h",
                                        "NODE_RANK= MASTER_ADDR=h"};
    char said[1024];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(start_by_hand(wrong[i], said, sizeof said), 2);
        assert_non_null(strstr(said, "spectrum: this run has 3 nodes: start "));
        assert_non_null(strstr(said, "NODE_RANK (0 to 2, another one on each) and MASTER_ADDR"));
    }
    assert_int_equal(start_by_hand("NODE_RANK=2 MASTER_ADDR='a b'", said, sizeof said), 0);
    assert_string_equal(said, "-m torch.distributed.run --nnodes=3 --node-rank=2 --master-addr=a b "
                              "--master-port=29500 --nproc-per-node=2 train.py\n");
    assert_int_equal(start_by_hand("NODE_RANK=0 MASTER_ADDR=h MASTER_PORT=7", said, sizeof said),
                     0);
    assert_non_null(strstr(said, "--node-rank=0 --master-addr=h --master-port=7 "));
    struct buffer out = BUFFER_INIT;
    engine_command_put_check(&out, &(struct engine_command){.nodes = 1});
    assert_int_equal(out.length, 0);
}

/* --- the script --- */

static void options_are_taken_or_refused_by_name(void **state)
{
    (void)state;
    static const char *const taken[] = {
        "--partition=gpu",      "--time 1-00:00:00",   "--gres=gpu:h100:4",
        "--exclusive",          "--no-requeue",        "--comment=a b 'c' \"d\" #e \\",
        "--job-name=x",         "--signal=B:USR1@600", "--nodelist=n1",
        "--clusters=two",       "--wait-all-nodes=1",  "--export=NONE",
        "--hint=nomultithread", "--account="};
    static const struct {
        const char *option, *says;
    } refused[] = {
        {"", "in full"},
        {"-p gpu", "in full"},
        {"partition=gpu", "in full"},
        {"--", "no name"},
        {"--=x", "no name"},
        {"--Time=1", "no name"},
        {"--time;x=1", "no name"},
        {"--time=1\n#SBATCH --array=1-3", "line end"},
        {"--time=1\r", "line end"},
        {"--comment=a\tb", "control character"},
        {"--comment=\xe2\x80\xae", "control character"},
        {"--comment=\xff", "control character"},
        {"--time=1 --array=1-3", "one option at a time"},
        {"--array=1-3", "not --array here: a run is one job"},
        {"--arr=1-3", "not --array here"},
        {"--nodes=3", "not --nodes here: launch has a --nodes of its own"},
        {"--ntasks 4", "not --ntasks here: there is one task a node"},
        {"--ntasks-per-node=4", "not --ntasks-per-node here"},
        {"--output=x", "not --output here: all that the job says goes into engine.log"},
        {"--out=x", "not --output here"},
        {"--error=x", "not --error here"},
        {"--open-mode=truncate", "not --open-mode here"},
        {"--chdir=/", "not --chdir here: the job runs in the run's folder"},
        {"--wrap=x", "not --wrap here"},
        {"--wait", "not --wait here"},
        {"--test-only", "not --test-only here: use --dry-run"},
        {"--signal=USR1@60", "--signal=B:USR1@SECONDS alone"},
        {"--signal=B:TERM@60", "--signal=B:USR1@SECONDS alone"},
        {"--signal=B:USR1", "--signal=B:USR1@SECONDS alone"},
        {"--signal=B:USR1@60x", "--signal=B:USR1@SECONDS alone"},
        {"--signal=B:USR1@", "--signal=B:USR1@SECONDS alone"},
        {"--sig=INT", "--signal=B:USR1@SECONDS alone"},
        {"--signal", "--signal=B:USR1@SECONDS alone"},
        {"--job-name=a b", "without blanks"},
        {"--job-name=x JobState=COMPLETED", "without blanks"},
        {"--job-name", "without blanks"},
    };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (engine_slurm_option_check(taken[i], &err) != 0)
            fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        err = (struct error)ERROR_INIT;
        assert_int_equal(engine_slurm_option_check(refused[i].option, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (!strstr(err.text, refused[i].says))
            fail_msg("%s", err.text);
        assert_true(utf8_printable(err.text));
    }
    char *text = calloc(1, 2000);
    memset(text, 'x', 1999);
    memcpy(text, "--comment=", 10);
    assert_int_equal(engine_slurm_option_check(text, &err), -1);
    free(text);
}

static void check_has(const struct buffer *out, const char *text)
{
    if (!strstr(buffer_string(out), text))
        fail_msg("no \"%s\" in\n%s", text, buffer_string(out));
}

static void a_script_has_its_lines_first(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    const char *options[] = {"--time 10", "--comment=a b", "--constraint=[a|b]&c", "--exclusive"};
    struct engine_slurm_script script = {
        .name = "my run's #1",
        .options = {options, 4},
        .requeues = 5,
        .command = {.python = "python", .program = train, .processes = 2, .nodes = 2},
    };
    assert_int_equal(engine_slurm_script_put(&out, &script, &err), 0);
    check_has(&out, "#!/usr/bin/env bash\n");
    check_has(&out, "\n#SBATCH --job-name=my_run_s__1\n"
                    "#SBATCH --nodes=2\n"
                    "#SBATCH --ntasks-per-node=1\n"
                    "#SBATCH --output=engine.log\n"
                    "#SBATCH --open-mode=append\n"
                    "#SBATCH --requeue\n"
                    "#SBATCH --signal=B:USR1@120\n"
                    "#SBATCH --time=10\n"
                    "#SBATCH --comment=\"a b\"\n"
                    "#SBATCH --constraint=[a|b]&c\n"
                    "#SBATCH --exclusive\n"
                    "set -u\n");
    check_has(&out, "export NODE_RANK=$SLURM_NODEID\n");
    check_has(&out, "if [ \"$restarts\" -ge 5 ]; then\n");
    buffer_clear(&out);
    script.command.nodes = 1;
    script.name = NULL;
    assert_int_equal(engine_slurm_script_put(&out, &script, &err), 0);
    check_has(&out, "\n#SBATCH --job-name=spectrum\n#SBATCH --nodes=1\n");
    assert_null(strstr(buffer_string(&out), "MASTER"));
    options[3] = "--array=1";
    assert_int_equal(engine_slurm_script_put(&out, &script, &err), -1);
    buffer_free(&out);
}

/* --- scontrol's line --- */

/* As Slurm 22.05 has it. */
#define HEAD                                                                                       \
    "JobId=7 JobName=spectrum UserId=u(7) GroupId=u(7) MCS_label=N/A Priority=1 Nice=0 "           \
    "Account=(null) QOS=(null) "
#define TAIL                                                                                       \
    " NodeList=%s BatchHost=n1 Features=(null) Comment=JobState=FAILED Restarts=9 "                \
    "Command=/home/u/JobState=FAILED NodeList=x WorkDir=/home/u/a JobState=FAILED\n"

static void check_line(const char *state, const char *rest, const char *nodes,
                       enum engine_slurm_state expected, const char *reason)
{
    char line[2048], list[1024];
    struct engine_slurm_look look;
    snprintf(list, sizeof list, TAIL, nodes);
    snprintf(line, sizeof line, HEAD "JobState=%s %s%s", state, rest, list);
    if (engine_slurm_read(&look, line, &err) != 0)
        fail_msg("%s", err.text);
    if (look.state != expected || strcmp(look.reason, reason) != 0)
        fail_msg("%s %s: %d, \"%s\"", state, rest, (int)look.state, look.reason);
}

static void states_and_reasons_are_words(void **state)
{
    (void)state;
    static const struct {
        const char *state, *rest;
        enum engine_slurm_state expected;
        const char *reason;
    } lines[] = {
        {"RUNNING", "Reason=None ExitCode=0:0", ENGINE_SLURM_RUNNING, ""},
        {"COMPLETING", "Reason=None ExitCode=0:0", ENGINE_SLURM_RUNNING, "is ending"},
        {"SUSPENDED", "Reason=None", ENGINE_SLURM_RUNNING, "is suspended"},
        {"CONFIGURING", "Reason=None", ENGINE_SLURM_RUNNING,
         "waits for its nodes to be made ready"},
        {"A_NEW_ONE", "Reason=None", ENGINE_SLURM_RUNNING, "is A_NEW_ONE"},
        {"COMPLETED", "Reason=None ExitCode=0:0", ENGINE_SLURM_COMPLETED, ""},
        {"FAILED", "Reason=NonZeroExitCode ExitCode=3:0", ENGINE_SLURM_FAILED,
         "ended with status 3"},
        {"FAILED", "Reason=RaisedSignal:9(Killed) ExitCode=0:9", ENGINE_SLURM_FAILED,
         "was ended by signal 9"},
        {"FAILED", "Reason=JobLaunchFailure ExitCode=0:53", ENGINE_SLURM_FAILED,
         "could not write engine.log on its node: the run's folder must be one that all nodes "
         "have"},
        {"TIMEOUT", "Reason=TimeLimit", ENGINE_SLURM_TIMEOUT, "ran into its time limit"},
        {"CANCELLED", "Reason=None", ENGINE_SLURM_CANCELLED, "was cancelled"},
        {"NODE_FAIL", "Reason=NodeDown", ENGINE_SLURM_NODE_FAIL, "ended: a node failed"},
        {"BOOT_FAIL", "Reason=NodeDown", ENGINE_SLURM_NODE_FAIL, "ended: a node did not start"},
        {"OUT_OF_MEMORY", "Reason=OutOfMemory", ENGINE_SLURM_OUT_OF_MEMORY,
         "needed more memory than it had asked for: --sbatch --mem=... gives more"},
        {"PREEMPTED", "Reason=None", ENGINE_SLURM_PREEMPTED, "lost its nodes to another job"},
        {"PENDING", "Reason=Resources", ENGINE_SLURM_PENDING, "waits for resources"},
        {"PENDING", "Reason=Priority", ENGINE_SLURM_PENDING, "waits for jobs of a higher priority"},
        {"PENDING", "Reason=None", ENGINE_SLURM_PENDING, "waits"},
        {"PENDING", "Reason=DependencyNeverSatisfied", ENGINE_SLURM_PENDING,
         "never starts: the job that it depends on did not end as it must"},
        {"PENDING", "Reason=QOSMaxJobsPerUserLimit", ENGINE_SLURM_PENDING,
         "waits, or asks for more than its QOS allows (QOSMaxJobsPerUserLimit)"},
        {"PENDING", "Reason=AssocGrpGRES", ENGINE_SLURM_PENDING,
         "waits, or asks for more than its account allows (AssocGrpGRES)"},
        {"PENDING", "Reason=ReqNodeNotAvail,_UnavailableNodes:n2", ENGINE_SLURM_PENDING,
         "waits for nodes that are down, reserved or in use "
         "(ReqNodeNotAvail,_UnavailableNodes:n2)"},
        {"PENDING", "Reason=SomethingNew", ENGINE_SLURM_PENDING, "waits (SomethingNew)"},
        {"PENDING", "Reason=ReservationDeleted", ENGINE_SLURM_PENDING,
         "is held, as its reservation was removed"},
        {"PENDING", "Reason=BeginTime Restarts=0 EligibleTime=2026-11-30T20:26:16",
         ENGINE_SLURM_PENDING, "waits for its begin time until 2026-11-30T20:26:16"},
        {"PENDING", "Reason=BeginTime Restarts=2 EligibleTime=2026-11-30T20:26:16",
         ENGINE_SLURM_PENDING, "is in the queue again, and waits until 2026-11-30T20:26:16"},
        {"PENDING", "Reason=BeginTime Restarts=2 EligibleTime=Unknown", ENGINE_SLURM_PENDING,
         "is in the queue again, and waits"},
        {"REQUEUE_HOLD", "Reason=None", ENGINE_SLURM_PENDING,
         "is held after it was put into the queue again"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        check_line(lines[i].state, lines[i].rest, "n1", lines[i].expected, lines[i].reason);
    for (enum engine_slurm_state one = 0; one < ENGINE_SLURM_STATES; one++) {
        assert_non_null(engine_slurm_state_names[one]);
        assert_int_equal(engine_slurm_is_over(one), one > ENGINE_SLURM_RUNNING);
    }
}

/* Fields that people fill in come after those that count. */
static void a_line_is_read_as_slurm_meant_it(void **state)
{
    (void)state;
    char line[2048];
    struct engine_slurm_look look;
    snprintf(line, sizeof line,
             HEAD "JobState=PENDING Reason=Priority Dependency=(null) Requeue=1 Restarts=2 "
                  "BatchFlag=1 ExitCode=3:9 StartTime=2026-11-30T20:26:14 EndTime=Unknown" TAIL,
             "n[1-2]");
    assert_int_equal(engine_slurm_read(&look, line, &err), 0);
    assert_int_equal(look.restarts, 2);
    assert_int_equal(look.status, 3);
    assert_int_equal(look.signal, 9);
    assert_string_equal(look.nodes, "n[1-2]");
    assert_string_equal(look.expected, "2026-11-30T20:26:14");
    assert_int_equal(engine_slurm_read(&look,
                                       "JobState=PENDING Reason=a\x1b[31m\xff NodeList=(null) "
                                       "Restarts=x ExitCode=x StartTime=Unknown",
                                       &err),
                     0);
    assert_string_equal(look.reason, "waits (a?[31m?)");
    assert_string_equal(look.nodes, "");
    assert_string_equal(look.expected, "");
    assert_int_equal(look.restarts, -1);
    err = (struct error)ERROR_INIT;
    assert_int_equal(engine_slurm_read(&look, "JobId=7 MyJobState=RUNNING\n", &err), -1);
    assert_non_null(strstr(err.text, "has no JobState"));
    assert_int_equal(engine_slurm_read(&look, "", &err), -1);
    memset(line, 'n', sizeof line - 1);
    memcpy(line, "JobState=RUNNING NodeList=", 26);
    line[sizeof line - 1] = '\0';
    assert_int_equal(engine_slurm_read(&look, line, &err), 0);
    assert_int_equal(strlen(look.nodes), sizeof look.nodes - 1);
}

/* --- the commands --- */

/* A script in a command's place, which says with what it was called. */
static void put_command(const char *name, const char *script)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\necho \"%s $*\" >>\"${0%%/*}/calls\"\n%s\n", name, script);
    fclose(file);
    assert_int_equal(chmod(path, 0755), 0);
}

/* Since it was asked last. */
static void check_calls(const char *expected)
{
    char path[128], text[1024];
    snprintf(path, sizeof path, "%s/calls", folder);
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[got] = '\0';
    if (file)
        fclose(file);
    unlink(path);
    assert_string_equal(text, expected);
}

static void another_cluster_is_named_in_each_call(void **state)
{
    (void)state;
    char job[ENGINE_SLURM_JOB_SIZE];
    struct engine_slurm_look look;
    put_command("sbatch", "echo a site says hello; echo '12;big-1'; echo sbatch: hello >&2; pwd "
                          ">here; echo ${SBATCH_ARRAY_INX-no} ${SBATCH_PARTITION-no} >>here");
    put_command("scontrol", "echo JobId=12 JobState=RUNNING");
    put_command("scancel", "");
    setenv("SBATCH_ARRAY_INX", "1-3", 1);
    setenv("SBATCH_PARTITION", "p", 1);
    assert_int_equal(engine_slurm_submit(job, folder, &err), 0);
    assert_string_equal(job, "12;big-1");
    char path[128], line[128], expected[128];
    snprintf(path, sizeof path, "%s/here", folder);
    snprintf(expected, sizeof expected, "%s\nno p\n", folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    line[fread(line, 1, sizeof line - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(line, expected);
    assert_int_equal(engine_slurm_look(&look, job, &err), 0);
    assert_int_equal(look.state, ENGINE_SLURM_RUNNING);
    assert_int_equal(engine_slurm_cancel(job, &err), 0);
    check_calls("sbatch --parsable launch.sh\n"
                "scontrol --clusters=big-1 --oneliner show job 12\n"
                "scancel --clusters=big-1 12\n");
}

static void what_is_no_job_number_is_not_one(void **state)
{
    (void)state;
    char job[ENGINE_SLURM_JOB_SIZE];
    err = (struct error)ERROR_INIT;
    put_command("sbatch", "echo Submitted batch job 7");
    assert_int_equal(engine_slurm_submit(job, folder, &err), -1);
    assert_non_null(strstr(err.text, "said \"Submitted batch job 7\""));
    put_command("sbatch", "");
    assert_int_equal(engine_slurm_submit(job, folder, &err), -1);
    put_command("sbatch", "echo 7; echo sbatch: error: no more jobs >&2; exit 1");
    assert_int_equal(engine_slurm_submit(job, folder, &err), -1);
    assert_string_equal(err.text, "sbatch: sbatch: error: no more jobs");
    check_calls("sbatch --parsable launch.sh\nsbatch --parsable launch.sh\n"
                "sbatch --parsable launch.sh\n");
}

static void check_forgotten(const char *accounts, enum engine_slurm_state state, int status,
                            const char *reason)
{
    struct engine_slurm_look look;
    put_command("scontrol", "echo slurm_load_jobs error: Invalid job id specified >&2; exit 1");
    put_command("sacct", accounts);
    assert_int_equal(engine_slurm_look(&look, "7", &err), 0);
    assert_int_equal(look.state, state);
    assert_int_equal(look.status, status);
    assert_string_equal(look.reason, reason);
    check_calls("scontrol --oneliner show job 7\n"
                "sacct --noheader --parsable2 --allocations --jobs=7 "
                "--format=State,ExitCode,NodeList\n");
}

static void accounts_know_what_the_controller_forgot(void **state)
{
    (void)state;
    static const char gone[] = "is over, and Slurm does not know any more how it ended";
    check_forgotten("echo 'COMPLETED|0:0|n1'", ENGINE_SLURM_COMPLETED, 0, "");
    check_forgotten("echo 'FAILED|3:0|n[1-2]'", ENGINE_SLURM_FAILED, 3, "ended with status 3");
    check_forgotten("echo 'CANCELLED by 1000|0:0|None assigned'", ENGINE_SLURM_CANCELLED, 0,
                    "was cancelled");
    check_forgotten("echo 'RUNNING|0:0|n1'", ENGINE_SLURM_GONE, 0, gone);
    check_forgotten("echo 'nonsense'", ENGINE_SLURM_GONE, 0, gone);
    check_forgotten("exit 1", ENGINE_SLURM_GONE, 0, gone);
    check_forgotten("", ENGINE_SLURM_GONE, 0, gone);
}

static void a_silent_controller_says_nothing_of_the_job(void **state)
{
    (void)state;
    struct engine_slurm_look look;
    err = (struct error)ERROR_INIT;
    put_command("scontrol", "echo 'slurm_load_jobs error: Unable to contact slurm controller "
                            "(connect failure)' >&2; exit 1");
    assert_int_equal(engine_slurm_look(&look, "7", &err), -1);
    assert_non_null(strstr(err.text, "scontrol: slurm_load_jobs error: Unable to contact"));
    put_command("scancel", "echo 'scancel: error: Kill job error on job id 7: Invalid job id "
                           "specified' >&2; exit 1");
    assert_int_equal(engine_slurm_cancel("7", &err), 0);
    put_command("scancel", "echo scancel: error: not yours >&2; exit 1");
    assert_int_equal(engine_slurm_cancel("7", &err), -1);
    assert_string_equal(err.text, "scancel: scancel: error: not yours");
}

static int make_commands(void **state)
{
    char path[4096];
    if (make_folder(state) != 0)
        return -1;
    snprintf(path, sizeof path, "%s:%s", folder, getenv("PATH"));
    return setenv("PATH", path, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_what_the_engine_needs),
        cmocka_unit_test(several_nodes_by_hand_need_to_be_told),
        cmocka_unit_test(options_are_taken_or_refused_by_name),
        cmocka_unit_test(a_script_has_its_lines_first),
        cmocka_unit_test(states_and_reasons_are_words),
        cmocka_unit_test(a_line_is_read_as_slurm_meant_it),
        cmocka_unit_test(another_cluster_is_named_in_each_call),
        cmocka_unit_test(what_is_no_job_number_is_not_one),
        cmocka_unit_test(accounts_know_what_the_controller_forgot),
        cmocka_unit_test(a_silent_controller_says_nothing_of_the_job),
    };
    return cmocka_run_group_tests(tests, make_commands, remove_folder);
}
