#include "job/job_dir.h"

#include "base/confine.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const job_dir_names[] = {
    "job.json", "plan.yaml", "proof.json", "metrics.jsonl", "log.txt", "result.json", "lock",
    "requests", "base", "checkpoints", JOB_TEMPLATE, "progress.json", "output.json",
    /* of a launched run (engines/engine_folder.h) */
    "engine.json", "rows.safetensors", "adapters.safetensors", "train.py", "spectrum_run.py",
    "spectrum_rows.py", "spectrum_engine.py", "deepspeed.json", "axolotl.yml", "launch.sh",
    "requirements.txt", "README.md", "engine.log", "engine.lock", "control", "trainer", NULL};

enum { JOB_VERSION = 1 }; /* as json_begin() writes it */

/* What of a job's folder is a job's is not followed where it is a link. */
int job_dir_confine(const char *path, struct error *err)
{
    static const struct confined_names confined = {job_dir_names, "checkpoints"};
    return confine_folder(path, &confined, err);
}

/* job.json and proof.json have a name for every tensor, of which a model has a million. Others are
 * short, and are looked at often. */
static size_t json_cap(const char *name)
{
    bool lists = strcmp(name, "job.json") == 0 || strcmp(name, "proof.json") == 0;
    return (size_t)1 << (lists ? 28 : 20);
}

int job_dir_find(const char *path, const char *name, struct error *err)
{
    char *file = path_join(path, name, err);
    int there = file ? file_find(file, err) : -1;
    free(file);
    return there;
}

bool job_dir_has(const char *path, const char *name)
{
    return job_dir_find(path, name, NULL) != 0;
}

/* All of a job's documents are objects, of a bounded size by their name. */
static cJSON *read_object(const char *path, const char *name, struct error *err)
{
    char *file = path_join(path, name, err);
    cJSON *json = file ? json_read_file(file, json_cap(name), JSON_OBJECT, err) : NULL;
    free(file);
    return json;
}

/* A folder holds a job where its job.json says so: other programs have files of that name, too. */
char *job_dir_around(const char *path, struct error *err)
{
    char *folder = path_existing(path, err);
    while (folder && folder[0]) {
        const char *format = "";
        cJSON *job = job_dir_has(folder, "job.json") ? read_object(folder, "job.json", NULL) : NULL;
        json_get_string(job, "format", &format);
        bool holds = strcmp(format, "spectrum.job") == 0;
        cJSON_Delete(job);
        if (holds)
            break;
        *strrchr(folder, '/') = '\0';
    }
    return folder;
}

int job_dir_check_outside(const char *out, const char *what, struct error *err)
{
    char *job = job_dir_around(out, err);
    if (!job)
        return -1;
    int status =
        job[0] ? error_set(err, "%s is in the folder of a job, %s; -o takes a %s outside of it",
                           out, job, what)
               : 0;
    free(job);
    return status;
}

char *job_dir_named(const cJSON *job, const char *path, struct error *err)
{
    const char *folder = NULL;
    json_get_string(job, "folder", &folder);
    return folder && path[0] != '/' ? path_join(folder, path, err) : string_copy(path, err);
}

/* Temporary files of a process that was killed while it saved, of all names that a job saves
 * under. */
void job_dir_remove_left(const char *path)
{
    static const char *const names[] = {"job.json",    "plan.yaml", "proof.json",
                                        "result.json", "lock",      JOB_TEMPLATE};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *file = path_join(path, names[i], NULL);
        if (file)
            file_remove_left(file);
        free(file);
    }
}

/* Confined before it is written: the folder may be somebody else's by now. */
int job_dir_save(const char *path, const char *name, const struct buffer *text, struct error *err)
{
    char *file = buffer_check(text, err) == 0 && job_dir_confine(path, err) == 0
                     ? path_join(path, name, err)
                     : NULL;
    int status = file ? file_save(file, buffer_string(text), text->length, err) : -1;
    free(file);
    return status;
}

int job_dir_save_json(const char *path, const char *name, struct json_writer *json,
                      struct error *err)
{
    int status = json_finish(json, err);
    if (status == 0)
        status = job_dir_save(path, name, json->out, err);
    buffer_free(json->out);
    return status;
}

/* What another version means by its members is not known here, so nothing is made of them. One that
 * says neither format nor version is of before there were others. */
int job_check_version(const char *file, const cJSON *job, struct error *err)
{
    const cJSON *format = json_get(job, "format"), *version = json_get(job, "version");
    const char *said = "";
    int64_t number = 0;
    if (format && (!json_get_string(job, "format", &said) || strcmp(said, "spectrum.job") != 0))
        return error_set(err, "%s: its format is \"%.40s\", not \"spectrum.job\"", file, said);
    if (!version || (json_get_int64(job, "version", &number) && number == JOB_VERSION))
        return 0;
    said = "another version of spectrum";
    json_get_string(job, "program", &said);
    if (!json_get_int64(job, "version", &number))
        return error_set(err, "%s: its \"version\" is no whole number", file);
    return error_set(err,
                     "%s: spectrum.job version %lld; this program reads version %d. "
                     "The program that wrote it (%.40s), or a newer one, can read it",
                     file, (long long)number, JOB_VERSION, said);
}

cJSON *job_dir_read(const char *path, const char *name, struct error *err)
{
    char *file = job_dir_confine(path, err) == 0 ? path_join(path, name, err) : NULL;
    cJSON *json = file ? read_object(path, name, err) : NULL;
    if (json && strcmp(name, "job.json") == 0 && job_check_version(file, json, err) != 0) {
        cJSON_Delete(json);
        json = NULL;
    }
    free(file);
    return json;
}

/* The folder is where relative paths among the arguments begin. */
void job_put_arguments(struct json_writer *json, int argc, char *const argv[])
{
    char folder[4096];
    if (sys.getcwd(folder, sizeof folder))
        json_text(json, "folder", folder);
    json_list(json, "arguments");
    for (int i = 0; i < argc; i++)
        json_text(json, NULL, argv[i]);
    json_end(json);
}

/* Without a signal and without a step those members are absent: "last_step" says that a run had
 * begun. */
int job_result_write(const char *path, const struct job_result *result, struct error *err)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    char now[32];
    clock_iso8601(now, sizeof now);
    json_object(&json, NULL);
    json_text(&json, "status", result->status);
    if (result->signal)
        json_integer(&json, "signal", result->signal);
    json_text(&json, "message", result->message);
    if (result->last_step >= 0)
        json_integer(&json, "last_step", result->last_step);
    json_text(&json, "ended", now);
    json_end(&json);
    return job_dir_save_json(path, "result.json", &json, err);
}
