#include "job/job_progress.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_dir.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 4096 };

double job_progress_second = 1;

static const struct {
    const char *name, *unit;
} phases[WORK_PHASES] = {
    [WORK_TOKENIZING] = {"tokenizing", "bytes"},   [WORK_SCANNING] = {"scanning", "matrices"},
    [WORK_LOADING] = {"loading", "tensors"},       [WORK_TRAINING] = {"training", "steps"},
    [WORK_EVALUATING] = {"evaluating", "batches"}, [WORK_SAMPLING] = {"sampling", "tokens"},
    [WORK_SAVING] = {"saving", "bytes"},           [WORK_QUEUED] = {"queued", "seconds"},
    [WORK_SILENT] = {"silent", "seconds"},
};

void job_progress_words(enum work_phase phase, const char **name, const char **unit)
{
    *name = phases[phase].name;
    *unit = phases[phase].unit;
}

/* --- writing --- */

/* What is not known is left out: a reader has "n/a" for it. */
static void put(struct buffer *out, enum work_phase phase, uint64_t done, uint64_t total,
                int64_t step)
{
    struct json_writer json = {.out = out};
    json_object(&json, NULL);
    json_text(&json, "phase", phases[phase].name);
    if (total > 0) {
        json_count(&json, "done", done < total ? done : total);
        json_count(&json, "total", total);
        json_text(&json, "unit", phases[phase].unit);
    }
    if (step >= 0)
        json_integer(&json, "step", step);
    json_end(&json);
    json_finish(&json, NULL);
}

/* O_EXCL: whatever lies in the temporary file's place is not written to. */
static void save(const struct job_progress_writer *writer, const struct buffer *text)
{
    int fd = sys.open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    bool whole = fd >= 0 && buffer_check(text, NULL) == 0 &&
                 file_write(fd, text->data, text->length, writer->temporary, NULL) == 0;
    if (fd >= 0)
        whole = sys.close(fd) == 0 && whole;
    if (whole && sys.rename(writer->temporary, writer->path) == 0)
        return;
    sys.unlink(writer->temporary);
    sys.unlink(writer->path);
}

/* Is it time for it (2. of the header)? The oldest of the last four was a second ago, and where the
 * phase is the same the newest half of one. */
static bool is_due(const struct job_progress_writer *writer, enum work_phase phase, double now)
{
    double oldest = writer->written[0], newest = writer->written[JOB_PROGRESS_EACH_SECOND - 1];
    return now - oldest >= job_progress_second &&
           (phase != writer->phase || now - newest >= job_progress_second / 2);
}

/* A few times a second at most, but at once where a phase begins; a failure to write is no failure
 * of the work. */
static void tell(void *context, enum work_phase phase, uint64_t done, uint64_t total)
{
    struct job_progress_writer *writer = context;
    struct buffer text = BUFFER_INIT;
    double now = clock_seconds();
    if (phase == WORK_TRAINING)
        writer->step = (int64_t)done;
    if (!writer->path || !is_due(writer, phase, now))
        return;
    writer->phase = phase;
    memmove(writer->written, writer->written + 1,
            (JOB_PROGRESS_EACH_SECOND - 1) * sizeof *writer->written);
    writer->written[JOB_PROGRESS_EACH_SECOND - 1] = now;
    put(&text, phase, done, total, writer->step);
    save(writer, &text);
    buffer_free(&text);
}

/* What is not there cannot be removed, and that is as well. */
void job_progress_open(struct job_progress_writer *writer, const char *job)
{
    *writer =
        (struct job_progress_writer){.watch = {writer, tell}, .phase = WORK_PHASES, .step = -1};
    for (int i = 0; i < JOB_PROGRESS_EACH_SECOND; i++)
        writer->written[i] = -INFINITY;
    if (job_dir_confine(job, NULL) != 0)
        return;
    writer->path = path_join(job, "progress.json", NULL);
    writer->temporary = path_join(job, JOB_PROGRESS_TEMPORARY, NULL);
    if (!writer->path || !writer->temporary) {
        job_progress_close(writer);
        return;
    }
    sys.unlink(writer->temporary);
    sys.unlink(writer->path);
}

void job_progress_close(struct job_progress_writer *writer)
{
    if (writer->path)
        sys.unlink(writer->path);
    free(writer->path);
    free(writer->temporary);
    writer->path = writer->temporary = NULL;
}

/* --- reading --- */

/* The file is anybody's: what cannot be is not known. */
bool job_progress_read(struct job_progress *out, const char *job)
{
    const char *phase = "", *unit = "";
    *out = (struct job_progress){.done = -1, .total = -1, .step = -1};
    char *path = job_dir_confine(job, NULL) == 0 ? path_join(job, "progress.json", NULL) : NULL;
    cJSON *json = path ? json_read_file(path, FILE_MAX, JSON_STRICT, NULL) : NULL;
    json_get_string(json, "phase", &phase);
    json_get_string(json, "unit", &unit);
    utf8_copy(out->phase, sizeof out->phase, phase);
    utf8_copy(out->unit, sizeof out->unit, unit);
    json_get_int64(json, "step", &out->step);
    if (!json_get_int64(json, "done", &out->done) || !json_get_int64(json, "total", &out->total) ||
        out->done < 0 || out->done > out->total)
        out->done = out->total = -1;
    if (out->step < 0)
        out->step = -1;
    cJSON_Delete(json);
    free(path);
    return out->phase[0] != '\0';
}
