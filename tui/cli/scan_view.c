#include "tui/cli/scan_view.h"

#include "base/decimal.h"
#include "base/text.h"
#include "compute/devices/devices.h"
#include "job/job_dir.h"
#include "job/job_index.h"
#include "job/launch.h"
#include "job/requests.h"
#include "job/trust.h"
#include "model/score_table.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- its folder, where it is a job --- */

/* Writes job.json. `fingerprint`: NULL while it is not known. */
static int write_description(const struct scan_view *view, const char *model,
                             const char *fingerprint, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_begin(&json, "spectrum.job");
    json_text(&json, "command", "scan");
    json_text(&json, "model", model);
    if (fingerprint)
        json_text(&json, "fingerprint", fingerprint);
    job_put_arguments(&json, view->argc, view->argv);
    json_end(&json);
    return job_dir_save_json(view->job, "job.json", &json, err);
}

int scan_view_join(struct scan_view *view, const char *model, int argc, char **argv,
                   struct error *err)
{
    const char *path = getenv("SPECTRUM_JOB");
    struct error unlisted = ERROR_INIT;
    if (!path || !path[0])
        return 0;
    view->argc = argc;
    view->argv = argv;
    job_end_with_supervisor(path);
    if (job_metrics_open(&view->writer, path, err) != 0)
        return -1;
    view->job = path;
    job_progress_open(&view->progress, path);
    work_tell(&view->progress.watch, WORK_LOADING, 0, 0); /* the model is opened, and hashed */
    if (write_description(view, model, NULL, err) != 0)
        return -1;
    job_trust_note(path); /* who may start it may resume it */
    if (job_index_add(path, &unlisted) != 0)
        fprintf(stderr, "%s\n", unlisted.text);
    return 0;
}

void scan_view_leave(struct scan_view *view, bool complete)
{
    if (!view->job)
        return;
    job_unpause(view->job, &view->paused);
    if (complete)
        job_index_remove(view->job);
    job_progress_close(&view->progress);
    job_metrics_close(&view->writer);
    view->job = NULL;
}

/* A line of metrics.jsonl, which begins with what it tells of; append() ends it. What cannot be
 * written is the scan's failure: the first of them stays, and the lines after it are dropped. */
static void begin_event(struct json_writer *json, const char *event)
{
    json_object(json, NULL);
    json_text(json, "event", event);
}

static void append(struct scan_view *view, struct json_writer *json)
{
    json_end(json);
    if (view->failure.kind == ERROR_NONE)
        job_metrics_append(&view->writer, json->out, &view->failure);
    buffer_free(json->out);
}

static void put_device(struct json_writer *json, const struct device_info *device)
{
    json_text(json, "device", device->id);
    json_text(json, "name", device->name);
    if (device->memory > 0)
        json_count(json, "memory_bytes", device->memory);
    if (device->free_memory > 0)
        json_count(json, "free_bytes", device->free_memory);
}

/* --- what scan_run() tells --- */

/* The model is open and its content known: job.json says that now, and metrics begin. */
static void on_start(void *context, const struct scan *scan)
{
    struct scan_view *view = context;
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    if (!view->job)
        return;
    view->scan = scan;
    work_tell(&view->progress.watch, WORK_SCANNING, 0, scan->count);
    write_description(view, scan->model, scan->fingerprint, &view->failure);
    begin_event(&json, "scan");
    json_count(&json, "total", scan->count);
    json_text(&json, "fingerprint", scan->fingerprint);
    json_text(&json, "files", scan->files);
    json_text(&json, "estimator", scan->estimator);
    append(view, &json);
}

/* What computes from now on: all of it, or with `row` that one and others of its shape; `why`: not
 * what was asked for, which is said here, too. */
static void on_device(void *context, const struct device_info *device, const struct scan_row *row,
                      const char *why)
{
    struct scan_view *view = context;
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    bool gpu = device_is_gpu(device->id);
    if (!row)
        snprintf(view->device, sizeof view->device, "%s%s", gpu ? " on " : "",
                 gpu ? device->id : "");
    if (why)
        scan_view_end(view);
    if (why && row)
        fprintf(stderr, "spectrum: %s: %s; the CPU computes it and others of %lldx%lld\n",
                row->module, why, (long long)row->rows, (long long)row->cols);
    else if (why)
        fprintf(stderr, "spectrum: %s; the CPU computes\n", why);
    if (!view->job)
        return;
    begin_event(&json, "device");
    put_device(&json, device);
    if (!view->device_said) { /* the first time with what else there is */
        struct device_info devices[DEVICES_MAX];
        int count = backend_devices(devices, DEVICES_MAX);
        json_list(&json, "devices");
        for (int i = 0; i < count; i++) {
            json_object(&json, NULL);
            put_device(&json, &devices[i]);
            json_end(&json);
        }
        json_end(&json);
    }
    view->device_said = true;
    if (row)
        json_text(&json, "module", row->module);
    if (why)
        json_text(&json, "reason", why);
    append(view, &json);
}

/* At most ten times a second on a terminal; every ten seconds elsewhere. What is left is the time
 * that a computed matrix took so far, for each to come. */
static void show(struct scan_view *view, const char *module, size_t done, size_t total,
                 double seconds)
{
    if (seconds - view->shown_at < (view->terminal ? 0.1 : 10) && done < total)
        return;
    size_t computed = done - view->cached;
    double left = computed ? seconds / (double)computed * (double)(total - done) : 0;
    view->shown_at = seconds;
    if (!view->terminal) {
        fprintf(stderr, "%s of %s matrices%s, %.0f s left\n", decimal_text((int64_t)done).text,
                decimal_text((int64_t)total).text, view->device, left);
        return;
    }
    fprintf(stderr, "\r\033[K%s of %s matrices%s, %.0f s left  %.60s",
            decimal_text((int64_t)done).text, decimal_text((int64_t)total).text, view->device, left,
            module);
    view->bar = true;
    if (done == total)
        scan_view_end(view);
}

/* Called for every row, in the order in which they are done; `done` counts those of the cache, too.
 */
static void on_row(void *context, const struct scan_row *row, const double *values, int64_t count,
                   size_t done, size_t total, double seconds, bool cached)
{
    struct scan_view *view = context;
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    (void)values;
    (void)count;
    view->cached += cached;
    if (view->job) {
        work_tell(&view->progress.watch, WORK_SCANNING, done, total);
        begin_event(&json, "row");
        json_text(&json, "module", row->module);
        json_count(&json, "done", done);
        json_count(&json, "total", total);
        json_real(&json, "seconds", seconds);
        json_flag(&json, "cached", cached);
        scan_put_row(&json, row);
        append(view, &json);
    }
    if (view->cached < done) /* what the cache knows is there at once */
        show(view, row->module, done, total, seconds);
}

/* --- what scan_run() asks --- */

/* Asked between two matrices: by a signal, by a request in the job's folder, or because nobody
 * would learn of what is computed. */
static bool should_stop(void *context)
{
    struct scan_view *view = context;
    char line[512];
    while (view->job && job_requests_odd(view->job, &view->odd, line, sizeof line))
        message_print("warning: %s", line);
    return *view->interrupted ||
           (view->job && (view->failure.kind != ERROR_NONE ||
                          job_request_take(view->job, JOB_REQUEST_STOP, NULL)));
}

static bool should_wait(void *context)
{
    struct scan_view *view = context;
    return view->job && job_holds(view->job, &view->paused);
}

/* The row that somebody asked for before all others, its index in the scan; -1: none. */
static int64_t wanted(void *context)
{
    const struct scan_view *view = context;
    struct buffer name = BUFFER_INIT;
    const struct scan_row *row = NULL;
    if (view->job && view->scan && job_request_take(view->job, JOB_REQUEST_FIRST, &name))
        row = scan_find(view->scan, buffer_string(&name));
    buffer_free(&name);
    return row ? row - view->scan->rows : -1;
}

/* shown_at -10: the first line elsewhere than on a terminal comes with the first matrix. */
void scan_view_begin(struct scan_view *view, const char *how)
{
    *view = (struct scan_view){
        .interrupted = interrupt_watch(how), .terminal = isatty(STDERR_FILENO), .shown_at = -10};
}

struct scan_observer scan_view_observer(struct scan_view *view)
{
    return (struct scan_observer){.context = view,
                                  .on_start = on_start,
                                  .on_device = on_device,
                                  .on_row = on_row,
                                  .should_stop = should_stop,
                                  .should_wait = should_wait,
                                  .wanted = wanted};
}

void scan_view_end(struct scan_view *view)
{
    if (view->bar)
        fputc('\n', stderr);
    view->bar = false;
}

/* --- what has no score --- */

enum { LINES_MAX = 10, ALIKE = 3 };

static void print_row(const struct scan_row *row, bool trains, size_t alike)
{
    char reason[sizeof row->reason];
    utf8_copy(reason, sizeof reason, row->reason); /* a scan file's may be anything */
    if (alike > 0)
        fprintf(stderr, "%zu matrices, %s first: not scored: %s%s\n", alike, row->module, reason,
                trains ? "; the plan trains them all the same" : "");
    else
        fprintf(stderr, "%s: not scored: %s%s\n", row->module, reason[0] ? reason : "NaN",
                trains ? "; the plan trains it all the same" : "");
}

static bool is_unscored(const struct scan *scan, const struct plan *plan, size_t row, bool trains)
{
    const struct scan_row *is = &scan->rows[row];
    return is->known && isnan(is->snr) && (plan && plan_row(plan, row)) == trains;
}

/* Rows that the plan trains come first, then the others. What cannot be read at all, many rows have
 * for one reason (scan_row_refusal()): where more than ALIKE share such a reason, the first of them
 * gets a line for all, and `said` remembers it. Lines beyond LINES_MAX are counted, not printed. */
void scan_view_unscored(const struct scan *scan, const struct plan *plan)
{
    char line[SCAN_LINE_MAX];
    const char *said[LINES_MAX];
    size_t count = 0;
    for (int trains = 1; trains >= 0; trains--) {
        size_t said_count = 0;
        for (size_t i = 0; i < scan->count; i++) {
            const char *reason = scan->rows[i].reason;
            size_t k = 0, alike = 0;
            if (!is_unscored(scan, plan, i, trains))
                continue;
            while (k < said_count && strcmp(said[k], reason) != 0)
                k++;
            if (k < said_count)
                continue;
            bool general =
                strncmp(reason, "the type ", 9) == 0 || strncmp(reason, "it has ", 7) == 0;
            if (count < LINES_MAX && general && said_count < LINES_MAX)
                for (size_t j = i; j < scan->count; j++)
                    alike += is_unscored(scan, plan, j, trains) &&
                             strcmp(scan->rows[j].reason, reason) == 0;
            if (alike <= ALIKE)
                alike = 0;
            if (alike > 0)
                said[said_count++] = reason;
            if (count++ < LINES_MAX)
                print_row(&scan->rows[i], trains, alike);
        }
    }
    if (count > LINES_MAX)
        fprintf(stderr, "and %zu more without a score\n", count - LINES_MAX);
    for (size_t i = 0; scan_say(scan, i, line, sizeof line); i++)
        fprintf(stderr, "%s\n", line);
}
