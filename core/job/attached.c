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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double look_every = 0.2; /* seconds between two looks at a log */
static const double settle = 2;       /* seconds that a log which has ended is followed on */

/* --- the job of a run --- */

void attached_run_free(struct attached_run *found)
{
    tracker_log_free(&found->log);
}

/* "-9f3a61c2": by which a run's job is found again however the run is named. */
static int put_ending(char out[16], const struct tracker_log *log, struct error *err)
{
    struct buffer key = BUFFER_INIT;
    char hashed[HASH_TEXT_SIZE];
    struct hash *hash = tracker_put_key(&key, log, err) == 0 ? hash_new(err) : NULL;
    if (hash) {
        hash_update(hash, key.data, key.length);
        hash_text(hash, hashed);
        snprintf(out, 16, "-%.8s", hashed);
        hash_free(hash);
    }
    buffer_free(&key);
    return hash ? 0 : -1;
}

/* What people call it: the run, where there are several; else the folder that its log was looked for
 * in, or lies in. A name of a folder's, whatever a log has. */
static void put_called(char *out, size_t size, const char *path, const struct attached_run *found)
{
    const struct tracker_log *log = &found->log;
    char *whole = log->in_folder ? sys.realpath(path, NULL) : path_folder(log->path, NULL);
    bool several = found->others > 0 || log->run;
    const char *called = several ? log->name : whole ? path_last(whole) : "";
    utf8_copy(out, size, called[0] ? called : "run");
    for (char *at = out; *at; at++)
        if (*at == '/' || (at == out && (*at == '.' || *at == '-')))
            *at = '_';
    free(whole);
}

/* "out-9f3a61c2": called as when it was attached first. */
static char *job_name(const char *around, const char *path, const struct attached_run *found,
                      struct error *err)
{
    char ending[16], first[96], name[128];
    struct dirent *entry;
    if (put_ending(ending, &found->log, err) != 0)
        return NULL;
    put_called(first, sizeof first, path, found);
    snprintf(name, sizeof name, "%s%s", first, ending);
    DIR *open = sys.opendir(around);
    while (open && folder_read(open, around, &entry, NULL) > 0)
        if (text_ends_with(entry->d_name, ending))
            utf8_copy(name, sizeof name, entry->d_name);
    if (open)
        sys.closedir(open);
    return path_join(around, name, err);
}

/* The worker is given the path as it was named, a folder is looked into again there, and which run of
 * it was found, as a newer one may have begun meanwhile. */
static int launch(const char *folder, const char *path, const struct tracker_log *log,
                  const char *program, struct error *err)
{
    bool joined;
    struct buffer option = BUFFER_INIT;
    char *whole = sys.realpath(path, NULL);
    int status = -1;
    buffer_format(&option, "--run=%s", log->name);
    if (!whole) {
        error_set_errno(err, errno, "cannot find %s", path);
    } else if (buffer_check(&option, err) == 0) {
        char *const arguments[] = {"attach", whole, option.data, NULL};
        status = job_launch_one(folder, program, arguments, false, &joined, err);
    }
    buffer_free(&option);
    free(whole);
    return status;
}

char *attached_start(const char *path, const char *run, const char *program,
                     struct attached_run *found, struct error *err)
{
    if (tracker_find(&found->log, path, run, &found->others, err) != 0)
        return NULL;
    char *around = xdg_state_folder("attached", err);
    char *folder = around ? job_name(around, path, found, err) : NULL;
    free(around);
    if (folder && launch(folder, path, &found->log, program, err) == 0)
        return folder;
    free(folder);
    attached_run_free(found);
    return NULL;
}

/* A job of that name, newly allocated; or NULL, and *logs: it is the path of what may be logs. What
 * is there under that name is a log where it is no job; what is not there is no job either. What lies
 * in a job's folder is that job's, whatever other tools could read of it. */
static char *find_job(const char *name, bool *logs, struct error *err)
{
    struct error why = ERROR_INIT;
    char *path = job_find(name, &why);
    *logs = false;
    if (path)
        return path;
    if (!name[0] || file_find(name, NULL) <= 0) {
        if (err)
            *err = why;
        return NULL;
    }
    char *around = job_dir_around(name, err);
    if (!around || around[0])
        return around;
    free(around);
    *logs = true;
    return NULL;
}

char *attached_find(const char *name, const char *run, const char *program,
                    struct attached_run *found, struct error *err)
{
    struct attached_run own = {.others = 0};
    bool logs;
    if (found)
        *found = own;
    char *path = find_job(name, &logs, err);
    if (path && run) {
        error_set_kind(err, ERROR_USAGE, "%s is a job: --run chooses a run of another tool's log",
                       path);
        free(path);
        return NULL;
    }
    if (!logs)
        return path;
    path = attached_start(name, run, program, found ? found : &own, err);
    attached_run_free(&own);
    return path;
}

int attached_list(struct tracker_list *out, const char *name, struct error *err)
{
    bool logs;
    *out = (struct tracker_list){.count = 0};
    char *path = find_job(name, &logs, err);
    bool job = path;
    free(path);
    if (!logs)
        return job ? 0 : -1;
    return tracker_list(out, name, err) == 0 ? 1 : -1;
}

static void rest(double seconds)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)(seconds * 1e9)}, NULL); /* less than one */
}

/* Its first phase is "loading". A log that has ended is given the seconds in which that is seen. */
void attached_wait(const char *job)
{
    struct job_progress progress;
    double until = clock_seconds() + 10;
    bool read = false;
    while (!read && clock_seconds() < until && job_state(job) != JOB_ENDED) {
        rest(look_every);
        read = job_progress_read(&progress, job) && strcmp(progress.phase, "loading") != 0;
    }
}

/* --- the worker --- */

struct work {
    const char *job;
    struct attached_run found;
    struct tracker *tracker;
    struct job_metrics_writer writer;
    struct job_progress_writer progress;
    struct buffer lines;
    int64_t steps; /* that job.json says, */
    bool named;    /* and whether it says which run */
};

/* Which run of several; "": there is one. */
static const char *run_of(const struct work *work)
{
    const char *run = tracker_run(work->tracker);
    return run[0] ? run : work->found.others > 0 ? work->found.log.name : "";
}

/* "steps" when the log says how many there will be, and "run" when it has one. */
static int describe(struct work *work, int argc, char **argv, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    const struct tracker_log *log = &work->found.log;
    char *folder = path_folder(log->path, err);
    if (!folder)
        return -1;
    work->steps = tracker_steps(work->tracker);
    work->named = run_of(work)[0];
    json_begin(&json, "spectrum.job");
    json_text(&json, "command", "attach");
    json_text(&json, "model", folder);
    json_text(&json, "tool", tracker_tool(log));
    json_text(&json, "log", tracker_place(log));
    if (work->named)
        json_text(&json, "run", run_of(work));
    if (work->steps > 0)
        json_integer(&json, "steps", work->steps);
    job_put_arguments(&json, argc, argv);
    json_end(&json);
    free(folder);
    return job_dir_save_json(work->job, "job.json", &json, err);
}

/* One look; *more: the next one is at once. The lines end as the writer ends them. */
static int look(struct work *work, int argc, char **argv, bool *more, struct error *err)
{
    buffer_clear(&work->lines);
    if (tracker_read(work->tracker, &work->lines, more, err) != 0)
        return -1;
    bool news = tracker_steps(work->tracker) != work->steps || (!work->named && run_of(work)[0]);
    if (news && describe(work, argc, argv, err) != 0)
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

/* All that was found damaged since the last look, a line each. */
static void say_damage(struct work *work, void (*say)(const char *line))
{
    const char *name = path_last(work->found.log.path);
    for (const char *at = tracker_damage(work->tracker), *end; (end = strchr(at, '\n'));
         at = end + 1) {
        char line[480];
        snprintf(line, sizeof line, "%.150s: %.*s", name, (int)(end - at), at);
        utf8_sanitize(line);
        say(line);
    }
    tracker_damage_said(work->tracker);
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
        read |= !more && work->lines.length == 0 && tracker_holds(work->tracker) == 0;
        if (read)
            tell(work, silent);
        else
            work_tell(&work->progress.watch, WORK_LOADING, 0, 0);
        if (*stop || job_request_take(work->job, JOB_REQUEST_STOP, NULL) ||
            !job_dir_has(work->job, "job.json")) /* nobody can ask it any more */
            return "stopped";
        if (more)
            continue;
        double held = tracker_holds(work->tracker);
        bool new = work->lines.length > 0 || held > 0;
        if (!tracker_ended(work->tracker) || new)
            ended = clock_seconds();
        else if (silent > settle || clock_seconds() - ended > settle)
            return "completed";
        if (silent > ATTACHED_SILENCE && !new)
            return "stale";
        rest(held > 0 && held < look_every ? held : look_every); /* it is let go in time */
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

int attached_work(const char *job, const char *path, const char *run, int argc, char **argv,
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
    if (tracker_find(&work.found.log, path, run, &work.found.others, &why) == 0 &&
        tracker_open(&work.tracker, &work.found.log, &why) == 0 &&
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
    attached_run_free(&work.found);
    if (!status && err)
        *err = why;
    return status ? 0 : -1;
}
