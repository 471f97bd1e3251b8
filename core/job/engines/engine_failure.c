#include "job/engines/engine_failure.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LOG_TAIL = 1 << 20, LINE_SIZE = 512, RANKS = 64, EXCEPTIONS = 64, ROOTS = 32 };

/* --- lines --- */

struct line {
    int rank;             /* of "[rank1]: ", which PyTorch puts before a process's traceback; -1 */
    char text[LINE_SIZE]; /* without that, colours and what a progress bar wrote over; cut */
};

/* "[rank1]: x" and "[rank1]:[E...] x" */
static void take_rank(struct line *line)
{
    int rank = 0, used = 0;
    line->rank = -1;
    if (sscanf(line->text, "[rank%6d]:%n", &rank, &used) != 1 || used == 0)
        return;
    used += line->text[used] == ' ';
    line->rank = rank;
    memmove(line->text, line->text + used, strlen(line->text + used) + 1);
}

static void clean(struct line *out, const char *from, const char *end)
{
    size_t to = 0, length = (size_t)(end - from);
    while (length > 0 && from[length - 1] == '\r')
        length--;
    const char *over = length > 0 ? memrchr(from, '\r', length) : NULL;
    end = from + length;
    for (const char *at = over ? over + 1 : from; at < end && to + 1 < LINE_SIZE;) {
        if (at[0] == '\x1b' && end - at > 1 && at[1] == '[') { /* ESC [ parameters, one more */
            at += 2;
            while (at < end && *at >= ' ' && *at < '@')
                at++;
            at += at < end && *at >= '@' && *at <= '~';
        } else {
            out->text[to++] = *at == '\t' ? ' ' : *at ? *at : '?';
            at++;
        }
    }
    out->text[to] = '\0';
    take_rank(out);
}

/* Is it after the text's start? What follows then; NULL. */
static const char *after(const char *text, const char *start)
{
    size_t length = strlen(start);
    return strncmp(text, start, length) == 0 ? text + length : NULL;
}

static int number_in(const char *text, int low, int high)
{
    long number = strtol(text, NULL, 10);
    return number < low ? low : number > high ? high : (int)number;
}

static bool has(const char *text, const char *const *words)
{
    while (*words && !strstr(text, *words))
        words++;
    return *words;
}

/* --- what was seen --- */

enum exception_class {
    OF_ITS_OWN,
    OF_NETWORK,  /* of a process that asked another one in vain */
    OF_INTERRUPT /* Ctrl-C */
};

struct exception {
    int rank; /* -1: unknown */
    enum exception_class of;
    bool before_end; /* before torchrun said that a process had failed */
    char text[400];  /* "ValueError: ..." */
};

/* A block of torchrun's: which of its processes failed first. */
struct root {
    int rank, exit; /* below 0: a signal */
    char host[80], time[32];
};

/* Where a process's traceback is; of processes without a name all together, as rank -1. */
struct reading {
    int rank;
    bool inside;  /* a traceback, whose exception is to come */
    bool chained; /* the next exception is the one that it became */
    bool goes_on; /* the exception's next line says more */
    size_t last;  /* its last exception, + 1 */
};

enum slurm_event { NOTHING, TIME_LIMIT, PREEMPTED, NODE_FAILED, REQUEUED, CANCELLED };

struct evidence {
    char own[400];
    enum slurm_event slurm;
    char failed_node[80]; /* as srun named it */
    char first_task[80];  /* of srun's tasks, that ended by a signal before any other: its node, */
    char task_signal[32]; /* and how: "Killed" */
    bool task_seen, slurm_memory;
    struct exception exceptions[EXCEPTIONS];
    size_t exception_count;
    struct root roots[ROOTS];
    size_t root_count;
    bool in_root, torchrun_failed;
    int stop_signal; /* that torchrun itself got */
    char weak[400];  /* what is said of an error outside of tracebacks */
    char last[400];  /* the last line that says anything */
    struct reading readings[RANKS];
    size_t reading_count;
};

static void keep(char *out, size_t size, const char *text)
{
    if (!out[0])
        utf8_copy_line(out, size, text);
}

/* --- exceptions --- */

static struct reading *reading_of(struct evidence *seen, int rank)
{
    for (size_t i = 0; i < seen->reading_count; i++)
        if (seen->readings[i].rank == rank)
            return &seen->readings[i];
    if (seen->reading_count == RANKS)
        return NULL;
    seen->readings[seen->reading_count] = (struct reading){.rank = rank};
    return &seen->readings[seen->reading_count++];
}

/* "package.module.SomeError" alone, or with ": ..." after it. */
static bool is_exception(const char *text)
{
    size_t length =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
    const char *name = text;
    for (size_t i = 0; i < length; i++)
        if (text[i] == '.')
            name = text + i + 1;
    name += strspn(name, "_");
    return isupper((unsigned char)*name) && (text[length] == '\0' || text[length] == ':');
}

static enum exception_class class_of(const char *text)
{
    static const char *const network[] = {"Connection closed by peer",
                                          "Connection reset by peer",
                                          "Broken pipe",
                                          "Timed out waiting",
                                          "Watchdog caught",
                                          "NCCL error",
                                          "DistNetworkError",
                                          "DistStoreError",
                                          "DistBackendError",
                                          "RendezvousTimeoutError",
                                          "RendezvousConnectionError",
                                          "Socket Timeout",
                                          "remote process exited",
                                          "EADDRINUSE",
                                          NULL};
    if (after(text, "KeyboardInterrupt"))
        return OF_INTERRUPT;
    return has(text, network) ? OF_NETWORK : OF_ITS_OWN;
}

/* torchrun's own say nothing but that there was one. */
static bool is_torchruns(struct evidence *seen, const char *text)
{
    static const char *const its[] = {"ChildFailedError", "multiprocessing.api.SignalException",
                                      NULL};
    const char *number = strstr(text, " got signal: ");
    if (!after(text, "torch.distributed.elastic.") || !has(text, its))
        return false;
    if (number && !seen->stop_signal)
        seen->stop_signal = number_in(number + strlen(" got signal: "), 0, 127);
    return true;
}

static void add_exception(struct evidence *seen, struct reading *reading, const char *text)
{
    bool becomes = reading->chained && reading->last;
    reading->inside = reading->chained = false;
    if (!becomes && seen->exception_count == EXCEPTIONS)
        return;
    size_t at = becomes ? reading->last - 1 : seen->exception_count++;
    struct exception *out = &seen->exceptions[at];
    *out = (struct exception){
        .rank = reading->rank, .of = class_of(text), .before_end = !seen->torchrun_failed};
    utf8_copy_line(out->text, sizeof out->text, text);
    reading->last = at + 1;
    reading->goes_on = text_ends_with(text, ":");
}

static void add_to_exception(struct evidence *seen, struct reading *reading, const char *text)
{
    struct exception *out = &seen->exceptions[reading->last - 1];
    size_t length = strlen(out->text);
    reading->goes_on = false;
    text += strspn(text, " ");
    char more[200];
    utf8_copy_line(more, sizeof more, text);
    snprintf(out->text + length, sizeof out->text - length, " %s", more);
    utf8_mend(out->text);
}

/* True where the line is part of a traceback, or what it ends with. */
static bool read_traceback(struct evidence *seen, const struct line *line)
{
    struct reading *reading = reading_of(seen, line->rank);
    if (!reading)
        return false;
    if (is_torchruns(seen, line->text)) {
        reading->inside = reading->chained = reading->goes_on = false;
        return true;
    }
    if (strcmp(line->text, "Traceback (most recent call last):") == 0) {
        reading->inside = true;
        reading->goes_on = false;
        return true;
    }
    if (after(line->text, "The above exception was the direct cause") ||
        after(line->text, "During handling of the above exception")) {
        reading->chained = true;
        return true;
    }
    if (reading->inside && is_exception(line->text)) {
        add_exception(seen, reading, line->text);
        return true;
    }
    if (reading->goes_on && line->text[0]) {
        add_to_exception(seen, reading, line->text);
        return true;
    }
    return reading->inside && line->text[0] == ' ';
}

/* NCCL's watchdog says it in the log, and ends the process. */
static bool read_watchdog(struct evidence *seen, const struct line *line)
{
    const char *at = strstr(line->text, "Watchdog caught collective operation timeout");
    const char *rank = strstr(line->text, "[Rank ");
    if (!at)
        return false;
    int number = rank ? number_in(rank + strlen("[Rank "), -1, 999999) : line->rank;
    struct reading *reading = reading_of(seen, number);
    if (reading && !reading->last)
        add_exception(seen, reading, at);
    return true;
}

/* --- torchrun and Slurm --- */

/* Root Cause (first observed failure):
 * [0]:
 *   time      : 2026-11-30_20:30:56
 *   host      : n2
 *   rank      : 1 (local_rank: 1)
 *   exitcode  : -9 (pid: 24557)  (SIGKILL) */
static bool read_root(struct evidence *seen, const char *text)
{
    const char *value;
    if (after(text, "Root Cause (first observed failure)") && seen->root_count < ROOTS) {
        seen->in_root = true;
        seen->roots[seen->root_count++] = (struct root){.rank = -1};
        return true;
    }
    if (!seen->in_root)
        return strstr(text, "failed (exitcode: ") && (seen->torchrun_failed = true);
    struct root *root = &seen->roots[seen->root_count - 1];
    if ((value = after(text, "  time      : ")))
        keep(root->time, sizeof root->time, value);
    else if ((value = after(text, "  host      : ")))
        keep(root->host, sizeof root->host, value);
    else if ((value = after(text, "  rank      : ")))
        root->rank = number_in(value, -1, 999999);
    else if ((value = after(text, "  exitcode  : ")))
        root->exit = number_in(value, -127, 255);
    else if (after(text, "====="))
        seen->in_root = false;
    return true;
}

/* slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-11-30T20:28:36 DUE TO TIME LIMIT ***
 * A step (that of srun) is also cancelled when one of its tasks fails; no reason is then said. */
static void read_cancelled(struct evidence *seen, const char *text)
{
    static const struct {
        const char *why;
        enum slurm_event event;
    } events[] = {{"TIME LIMIT", TIME_LIMIT},
                  {"PREEMPTION", PREEMPTED},
                  {"NODE FAILURE", NODE_FAILED},
                  {"JOB REQUEUE", REQUEUED}};
    const char *why = strcasestr(text, " DUE TO ");
    enum slurm_event event = strstr(text, "*** JOB ") ? CANCELLED : NOTHING;
    for (size_t i = 0; why && i < sizeof events / sizeof *events; i++)
        if (after(why + strlen(" DUE TO "), events[i].why))
            event = events[i].event;
    if (seen->slurm == NOTHING || seen->slurm == CANCELLED)
        seen->slurm = event == NOTHING ? seen->slurm : event;
}

/* srun: error: n2: task 1: Killed
 * Of tasks the one counts that ended first: others may be killed for its sake. */
static void read_task(struct evidence *seen, const char *text)
{
    const char *task = strstr(text, ": task"), *how = task ? strstr(task + 2, ": ") : NULL;
    if (!how || seen->task_seen)
        return;
    seen->task_seen = true;
    if (after(how, ": Exited with exit code"))
        return;
    snprintf(seen->first_task, sizeof seen->first_task, "%.*s", (int)(task - text), text);
    snprintf(seen->task_signal, sizeof seen->task_signal, "%.31s", how + 2);
}

static bool read_slurm(struct evidence *seen, const char *text)
{
    static const char *const memory[] = {"oom_kill event",
                                         "oom-kill event",
                                         ": Out Of Memory",
                                         "exceeded memory limit",
                                         "exceeded job memory limit",
                                         NULL};
    bool daemon = after(text, "slurmstepd") || after(text, "slurmd");
    const char *srun = after(text, "srun: "), *error = after(text, "srun: error: "), *node;
    if (!daemon && !srun)
        return false;
    if (has(text, memory))
        seen->slurm_memory = true;
    if (daemon && strstr(text, "*** ") && strstr(text, " CANCELLED AT "))
        read_cancelled(seen, text);
    else if (error && (node = after(error, "Node failure on ")))
        keep(seen->failed_node, sizeof seen->failed_node, node);
    else if (error && strstr(error, ": task"))
        read_task(seen, error);
    else if (error && !after(error, "Timed out waiting for job step"))
        keep(seen->weak, sizeof seen->weak, error);
    return true;
}

/* --- all lines --- */

/* "/usr/bin/python3: can't open file ...", "launch.sh: line 30: ...: No such file or directory",
 * "SyntaxError: ...", "  what():  ...": as good as it gets where there is no traceback. */
static void read_weak(struct evidence *seen, const char *text)
{
    const char *colon = strstr(text, ": "), *what = strstr(text, "what():  ");
    size_t name = colon ? (size_t)(colon - text) : 0;
    char first[LINE_SIZE];
    snprintf(first, sizeof first, "%.*s", (int)name, text);
    char *base = strrchr(first, '/');
    base = base ? base + 1 : first;
    bool python = after(base, "python") && base[strspn(base, "python3.0123456789")] == '\0';
    bool bash = colon && after(colon, ": line ") && isdigit((unsigned char)colon[7]);
    bool error = name && is_exception(text) &&
                 (text_ends_with(first, "Error") || text_ends_with(first, "Exception"));
    if (what)
        keep(seen->weak, sizeof seen->weak, what + strlen("what():  "));
    else if (python || bash)
        keep(seen->weak, sizeof seen->weak, colon + 2);
    else if (error)
        keep(seen->weak, sizeof seen->weak, text);
}

static void read_line(struct evidence *seen, const struct line *line)
{
    const char *own = after(line->text, "spectrum: ");
    if (own) {
        keep(seen->own, sizeof seen->own, own);
        return;
    }
    if (read_traceback(seen, line) || read_watchdog(seen, line) || read_slurm(seen, line->text) ||
        read_root(seen, line->text))
        return;
    read_weak(seen, line->text);
    if (line->text[strspn(line->text, " =-")]) {
        seen->last[0] = '\0';
        keep(seen->last, sizeof seen->last, line->text);
    }
}

/* Where the last sitting begins. */
static const char *last_sitting(const char *text, size_t length)
{
    static const char mark[] = "\n" ENGINE_LOG_MARK;
    const char *from = text, *end = text + length, *found;
    while ((found = memmem(from, (size_t)(end - from), mark, sizeof mark - 1)))
        from = found + 1;
    return from;
}

/* --- what follows from it --- */

static void say(struct engine_failure *out, enum engine_failure_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct engine_failure *out, enum engine_failure_kind kind, const char *format, ...)
{
    char text[sizeof out->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    utf8_mend(text); /* it may have been cut inside a character */
    out->kind = kind;
    utf8_copy_line(out->text, sizeof out->text, text);
}

/* "rank 1", "rank 1 on n2", "a process" */
struct who {
    char text[128];
};
static struct who who(const struct evidence *seen, int rank, const struct engine_end *end)
{
    struct who out = {"a process"};
    const char *host = "";
    for (size_t i = 0; i < seen->root_count; i++)
        if (seen->roots[i].rank == rank && end->nodes > 1)
            host = seen->roots[i].host;
    if (rank >= 0)
        snprintf(out.text, sizeof out.text, "rank %d%s%s", rank, host[0] ? " on " : "", host);
    return out;
}

static bool say_slurm(struct engine_failure *out, const struct evidence *seen)
{
    switch (seen->slurm) {
    case TIME_LIMIT:
        say(out, ENGINE_FAILURE_TIME_LIMIT,
            "the job ran into its time limit before it had written a checkpoint and ended: give it "
            "more (--sbatch --time=...), or an earlier warning (--sbatch --signal=B:USR1@SECONDS)");
        return true;
    case PREEMPTED:
        say(out, ENGINE_FAILURE_PREEMPTED, "another job took its nodes (preemption)");
        return true;
    case NODE_FAILED:
        say(out, ENGINE_FAILURE_NODE, "%s%s failed", seen->failed_node[0] ? "node " : "a node",
            seen->failed_node);
        return true;
    case REQUEUED:
        say(out, ENGINE_FAILURE_CANCELLED, "the job was put into the queue again");
        return true;
    case CANCELLED:
        say(out, ENGINE_FAILURE_CANCELLED, "the job was cancelled");
        return true;
    case NOTHING:
        break;
    }
    if (seen->failed_node[0])
        say(out, ENGINE_FAILURE_NODE, "node %s failed", seen->failed_node);
    else if (seen->slurm_memory)
        say(out, ENGINE_FAILURE_MEMORY,
            "the job needed more memory than Slurm gave it: ask for more (--sbatch --mem=...), or "
            "start fewer --processes on a node");
    else
        return false;
    return true;
}

/* A word of the text after `before`, up to one of `ends`; "" where it has none. */
static void cut_out(char *out, size_t size, const char *text, const char *before, const char *ends)
{
    const char *at = strstr(text, before);
    at = at ? at + strlen(before) : "";
    snprintf(out, size, "%.*s", (int)strcspn(at, ends), at);
}

static bool say_memory(struct engine_failure *out, const char *text, const char *rank)
{
    static const char *const device[] = {"CUDA out of memory",         "HIP out of memory",
                                         "CUDA error: out of memory",  "OutOfMemoryError",
                                         "CUBLAS_STATUS_ALLOC_FAILED", NULL};
    static const char *const host[] = {"MemoryError",
                                       "DefaultCPUAllocator",
                                       "std::bad_alloc",
                                       "Cannot allocate memory",
                                       "cannot allocate memory",
                                       NULL};
    char wanted[32], all[32], left[32];
    if (has(text, device)) {
        cut_out(wanted, sizeof wanted, text, "Tried to allocate ", "B");
        cut_out(all, sizeof all, text, "total capacity of ", "B");
        cut_out(left, sizeof left, text, "of which ", "B");
        bool known = wanted[0] && all[0] && left[0];
        say(out, ENGINE_FAILURE_DEVICE_MEMORY,
            "%s ran out of GPU memory%s%s%s%s%s%s%s: a smaller --batch or --seq-len, more "
            "processes, or --offload need less",
            rank, known ? " (it wanted " : "", known ? wanted : "", known ? "B more, and of " : "",
            known ? all : "", known ? "B there were " : "", known ? left : "",
            known ? "B left)" : "");
        return true;
    }
    if (!has(text, host))
        return false;
    cut_out(wanted, sizeof wanted, text, "tried to allocate ", " ");
    double bytes = strtod(wanted, NULL);
    say(out, ENGINE_FAILURE_MEMORY,
        "%s ran out of memory%s%s%s: a smaller --batch or --seq-len, or fewer processes on a "
        "machine need less",
        rank, bytes > 0 ? " (it wanted " : "", bytes > 0 ? bytes_text(bytes).text : "",
        bytes > 0 ? " more)" : "");
    return true;
}

static bool say_module(struct engine_failure *out, const char *text)
{
    const char *at = strstr(text, "No module named ");
    char name[80];
    if (!at)
        return false;
    at += strlen("No module named ");
    at += *at == '\'';
    snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "'; )"), at);
    say(out, ENGINE_FAILURE_MODULE,
        "Python has no module %s: with it, pip install -r requirements.txt (of the run's folder), "
        "or choose another by --python",
        name);
    return true;
}

/* Of a network's exception: what it means, and that it is mostly not the cause. */
static void say_network(struct engine_failure *out, const struct exception *one, const char *rank)
{
    static const char *const lost[] = {"Connection closed by peer", "Connection reset by peer",
                                       "Broken pipe", "remote process exited", NULL};
    const char *text = one->text;
    char address[64], time[24], what[32];
    if (has(text, lost)) { /* gloo has "by peer [ADDRESS]:PORT" and "Read error [ADDRESS]:PORT" */
        cut_out(address, sizeof address, text, strstr(text, "by peer [") ? "by peer [" : "error [",
                "]");
        say(out, ENGINE_FAILURE_NETWORK,
            "%s lost its connection to another process%s%s: that one, or its machine, is gone",
            rank, address[0] ? " at " : "", address);
        return;
    }
    cut_out(time, sizeof time, text, strstr(text, "Timeout(ms)=") ? "Timeout(ms)=" : "waiting ",
            "m)");
    cut_out(what, sizeof what, text, "OpType=", ",");
    double seconds = strtod(time, NULL) / 1000;
    if ((strstr(text, "Timed out waiting ") || strstr(text, "Watchdog caught")) && seconds > 0) {
        say(out, ENGINE_FAILURE_NETWORK,
            "%s waited %g s for another process in vain%s%s%s: that one hangs, or its machine is "
            "gone",
            rank, seconds, what[0] ? " (" : "", what, what[0] ? ")" : "");
        return;
    }
    cut_out(address, sizeof address, text, "trying to connect to (", ",)");
    if (address[0] && strstr(text, "timed out")) {
        say(out, ENGINE_FAILURE_NETWORK,
            "%s could not reach %s: is that the address of node 0 (MASTER_ADDR), is launch.sh "
            "started there, and does no firewall stand between them?",
            rank, address);
        return;
    }
    if (strstr(text, "EADDRINUSE") || strstr(text, "ddress already in use"))
        say(out, ENGINE_FAILURE_NETWORK,
            "the port at which the processes meet is taken: start again, with another MASTER_PORT");
    else
        say(out, ENGINE_FAILURE_NETWORK, "%s: %s", rank, text);
}

/* The exception of its own that counts: of the process that torchrun says failed first, else the
 * first that PyTorch reported of a process (a traceback that a program survived is reported by
 * itself, and has no rank), else the last one before torchrun saw the end. */
static const struct exception *cause(const struct evidence *seen, const struct root *root)
{
    const struct exception *named = NULL, *nameless = NULL;
    for (size_t i = 0; i < seen->exception_count; i++) {
        const struct exception *one = &seen->exceptions[i];
        if (one->of != OF_ITS_OWN)
            continue;
        if (root && one->rank >= 0 && one->rank == root->rank)
            return one;
        if (one->rank >= 0 && !named)
            named = one;
        if (one->rank < 0 && (one->before_end || !nameless))
            nameless = one;
    }
    return named ? named : nameless;
}

static const struct exception *network_of(const struct evidence *seen, int rank)
{
    for (size_t i = 0; i < seen->exception_count; i++)
        if (seen->exceptions[i].of == OF_NETWORK && (rank < 0 || seen->exceptions[i].rank == rank))
            return &seen->exceptions[i];
    return NULL;
}

/* The block of the process that failed first, by the time that is in it; with several nodes there
 * are several, whose processes fail because another one did. `alone`: of those that did not. */
static const struct root *first_root(const struct evidence *seen, bool alone)
{
    const struct root *first = NULL;
    for (size_t i = 0; i < seen->root_count; i++)
        if ((!first || strcmp(seen->roots[i].time, first->time) < 0) &&
            !(alone && network_of(seen, seen->roots[i].rank)))
            first = &seen->roots[i];
    return first;
}

static void say_root(struct engine_failure *out, const struct evidence *seen,
                     const struct root *root, const char *rank)
{
    int number = -root->exit;
    if (number == 9)
        say(out, ENGINE_FAILURE_KILLED, "%s was killed (signal 9): out of memory, or by hand",
            rank);
    else if (number > 0)
        say(out, ENGINE_FAILURE_KILLED, "%s was ended by signal %d (%s)%s%s", rank, number,
            strsignal(number), seen->weak[0] ? ": " : "", seen->weak);
    else
        say(out, ENGINE_FAILURE_STATUS, "%s ended with status %d%s%s", rank, root->exit,
            seen->weak[0] ? ": " : ", and did not say why", seen->weak);
}

static void say_end(struct engine_failure *out, const struct evidence *seen,
                    const struct engine_end *end)
{
    char how[64] = "it ended";
    const char *last = seen->weak[0] ? seen->weak : seen->last;
    if (end->signal)
        snprintf(how, sizeof how, "it was ended by signal %d (%s)", end->signal,
                 strsignal(end->signal));
    else if (end->status >= 0)
        snprintf(how, sizeof how, "it ended with status %d", end->status);
    say(out, ENGINE_FAILURE_UNKNOWN, "%s%s%s", how,
        last[0] ? seen->weak[0] ? ": " : "; its last line: " : ", and said nothing", last);
}

static void conclude(struct engine_failure *out, const struct evidence *seen,
                     const struct engine_end *end)
{
    const struct root *root = first_root(seen, true), *any = first_root(seen, false);
    const struct exception *one = cause(seen, root ? root : any), *network = NULL;
    if (seen->own[0]) {
        say(out, ENGINE_FAILURE_OWN, "%s", seen->own);
        return;
    }
    if (say_slurm(out, seen))
        return;
    /* of a process that a signal ended, what others say is a consequence */
    if (one && !(root && root->exit < 0 && root->rank != one->rank)) {
        struct who rank = who(seen, one->rank < 0 && root ? root->rank : one->rank, end);
        if (!say_memory(out, one->text, rank.text) && !say_module(out, one->text))
            say(out, ENGINE_FAILURE_EXCEPTION, "%s: %s", rank.text, one->text);
        return;
    }
    if (root) {
        struct who rank = who(seen, root->rank, end);
        if (!say_module(out, seen->weak) && !say_memory(out, seen->weak, rank.text))
            say_root(out, seen, root, rank.text);
        return;
    }
    network = any ? network_of(seen, any->rank) : NULL;
    if (seen->first_task[0])
        say(out, ENGINE_FAILURE_KILLED, "what ran on %s was ended by a signal (%s): %s",
            seen->first_task, seen->task_signal,
            strcmp(seen->task_signal, "Killed") == 0 ? "out of memory, or by hand"
                                                     : "engine.log may say more");
    else if (!network && seen->stop_signal)
        say(out, ENGINE_FAILURE_STOPPED, "it was told to end by signal %d (%s)", seen->stop_signal,
            strsignal(seen->stop_signal));
    else if (network || (network = network_of(seen, -1)))
        say_network(out, network, who(seen, network->rank, end).text);
    else if (!say_module(out, seen->weak))
        say_end(out, seen, end);
}

void engine_failure_find(struct engine_failure *out, const char *text, size_t length,
                         const struct engine_end *end)
{
    struct evidence *seen = array_alloc(1, sizeof *seen, NULL);
    struct line line;
    *out = (struct engine_failure){.kind = ENGINE_FAILURE_UNKNOWN, .text = "not enough memory"};
    if (!seen)
        return;
    const char *stop = text + length;
    for (const char *at = last_sitting(text, length); at < stop;) {
        const char *next = memchr(at, '\n', (size_t)(stop - at));
        clean(&line, at, next ? next : stop);
        read_line(seen, &line);
        at = next ? next + 1 : stop;
    }
    conclude(out, seen, end);
    free(seen);
}

void engine_failure_read(struct engine_failure *out, const char *path, uint64_t from,
                         const struct engine_end *end)
{
    uint64_t size = 0;
    int fd = file_open_read(path, &size, NULL);
    uint64_t start = from < size ? from : 0;
    bool midway = size - start > LOG_TAIL;
    if (midway)
        start = size - LOG_TAIL;
    char *text = array_alloc((size_t)(size - start), 1, NULL);
    size_t length = (size_t)(size - start);
    if (fd < 0 || !text || file_read_at(fd, text, length, start, path, NULL) != 0)
        length = 0;
    const char *line = midway && length ? memchr(text, '\n', length) : NULL;
    size_t passed = line ? (size_t)(line + 1 - text) : 0;
    engine_failure_find(out, text ? text + passed : "", length - passed, end);
    if (fd >= 0)
        sys.close(fd);
    free(text);
}
