#include "tui/session/job_follow.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "job/job_kind.h"
#include "job/requests.h"
#include "tui/session/wording.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double look_interval = 0.4; /* seconds between two looks at lock and result */

/* --- what a job said last --- */

enum { TAIL = 4096 };

/* The last bytes of the log, as a string. */
static void read_tail(const char *job, char tail[TAIL + 1])
{
    uint64_t size = 0;
    char *path = job_dir_confine(job, NULL) == 0 ? path_join(job, "log.txt", NULL) : NULL;
    int fd = path ? file_open_read(path, &size, NULL) : -1;
    size_t count = size < TAIL ? (size_t)size : TAIL;
    tail[0] = '\0';
    if (fd >= 0) {
        if (file_read_at(fd, tail, count, size - count, path, NULL) == 0)
            tail[count] = '\0';
        for (size_t i = 0; i < count; i++)
            if (tail[i] == '\0') /* a hole */
                tail[i] = '\n';
        sys.close(fd);
    }
    free(path);
}

/* The last line that begins as main() begins an error: "spectrum: "; with `last`, unless other
 * lines follow it. Supervisor and worker write to the same log, and the worker's line comes first.
 */
static const char *find_error(char *tail, bool last)
{
    const char *found = NULL, *mark = "spectrum: ";
    for (char *line = strtok(tail, "\n"); line; line = strtok(NULL, "\n")) {
        bool is_error = strncmp(line, mark, strlen(mark)) == 0;
        if (is_error && !strstr(line, "result.json says how"))
            found = line + strlen(mark);
        else if (last && !is_error)
            found = NULL; /* it went on after that one */
    }
    return found;
}

/* A job that failed says why in its log; its result has the message of an end by a signal or on
 * request. Without a result the job died; or there was no room for one, which the log may have had.
 */
void job_last_message(const char *job, char *out, size_t size)
{
    char tail[TAIL + 1];
    cJSON *result = job_dir_read(job, "result.json", NULL);
    const char *message = NULL, *status = "", *error;
    read_tail(job, tail);
    json_get_string(result, "message", &message);
    json_get_string(result, "status", &status);
    error = !result || strcmp(status, "failed") == 0 ? find_error(tail, !result) : NULL;
    snprintf(out, size, "%s", error ? error : message ? message : "nothing says how");
    utf8_sanitize(out);
    cJSON_Delete(result);
}

/* --- opening, looking --- */

/* With `end_only` the metrics are read from their end alone, which is enough for a row of a
 * list. */
static int open_follow(struct job_follow **out, const char *path, bool end_only, struct error *err)
{
    struct job_follow *follow = array_alloc(1, sizeof *follow, err);
    *out = NULL;
    if (!follow)
        return -1;
    follow->path = string_copy(path, err);
    if (!follow->path || job_metrics_follow(&follow->metrics, path, err) != 0) {
        job_follow_close(follow);
        return -1;
    }
    follow->metrics.end_only = end_only;
    job_follow_refresh(follow);
    job_follow_update(follow);
    *out = follow;
    return 0;
}

int job_follow_open(struct job_follow **out, const char *path, struct error *err)
{
    return open_follow(out, path, false, err);
}

int job_follow_open_end(struct job_follow **out, const char *path, struct error *err)
{
    return open_follow(out, path, true, err);
}

void job_follow_close(struct job_follow *follow)
{
    if (!follow)
        return;
    job_metrics_free(&follow->metrics);
    cJSON_Delete(follow->job);
    cJSON_Delete(follow->result);
    cJSON_Delete(follow->proof);
    free(follow->path);
    free(follow);
}

void job_follow_refresh(struct job_follow *follow)
{
    follow->looked_at = -INFINITY;
}

bool job_follow_is_scan(const struct job_follow *follow)
{
    return job_kind_of(follow->job)->rows;
}

/* A run's record says more when its data has been read, and all, its steps too, before the first
 * line of its metrics. A scan's is complete from the start. */
static bool job_is_complete(const struct job_follow *follow)
{
    return job_follow_is_scan(follow) || json_get(follow->job, "steps");
}

enum { PART_JOB, PART_RESULT, PART_PROOF };
enum { SMALL = 1 << 20 }; /* bytes */

/* NULL, too, where there is none, or where it is still the file that was read, or could not be, the
 * last time: it may have megabytes, and one looks twice a second. */
static cJSON *read_part(struct job_follow *follow, int which)
{
    static const char *const names[] = {"job.json", "result.json", "proof.json"};
    struct job_part *part = &follow->parts[which];
    struct error err = ERROR_INIT;
    struct stat info = {0};
    cJSON *json = NULL;
    char *path = path_join(follow->path, names[which], NULL);
    if (!path || !job_dir_has(follow->path, names[which])) {
        *part = (struct job_part){0};
        free(path);
        return NULL;
    }
    bool known = sys.stat(path, &info) == 0; /* of a link it is refused, and reading says why */
    int64_t changed = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    bool same = known && part->inode == info.st_ino && part->size == (uint64_t)info.st_size &&
                part->changed == changed;
    if (!same || (part->trouble[0] && info.st_size < SMALL)) { /* a small one may be read yet */
        json = job_dir_read(follow->path, names[which], &err);
        *part = (struct job_part){info.st_ino, (uint64_t)info.st_size, changed, ""};
        if (!json && job_dir_has(follow->path, names[which])) /* one that went since is not there */
            snprintf(part->trouble, sizeof part->trouble, "%s", err.text);
    }
    if (part->trouble[0])
        snprintf(follow->trouble, sizeof follow->trouble, "%s", part->trouble);
    free(path);
    return json;
}

/* What a job that does not live was doing when it died is no phase, nor what one that is paused did
 * last. True: it is another one, or further. */
static bool look_at_phase(struct job_follow *follow)
{
    struct job_progress now = {.done = -1, .total = -1, .step = -1};
    if (job_follow_lives(follow) && follow->state != JOB_PAUSED)
        job_progress_read(&now, follow->path);
    const struct job_progress *before = &follow->phase;
    bool changed = strcmp(now.phase, before->phase) != 0 || now.done != before->done ||
                   now.total != before->total || now.step != before->step;
    follow->phase = now;
    return changed;
}

/* What a worker takes between two steps, which may be minutes apart. */
static const struct {
    enum job_request request;
    const char *words;
} steered[] = {
    {JOB_REQUEST_STOP, "stop"}, /* the one that counts, where there are several */
    {JOB_REQUEST_PAUSE, "pause"},
    {JOB_REQUEST_CHECKPOINT, "save a checkpoint"},
    {JOB_REQUEST_RESUME, "go on"},
};
enum { STEERED = sizeof steered / sizeof *steered };

/* True: others wait than before. */
static bool look_at_requests(struct job_follow *follow)
{
    unsigned before = follow->asked;
    follow->asked = 0;
    for (size_t i = 0; i < STEERED && job_follow_lives(follow); i++)
        if (job_request_waits(follow->path, steered[i].request))
            follow->asked |= 1u << steered[i].request;
    return follow->asked != before;
}

/* The metrics first: their first line means that job.json is complete, which is read at once then;
 * a sitting that goes on for more steps writes another. The small files and the lock only now and
 * then. A job that lives has no result yet: what lies there is of the sitting before, and it is
 * read when this one has ended. */
bool job_follow_update(struct job_follow *follow)
{
    size_t added = 0;
    struct error err = ERROR_INIT;
    bool changed = false;
    job_metrics_update(&follow->metrics, &added, &err);
    if (added > 0 && !job_is_complete(follow))
        job_follow_refresh(follow);
    double now = clock_seconds();
    if (now - follow->looked_at >= look_interval) {
        enum job_state before = follow->state;
        bool had_result = follow->result != NULL, had_proof = follow->proof != NULL;
        follow->looked_at = now;
        follow->trouble[0] = '\0';
        follow->state = job_state(follow->path);
        cJSON *job = read_part(follow, PART_JOB);
        if (job) {
            cJSON_Delete(follow->job);
            follow->job = job;
        }
        if (!follow->proof)
            follow->proof = read_part(follow, PART_PROOF);
        if (job_follow_lives(follow)) {
            cJSON_Delete(follow->result);
            follow->result = NULL;
            follow->parts[PART_RESULT] = (struct job_part){0};
        } else if (!follow->result) {
            follow->result = read_part(follow, PART_RESULT);
        }
        changed = look_at_requests(follow);
        changed = look_at_phase(follow) || changed || before != follow->state || job ||
                  had_result != (follow->result != NULL) || had_proof != (follow->proof != NULL);
    }
    if (err.kind != ERROR_NONE)
        snprintf(follow->trouble, sizeof follow->trouble, "%s", err.text);
    return changed || added > 0;
}

bool job_follow_lives(const struct job_follow *follow)
{
    return follow->state == JOB_STARTING || follow->state == JOB_RUNNING ||
           follow->state == JOB_WAITING || follow->state == JOB_PAUSED ||
           follow->state == JOB_ELSEWHERE;
}

bool job_follow_pauses(const struct job_follow *follow)
{
    return follow->state == JOB_PAUSED ||
           (follow->state == JOB_ELSEWHERE && job_dir_has(follow->path, "requests/paused"));
}

bool job_follow_rows(const struct job_follow *follow, int64_t *done, int64_t *total)
{
    const cJSON *line =
        job_follow_is_scan(follow) ? job_metrics_last(&follow->metrics, "done") : NULL;
    return line && json_get_int64(line, "done", done) && json_get_int64(line, "total", total);
}

/* --- in words --- */

/* " at step 12", " at 12 of 56 matrices"; nothing where it is not known. */
static void put_where(const struct job_follow *follow, int64_t step, char *out, size_t size)
{
    int64_t done, total;
    out[0] = '\0';
    if (step >= 0)
        snprintf(out, size, " at step %lld", (long long)step);
    else if (job_follow_rows(follow, &done, &total))
        snprintf(out, size, " at %lld of %lld matrices", (long long)done, (long long)total);
}

/* For which jobs it waits; which of them has not completed yet, its log says. */
static void put_waits(const struct job_follow *follow, char *out, size_t size)
{
    const cJSON *list = json_get(follow->job, "after"), *job;
    size_t length = (size_t)snprintf(out, size, "waiting for");
    cJSON_ArrayForEach(job, list)
    {
        if (cJSON_IsString(job) && length < size)
            length += (size_t)snprintf(out + length, size - length, "%s %s",
                                       job == list->child ? "" : ",", job->valuestring);
    }
}

/* An end by a signal or on request says so itself; a failure's reason is in the log, and so is that
 * of a job that died, which could not write a result. Whatever cannot be read comes after that; a
 * damage of the metrics only where nothing else is wrong, as it is the reason of what is shown. */
void job_follow_describe(const struct job_follow *follow, char *out, size_t size)
{
    char where[64], reason[ERROR_TEXT_MAX];
    put_where(follow, job_metrics_last_step(&follow->metrics), where, sizeof where);
    if (follow->state == JOB_ENDED) {
        const char *status = "ended", *message = NULL;
        int64_t step = -1;
        json_get_string(follow->result, "status", &status);
        json_get_string(follow->result, "message", &message);
        json_get_int64(follow->result, "last_step", &step);
        if (strcmp(status, "failed") == 0) {
            job_last_message(follow->path, reason, sizeof reason);
            snprintf(out, size, "failed: %s", reason);
        } else if (strcmp(status, "not started") == 0 && message) {
            snprintf(out, size, "not started: %s", message);
        } else if ((strcmp(status, "killed") == 0 || strcmp(status, "stale") == 0) && message) {
            snprintf(out, size, "%s", message);
        } else {
            put_where(follow, step, where, sizeof where);
            snprintf(out, size, "%s%s", status, where);
        }
        size_t used = strlen(out);
        if (strcmp(status, "failed") != 0 && json_get_string(follow->result, "refused", &message))
            snprintf(out + used, size - used, "; a resume was refused: %s", message);
    } else if (follow->state == JOB_DIED) {
        job_last_message(follow->path, reason, sizeof reason);
        snprintf(out, size, "died%s: %s",
                 where[0]                     ? where
                 : job_follow_is_scan(follow) ? " before the first matrix"
                                              : " before the first step",
                 reason);
    } else if (follow->state == JOB_WAITING) {
        put_waits(follow, out, size);
    } else if (follow->state == JOB_ELSEWHERE)
        snprintf(out, size, "%s on another machine", job_follow_pauses(follow) ? "paused" : "runs");
    else
        snprintf(out, size, "%s", job_state_name(follow->state));
    for (size_t i = 0; i < STEERED; i++)
        if (follow->asked & 1u << steered[i].request) {
            size_t used = strlen(out);
            snprintf(out + used, size - used, ", asked to %s", steered[i].words);
            break;
        }
    size_t length = strlen(out);
    if (follow->trouble[0] && length < size)
        snprintf(out + length, size - length, "; %s", follow->trouble);
    else if (follow->metrics.damage[0] && length < size) /* the reason of what is shown */
        snprintf(out + length, size - length, "%s%s", strstr(out, ": ") ? "; " : ": ",
                 follow->metrics.damage);
    utf8_sanitize(out);
}

void job_follow_model(const struct job_follow *follow, char *out, size_t size)
{
    const cJSON *job = follow->job;
    const char *model = "", *run = NULL;
    const cJSON *start = json_get(job, "start");
    char name[128];
    bool init = false;
    int64_t step = 0;
    json_get_string(job, "model", &model);
    json_get_bool(job, "init", &init);
    if (json_get_string(start, "run", &run) && json_get_int64(start, "step", &step)) {
        path_put_last(run, name, sizeof name);
        snprintf(out, size, "%s at step %lld", name, (long long)step);
        utf8_sanitize(out);
    } else if (init) {
        snprintf(out, size, "random weights");
    } else {
        path_put_last(model, out, size);
    }
}

/* Whatever numbers stand there: a job's folder may be anybody's. */
void job_follow_engine(const struct job_follow *follow, char *out, size_t size)
{
    enum { MOST = 1 << 20 };
    const char *engine = "";
    int64_t processes = 0, nodes = 1;
    out[0] = '\0';
    if (!json_get_string(follow->job, "engine", &engine) || !engine[0])
        return;
    json_get_int64(follow->job, "processes", &processes);
    json_get_int64(follow->job, "nodes", &nodes);
    bool known = processes >= 1 && processes <= MOST && nodes >= 1 && nodes <= MOST;
    size_t used = (size_t)snprintf(out, size, "%.16s", engine);
    if (known)
        snprintf(out + used, size - used, " x %lld", (long long)processes * nodes);
    used = strlen(out);
    if (known && nodes > 1)
        snprintf(out + used, size - used, " on %lld nodes", (long long)nodes);
    utf8_sanitize(out);
}

void job_follow_place(const struct job_follow *follow, char *out, size_t size)
{
    const char *tool, *log, *run = "";
    json_get_string(follow->job, "run", &run);
    if (json_get_string(follow->job, "tool", &tool) && json_get_string(follow->job, "log", &log))
        snprintf(out, size, "%s%s%s · %s", tool, run[0] ? " · " : "", run, log);
    else
        snprintf(out, size, "%s", follow->path);
    utf8_sanitize(out);
}

/* Bytes as a share, all else as it is counted; a run's steps are said beside its state. */
bool job_follow_phase(const struct job_follow *follow, char *out, size_t size)
{
    const struct job_progress *phase = &follow->phase;
    bool loads = strcmp(phase->phase, "loading") == 0, foreign = json_get(follow->job, "tool");
    const char *name = loads ? (foreign ? "reading the log" : "loading weights")
                       : strcmp(phase->phase, "queued") == 0 ? "queued by Slurm"
                                                             : phase->phase;
    if (phase->total <= 0 || strcmp(phase->unit, "steps") == 0)
        snprintf(out, size, "%s", name);
    else if (strcmp(phase->unit, "bytes") == 0)
        snprintf(out, size, "%s %.0f %%", name,
                 floor(100.0 * (double)phase->done / (double)phase->total));
    else if (strcmp(phase->unit, "seconds") == 0) {
        char lasts[32];
        since_put((double)phase->done, lasts, sizeof lasts);
        snprintf(out, size, "%s %s", name, lasts);
    } else
        snprintf(out, size, "%s %lld/%lld", name, (long long)phase->done, (long long)phase->total);
    return out[0] != '\0';
}

bool job_follow_number(const struct job_follow *follow, const char *key, double *out)
{
    return json_get_double(follow->job, key, out) ||
           json_get_double(json_get(follow->job, "parameters"), key, out);
}

double job_follow_last(const struct job_follow *follow, const char *key)
{
    double value = NAN;
    json_get_double(job_metrics_last(&follow->metrics, key), key, &value);
    return value;
}
