#include "tui/session/runs.h"

#include "base/folder.h"
#include "base/text.h"
#include "job/attached.h"
#include "job/job_kind.h"
#include "tui/session/job_follow.h"

#include <stdlib.h>
#include <string.h>

int64_t runs_last_step(const struct run *run)
{
    return job_metrics_last_step(&run->job->metrics);
}

static void close_run(struct run *run)
{
    job_series_close(run->series);
    job_follow_close(run->job);
    *run = (struct run){.job = NULL};
}

static int open_run(struct run *run, const char *path, struct error *err)
{
    char *job = attached_find(path, NULL, "/proc/self/exe", NULL, err);
    int status = job ? job_follow_open(&run->job, job, err) : -1;
    free(job);
    if (status != 0)
        return -1;
    const struct job_kind *kind = job_kind_of(run->job->job);
    bool comes = kind->steps && run->job->state == JOB_RUNNING; /* the first may be on its way */
    if (runs_last_step(run) < 0 && !comes)
        return error_set(err, "it is %s %s without a loss so far: there is nothing to draw",
                         text_a(kind->noun), kind->noun);
    utf8_copy(run->name, sizeof run->name, path_last(run->job->path));
    return job_series_open(&run->series, err);
}

/* No more than can be told apart in one graph. */
int runs_add(struct runs *runs, const char *path, struct error *err)
{
    struct run run = {.job = NULL};
    if (runs_find(runs, path) >= 0)
        return error_set(err, "%s is drawn already", path);
    if (runs->count == RUNS_MAX)
        return error_set(err, "%d runs are drawn already: take one of them away first", RUNS_MAX);
    if (open_run(&run, path, err) != 0) {
        close_run(&run);
        return -1;
    }
    runs->list[runs->count++] = run;
    return 0;
}

/* The baseline stays the run that it was. */
void runs_remove(struct runs *runs, int at)
{
    close_run(&runs->list[at]);
    runs->count--;
    memmove(&runs->list[at], &runs->list[at + 1], (size_t)(runs->count - at) * sizeof *runs->list);
    if (runs->baseline == at)
        runs->baseline = RUNS_NONE;
    else if (runs->baseline > at)
        runs->baseline--;
}

void runs_close(struct runs *runs)
{
    for (int i = 0; i < runs->count; i++)
        close_run(&runs->list[i]);
    *runs = (struct runs){.baseline = RUNS_NONE};
}

int runs_find(const struct runs *runs, const char *path)
{
    for (int i = 0; i < runs->count; i++)
        if (file_is_same(runs->list[i].job->path, path))
            return i;
    return -1;
}

void runs_pin_next(struct runs *runs)
{
    runs->baseline++;
    if (runs->baseline >= runs->count)
        runs->baseline = RUNS_NONE;
}

/* Only losses are drawn of them, so the files are not read for more. */
bool runs_update(struct runs *runs, int64_t from, int64_t to)
{
    bool changed = false;
    for (int i = 0; i < runs->count; i++) {
        struct run *run = &runs->list[i];
        changed = job_follow_update(run->job) || changed;
        job_series_want(run->series, &run->job->metrics, from, to);
        changed = job_series_update(run->series, &run->job->metrics, -1) || changed;
    }
    return changed;
}

bool runs_live(const struct runs *runs)
{
    for (int i = 0; i < runs->count; i++)
        if (job_follow_lives(runs->list[i].job))
            return true;
    return false;
}
