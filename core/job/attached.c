#include "job/attached.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/xdg.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/job_progress.h"
#include "job/launch.h"
#include "job/lock.h"
#include "job/metrics.h"
#include "job/metrics_writer.h"
#include "job/requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const long look_ns = 200000000; /* between two looks at a log */
static const double settle = 2;        /* seconds that a log which has ended is followed on */

/* --- the job of a log --- */

/* "out-9f3a61c2": what people call the run, the folder that the log was looked for in when it was
 * attached first, and a hash of the log's path, by which it is found again however it is named. */
static char *job_name(const char *around, const char *called, const char *log, struct error *err)
{
    char hashed[HASH_TEXT_SIZE], ending[16], first[96], name[128];
    struct hash *hash = hash_new(err);
    struct dirent *entry;
    if (!hash)
        return NULL;
    hash_update(hash, log, strlen(log));
    hash_text(hash, hashed);
    hash_free(hash);
    snprintf(ending, sizeof ending, "-%.8s", hashed);
    utf8_copy(first, sizeof first, called[0] ? called : "run");
    snprintf(name, sizeof name, "%s%s", first, ending);
    DIR *open = sys.opendir(around);
    while (open && folder_read(open, around, &entry, NULL) > 0)
        if (text_ends_with(entry->d_name, ending))
            utf8_copy(name, sizeof name, entry->d_name);
    if (open)
        sys.closedir(open);
    return path_join(around, name, err);
}

static char *job_folder(const char *path, const struct tracker_log *log, struct error *err)
{
    char *whole = log->in_folder ? sys.realpath(path, NULL) : path_folder(log->path, err);
    char *around = xdg_state_folder("attached", err);
    char *folder = whole && around ? job_name(around, path_last(whole), log->path, err) : NULL;
    free(around);
    free(whole);
    return folder;
}

/* The worker is given the path as it was named: a folder is looked into again there. */
char *attached_start(const char *path, const char *program, struct tracker_log *log,
                     struct error *err)
{
    bool joined;
    char *folder = NULL, *whole = NULL;
    if (tracker_find(log, path, err) != 0)
        return NULL;
    whole = sys.realpath(path, NULL);
    folder = whole ? job_folder(path, log, err) : NULL;
    char *const arguments[] = {"attach", whole, NULL};
    int status = folder ? job_launch_one(folder, program, arguments, false, &joined, err) : -1;
    free(whole);
    if (status == 0)
        return folder;
    free(folder);
    tracker_log_free(log);
    return NULL;
}

/* What is there under that name is a log where it is no job; what is not there is no job either. What
 * lies in a job's folder is that job's, whatever other tools could read of it. */
char *attached_find(const char *name, const char *program, struct tracker_log *log,
                    struct error *err)
{
    struct tracker_log own = {.format = NULL};
    if (log)
        *log = own;
    char *path = job_find(name, err);
    if (path || !name[0] || file_find(name, NULL) <= 0)
        return path;
    char *around = job_dir_around(name, err);
    if (!around || around[0])
        return around;
    free(around);
    path = attached_start(name, program, log ? log : &own, err);
    tracker_log_free(&own);
    return path;
}

/* Its first phase is "loading". A log that has ended is given the seconds in which that is seen. */
void attached_wait(const char *job)
{
    struct job_progress progress;
    double until = clock_seconds() + 10;
    bool read = false;
    while (!read && clock_seconds() < until && job_state(job) != JOB_ENDED) {
        nanosleep(&(struct timespec){.tv_nsec = look_ns}, NULL);
        read = job_progress_read(&progress, job) && strcmp(progress.phase, "loading") != 0;
    }
}

/* --- the worker --- */

struct work {
    const char *job;
    struct tracker_log log;
    struct tracker *tracker;
    struct job_metrics_writer writer;
    struct job_progress_writer progress;
    struct buffer lines;
    int64_t steps;    /* that job.json says */
    char damage[200]; /* that was said */
};

/* "steps" when the log says how many there will be. */
static int describe(struct work *work, int argc, char **argv, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    char *folder = path_folder(work->log.path, err);
    if (!folder)
        return -1;
    json_begin(&json, "spectrum.job");
    json_text(&json, "command", "attach");
    json_text(&json, "model", folder);
    json_text(&json, "tool", tracker_tool(&work->log));
    json_text(&json, "log", work->log.path);
    if (tracker_run(work->tracker)[0])
        json_text(&json, "run", tracker_run(work->tracker));
    if (tracker_steps(work->tracker) > 0)
        json_integer(&json, "steps", tracker_steps(work->tracker));
    job_put_arguments(&json, argc, argv);
    json_end(&json);
    free(folder);
    work->steps = tracker_steps(work->tracker);
    return job_dir_save_json(work->job, "job.json", &json, err);
}

/* One look; *more: the next one is at once. The lines end as the writer ends them. */
static int look(struct work *work, int argc, char **argv, bool *more, struct error *err)
{
    buffer_clear(&work->lines);
    if (tracker_read(work->tracker, &work->lines, more, err) != 0)
        return -1;
    if (tracker_steps(work->tracker) != work->steps && describe(work, argc, argv, err) != 0)
        return -1;
    if (work->lines.length == 0)
        return 0;
    work->lines.data[--work->lines.length] = '\0';
    return job_metrics_append(&work->writer, &work->lines, err) < 0 ? -1 : 0;
}

/* A log that is silent says so from the first minute on. */
static void tell(struct work *work, double silent)
{
    bool quiet = silent >= ATTACHED_QUIET && silent <= ATTACHED_SILENCE;
    work_tell(&work->progress.watch, quiet ? WORK_SILENT : WORK_TRAINING,
              quiet ? (uint64_t)silent : 0, quiet ? ATTACHED_SILENCE : 0);
}

static void say_damage(struct work *work, void (*say)(const char *line))
{
    char line[400];
    const char *damage = tracker_damage(work->tracker);
    if (strcmp(damage, work->damage) == 0)
        return;
    snprintf(work->damage, sizeof work->damage, "%s", damage);
    snprintf(line, sizeof line, "%.150s: %s", path_last(work->log.path), damage);
    utf8_sanitize(line);
    if (damage[0])
        say(line);
}

static double seconds_now(void)
{
    return (double)sys.time(NULL);
}

/* Until the run has ended, is asked to be left, or is silent for too long: the status of result.json;
 * NULL and an error where the log can no longer be read. */
static const char *follow(struct work *work, int argc, char **argv,
                          const volatile sig_atomic_t *stop, void (*say)(const char *line),
                          struct error *err)
{
    double ended = -1;
    bool read = false; /* once, to the log's end */
    for (;;) {
        bool more = false;
        if (look(work, argc, argv, &more, err) != 0)
            return NULL;
        say_damage(work, say);
        double silent = seconds_now() - tracker_written(work->tracker);
        read |= !more && work->lines.length == 0 && !tracker_holds(work->tracker);
        if (read)
            tell(work, silent);
        else
            work_tell(&work->progress.watch, WORK_LOADING, 0, 0);
        if (*stop || job_request_take(work->job, JOB_REQUEST_STOP, NULL) ||
            !job_dir_has(work->job, "job.json")) /* nobody can ask it any more */
            return "stopped";
        if (more)
            continue;
        bool new = work->lines.length > 0 || tracker_holds(work->tracker);
        if (!tracker_ended(work->tracker) || new)
            ended = clock_seconds();
        else if (silent > settle || clock_seconds() - ended > settle)
            return "completed";
        if (silent > ATTACHED_SILENCE && !new)
            return "stale";
        nanosleep(&(struct timespec){.tv_nsec = look_ns}, NULL);
    }
}

/* "stale: nothing was written since 2026-11-30 14:03:22" */
static void put_stale(double written, char *out, size_t size)
{
    time_t at = (time_t)written;
    struct tm local;
    char when[40] = "";
    if (localtime_r(&at, &local))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
    snprintf(out, size, "stale: nothing was written since %s", when);
}

static void write_result(struct work *work, const char *status, const struct error *err)
{
    char message[ERROR_TEXT_MAX];
    snprintf(message, sizeof message, "%s", status ? status : err->text);
    if (status && strcmp(status, "stale") == 0)
        put_stale(tracker_written(work->tracker), message, sizeof message);
    const struct job_result result = {
        .status = status ? status : "failed", .message = message, .last_step = -1};
    job_result_write(work->job, &result, NULL);
}

int attached_work(const char *job, const char *path, int argc, char **argv,
                  const volatile sig_atomic_t *stop, void (*say)(const char *line),
                  struct error *err)
{
    struct work work = {.job = job, .writer = {.fd = -1}};
    struct error why = ERROR_INIT, unlisted = ERROR_INIT;
    const char *status = NULL;
    job_end_with_supervisor(job);
    if (job_metrics_open(&work.writer, job, err) != 0)
        return -1;
    job_progress_open(&work.progress, job);
    if (tracker_find(&work.log, path, &why) == 0 &&
        tracker_open(&work.tracker, &work.log, &why) == 0 &&
        describe(&work, argc, argv, &why) == 0) {
        if (job_index_add(job, &unlisted) != 0)
            say(unlisted.text);
        status = follow(&work, argc, argv, stop, say, &why);
    }
    job_progress_close(&work.progress);
    write_result(&work, status, &why);
    job_metrics_close(&work.writer);
    buffer_free(&work.lines);
    tracker_close(work.tracker);
    tracker_log_free(&work.log);
    if (!status && err)
        *err = why;
    return status ? 0 : -1;
}
