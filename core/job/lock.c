#include "job/lock.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/sys.h"
#include "job/job_dir.h"
#include "job/metrics_writer.h"
#include "job/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What the file says. Four of the five members together name one process of one host for ever:
 * numbers of processes are reused, and start times begin at 0 with each boot. */
struct holder {
    char host[256], boot[64];
    int64_t pid, start; /* start: clock ticks after boot; -1: no such process */
    int64_t worker;     /* the supervisor's child; 0: none yet, or the holder computes itself */
};

/* Field 22 of /proc/<pid>/stat; the name before it may hold spaces and parentheses. */
static int64_t process_start(int64_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    int fd = sys.open(path, O_RDONLY, 0);
    ssize_t length = fd < 0 ? -1 : sys.read(fd, text, sizeof text - 1);
    if (fd >= 0)
        sys.close(fd);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    char *at = strrchr(text, ')');
    if (at && at[1] == ' ' && (at[2] == 'Z' || at[2] == 'X'))
        return -1; /* a zombie computes nothing */
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : -1;
}

/* A new random id at each boot; "" where /proc is not mounted. No lock is taken for alive then, as
 * start times are unknown there, too. */
static void boot_id(char out[64])
{
    int fd = sys.open("/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
    ssize_t length = fd < 0 ? -1 : sys.read(fd, out, 63);
    if (fd >= 0)
        sys.close(fd);
    out[length > 0 ? length : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

static void this_process(struct holder *me)
{
    *me = (struct holder){.pid = getpid()};
    gethostname(me->host, sizeof me->host - 1);
    boot_id(me->boot);
    me->start = process_start(me->pid);
}

/* False: no lock, or none that can be read. */
static bool read_holder(const char *path, struct holder *holder)
{
    cJSON *json = job_dir_read(path, "lock", NULL);
    const char *host = NULL, *boot = NULL;
    bool valid = json && json_get_string(json, "host", &host) &&
                 json_get_string(json, "boot_id", &boot) &&
                 json_get_int64(json, "pid", &holder->pid) &&
                 json_get_int64(json, "start_time", &holder->start);
    holder->worker = 0;
    json_get_int64(json, "worker", &holder->worker);
    if (valid) {
        snprintf(holder->host, sizeof holder->host, "%s", host);
        snprintf(holder->boot, sizeof holder->boot, "%s", boot);
    }
    cJSON_Delete(json);
    return valid;
}

static bool is_here(const struct holder *holder)
{
    struct holder me;
    this_process(&me);
    return strcmp(holder->host, me.host) == 0;
}

static bool is_alive(const struct holder *holder)
{
    char boot[64];
    boot_id(boot);
    return strcmp(holder->boot, boot) == 0 && holder->start >= 0 &&
           process_start(holder->pid) == holder->start;
}

const char *job_state_name(enum job_state state)
{
    static const char *const names[] = {"starting", "running", "waiting",  "paused",
                                        "ended",    "died",    "elsewhere"};
    return names[state];
}

/* Without a lock that can be read: a supervisor shows up within JOB_START_SECONDS or not at all. A
 * folder that was made later than now was made before the clock was set back. */
enum job_state job_state(const char *path)
{
    struct holder holder;
    struct stat info;
    bool held = read_holder(path, &holder); /* the folder is confined from here on */
    if (held && !is_here(&holder))
        return JOB_ELSEWHERE;
    if (held && is_alive(&holder))
        return job_dir_has(path, "requests/paused")  ? JOB_PAUSED
               : job_dir_has(path, JOB_WAITING_MARK) ? JOB_WAITING
                                                     : JOB_RUNNING;
    if (job_dir_has(path, "result.json"))
        return JOB_ENDED;
    if (held || job_dir_has(path, "lock") || sys.stat(path, &info) != 0 ||
        llabs(sys.time(NULL) - info.st_mtime) > JOB_START_SECONDS)
        return JOB_DIED;
    return JOB_STARTING;
}

/* One that is not there is removed. */
static int remove_file(const char *path, const char *name, struct error *err)
{
    char *file = path_join(path, name, err);
    if (!file)
        return -1;
    int status = sys.unlink(file) != 0 && errno != ENOENT
                     ? error_set_errno(err, errno, "cannot remove %s", file)
                     : 0;
    free(file);
    return status;
}

/* Of this process; `worker` 0: it is not known yet, or computes itself. */
static int write_lock(const char *path, int64_t worker, struct error *err)
{
    struct holder me;
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    this_process(&me);
    json_object(&json, NULL);
    json_text(&json, "host", me.host);
    json_integer(&json, "pid", me.pid);
    json_text(&json, "boot_id", me.boot);
    json_integer(&json, "start_time", me.start);
    if (worker > 0)
        json_integer(&json, "worker", worker);
    json_end(&json);
    return job_dir_save_json(path, "lock", &json, err);
}

/* The lock first, then the metrics: a worker whose supervisor was killed has the one and not the
 * other. */
int job_lock_check(const char *path, struct error *err)
{
    struct holder holder = {.worker = 0};
    if (read_holder(path, &holder) && (!is_here(&holder) || is_alive(&holder)))
        return error_set(err,
                         "%s is run by process %lld on %s; `spectrum stop` ends it, and if that "
                         "host is gone for good, remove %s/lock",
                         path, (long long)holder.pid, holder.host, path);
    if (!job_metrics_are_written(path))
        return 0;
    char who[40] = "another process";
    if (holder.worker > 0)
        snprintf(who, sizeof who, "process %lld", (long long)holder.worker);
    return error_set(err,
                     "%s still writes %s/metrics.jsonl although its supervisor is gone; it ends "
                     "after the current step, or `kill` ends it: try then",
                     who, path);
}

/* The lock is there before the old result goes, and the requests that nobody took; the result goes
 * last: on a full disk, or where something else has a name of ours, the job stays what it was. */
static int take_lock(const char *path, struct error *err)
{
    if (job_lock_check(path, err) != 0 || job_requests_ready(path, err) != 0 ||
        write_lock(path, 0, err) != 0)
        return -1;
    if (remove_file(path, "requests/paused", err) != 0 ||
        remove_file(path, JOB_WAITING_MARK, err) != 0 ||
        remove_file(path, "result.json", err) != 0) {
        remove_file(path, "lock", NULL);
        return -1;
    }
    job_requests_drop(path);
    return 0;
}

int job_lock_take(const char *path, struct error *err)
{
    /* Two processes of one host that take over a dead lock go one after the other. */
    int fd = job_dir_confine(path, err) == 0 ? sys.open(path, O_RDONLY | O_DIRECTORY, 0) : -1;
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open the job's folder %s", path);
    file_lock(fd);
    int status = take_lock(path, err);
    sys.close(fd);
    return status;
}

void job_lock_name_worker(const char *path, int64_t pid)
{
    write_lock(path, pid, NULL);
}

bool job_lock_names_worker(const char *path)
{
    struct holder holder = {.worker = 0};
    return read_holder(path, &holder) && holder.worker > 0;
}

/* Only one's own: after a takeover it is another's. */
void job_lock_release(const char *path)
{
    struct holder holder;
    if (job_dir_has(path, "result.json") && read_holder(path, &holder) && holder.pid == getpid() &&
        is_here(&holder))
        remove_file(path, "lock", NULL);
}

bool job_lock_is_parents(const char *path)
{
    struct holder holder;
    return read_holder(path, &holder) && is_here(&holder) && is_alive(&holder) &&
           holder.pid == getppid();
}
