#include "job/requests.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/sys.h"
#include "job/job_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_CAP = 4096 };

static const char *const names[] = {"requests/pause", "requests/resume", "requests/checkpoint",
                                    "requests/stop", "requests/first"};

int job_request_put(const char *path, enum job_request request, const char *text, struct error *err)
{
    char *file = job_dir_confine(path, err) == 0 ? path_join(path, names[request], err) : NULL;
    int status = file ? file_save(file, text ? text : "", text ? strlen(text) : 0, err) : -1;
    free(file);
    return status;
}

bool job_request_waits(const char *path, enum job_request request)
{
    return job_dir_has(path, names[request]);
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
 * not lost with this one. */
bool job_request_take(const char *path, enum job_request request, struct buffer *text)
{
    if (job_dir_confine(path, NULL) != 0)
        return false;
    char *file = path_join(path, names[request], NULL);
    char *mine = path_join(path, "requests/taken", NULL);
    bool there = file && mine && sys.access(file, F_OK) == 0;
    bool taken = there && sys.rename(file, mine) == 0;
    if (taken && text)
        taken = file_read_all(text, mine, REQUEST_CAP, NULL) == 0;
    if (there)
        sys.unlink(mine);
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
