#include "job/launch.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/job_kind.h"
#include "job/lock.h"
#include "job/metrics.h"
#include "job/requests.h"
#include "job/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TENTHS = 10 * JOB_START_SECONDS };

/* Whoever waits here polls files: the job may be on another host's disk, where nothing wakes us. */
static void sleep_tenth(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

/* By the file's own name, so that it shows among the processes; one that has been replaced has no
 * other name than the link. */
static int spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *files,
                 const posix_spawnattr_t *attributes, char **argv, struct error *err)
{
    char *file = sys.realpath(program, NULL), *asked = argv[0];
    argv[0] = file ? file : asked;
    int failed = sys.spawn(pid, argv[0], files, attributes, argv, environ);
    argv[0] = asked;
    free(file);
    return failed ? error_set_errno(err, failed, "cannot start %s", program) : 0;
}

/* program, "supervise", path, "--", arguments..., NULL */
static char **supervisor_arguments(const char *path, const char *program, char *const arguments[],
                                   struct error *err)
{
    size_t count = 0;
    while (arguments[count])
        count++;
    char **all = array_alloc(count + 5, sizeof *all, err);
    if (!all)
        return NULL;
    const char *head[] = {program, "supervise", path, "--"};
    memcpy(all, head, sizeof head);
    memcpy(all + 4, arguments, count * sizeof *all);
    return all;
}

/* Standard input from nowhere, messages to the log, a session of its own. The log is opened here,
 * beneath the job's folder, not by the child. */
static int spawn_detached(pid_t *pid, const char *program, char **argv, const char *path,
                          const char *folder, struct error *err)
{
    char *log = job_dir_confine(path, err) == 0 ? path_join(path, "log.txt", err) : NULL;
    int fd = log ? sys.open(log, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    if (log && fd < 0)
        error_set_errno(err, errno, "cannot write %s", log);
    free(log);
    if (fd < 0)
        return -1;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    posix_spawn_file_actions_adddup2(&files, fd, 1);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (folder)
        posix_spawn_file_actions_addchdir_np(&files, folder);
    int status = spawn(pid, program, &files, &attributes, argv, err);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    sys.close(fd);
    return status;
}

/* False and all zero: there is none. */
static bool look_at_result(const char *path, struct stat *out)
{
    char *file = path_join(path, "result.json", NULL);
    *out = (struct stat){0};
    bool there = file && sys.stat(file, out) == 0;
    free(file);
    return there;
}

/* Until the supervisor has started the worker, after which no request is dropped any more, or has
 * ended (a quick job may be over by then, which a result says that is not `before`). It is waited for as long as it lives: on a busy machine,
 * or with the program on a slow file system, a start takes what it takes. */
static int wait_for_start(const char *path, pid_t pid, const struct stat *before, struct error *err)
{
    struct stat now;
    for (int unnamed = 0; unnamed < START_TENTHS;) {
        int ended = sys.waitpid(pid, NULL, WNOHANG);
        if (ended == pid || (ended < 0 && errno == ECHILD)) {
            if (look_at_result(path, &now) &&
                (now.st_ino != before->st_ino || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
                 now.st_mtim.tv_nsec != before->st_mtim.tv_nsec))
                return 0;
            return error_set(err, "the job did not start; %s/log.txt says why", path);
        }
        enum job_state state = job_state(path);
        bool locked = state == JOB_RUNNING || state == JOB_WAITING || state == JOB_PAUSED;
        if (locked && job_lock_names_worker(path))
            return 0;
        unnamed += locked; /* on a full disk the lock cannot name the worker */
        sleep_tenth();
    }
    return 0;
}

/* An error with the message of a result that says "failed", "killed" or "not started", or with the
 * reason why a resume was refused; 0 for any other. */
static int report_failure(const char *path, struct error *err)
{
    cJSON *result = job_dir_read(path, "result.json", NULL);
    const char *how = "", *message = "";
    int status = 0;
    json_get_string(result, "status", &how);
    json_get_string(result, "message", &message);
    if (json_get_string(result, "refused", &message) ||
        (strcmp(how, "completed") != 0 && strcmp(how, "stopped") != 0 && how[0]))
        status = error_set(err, "%s: %s", path, message);
    cJSON_Delete(result);
    return status;
}

/* Whoever starts a job and deletes its data afterwards must know when it has been read; a bound on
 * the time, as reading may take long. */
int job_wait_for_data(const char *path, struct error *err)
{
    for (int i = 0; i < START_TENTHS; i++) {
        enum job_state state = job_state(path);
        if (state == JOB_ENDED)
            return report_failure(path, err);
        cJSON *job = job_dir_read(path, "job.json", NULL);
        bool read = json_get(job, "data_fingerprint") != NULL;
        cJSON_Delete(job);
        if (read || state == JOB_DIED || state == JOB_WAITING)
            return 0;
        sleep_tenth();
    }
    return 0;
}

/* Before a resume and after: a file that grew has the event that the worker writes when it has gone
 * back. */
uint64_t job_metrics_size(const char *path)
{
    char *metrics =
        job_dir_confine(path, NULL) == 0 ? path_join(path, "metrics.jsonl", NULL) : NULL;
    struct stat info;
    uint64_t size = metrics && sys.stat(metrics, &info) == 0 ? (uint64_t)info.st_size : 0;
    free(metrics);
    return size;
}

/* A worker that resumes writes that event before any step; what ends a partial line is one byte. */
int job_wait_for_resume(const char *path, uint64_t taken, struct error *err)
{
    for (int i = 0; i < START_TENTHS; i++) {
        enum job_state state = job_state(path);
        if (state == JOB_ENDED)
            return report_failure(path, err);
        if (state == JOB_DIED || state == JOB_WAITING || job_metrics_size(path) > taken + 1)
            return 0;
        sleep_tenth();
    }
    return 0;
}

/* In `folder`, or with NULL in this process's. */
static int launch_in(const char *folder, const char *path, const char *program,
                     char *const arguments[], struct error *err)
{
    if (job_lock_check(path, err) != 0 || job_requests_ready(path, err) != 0)
        return -1;
    char *absolute = sys.realpath(path, NULL);
    if (!absolute)
        return error_set_errno(err, errno, "cannot find %s", path);
    char **argv = supervisor_arguments(absolute, program, arguments, err);
    pid_t pid = 0;
    struct stat before;
    look_at_result(absolute, &before);
    int status = argv ? spawn_detached(&pid, program, argv, absolute, folder, err) : -1;
    if (status == 0)
        status = wait_for_start(absolute, pid, &before, err);
    free(absolute);
    free(argv);
    return status;
}

int job_launch(const char *path, const char *program, char *const arguments[], struct error *err)
{
    return launch_in(NULL, path, program, arguments, err);
}

/* Before a job begins in a folder that had one. */
static int clear_folder(const char *job, bool goes_on, struct error *err)
{
    static const char *const names[] = {"metrics.jsonl", "job.json",       "log.txt",
                                        "result.json",   "requests/first", "requests/stop"};
    for (size_t i = goes_on ? 1 : 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(job, names[i], err);
        if (!path)
            return -1;
        sys.unlink(path);
        free(path);
    }
    char *requests = path_join(job, "requests", err);
    int status = requests ? folder_make(requests, err) : -1;
    free(requests);
    return status;
}

/* One at a time looks, clears and starts, under a lock of the folder that all such jobs are in. (A
 * file system without locks does without.) */
int job_launch_one(const char *path, const char *program, char *const arguments[], bool goes_on,
                   bool *joined, struct error *err)
{
    char *around = path_folder(path, err);
    if (!around)
        return -1;
    int fd = sys.open(around, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd >= 0)
        file_lock(fd);
    int status = 0;
    enum job_state state = job_state(path);
    *joined = state == JOB_RUNNING || state == JOB_PAUSED || state == JOB_ELSEWHERE;
    if (!*joined) {
        status = clear_folder(path, goes_on, err);
        if (status == 0)
            status = job_launch(path, program, arguments, err);
    }
    if (fd >= 0)
        sys.close(fd);
    free(around);
    return status;
}

/* --- the supervisor --- */

static volatile sig_atomic_t worker, asked; /* its process; the signal that came last */

/* The worker may have got it, too, from whoever sent it to every process: it counts once there. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    int kept = errno;
    (void)info;
    (void)context;
    asked = number;
    if (worker > 0)
        sys.kill((pid_t)worker, number);
    errno = kept;
}

/* How far it came, in words: a run's last step, which is returned (-1: none), a scan's matrices. */
static int64_t last_step(const char *path, char *where, size_t size)
{
    struct job_metrics metrics;
    size_t added;
    int64_t step = -1, done, total;
    int status = job_metrics_follow(&metrics, path, NULL);
    metrics.end_only = true;
    if (status == 0 && job_metrics_update(&metrics, &added, NULL) == 0)
        step = job_metrics_last_step(&metrics);
    const cJSON *row = status == 0 ? job_metrics_last(&metrics, "done") : NULL;
    if (step >= 0)
        snprintf(where, size, "at step %lld", (long long)step);
    else if (row && json_get_int64(row, "done", &done) && json_get_int64(row, "total", &total))
        snprintf(where, size, "at %lld of %lld matrices", (long long)done, (long long)total);
    else
        snprintf(where, size, "before the first step");
    job_metrics_free(&metrics);
    return step;
}

/* What the worker did not say itself. Its own result.json stands unless a signal killed it. */
static int write_result(const char *path, int how, struct error *err)
{
    char message[192], where[64];
    struct job_result result = {.message = message,
                                .last_step = last_step(path, where, sizeof where)};
    if (WIFSIGNALED(how)) {
        result.status = "killed";
        result.signal = WTERMSIG(how);
        snprintf(message, sizeof message, "killed by signal %d (%s) %s", result.signal,
                 strsignal(result.signal), where);
    } else if (job_dir_has(path, "result.json")) {
        return 0;
    } else if (WEXITSTATUS(how) == 0) {
        result.status = "completed";
        snprintf(message, sizeof message, "completed");
    } else if (WEXITSTATUS(how) == 130) {
        result.status = "stopped";
        snprintf(message, sizeof message, "stopped %s", where);
    } else {
        result.status = "failed";
        snprintf(message, sizeof message, "failed %s with status %d; log.txt says why", where,
                 WEXITSTATUS(how));
    }
    return job_result_write(path, &result, err);
}

/* The result that the job had before, with the reason why a resume of it was refused. */
static int write_refused(const char *path, const cJSON *before, const char *why, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    const cJSON *item;
    json_object(&json, NULL);
    cJSON_ArrayForEach(item, before)
    {
        if (strcmp(item->string, "refused") != 0)
            json_tree(&json, item->string, item);
    }
    json_text(&json, "refused", why);
    json_end(&json);
    return job_dir_save_json(path, "result.json", &json, err);
}

/* A resume that failed before its worker wrote a line has changed nothing: a job that was complete
 * stays so. `before`: its result until then; NULL: it had none, or this is no resume. `taken`:
 * bytes of metrics.jsonl. What was not started until now has failed. */
static int keep_result(const char *path, const cJSON *before, uint64_t taken, struct error *err)
{
    cJSON *result = before ? job_dir_read(path, "result.json", NULL) : NULL;
    const char *was = "", *how = "", *why = "";
    json_get_string(before, "status", &was);
    json_get_string(result, "status", &how);
    json_get_string(result, "message", &why);
    bool refused = strcmp(how, "failed") == 0 && strcmp(was, "not started") != 0 &&
                   job_metrics_size(path) <= taken + 1;
    int status = refused ? write_refused(path, before, why, err) : 0;
    cJSON_Delete(result);
    return status;
}

/* Starts program with the arguments, names the worker in the lock, and waits for its end. A signal
 * that comes before the worker is ready for one waits for it: it starts with them blocked. */
static int run_worker(const char *path, const char *program, char *const arguments[], int *how,
                      struct error *err)
{
    posix_spawnattr_t attributes;
    sigset_t ends;
    size_t count = 0;
    pid_t pid, ended;
    while (arguments[count])
        count++;
    char **argv = array_alloc(count + 2, sizeof *argv, err);
    if (!argv)
        return -1;
    argv[0] = (char *)(uintptr_t)program; /* posix_spawn does not write to it */
    memcpy(argv + 1, arguments, count * sizeof *argv);
    signals_of_an_end(&ends);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &ends);
    int status = spawn(&pid, program, NULL, &attributes, argv, err);
    posix_spawnattr_destroy(&attributes);
    free(argv);
    if (status != 0)
        return -1;
    worker = pid;
    if (asked) /* before there was a worker */
        sys.kill(pid, asked);
    job_lock_name_worker(path, pid);
    while ((ended = sys.waitpid(pid, how, 0)) < 0 && errno == EINTR)
        continue;
    worker = 0;
    return ended == pid ? 0 : error_set_errno(err, errno, "cannot ask how the worker ended");
}

/* The lock is released after the result is written, and stays where that could not be: a reader who
 * finds neither lock nor result would take the job for one that never began. */
int job_supervise(const char *path, const char *program, char *const arguments[], struct error *err)
{
    int how = 0;
    struct job_restart restart;
    cJSON *before = job_restart_read(&restart) ? job_dir_read(path, "result.json", NULL) : NULL;
    uint64_t taken = job_metrics_size(path);
    signal(SIGHUP, SIG_IGN); /* no terminal is a job's; its worker inherits that */
    signal(SIGINT, SIG_DFL); /* nor its Ctrl-C, so whoever sends one to a job means it */
    signals_catch_end(pass_on);
    if (job_lock_take(path, err) != 0) {
        cJSON_Delete(before);
        return -1;
    }
    setenv("SPECTRUM_JOB", path, 1);
    int status = run_worker(path, program, arguments, &how, err);
    if (status != 0 && before) /* there is no worker whose result this would be */
        write_refused(path, before, err->text, NULL);
    if (status == 0)
        status = write_result(path, how, err);
    if (status == 0)
        status = keep_result(path, before, taken, err);
    cJSON_Delete(before);
    job_lock_release(path);
    if (status == 0 && !(WIFEXITED(how) && (WEXITSTATUS(how) == 0 || WEXITSTATUS(how) == 130)))
        status = error_set(err, "the job did not end well; %s/result.json says how", path);
    return status;
}

/* --- the worker --- */

/* The supervisor may have died between its start of this process and prctl(): the caller compares
 * getppid() with what is returned, which says so, too. */
pid_t job_end_with_supervisor(const char *path)
{
    pid_t supervisor = getppid();
    if (!job_lock_is_parents(path))
        return 0;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return supervisor;
}

/* --- a resume --- */

/* Is it "-NAME", "--NAME" or "--NAME=x" of one of the names, which end with NULL? */
static bool is_option(const char *argument, const char *const names[])
{
    if (argument[0] != '-')
        return false;
    argument += strspn(argument, "-");
    size_t length = strcspn(argument, "=");
    for (size_t i = 0; names[i]; i++)
        if (strlen(names[i]) == length && strncmp(argument, names[i], length) == 0)
            return true;
    return false;
}

/* A folder that came from elsewhere must not choose what runs here: a job is a training run, which
 * writes into its own folder only, or a scan, which writes nowhere; and it does the job's work. A
 * worker that printed its help has ended well, too. */
static int check_arguments(const char *path, const cJSON *job, char *const arguments[],
                           struct error *err)
{
    static const char *const idle[] = {"help", "h", "version", "dry-run", NULL};
    const cJSON *list = json_get(job, "arguments"), *folder = json_get(job, "folder"), *item;
    const struct job_kind *kind = job_kind_of(job);
    /* What is looked at (trust.h) and what is run are one thing only where job.json is as it is
     * written: anything else in it is refused, not left out. */
    bool well = cJSON_IsArray(list) && (!folder || cJSON_IsString(folder));
    cJSON_ArrayForEach(item, list)
    {
        well = well && cJSON_IsString(item);
    }
    if (!arguments[0])
        return error_set(err, "%s/job.json has no \"arguments\": it cannot be resumed", path);
    if (!well)
        return error_set(err,
                         "%s/job.json is not as it was written (\"arguments\" is a list of texts, "
                         "\"folder\" a text): it cannot be resumed",
                         path);
    if (strcmp(arguments[0], kind->command) != 0 || !kind->resumes)
        return error_set(err,
                         "%s/job.json asks for \"%.40s\": only a training run or a scan, whose "
                         "\"arguments\" begin with its \"command\", is resumed",
                         path, arguments[0]);
    for (size_t i = 1; arguments[i]; i++)
        if (is_option(arguments[i], kind->files))
            return error_set(err, "%s/job.json has %s %s write a file (%.80s): it is not resumed",
                             path, text_a(kind->noun), kind->noun, arguments[i]);
    for (size_t i = 1; arguments[i]; i++)
        if (is_option(arguments[i], idle))
            return error_set(err,
                             "%s/job.json asks for %.80s, which would do no work and be taken for "
                             "the job's end: take it out of \"arguments\"",
                             path, arguments[i]);
    return 0;
}

/* What a worker that resumes is told, which its supervisor inherits. */
enum { RESTART_RESUME, RESTART_STEP, RESTART_MORE, RESTART_RATE, RESTART_SCHEDULE, RESTART_NAMES };
static const char *const restart_names[RESTART_NAMES] = {"SPECTRUM_JOB_RESUME", "SPECTRUM_JOB_STEP",
                                                         "SPECTRUM_JOB_MORE", "SPECTRUM_JOB_LR",
                                                         "SPECTRUM_JOB_SCHEDULE"};

/* All of them, so that nothing is left of a resume in which this process was started. */
static void put_restart(const struct job_restart *restart)
{
    char number[32];
    setenv(restart_names[RESTART_RESUME], "1", 1);
    snprintf(number, sizeof number, "%lld", (long long)restart->step);
    setenv(restart_names[RESTART_STEP], number, 1);
    snprintf(number, sizeof number, "%lld", (long long)restart->more);
    setenv(restart_names[RESTART_MORE], number, 1);
    snprintf(number, sizeof number, "%.17g", restart->rate);
    setenv(restart_names[RESTART_RATE], number, 1);
    setenv(restart_names[RESTART_SCHEDULE], restart->schedule ? restart->schedule : "", 1);
}

/* From the environment of the worker: command lines are shown in lists of processes, and
 * recorded. */
bool job_restart_read(struct job_restart *restart)
{
    const char *text[RESTART_NAMES];
    for (int i = 0; i < RESTART_NAMES; i++) {
        text[i] = getenv(restart_names[i]);
        text[i] = text[i] ? text[i] : "";
    }
    *restart = (struct job_restart){
        .step = strtoll(text[RESTART_STEP], NULL, 10),
        .more = strtoll(text[RESTART_MORE], NULL, 10),
        .rate = strtod(text[RESTART_RATE], NULL),
        .schedule = text[RESTART_SCHEDULE][0] ? text[RESTART_SCHEDULE] : NULL,
    };
    return text[RESTART_RESUME][0];
}

/* The arguments are checked first, so that what the user is asked about is a job at all. The worker
 * knows from its environment, which the supervisor inherits, that it resumes: job.json's arguments
 * are those of the first start. */
int job_relaunch(const char *path, const char *program, const struct job_restart *restart,
                 const char *trusted, struct error *err)
{
    cJSON *job = job_dir_read(path, "job.json", err);
    if (!job)
        return -1;
    const cJSON *list = json_get(job, "arguments"), *item;
    const char *folder = NULL;
    size_t count = 0;
    json_get_string(job, "folder", &folder);
    char **arguments = array_alloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *arguments, err);
    cJSON_ArrayForEach(item, list) if (arguments && cJSON_IsString(item)) arguments[count++] =
        item->valuestring;
    int status = arguments ? check_arguments(path, job, arguments, err) : -1;
    if (status == 0)
        status = job_trust_check(path, job, trusted, err);
    if (status == 0)
        status = job_trust_check_model(path, job, err);
    if (status == 0) {
        job_index_add(path, NULL); /* it may have been moved or copied since it was entered */
        put_restart(restart);
        status = launch_in(folder, path, program, arguments, err);
        for (int i = 0; i < RESTART_NAMES; i++)
            unsetenv(restart_names[i]);
    }
    free(arguments);
    cJSON_Delete(job);
    return status;
}

/* --- what ends jobs at a logout --- */

enum { CONFIG_CAP = 1 << 20 };

/* The last "KillUserProcesses=" that is not a comment; logind's own default is yes, but Debian and
 * Ubuntu build it as no. */
static bool kills_at_logout(const char *root)
{
    char path[4096];
    struct buffer text = BUFFER_INIT;
    bool kills = false;
    snprintf(path, sizeof path, "%s/etc/systemd/logind.conf", root);
    if (file_read_all(&text, path, CONFIG_CAP, NULL) == 0)
        for (char *rest = text.data, *line; rest && (line = strsep(&rest, "\n"));) {
            static const char key[] = "KillUserProcesses=";
            line += strspn(line, " \t");
            if (strncmp(line, key, strlen(key)) == 0)
                kills = strncmp(line + strlen(key), "yes", 3) == 0 ||
                        strncmp(line + strlen(key), "true", 4) == 0;
        }
    buffer_free(&text);
    return kills;
}

/* `loginctl enable-linger` makes an empty file of the user's name there. */
static bool lingers(const char *root)
{
    char path[4096];
    const struct passwd *user = getpwuid(getuid());
    snprintf(path, sizeof path, "%s/var/lib/systemd/linger/%s", root, user ? user->pw_name : "");
    return user && sys.access(path, F_OK) == 0;
}

/* One line: of a batch allocation, which is certain to end, before logging out. */
bool job_logout_warning(const char *root, char *out, size_t size)
{
    const char *batch = getenv("SLURM_JOB_ID");
    out[0] = '\0';
    if (batch && batch[0])
        snprintf(out, size,
                 "jobs end with the batch allocation %.20s: run tmux inside it, and save often",
                 batch);
    else if (kills_at_logout(root) && !lingers(root))
        snprintf(out, size, "logging out ends jobs here: `loginctl enable-linger` prevents that");
    return out[0] != '\0';
}
