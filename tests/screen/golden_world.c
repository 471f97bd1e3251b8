#include "golden_world.h"

#include "base/buffer.h"
#include "base/folder.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/sys.h"
#include "job/job_dir.h"
#include "job/lock.h"
#include "model/model.h"
#include "model/score_rows.h"
#include "spectra/scan_result.h"
#include "spectra/score.h"
#include "tui/session/scan_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char fingerprint[] = "0123456789abcdef0123456789abcdef";

/* --- files --- */

/* The folders of a path, then the file with this text; `age`: how many seconds ago it was written. */
static int put_text(const char *path, int64_t age, const char *text)
{
    char *folder = path_folder(path, NULL);
    int status = folder ? folder_make(folder, NULL) : -1;
    free(folder);
    FILE *file = status == 0 ? fopen(path, "w") : NULL;
    if (!file)
        return -1;
    fputs(text, file);
    const struct timespec at = {.tv_sec = GOLDEN_NOW - age}, times[2] = {at, at};
    return fclose(file) || utimensat(AT_FDCWD, path, times, 0);
}

__attribute__((format(printf, 3, 4))) static int put(const char *path, int64_t age,
                                                     const char *format, ...)
{
    struct buffer text = BUFFER_INIT;
    va_list arguments;
    char line[4096];
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buffer_text(&text, line);
    int status = put_text(path, age, buffer_string(&text));
    buffer_free(&text);
    return status;
}

/* --- the machine --- */

static time_t golden_time(time_t *out)
{
    if (out)
        *out = GOLDEN_NOW;
    return GOLDEN_NOW;
}

/* What the kernel says of memory is what lies in the world's own /proc; what is not there is no limit. */
static FILE *golden_fopen(const char *path, const char *mode)
{
    char own[128];
    if (strncmp(path, "/proc/", 6) != 0)
        return NULL;
    snprintf(own, sizeof own, ".machine%s", path);
    return fopen(own, mode);
}

static int golden_fstatvfs(int fd, struct statvfs *out)
{
    (void)fd;
    *out = (struct statvfs){.f_frsize = 4096, .f_blocks = 1 << 26, .f_bavail = 1 << 24};
    return 0; /* 256 GiB, 64 of them free */
}

static int no_quota(int fd, int command, unsigned id, void *out)
{
    (void)fd, (void)command, (void)id, (void)out;
    errno = ENOSYS;
    return -1;
}

/* What is made of a run leaves in output.json, by the sub-command; %s is what it was asked for. */
static const struct {
    const char *command, *output;
} makers[] = {
    {"export", "{\"format\": \"spectrum.export-summary\", \"version\": 1, \"folder\": \"%s\", "
               "\"adapters\": false, \"step\": 600, \"bytes\": 6693120}"},
    {"eval",
     "{\"format\": \"spectrum.evaluation\", \"version\": 1, \"data\": \"%s\", \"loss\": 2.386294, "
     "\"perplexity\": 10.8731, \"tokens\": 48213, \"step\": 600}"},
    {"generate", "{\"format\": \"spectrum.generation\", \"version\": 1, \"prompt\": \"%s\", "
                 "\"text\": \" there was a "
                 "little boat. It loved the sea, and the sea loved it.\\n\\nOne day a big wind "
                 "came. \\\"Hold on!\\\" "
                 "said the old whale, and the boat held on until the morning.\\n\\nThen all of "
                 "them went home, and the "
                 "boat slept well. It dreamt of islands with tall trees, of a lighthouse that "
                 "never sleeps, and of fish "
                 "in all the colours that there are.\"}"},
};

/* spectrum supervise JOB -- COMMAND RUN OPTION ARGUMENT ...: the job is over at once. All others are
 * not started. */
static int golden_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *files,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const environment[])
{
    (void)program, (void)files, (void)attributes, (void)environment;
    size_t count = 0, at = 0, makers_count = sizeof makers / sizeof *makers;
    char path[PATH_MAX];
    while (arguments[count])
        count++;
    while (count >= 8 && at < makers_count && strcmp(arguments[4], makers[at].command) != 0)
        at++;
    if (count < 8 || at == makers_count)
        return EAGAIN;
    const char *job = arguments[2], *argument = arguments[7];
    bool fails = strstr(argument, "full/") != NULL; /* a disk */
    *pid = INT_MAX;                                 /* nobody's */
    snprintf(path, sizeof path, "%s/job.json", job);
    int status =
        put(path, 0, "{\"format\": \"spectrum.job\", \"command\": \"%s\", \"model\": \"%s\"}",
            arguments[4], arguments[5]);
    snprintf(path, sizeof path, "%s/output.json", job);
    if (status == 0 && !fails)
        status = put(path, 0, makers[at].output, argument);
    snprintf(path, sizeof path, "%s/result.json", job);
    if (status == 0)
        status = fails ? put(path, 0,
                             "{\"status\": \"failed\", \"message\": \"cannot write "
                             "%s/model.safetensors: No space left on device\"}",
                             argument)
                       : put(path, 0, "{\"status\": \"completed\", \"message\": \"completed\"}");
    return status == 0 ? 0 : EAGAIN;
}

/* Nothing here outlives the picture. */
static int no_sync(int fd)
{
    (void)fd;
    return 0;
}

/* What is written while a picture is taken was written at GOLDEN_NOW: else its date would be shown. */
static int (*system_stat)(const char *path, struct stat *out);

static int golden_stat(const char *path, struct stat *out)
{
    int status = system_stat(path, out);
    if (status == 0 && out->st_mtim.tv_sec > GOLDEN_NOW)
        out->st_mtim = (struct timespec){.tv_sec = GOLDEN_NOW};
    return status;
}

static int take_machine(const char *folder)
{
    char home[512], state[512], cache[512];
    snprintf(home, sizeof home, "%s/home", folder);
    snprintf(state, sizeof state, "%s/state", folder);
    snprintf(cache, sizeof cache, "%s/cache", folder);
    sys.time = golden_time;
    sys.fopen = golden_fopen;
    sys.fstatvfs = golden_fstatvfs;
    sys.quotactl_fd = no_quota;
    sys.spawn = golden_spawn;
    sys.fsync = no_sync;
    system_stat = sys.stat;
    sys.stat = golden_stat;
    return setenv("HOME", home, 1) || setenv("XDG_STATE_HOME", state, 1) ||
           setenv("XDG_CACHE_HOME", cache, 1) || setenv("TZ", "UTC", 1) ||
           unsetenv("XDG_CONFIG_HOME") || unsetenv("HF_HOME") || unsetenv("HF_HUB_CACHE") ||
           unsetenv("LINES") || unsetenv("COLUMNS") ||
           put(".machine/proc/meminfo", 0, "MemAvailable: %d kB\n", 24 << 20);
}

/* --- the scan --- */

/* Made-up singular values of a matrix, descending: a flat noise, and above it a few that are larger,
 * more of them where `learnt` is. Only operations that round alike everywhere. */
static void fill_values(double *values, int64_t count, double learnt)
{
    for (int64_t i = 0; i < count; i++) {
        double rank = (double)(i + 1), flat = 0.62 - 0.6 * (double)i / (double)count;
        values[i] = flat + learnt / (0.8 + 0.22 * rank);
    }
}

static int put_device(struct buffer *out)
{
    buffer_text(
        out,
        "{\"event\": \"device\", \"device\": \"cpu\", \"name\": \"avx2, 8 threads\", "
        "\"memory_bytes\": 34359738368, \"free_bytes\": 25769803776, \"devices\": [{\"device\": "
        "\"cpu\", \"name\": \"avx2, 8 threads\", \"memory_bytes\": 34359738368, \"free_bytes\": "
        "25769803776}, {\"device\": \"cuda:0\", \"name\": \"NVIDIA GeForce RTX 4090\", "
        "\"memory_bytes\": 25757220864, \"free_bytes\": 24696061952}]}\n");
    return 0;
}

/* The line of a row, whose scores are those of its values. */
static void put_row(struct buffer *out, struct scan_row *row, double *values, size_t done,
                    size_t total)
{
    struct json_writer json = {.out = out};
    json_object(&json, NULL);
    json_text(&json, "event", "row");
    json_text(&json, "module", row->module);
    json_count(&json, "done", done);
    json_count(&json, "total", total);
    json_real(&json, "seconds", 0.5 * (double)done);
    json_flag(&json, "cached", false);
    struct null_model null = null_model_find(row->rows, row->cols, EMPTY_NOISE_INFINITY);
    score_row(row, values, row->rows < row->cols ? row->rows : row->cols, &null,
              ESTIMATOR_REFERENCE, EMPTY_NOISE_INFINITY);
    row->known = true;
    scan_put_row(&json, row);
    json_end(&json);
    buffer_text(out, "\n");
}

/* The scan's job, as one that has told its last row and is about to end (of an ended one the screen
 * would start the next); `partly`: as one in the middle. This process stands for it. */
static int put_scan_job(struct scan_result *result, bool partly)
{
    struct buffer lines = BUFFER_INIT;
    struct scan *scan = result->scan;
    size_t known = partly ? scan->count / 3 : scan->count;
    char path[PATH_MAX], *job = scan_launch_path(scan, NULL);
    buffer_format(&lines, "{\"event\": \"scan\", \"total\": %zu, \"fingerprint\": \"%s\", ",
                  scan->count, fingerprint);
    buffer_text(&lines, "\"estimator\": \"reference\"}\n");
    put_device(&lines);
    for (size_t i = 0; i < known; i++)
        put_row(&lines, &scan->rows[i], result->values[i], i + 1, scan->count);
    snprintf(path, sizeof path, "%s/requests/.made", job ? job : "");
    int status = job ? put(path, 0, "%s", "") : -1;
    if (status == 0)
        status = job_lock_take(job, NULL);
    snprintf(path, sizeof path, "%s/metrics.jsonl", job ? job : "");
    if (status == 0)
        status = put_text(path, 60, buffer_string(&lines));
    snprintf(path, sizeof path, "%s/job.json", job ? job : "");
    if (status == 0)
        status = put(path, 90, "{\"command\": \"scan\", \"fingerprint\": \"%s\"}", fingerprint);
    snprintf(path, sizeof path, "%s/result.json", job ? job : "");
    if (status == 0 && !partly)
        status = put(path, 60, "{\"status\": \"completed\"}");
    buffer_free(&lines);
    free(job);
    return status;
}

/* Layers differ, the ones in the middle have learnt most; and so do types, by their place in a layer. */
static void fill_row(struct scan_result *result, size_t i)
{
    const struct scan_row *row = &result->scan->rows[i];
    int layer = atoi(strpbrk(row->module, "0123456789"));
    double place = (double)(strlen(row->type) * 7 % 11) / 11;
    double middle = layer < 4 ? layer : 7 - layer;
    result->counts[i] = row->rows < row->cols ? row->rows : row->cols;
    result->values[i] = array_alloc((size_t)result->counts[i], sizeof(double), NULL);
    if (result->values[i])
        fill_values(result->values[i], result->counts[i],
                    0.5 + place + 0.2 * middle + 0.05 * (double)(i % 3));
}

/* Job and singular values, as a scan leaves both. */
static int make_scan(bool partly)
{
    struct model *model = NULL;
    struct scan_result *result = array_alloc(1, sizeof *result, NULL);
    int status = result ? model_open(&model, GOLDEN_MODEL, NULL) : -1;
    if (status == 0)
        status = scan_for_model(&result->scan, NULL, model, NULL, NULL);
    size_t count = status == 0 ? result->scan->count : 0;
    if (status == 0) {
        result->values = array_alloc(count, sizeof *result->values, NULL);
        result->counts = array_alloc(count, sizeof *result->counts, NULL);
        status = result->values && result->counts ? 0 : -1;
    }
    for (size_t i = 0; status == 0 && i < count; i++)
        fill_row(result, i);
    if (status == 0)
        status = put_scan_job(result, partly);
    char *path = status == 0 ? spectra_cache_path(fingerprint, NULL) : NULL;
    if (path)
        status = spectra_file_write(path, result, NULL);
    free(path);
    scan_result_free(result);
    model_close(model);
    return status;
}

/* --- runs --- */

struct run {
    const char *name;
    int64_t age; /* seconds */
    int steps, done;
    const char *status, *message; /* of its end; NULL: this process runs it */
    const char *method;
    double lift;        /* of its loss over another's */
    const char *engine; /* that trains on two GPUs; NULL: this program trains */
};

static const struct run runs[] = {
    {"tale", 3 * 60, 2000, 1240, NULL, NULL, "spectrum", 0, NULL},
    {"tale-lora", 50 * 60, 800, 300, NULL, NULL, "lora", 0.4, NULL},
    {"tale-full", 5 * 3600, 600, 600, "completed", "completed", "full", 0.25, NULL},
    {"a-run-with-quite-a-long-name-that-does-not-fit", 30 * 3600, 600, 410, "stopped",
     "stopped on request", "spectrum+lora", 0.1, NULL},
    {"broken", 3 * 86400, 600, 77, "failed",
     "runs/broken: the loss is not a number at step 77; a lower learning rate may help", "qlora",
     0.8, NULL},
    {"fsdp2", 2 * 60, 2000, 1240, NULL, NULL, "spectrum", 0, "fsdp2"},
};

/* A number below `below` that only depends on i. */
static unsigned scatter(unsigned i, unsigned below)
{
    return (i * 2654435761u >> 8) % below;
}

/* A line of an engine's has what its processes know, and no categories. */
static void put_step(struct buffer *out, const struct run *run, int step)
{
    static const char memory[] = "{\"weights\": 4194304, \"masters\": 0, \"gradients\": 2097152, "
                                 "\"optimizer\": %d, \"activations\": 8388608, \"workspace\": %d}";
    unsigned at = (unsigned)step;
    double loss = 2 + run->lift + 300.0 / (100 + step) + 0.001 * scatter(at, 400);
    double norm = step == 700 ? 77 : 0.8 + 0.01 * scatter(at + 5000, 90);
    buffer_format(out, "{\"step\": %d, \"tokens\": %d, \"loss\": %.4f, \"lr\": %.3e, ", step,
                  512 * step, loss, step < 100 ? 1e-7 * step : 1e-5 * (2200 - step) / 2100.0);
    buffer_format(out, "\"grad_norm\": %.3f, \"tokens_per_s\": %u, \"step_s\": 0.125, ", norm,
                  4000 + scatter(at + 9000, 200));
    if (run->engine) {
        buffer_format(out, "\"process_bytes\": %d, \"device_bytes\": %lld, ",
                      734003200 + 2048 * step, (long long)(step < 40 ? 5 : 6) << 30);
        buffer_format(out, "\"device_total_bytes\": %lld}\n", 24LL << 30);
        return;
    }
    buffer_text(out, "\"memory_bytes\": ");
    buffer_format(out, memory, 4194304, 1048576);
    buffer_text(out, ", \"resident_bytes\": ");
    buffer_format(out, memory, step < 300 ? 10485 * step : 3145728, 524288);
    buffer_format(out, ", \"process_bytes\": %d}\n", 33554432 + 2048 * step);
}

/* What comes every 200 steps: an evaluation, the gradients' norms, a sample, a checkpoint. */
static void put_evaluation(struct buffer *out, const struct run *run, int step)
{
    double lift = run->lift;
    static const char *const types[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                        "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                        "mlp.down_proj"};
    buffer_format(out, "{\"step\": %d, \"eval_loss\": %.4f}\n", step,
                  2.1 + lift + 400.0 / (100 + step) + (step > 800 ? 0.0004 * (step - 800) : 0));
    buffer_format(out, "{\"step\": %d, \"grad_norms\": {", step);
    for (unsigned i = 0; i < 56; i++)
        buffer_format(out, "%s\"model.layers.%u.%s.weight\": %.4f", i ? ", " : "", i / 7,
                      types[i % 7], 0.02 + 0.001 * scatter(i + (unsigned)step, 400));
    buffer_text(out, "}}\n");
    if (!run->engine)
        buffer_format(
            out,
            "{\"event\": \"sample\", \"step\": %d, \"text\": \"Once upon a time there was a "
            "little boat. It loved the sea, and after %d steps it knew the way home.\"}\n",
            step, step);
    buffer_format(out, "{\"event\": \"checkpoint\", \"step\": %d}\n", step);
}

static int put_log(const char *path, const struct run *run)
{
    struct buffer log = BUFFER_INIT;
    for (int step = 10; step <= run->done; step += 10)
        buffer_format(&log, "step %d/%d  loss %.4f\n", step, run->steps, 2 + 300.0 / (100 + step));
    buffer_text(&log,
                "warning: runs/tale: 3 records are longer than a row, and their ends are cut\n");
    if (run->status && strcmp(run->status, "failed") == 0)
        buffer_format(&log, "spectrum: %s\n", run->message);
    int status = put_text(path, 5, buffer_string(&log));
    buffer_free(&log);
    return status;
}

/* One that this process runs has its lock, which job_lock_take() writes where there is no result. */
static int put_state(const struct run *run, char *path, size_t size)
{
    char job[128];
    snprintf(job, sizeof job, "runs/%s", run->name);
    if (run->status) {
        snprintf(path, size, "%s/result.json", job);
        return put(path, run->age / 2,
                   "{\"status\": \"%s\", \"message\": \"%s\", \"last_step\": %d}", run->status,
                   run->message, run->done);
    }
    int status = job_lock_take(job, NULL);
    bool pauses = strcmp(run->name, "tale-lora") == 0;
    snprintf(path, size, "%s/%s", job, pauses ? "requests/paused" : "progress.json");
    if (status == 0)
        status = put(path, 1, "%s",
                     pauses ? ""
                            : "{\"phase\": \"evaluating\", \"done\": 7, \"total\": 20, \"unit\": "
                              "\"batches\", \"step\": 1240}");
    return status;
}

static int put_run(const struct run *run)
{
    char path[PATH_MAX];
    struct buffer lines = BUFFER_INIT;
    snprintf(path, sizeof path, "runs/%s/requests/.made", run->name);
    int status = put(path, run->age, "%s", "");
    snprintf(path, sizeof path, "runs/%s/checkpoints/.made", run->name);
    status = status == 0 ? put(path, run->age, "%s", "") : -1;
    snprintf(path, sizeof path, "runs/%s/job.json", run->name);
    if (status == 0)
        status = put(path, run->age,
                     "{\"format\": \"spectrum.job\", \"version\": 1, \"command\": \"%s\", %s"
                     "\"method\": \"%s\", \"model\": \"" GOLDEN_MODEL "\", \"steps\": %d}",
                     run->engine ? "launch" : "train",
                     run->engine ? "\"engine\": \"fsdp2\", \"processes\": 2, " : "", run->method,
                     run->steps);
    for (int step = 1; step <= run->done; step++) {
        put_step(&lines, run, step);
        if (step % 200 == 0)
            put_evaluation(&lines, run, step);
    }
    snprintf(path, sizeof path, "runs/%s/metrics.jsonl", run->name);
    if (status == 0)
        status = put_text(path, 1, buffer_string(&lines));
    snprintf(path, sizeof path, "runs/%s/log.txt", run->name);
    status = status == 0 ? put_log(path, run) : -1;
    status = status == 0 ? put_state(run, path, sizeof path) : -1;
    buffer_free(&lines);
    if (run->engine) /* it is opened by its folder */
        return status;
    snprintf(path, sizeof path, "state/spectrum/jobs/%s", run->name);
    return status == 0 ? put(path, run->age, "/proc/self/cwd/runs/%s", run->name) : -1;
}

int golden_world_make(const char *folder, const char *source, bool partly)
{
    char model[PATH_MAX], text[PATH_MAX];
    snprintf(model, sizeof model, "%s/demo/model", source);
    snprintf(text, sizeof text, "%s/demo/text", source);
    if (chdir(folder) != 0 || take_machine(folder) != 0 ||
        put("models/other/config.json", 86400, "{\"model_type\": \"qwen3\"}") != 0 ||
        put("models/other/model.safetensors", 86400, "%s", "") != 0 ||
        put("models/scan-of-another.json", 86400, "{}") != 0 || symlink(model, GOLDEN_MODEL) != 0 ||
        symlink(text, "text") != 0 || make_scan(partly) != 0)
        return -1;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        if (put_run(&runs[i]) != 0)
            return -1;
    return 0;
}
