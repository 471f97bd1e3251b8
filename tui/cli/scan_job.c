#include "tui/cli/scan_job.h"

#include "compute/devices/devices.h"
#include "job/job_dir.h"
#include "job/launch.h"
#include "job/requests.h"
#include "job/trust.h"
#include "model/score_table.h"

#include <stdio.h>
#include <stdlib.h>

/* `fingerprint`: NULL while it is not known. */
static int write_description(const struct scan_job *job, const char *model, const char *fingerprint,
                             struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_begin(&json, "spectrum.job");
    json_text(&json, "command", "scan");
    json_text(&json, "model", model);
    if (fingerprint)
        json_text(&json, "fingerprint", fingerprint);
    job_put_arguments(&json, job->argc, job->argv);
    json_end(&json);
    int status = json_finish(&json, err);
    if (status == 0)
        status = job_dir_save(job->path, "job.json", &text, err);
    buffer_free(&text);
    return status;
}

int scan_job_open(struct scan_job *job, const char *model, int argc, char **argv, struct error *err)
{
    const char *path = getenv("SPECTRUM_JOB");
    struct error unlisted = ERROR_INIT;
    *job = (struct scan_job){.argc = argc, .argv = argv};
    if (!path || !path[0])
        return 0;
    job_end_with_supervisor(path);
    if (job_metrics_open(&job->writer, path, err) != 0)
        return -1;
    job->path = path;
    if (write_description(job, model, NULL, err) != 0)
        return -1;
    job_trust_note(path); /* who may start it may resume it */
    if (job_index_add(path, &unlisted) != 0)
        fprintf(stderr, "%s\n", unlisted.text);
    return 0;
}

void scan_job_close(struct scan_job *job, bool complete)
{
    if (!job->path)
        return;
    job_unpause(job->path, &job->paused);
    if (complete)
        job_index_remove(job->path);
    job_metrics_close(&job->writer);
    job->path = NULL;
}

/* A line that begins with what it tells of; append() ends it. */
static void begin_event(struct json_writer *json, const char *event)
{
    json_object(json, NULL);
    json_text(json, "event", event);
}

static void append(struct scan_job *job, struct json_writer *json)
{
    json_end(json);
    if (job->failure.kind == ERROR_NONE)
        job_metrics_append(&job->writer, json->out, &job->failure);
    buffer_free(json->out);
}

void scan_job_start(struct scan_job *job, const struct scan *scan)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    if (!job->path)
        return;
    job->scan = scan;
    write_description(job, scan->model, scan->fingerprint, &job->failure);
    begin_event(&json, "scan");
    json_count(&json, "total", scan->count);
    json_text(&json, "fingerprint", scan->fingerprint);
    json_text(&json, "estimator", scan->estimator);
    append(job, &json);
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

static void put_devices(struct json_writer *json)
{
    struct device_info devices[DEVICES_MAX];
    int count = backend_devices(devices, DEVICES_MAX);
    json_list(json, "devices");
    for (int i = 0; i < count; i++) {
        json_object(json, NULL);
        put_device(json, &devices[i]);
        json_end(json);
    }
    json_end(json);
}

void scan_job_device(struct scan_job *job, const struct device_info *device,
                     const struct scan_row *row, const char *why)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    if (!job->path)
        return;
    begin_event(&json, "device");
    put_device(&json, device);
    if (!job->device_said)
        put_devices(&json);
    job->device_said = true;
    if (row)
        json_text(&json, "module", row->module);
    if (why)
        json_text(&json, "reason", why);
    append(job, &json);
}

void scan_job_row(struct scan_job *job, const struct scan_row *row, size_t done, size_t total,
                  double seconds, bool cached)
{
    struct buffer line = BUFFER_INIT;
    struct json_writer json = {.out = &line};
    if (!job->path)
        return;
    begin_event(&json, "row");
    json_text(&json, "module", row->module);
    json_count(&json, "done", done);
    json_count(&json, "total", total);
    json_real(&json, "seconds", seconds);
    json_flag(&json, "cached", cached);
    scan_put_row(&json, row);
    append(job, &json);
}

bool scan_job_should_stop(struct scan_job *job)
{
    return job->path &&
           (job->failure.kind != ERROR_NONE || job_request_take(job->path, JOB_REQUEST_STOP, NULL));
}

bool scan_job_should_wait(struct scan_job *job)
{
    return job->path && job_holds(job->path, &job->paused);
}

int64_t scan_job_wanted(struct scan_job *job)
{
    struct buffer name = BUFFER_INIT;
    const struct scan_row *row = NULL;
    if (job->path && job->scan && job_request_take(job->path, JOB_REQUEST_FIRST, &name))
        row = scan_find(job->scan, buffer_string(&name));
    buffer_free(&name);
    return row ? row - job->scan->rows : -1;
}
