#include "tui/cli/scan_progress.h"

#include "compute/devices/devices.h"
#include "tui/cli/interrupt.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool should_stop(void *context)
{
    const struct scan_progress *progress = context;
    return *progress->interrupted || (progress->job && scan_job_should_stop(progress->job));
}

static bool should_wait(void *context)
{
    const struct scan_progress *progress = context;
    return progress->job && scan_job_should_wait(progress->job);
}

static int64_t wanted(void *context)
{
    const struct scan_progress *progress = context;
    return progress->job ? scan_job_wanted(progress->job) : -1;
}

static void on_start(void *context, const struct scan *scan)
{
    const struct scan_progress *progress = context;
    if (progress->job)
        scan_job_start(progress->job, scan);
}

static void say_why(struct scan_progress *progress, const struct scan_row *row, const char *why)
{
    scan_progress_end(progress);
    if (row)
        fprintf(stderr, "spectrum: %s: %s; the CPU computes it and others of %lldx%lld\n",
                row->module, why, (long long)row->rows, (long long)row->cols);
    else
        fprintf(stderr, "spectrum: %s; the CPU computes\n", why);
}

static void on_device(void *context, const struct device_info *device, const struct scan_row *row,
                      const char *why)
{
    struct scan_progress *progress = context;
    bool gpu = device_is_gpu(device->id);
    if (!row)
        snprintf(progress->device, sizeof progress->device, "%s%s", gpu ? " on " : "",
                 gpu ? device->id : "");
    if (why)
        say_why(progress, row, why);
    if (progress->job)
        scan_job_device(progress->job, device, row, why);
}

/* At most ten times a second on a terminal; every ten seconds elsewhere. */
static void show(struct scan_progress *progress, const char *module, size_t done, size_t total,
                 double seconds)
{
    if (seconds - progress->shown_at < (progress->terminal ? 0.1 : 10) && done < total)
        return;
    size_t computed = done - progress->cached;
    double left = computed ? seconds / (double)computed * (double)(total - done) : 0;
    progress->shown_at = seconds;
    if (!progress->terminal) {
        fprintf(stderr, "%zu of %zu matrices%s, %.0f s left\n", done, total, progress->device,
                left);
        return;
    }
    fprintf(stderr, "\r\033[K%zu of %zu matrices%s, %.0f s left  %.60s", done, total,
            progress->device, left, module);
    progress->bar = true;
    if (done == total)
        scan_progress_end(progress);
}

static void on_row(void *context, const struct scan_row *row, const double *values, int64_t count,
                   size_t done, size_t total, double seconds, bool cached)
{
    (void)values;
    (void)count;
    struct scan_progress *progress = context;
    progress->cached += cached;
    if (progress->job)
        scan_job_row(progress->job, row, done, total, seconds, cached);
    if (progress->cached < done) /* what the cache knows is there at once */
        show(progress, row->module, done, total, seconds);
}

void scan_progress_begin(struct scan_progress *progress, struct scan_job *job)
{
    *progress =
        (struct scan_progress){.interrupted = interrupt_watch("the matrices in hand are finished"),
                               .job = job,
                               .terminal = isatty(STDERR_FILENO),
                               .shown_at = -10};
}

struct scan_observer scan_progress_observer(struct scan_progress *progress)
{
    return (struct scan_observer){.context = progress,
                                  .on_start = on_start,
                                  .on_device = on_device,
                                  .on_row = on_row,
                                  .should_stop = should_stop,
                                  .should_wait = should_wait,
                                  .wanted = wanted};
}

void scan_progress_end(struct scan_progress *progress)
{
    if (progress->bar)
        fputc('\n', stderr);
    progress->bar = false;
}
