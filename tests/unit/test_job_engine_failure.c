/* Why an engine ended, from its log: logs of real starts that failed (tests/data/job/engines, by
 * tests/oracle/make_engine_logs.py), what Slurm's own commands wrote into such logs, what NCCL
 * says, and text that is none of these. */
#include "test_folder.h"

#include "base/text.h"
#include "job/engines/engine_failure.h"

#include <string.h>

static const struct engine_end failed = {.status = 1, .nodes = 1},
                               several = {.status = 1, .nodes = 2};

static void check(const struct engine_failure *found, const char *name,
                  enum engine_failure_kind kind, const char *text)
{
    if (found->kind != kind || strcmp(found->text, text) != 0)
        fail_msg("%s: kind %d, not %d:\n  %s\n  %s", name, (int)found->kind, (int)kind, found->text,
                 text);
    assert_true(utf8_printable(found->text));
}

static void check_text(const char *log, const struct engine_end *end, enum engine_failure_kind kind,
                       const char *text)
{
    struct engine_failure found;
    engine_failure_find(&found, log, strlen(log), end);
    check(&found, log, kind, text);
}

static void real_logs_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const struct engine_end *end;
        enum engine_failure_kind kind;
        const char *text;
    } logs[] = {
        {"own", &failed, ENGINE_FAILURE_OWN, "world size 1 found, 2 in engine.json"},
        {"value", &failed, ENGINE_FAILURE_EXCEPTION, "rank 1: ValueError: the rows have 3 columns"},
        {"became", &failed, ENGINE_FAILURE_EXCEPTION,
         "rank 0: RuntimeError: no tensor of that name"},
        {"lines", &failed, ENGINE_FAILURE_EXCEPTION,
         "rank 0: RuntimeError: Error(s) in loading the weights: Missing key: x"},
        {"memory", &failed, ENGINE_FAILURE_MEMORY,
         "rank 1 ran out of memory: a smaller --batch or --seq-len, or fewer processes on a "
         "machine "
         "need less"},
        {"allocator", &failed, ENGINE_FAILURE_MEMORY,
         "rank 0 ran out of memory (it wanted 4.00 PiB more): a smaller --batch or --seq-len, or "
         "fewer processes on a machine need less"},
        {"device_memory", &failed, ENGINE_FAILURE_DEVICE_MEMORY,
         "rank 0 ran out of GPU memory (it wanted 2.50 GiB more, and of 79.15 GiB there were 1.62 "
         "GiB left): a smaller --batch or --seq-len, more processes, or --offload need less"},
        {"module", &failed, ENGINE_FAILURE_MODULE,
         "Python has no module package_that_is_not_here: with it, pip install -r requirements.txt "
         "(of the run's folder), or choose another by --python"},
        {"no_module", &failed, ENGINE_FAILURE_MODULE,
         "Python has no module package_that_is_not_here: with it, pip install -r requirements.txt "
         "(of the run's folder), or choose another by --python"},
        {"no_script", &failed, ENGINE_FAILURE_STATUS,
         "rank 0 ended with status 2: can't open file '/home/user/run/gone.py': [Errno 2] No such "
         "file or directory"},
        {"killed", &failed, ENGINE_FAILURE_KILLED,
         "rank 1 was killed (signal 9): out of memory, or by hand"},
        {"segment", &failed, ENGINE_FAILURE_KILLED,
         "rank 1 was ended by signal 11 (Segmentation fault)"},
        /* rank 0's is the only traceback, and a consequence */
        {"status", &failed, ENGINE_FAILURE_STATUS,
         "rank 1 ended with status 7, and did not say why"},
        {"hangs", &failed, ENGINE_FAILURE_NETWORK,
         "rank 0 waited 4 s for another process in vain: that one hangs, or its machine is gone"},
        {"told", &failed, ENGINE_FAILURE_STOPPED, "it was told to end by signal 15 (Terminated)"},
        /* the other node's process lost its connection, and has a block of its own */
        {"nodes_value", &several, ENGINE_FAILURE_EXCEPTION,
         "rank 1 on localhost: ValueError: tensor a is not b"},
        {"nodes_lost", &several, ENGINE_FAILURE_NETWORK,
         "rank 0 on localhost lost its connection to another process at 127.0.0.1: that one, or "
         "its "
         "machine, is gone"},
        {"nodes_hang", &several, ENGINE_FAILURE_NETWORK,
         "rank 0 on localhost waited 4 s for another process in vain: that one hangs, or its "
         "machine is gone"},
    };
    TEST_FOLDER_OR_SKIP(data, "SPECTRUM_TEST_DATA");
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        char path[512];
        struct engine_failure found;
        snprintf(path, sizeof path, "%s/job/engines/%s.log", data, logs[i].name);
        engine_failure_read(&found, path, 0, logs[i].end);
        check(&found, logs[i].name, logs[i].kind, logs[i].text);
    }
}

/* As slurmstepd and srun of Slurm 22.05 wrote it, with tasks that Slurm ended. */
#define TASKS                                                                                      \
    "srun: Job step aborted: Waiting up to 7 seconds for job step to finish.\n"                    \
    "srun: forcing job termination\n"                                                              \
    "srun: error: n1: task 0: Exited with exit code 1\n"                                           \
    "srun: launch/slurm: _step_signal: Terminating StepId=9.0\n"

static void slurm_says_what_it_did(void **state)
{
    (void)state;
    check_text("slurmstepd-n1: error: *** JOB 9 ON n1 CANCELLED AT 2026-11-30T20:29:00 DUE TO TIME "
               "LIMIT ***\n" TASKS,
               &failed, ENGINE_FAILURE_TIME_LIMIT,
               "the job ran into its time limit before it had written a checkpoint and ended: give "
               "it more (--sbatch --time=...), or an earlier warning (--sbatch "
               "--signal=B:USR1@SECONDS)");
    check_text("slurmstepd: error: *** STEP 9.0 ON n1 CANCELLED AT 2026-11-30T20:29:00 DUE TO "
               "PREEMPTION ***\n" TASKS
               "slurmstepd: error: *** JOB 9 ON n1 CANCELLED AT 2026-11-30T20:29:00 DUE TO "
               "PREEMPTION ***\n",
               &failed, ENGINE_FAILURE_PREEMPTED, "another job took its nodes (preemption)");
    check_text("slurmstepd-n1: error: *** JOB 7 ON n1 CANCELLED AT 2026-11-30T20:28:36 DUE TO NODE "
               "FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***\n"
               "srun: error: Node failure on n2\n" TASKS,
               &several, ENGINE_FAILURE_NODE, "node n2 failed");
    check_text("slurmstepd-n1: error: *** JOB 7 ON n1 CANCELLED AT 2026-11-30T20:28:36 DUE TO NODE "
               "FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***\n",
               &several, ENGINE_FAILURE_NODE, "a node failed");
    check_text("slurmstepd-n1: error: *** STEP 5.0 ON n1 CANCELLED AT 2026-11-30T20:28:25 ***\n"
               "slurmstepd-n1: error: *** JOB 5 ON n1 CANCELLED AT 2026-11-30T20:28:25 ***\n" TASKS,
               &failed, ENGINE_FAILURE_CANCELLED, "the job was cancelled");
    check_text("slurmstepd-n1: error: *** JOB 6 ON n1 CANCELLED AT 2026-11-30T20:28:30 DUE TO JOB "
               "REQUEUE ***\n" TASKS,
               &failed, ENGINE_FAILURE_CANCELLED, "the job was put into the queue again");
    check_text("slurmstepd: error: Detected 1 oom_kill event in StepId=7.0. Some of the step tasks "
               "have been OOM Killed.\nsrun: error: n1: task 0: Out Of Memory\n",
               &failed, ENGINE_FAILURE_MEMORY,
               "the job needed more memory than Slurm gave it: ask for more (--sbatch --mem=...), "
               "or start fewer --processes on a node");
    check_text("srun: error: n2: task 1: Killed\n"
               "slurmstepd-n1: error: *** STEP 5.0 ON n1 CANCELLED AT 2026-11-30T20:28:25 ***\n"
               "srun: error: n1: task 0: Terminated\n",
               &several, ENGINE_FAILURE_KILLED,
               "what ran on n2 was ended by a signal (Killed): out of memory, or by hand");
    check_text("srun: error: Unable to create step for job 5: More processors requested than "
               "permitted\n",
               &failed, ENGINE_FAILURE_UNKNOWN,
               "it ended with status 1: Unable to create step for job 5: More processors requested "
               "than permitted");
}

/* srun ends the other tasks when one fails: a step that is cancelled for no reason that is said. */
static void a_step_is_cancelled_when_a_task_fails(void **state)
{
    (void)state;
    check_text("[rank1]: Traceback (most recent call last):\n"
               "[rank1]:   File \"train.py\", line 3, in <module>\n"
               "[rank1]: ValueError: no\n"
               "srun: error: n2: task 1: Exited with exit code 1\n"
               "slurmstepd-n1: error: *** STEP 5.0 ON n1 CANCELLED AT 2026-11-30T20:28:25 ***\n"
               "Traceback (most recent call last):\n"
               "  File \"run.py\", line 1\n"
               "torch.distributed.elastic.multiprocessing.api.SignalException: Process 7 got "
               "signal: 15\n",
               &several, ENGINE_FAILURE_EXCEPTION, "rank 1: ValueError: no");
}

static void networks_break(void **state)
{
    (void)state;
    check_text("[rank1]:[E1218 20:27:21.4 ProcessGroupNCCL.cpp:629] [Rank 1] Watchdog caught "
               "collective operation timeout: WorkNCCL(SeqNum=1, OpType=BROADCAST, NumelIn=1, "
               "NumelOut=1, Timeout(ms)=600000) ran for 600081 milliseconds before timing out.\n"
               "terminate called after throwing an instance of 'c10::DistBackendError'\n"
               "  what():  [Rank 1] NCCL watchdog thread terminated\n"
               "E failed (exitcode: -6) local_rank: 0\n"
               "Root Cause (first observed failure):\n[0]:\n"
               "  time      : 2026-11-30_20:30:56\n  host      : n2\n"
               "  rank      : 1 (local_rank: 0)\n  exitcode  : -6 (pid: 7)  (SIGABRT)\n=====\n",
               &several, ENGINE_FAILURE_NETWORK,
               "rank 1 on n2 waited 600 s for another process in vain (BROADCAST): that one hangs, "
               "or its machine is gone");
    check_text(
        "Traceback (most recent call last):\n"
        "torch.distributed.DistNetworkError: The client socket has timed out after 60000ms "
        "while trying to connect to (10.0.0.1, 29500).\n",
        &several, ENGINE_FAILURE_NETWORK,
        "a process could not reach 10.0.0.1: is that the address of node 0 (MASTER_ADDR), is "
        "launch.sh started there, and does no firewall stand between them?");
    check_text("Traceback (most recent call last):\n"
               "torch.distributed.DistNetworkError: The server socket has failed to listen on any "
               "local network address. port: 29500, useIpv6: false, code: -98, name: EADDRINUSE, "
               "message: address already in use\n",
               &several, ENGINE_FAILURE_NETWORK,
               "the port at which the processes meet is taken: start again, with another "
               "MASTER_PORT");
}

static void what_says_nothing_is_shown(void **state)
{
    (void)state;
    static const struct engine_end killed = {.status = -1, .signal = 9, .nodes = 1},
                                   unknown = {.status = -1, .nodes = 1};
    check_text("", &failed, ENGINE_FAILURE_UNKNOWN, "it ended with status 1, and said nothing");
    check_text("", &unknown, ENGINE_FAILURE_UNKNOWN, "it ended, and said nothing");
    check_text("step 3\r step 4\r\n\n=====\n", &killed, ENGINE_FAILURE_UNKNOWN,
               "it was ended by signal 9 (Killed); its last line:  step 4");
    check_text("./launch.sh: line 12: /opt/python: No such file or directory\n", &failed,
               ENGINE_FAILURE_UNKNOWN,
               "it ended with status 1: line 12: /opt/python: No such file or directory");
    check_text("/usr/bin/python3: Error while finding module specification for "
               "'torch.distributed.run' (ModuleNotFoundError: No module named 'torch')\n",
               &failed, ENGINE_FAILURE_MODULE,
               "Python has no module torch: with it, pip install -r requirements.txt (of the run's "
               "folder), or choose another by --python");
    check_text("  File \"/home/user/run/train.py\", line 1\n    def x(:\n          ^\n"
               "SyntaxError: invalid syntax\n",
               &failed, ENGINE_FAILURE_UNKNOWN,
               "it ended with status 1: SyntaxError: invalid syntax");
}

/* A traceback that a library survived, and wrote all the same, is not why rank 0 ended. */
static void what_was_survived_is_not_the_cause(void **state)
{
    (void)state;
    check_text("Traceback (most recent call last):\n  File \"a.py\", line 1\n"
               "ImportError: no fast kernels here\n"
               "[rank0]: Traceback (most recent call last):\n"
               "[rank0]: ValueError: that is why\n",
               &failed, ENGINE_FAILURE_EXCEPTION, "rank 0: ValueError: that is why");
    check_text("Traceback (most recent call last):\n  File \"a.py\", line 1\n"
               "ImportError: no fast kernels here\n"
               "Traceback (most recent call last):\n"
               "ValueError: that is why\n"
               "E failed (exitcode: 1) local_rank: 0\n"
               "Traceback (most recent call last):\n"
               "RuntimeError: at the end\n",
               &failed, ENGINE_FAILURE_EXCEPTION, "a process: ValueError: that is why");
}

/* What an exception became is what ended the process. */
static void an_exception_becomes_another(void **state)
{
    (void)state;
    check_text("[rank0]: Traceback (most recent call last):\n"
               "[rank0]:   File \"a.py\", line 1\n"
               "[rank0]: KeyError: 'x'\n"
               "[rank0]: \n"
               "[rank0]: During handling of the above exception, another exception occurred:\n"
               "[rank0]: \n"
               "[rank0]: Traceback (most recent call last):\n"
               "[rank0]:   File \"a.py\", line 2\n"
               "[rank0]: ValueError: no x\n",
               &failed, ENGINE_FAILURE_EXCEPTION, "rank 0: ValueError: no x");
}

#define BLOCK(time, rank, status)                                                                  \
    "Root Cause (first observed failure):\n[0]:\n  time      : 2026-11-30_20:30:" time "\n"        \
    "  host      : h" rank "\n  rank      : " rank " (local_rank: 0)\n  exitcode  : " status       \
    " (pid: 7)\n  error_file: <N/A>\n=====\n"

/* Of the blocks of several nodes the first in time counts, wherever it stands; not one whose process
 * only lost the others. */
static void the_first_of_several_failures_counts(void **state)
{
    (void)state;
    check_text(BLOCK("57", "0", "1") BLOCK("56", "1", "7") BLOCK("58", "2", "1"), &several,
               ENGINE_FAILURE_STATUS, "rank 1 on h1 ended with status 7, and did not say why");
    check_text(
        "[rank0]: Traceback (most recent call last):\n"
        "[rank0]: RuntimeError: Connection closed by peer [10.0.0.2]:7\n" BLOCK("55", "0", "1")
            BLOCK("56", "1", "7"),
        &several, ENGINE_FAILURE_STATUS, "rank 1 on h1 ended with status 7, and did not say why");
    check_text("[rank0]: Traceback (most recent call last):\n"
               "[rank0]: RuntimeError: where is rank 1?\n" BLOCK("55", "1", "-9"),
               &failed, ENGINE_FAILURE_KILLED,
               "rank 1 was killed (signal 9): out of memory, or by hand");
}

/* Of an earlier sitting nothing counts. */
static void a_sitting_begins_anew(void **state)
{
    (void)state;
    check_text("spectrum: the first\n" ENGINE_LOG_MARK " job 7\nspectrum: the second\n", &failed,
               ENGINE_FAILURE_OWN, "the second");
    check_text("spectrum: the first\n" ENGINE_LOG_MARK " job 7\nMemoryError at home\n", &failed,
               ENGINE_FAILURE_UNKNOWN,
               "it ended with status 1; its last line: MemoryError at home");
}

static void hostile_text_is_shown_safely(void **state)
{
    (void)state;
    check_text("spectrum: a\x1b[31mb\x1b]0;x\x07"
               "c\xff\xe2\x80\xae\n",
               &failed, ENGINE_FAILURE_OWN, "ab?]0;x?c??");
    check_text("\x1b[1;31m[rank3]:\tspectrum: colours\x1b[0m\n", &failed, ENGINE_FAILURE_OWN,
               "colours");
    check_text("[rank99999999999]: Traceback (most recent call last):\nx\x1b[", &failed,
               ENGINE_FAILURE_UNKNOWN, "it ended with status 1; its last line: x");
    check_text("Root Cause (first observed failure):\n  rank      : -7\n  exitcode  : "
               "-99999999999999999999\n",
               &failed, ENGINE_FAILURE_KILLED,
               "a process was ended by signal 127 (Unknown signal 127)");
    check_text("srun: error: n\x1b[2\x07\xff: task 1: Killed\n", &several, ENGINE_FAILURE_KILLED,
               "what ran on n?? was ended by a signal (Killed): out of memory, or by hand");
    struct engine_failure found;
    engine_failure_find(&found, "\0\0spectrum: x\n\0\n", 16, &failed);
    assert_int_equal(found.kind, ENGINE_FAILURE_UNKNOWN);
}

/* Only its end is read, and that from where the sitting began. */
static void a_long_log_is_read_from_its_end(void **state)
{
    (void)state;
    char path[128];
    struct engine_failure found;
    snprintf(path, sizeof path, "%s/engine.log", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "spectrum: long ago\n");
    long from = ftell(file);
    for (int i = 0; i < 40000; i++)
        fprintf(file, "step %d has a line that is not so short\n", i);
    long late = ftell(file);
    assert_true(late > 1 << 20);
    fprintf(file, "and an end");
    assert_int_equal(fclose(file), 0);
    engine_failure_read(&found, path, 0, &failed);
    check(&found, "all", ENGINE_FAILURE_UNKNOWN,
          "it ended with status 1; its last line: and an end");
    assert_int_equal(truncate(path, from + 100), 0);
    engine_failure_read(&found, path, 0, &failed);
    check(&found, "short", ENGINE_FAILURE_OWN, "long ago");
    engine_failure_read(&found, path, (uint64_t)from, &failed);
    assert_int_equal(found.kind, ENGINE_FAILURE_UNKNOWN);
    engine_failure_read(&found, path, (uint64_t)late, &failed); /* it is shorter now: all of it */
    check(&found, "cut", ENGINE_FAILURE_OWN, "long ago");
    assert_int_equal(unlink(path), 0);
    engine_failure_read(&found, path, 0, &failed);
    check(&found, "gone", ENGINE_FAILURE_UNKNOWN, "it ended with status 1, and said nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_logs_are_understood),
        cmocka_unit_test(slurm_says_what_it_did),
        cmocka_unit_test(a_step_is_cancelled_when_a_task_fails),
        cmocka_unit_test(networks_break),
        cmocka_unit_test(what_says_nothing_is_shown),
        cmocka_unit_test(what_was_survived_is_not_the_cause),
        cmocka_unit_test(an_exception_becomes_another),
        cmocka_unit_test(the_first_of_several_failures_counts),
        cmocka_unit_test(a_sitting_begins_anew),
        cmocka_unit_test(hostile_text_is_shown_safely),
        cmocka_unit_test(a_long_log_is_read_from_its_end),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
