#include "job/job_after.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/sys.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/lock.h"
#include "job/requests.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 1: it has completed; 0: it may yet; -1: it will not, with what became of it in a word: its own
 * message is there to be read, and of a chain of jobs each would repeat those before. A result that cannot be read is none. */
static int look(const char *job, struct error *err)
{
    enum job_state state = job_state(job);
    if (state == JOB_DIED && !job_dir_has(job, "requests"))
        return error_set_kind(err, ERROR_NOT_STARTED, "%s is gone: its folder was moved or deleted",
                              job);
    if (state == JOB_DIED)
        return error_set_kind(err, ERROR_NOT_STARTED,
                              "%s did not complete (died); `spectrum resume %s` goes on with it",
                              job, job);
    if (state != JOB_ENDED)
        return 0;
    const char *status = "ended";
    cJSON *result = job_dir_read(job, "result.json", NULL);
    json_get_string(result, "status", &status);
    int verdict = strcmp(status, "completed") == 0 ? 1 : -1;
    if (verdict < 0)
        error_set_kind(err, ERROR_NOT_STARTED,
                       "%s did not complete (%s); `spectrum resume %s` goes on with it", job,
                       status, job);
    cJSON_Delete(result);
    return verdict;
}

static char *find(const char *name, struct error *err)
{
    char *job = job_find(name, err);
    if (!job)
        error_prefix(err, "--after");
    return job;
}

/* When a job is started: a name that is none, or a job that has failed, is said at once. */
int job_after_check(const struct option_list *jobs, struct error *err)
{
    for (size_t i = 0; i < jobs->count; i++) {
        char *job = find(jobs->items[i], err);
        int verdict = job ? look(job, err) : -1;
        free(job);
        if (verdict < 0)
            return -1;
    }
    return 0;
}

/* Files are polled: the other job may be on another machine's disk, where nothing wakes us. */
static int wait_for(const char *job, bool (*should_stop)(void *context), void *context,
                    struct error *err)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    int verdict;
    while ((verdict = look(job, err)) == 0) {
        if (should_stop(context))
            return error_set_kind(err, ERROR_INTERRUPTED, "stopped while it waited for %s", job);
        nanosleep(&tenth, NULL);
    }
    return verdict < 0 ? -1 : 0;
}

/* One after the other; jobs that have ended meanwhile are seen when their turn comes. The mark
 * tells others that this one waits. */
int job_after_wait(const char *path, const struct option_list *jobs,
                   bool (*should_stop)(void *context), void (*say)(void *context, const char *job),
                   void *context, struct error *err)
{
    char *mark = path_join(path, JOB_WAITING_MARK, err);
    int status = mark ? 0 : -1;
    bool marked = false;
    for (size_t i = 0; status == 0 && i < jobs->count; i++) {
        char *job = find(jobs->items[i], err);
        int verdict = job ? look(job, err) : -1;
        if (verdict == 0) {
            say(context, job);
            marked = marked || file_save(mark, "", 0, NULL) == 0;
            verdict = wait_for(job, should_stop, context, err);
        }
        status = verdict < 0 ? -1 : 0;
        free(job);
    }
    if (marked)
        sys.unlink(mark);
    free(mark);
    return status;
}
