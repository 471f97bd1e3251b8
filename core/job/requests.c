#include "job/requests.h"

#include "base/file.h"
#include "base/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_CAP = 4096 };

static char *request_path(const char *path, enum job_request request, struct error *err)
{
    static const char *const names[] = {"requests/pause", "requests/resume", "requests/checkpoint",
                                        "requests/stop", "requests/first"};
    return path_join(path, names[request], err);
}

int job_request_put(const char *path, enum job_request request, const char *text, struct error *err)
{
    char *file = request_path(path, request, err);
    int status = file ? file_save(file, text ? text : "", text ? strlen(text) : 0, err) : -1;
    free(file);
    return status;
}

bool job_request_take(const char *path, enum job_request request, struct buffer *text)
{
    char *file = request_path(path, request, NULL);
    bool taken = file && access(file, F_OK) == 0;
    if (taken && text)
        taken = file_read_all(text, file, REQUEST_CAP, NULL) == 0;
    if (file)
        sys.unlink(file);
    free(file);
    return taken;
}

bool job_pause(const char *path, bool (*should_stop)(void *context), void *context)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    char *mark = path_join(path, "requests/paused", NULL);
    bool go_on = mark && file_save(mark, "", 0, NULL) == 0, stop = false;
    while (go_on && !stop && !job_request_take(path, JOB_REQUEST_RESUME, NULL)) {
        stop =
            job_request_take(path, JOB_REQUEST_STOP, NULL) || (should_stop && should_stop(context));
        nanosleep(&tenth, NULL);
    }
    if (mark)
        sys.unlink(mark);
    free(mark);
    return !stop;
}
