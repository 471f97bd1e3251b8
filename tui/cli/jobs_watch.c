#include "tui/cli/jobs_watch.h"

#include "base/memory.h"
#include "base/text.h"
#include "job/job_index.h"
#include "tui/cli/job_view.h"
#include "tui/cli/process.h"
#include "tui/session/job_best.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 500 };

/* A job that was in the list at the last look. */
struct watched {
    char *path, *line; /* line: what was printed of it last; NULL: nothing yet */
    struct job_best best;
    bool listed; /* it still is */
};

struct watch {
    struct watched *jobs;
    size_t count, capacity;
    struct buffer out;
};

static void watched_free(struct watched *job)
{
    free(job->path);
    free(job->line);
    job_best_free(&job->best);
}

/* A job that is new gets a place. */
static struct watched *find(struct watch *watch, const char *path, struct error *err)
{
    for (size_t i = 0; i < watch->count; i++)
        if (strcmp(watch->jobs[i].path, path) == 0)
            return &watch->jobs[i];
    if (array_reserve((void **)&watch->jobs, &watch->capacity, watch->count + 1,
                      sizeof *watch->jobs, err) != 0)
        return NULL;
    struct watched *job = &watch->jobs[watch->count];
    *job = (struct watched){.path = string_copy(path, err)};
    if (!job->path)
        return NULL;
    watch->count++;
    return job;
}

/* Of its metrics only what came since is read; one that cannot be opened is passed over. */
static int look(struct watch *watch, struct watched *job, struct error *err)
{
    struct job_follow *follow;
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    job->listed = true;
    if (job_follow_open_end(&follow, job->path, NULL) != 0)
        return 0;
    job_best_read(&job->best, job->path, UINT64_MAX);
    json_object(&json, NULL);
    job_view_put_all(&json, follow, &job->best);
    json_end(&json);
    job_follow_close(follow);
    int status = json_finish(&json, err);
    if (status == 0 && (!job->line || strcmp(job->line, buffer_string(&line)) != 0)) {
        free(job->line);
        job->line = string_copy(buffer_string(&line), err);
        status = job->line ? 0 : -1;
        buffer_text(&watch->out, buffer_string(&line));
    }
    buffer_free(&line);
    return status;
}

/* Those that the list no longer has. */
static int drop_gone(struct watch *watch, struct error *err)
{
    int status = 0;
    for (size_t i = watch->count; status == 0 && i-- > 0;) {
        struct watched *job = &watch->jobs[i];
        struct json_writer json = {.out = &watch->out};
        if (job->listed)
            continue;
        json_object(&json, NULL);
        job_view_put_path(&json, "job", job->path);
        json_text(&json, "state", "gone");
        json_end(&json);
        status = json_finish(&json, err);
        watched_free(job);
        watch->jobs[i] = watch->jobs[--watch->count];
    }
    return status;
}

/* All that changed since the last look, printed at once. */
static int look_at_all(struct watch *watch, struct error *err)
{
    char **paths;
    size_t count;
    if (job_index_list(&paths, &count, err) != 0)
        return -1;
    int status = 0;
    for (size_t i = 0; i < watch->count; i++)
        watch->jobs[i].listed = false;
    for (size_t i = 0; status == 0 && i < count; i++) {
        struct watched *job = find(watch, paths[i], err);
        status = job ? look(watch, job, err) : -1;
    }
    job_index_free(paths, count);
    if (status == 0)
        status = drop_gone(watch, err);
    if (status == 0)
        status = buffer_check(&watch->out, err);
    if (status == 0 && watch->out.length > 0)
        fwrite(buffer_string(&watch->out), 1, watch->out.length, stdout);
    fflush(stdout);
    buffer_clear(&watch->out);
    return status;
}

/* Until an interruption, or until nobody reads any more: then it ends without a word. */
int jobs_watch(struct error *err)
{
    const volatile sig_atomic_t *interrupted = interrupt_watch(NULL);
    struct watch watch = {.out = BUFFER_INIT};
    bool left = false;
    int status = look_at_all(&watch, err);
    while (status == 0 && !*interrupted && !ferror(stdout) && !left) {
        left = process_reader_leaves(LOOK_MS);
        if (!left && !*interrupted)
            status = look_at_all(&watch, err);
    }
    for (size_t i = 0; i < watch.count; i++)
        watched_free(&watch.jobs[i]);
    free(watch.jobs);
    buffer_free(&watch.out);
    if (status == 0 && *interrupted)
        return error_set_kind(err, ERROR_INTERRUPTED, "left; jobs continue");
    return status;
}
