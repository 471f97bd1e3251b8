#include "job/requests.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/sys.h"
#include "job/job_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_CAP = 4096 };

static const char *const names[] = {"requests/pause", "requests/resume", "requests/checkpoint",
                                    "requests/stop", "requests/first"};

int job_requests_ready(const char *path, struct error *err)
{
    struct stat info;
    char *folder = job_dir_confine(path, err) == 0 ? path_join(path, "requests", err) : NULL;
    int status = folder ? 0 : -1;
    if (folder && sys.mkdir(folder, 0777) != 0) {
        int why = errno;
        if (why != EEXIST || sys.lstat(folder, &info) != 0)
            status = error_set_errno(err, why, "cannot make folder %s", folder);
        else if (!S_ISDIR(info.st_mode))
            status = error_set(err,
                               "%s is not a folder, and a job is steered by files in one: remove "
                               "it (the folder is made again), then try again",
                               folder);
    }
    free(folder);
    return status;
}

int job_request_put(const char *path, enum job_request request, const char *text, struct error *err)
{
    char *file = job_requests_ready(path, err) == 0 ? path_join(path, names[request], err) : NULL;
    int status = file ? file_save(file, text ? text : "", text ? strlen(text) : 0, err) : -1;
    free(file);
    return status;
}

enum { NOTHING, REQUEST, SOMETHING_ELSE };

/* What has a request's or a mark's name: a request is a regular file, which a rename has put there.
 * */
static int look_at(const char *path, const char *name)
{
    struct stat info;
    char *file = path_join(path, name, NULL);
    bool there = file && sys.lstat(file, &info) == 0;
    free(file);
    return !there ? NOTHING : S_ISREG(info.st_mode) ? REQUEST : SOMETHING_ELSE;
}

bool job_request_waits(const char *path, enum job_request request)
{
    return look_at(path, names[request]) == REQUEST;
}

bool job_requests_odd(const char *path, unsigned *said, char *line, size_t size)
{
    static const char *const marks[] = {"requests/paused", JOB_WAITING_MARK};
    enum { NAMES = sizeof names / sizeof *names, ALL = NAMES + sizeof marks / sizeof *marks };
    for (unsigned i = 0; i < ALL; i++) {
        const char *name = i < NAMES ? names[i] : marks[i - NAMES];
        if (*said & 1u << i || look_at(path, name) != SOMETHING_ELSE)
            continue;
        *said |= 1u << i;
        snprintf(line, size, "%s/%s is not a regular file, and so no request: it is left as it is",
                 path, name);
        return true;
    }
    return false;
}

/* Requests, the one that is being taken, and the marks of a pause and of one that waits. */
bool job_request_is_file(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path_last(names[i]), name) == 0)
            return true;
    return strcmp(name, "taken") == 0 || strcmp(name, "paused") == 0 ||
           strcmp(name, path_last(JOB_WAITING_MARK)) == 0;
}

/* A request is moved away before it is read: what is asked from then on is another request, and is
 * not lost with this one. Where it cannot be moved, as what is no file has that name, it is taken
 * where it is: no such thing keeps a job from being stopped. */
bool job_request_take(const char *path, enum job_request request, struct buffer *text)
{
    if (job_dir_confine(path, NULL) != 0)
        return false;
    char *file = path_join(path, names[request], NULL);
    char *mine = path_join(path, "requests/taken", NULL);
    bool taken = file && mine && look_at(path, names[request]) == REQUEST;
    if (taken) {
        const char *at = sys.rename(file, mine) == 0 ? mine : file;
        if (text)
            taken = file_read_all(text, at, REQUEST_CAP, NULL) == 0;
        taken = (sys.unlink(at) == 0 || at == mine) && taken;
    }
    free(mine);
    free(file);
    return taken;
}

void job_requests_drop(const char *path)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        job_request_take(path, (enum job_request)i, NULL);
}

/* Stop goes before checkpoint, which it includes, and both before resume: what was asked last is
 * not known, as requests are files, so what loses least is done first. */
static enum job_command wait_paused(const char *path, bool (*should_stop)(void *context),
                                    void *context)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    for (;;) {
        if (job_request_take(path, JOB_REQUEST_STOP, NULL) || (should_stop && should_stop(context)))
            return JOB_STOP;
        if (job_request_take(path, JOB_REQUEST_CHECKPOINT, NULL))
            return JOB_CHECKPOINT;
        if (job_request_take(path, JOB_REQUEST_RESUME, NULL))
            return JOB_CONTINUE;
        nanosleep(&tenth, NULL);
    }
}

enum job_command job_pause(const char *path, bool (*should_stop)(void *context), void *context)
{
    char *mark = job_dir_confine(path, NULL) == 0 ? path_join(path, "requests/paused", NULL) : NULL;
    if (!mark)
        return JOB_CONTINUE;
    bool begins = sys.access(mark, F_OK) != 0;
    if (begins) /* one that came while it ran asks for nothing now */
        job_request_take(path, JOB_REQUEST_RESUME, NULL);
    enum job_command command = begins && file_save(mark, "", 0, NULL) != 0
                                   ? JOB_CONTINUE
                                   : wait_paused(path, should_stop, context);
    if (command != JOB_CHECKPOINT)
        sys.unlink(mark);
    free(mark);
    return command;
}

/* A resume ends the pause that there is; one that is there when a pause is taken came before it,
 * and is dropped. */
bool job_holds(const char *path, bool *paused)
{
    if (*paused && job_request_take(path, JOB_REQUEST_RESUME, NULL))
        job_unpause(path, paused);
    if (*paused || !job_request_take(path, JOB_REQUEST_PAUSE, NULL))
        return *paused;
    job_request_take(path, JOB_REQUEST_RESUME, NULL); /* it came while it ran: nothing to resume */
    char *mark = path_join(path, "requests/paused", NULL);
    *paused = mark && file_save(mark, "", 0, NULL) == 0;
    free(mark);
    return *paused;
}

void job_unpause(const char *path, bool *paused)
{
    char *mark = *paused ? path_join(path, "requests/paused", NULL) : NULL;
    if (mark)
        sys.unlink(mark);
    free(mark);
    *paused = false;
}
