#include "tui/cli/scan_job.h"

#include "job/job_dir.h"
#include "job/launch.h"
#include "job/requests.h"
#include "job/trust.h"
#include "model/score_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* `fingerprint`: NULL while it is not known. */
static int write_description(const struct scan_job *job, const char *model, const char *fingerprint,
                             struct error *err)
{
    struct buffer text = BUFFER_INIT;
    buffer_text(&text, "{\"format\": \"spectrum.job\", \"version\": 1, \"command\": \"scan\", "
                       "\"model\": ");
    json_put_string(&text, model);
    if (fingerprint) {
        buffer_text(&text, ", \"fingerprint\": ");
        json_put_string(&text, fingerprint);
    }
    buffer_text(&text, ", ");
    job_put_arguments(&text, job->argc, job->argv);
    buffer_text(&text, "}\n");
    int status = job_dir_save(job->path, "job.json", &text, err);
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

static void append(struct scan_job *job, struct buffer *line)
{
    if (job->failure.kind == ERROR_NONE)
        job_metrics_append(&job->writer, line, &job->failure);
    buffer_free(line);
}

void scan_job_start(struct scan_job *job, const struct scan *scan)
{
    struct buffer line = BUFFER_INIT;
    if (!job->path)
        return;
    job->scan = scan;
    write_description(job, scan->model, scan->fingerprint, &job->failure);
    buffer_format(&line, "{\"event\": \"scan\", \"total\": %zu, \"fingerprint\": ", scan->count);
    json_put_string(&line, scan->fingerprint);
    buffer_text(&line, ", \"estimator\": ");
    json_put_string(&line, scan->estimator);
    buffer_byte(&line, '}');
    append(job, &line);
}

static void put_bytes(struct buffer *line, const char *key, uint64_t bytes)
{
    if (bytes > 0)
        buffer_format(line, ", \"%s\": %" PRIu64, key, bytes);
}

static void put_device(struct buffer *line, const struct device_info *device)
{
    buffer_text(line, "\"device\": ");
    json_put_string(line, device->id);
    buffer_text(line, ", \"name\": ");
    json_put_string(line, device->name);
    put_bytes(line, "memory_bytes", device->memory);
    put_bytes(line, "free_bytes", device->free_memory);
}

static void put_devices(struct buffer *line)
{
    struct device_info devices[DEVICES_MOST];
    int count = backend_devices(devices, DEVICES_MOST);
    buffer_text(line, ", \"devices\": [");
    for (int i = 0; i < count; i++) {
        buffer_text(line, i ? ", {" : "{");
        put_device(line, &devices[i]);
        buffer_byte(line, '}');
    }
    buffer_byte(line, ']');
}

void scan_job_device(struct scan_job *job, const struct device_info *device,
                     const struct scan_row *row, const char *why)
{
    struct buffer line = BUFFER_INIT;
    if (!job->path)
        return;
    buffer_text(&line, "{\"event\": \"device\", ");
    put_device(&line, device);
    if (!job->device_said)
        put_devices(&line);
    job->device_said = true;
    if (row) {
        buffer_text(&line, ", \"module\": ");
        json_put_string(&line, row->module);
    }
    if (why) {
        buffer_text(&line, ", \"reason\": ");
        json_put_string(&line, why);
    }
    buffer_byte(&line, '}');
    append(job, &line);
}

void scan_job_row(struct scan_job *job, const struct scan_row *row, size_t done, size_t total,
                  double seconds, bool cached)
{
    struct buffer line = BUFFER_INIT;
    if (!job->path)
        return;
    buffer_text(&line, "{\"event\": \"row\", \"module\": ");
    json_put_string(&line, row->module);
    buffer_format(&line, ", \"done\": %zu, \"total\": %zu, \"seconds\": ", done, total);
    json_put_number(&line, seconds);
    buffer_format(&line, ", \"cached\": %s, ", cached ? "true" : "false");
    scan_put_row(&line, row);
    buffer_byte(&line, '}');
    append(job, &line);
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
