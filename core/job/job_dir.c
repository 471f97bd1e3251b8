#include "job/job_dir.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/utf8.h"
#include "job/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* job.json and proof.json have a name for every tensor, of which a model has a million. Others are
 * short, and are looked at often. */
static size_t json_cap(const char *name)
{
    bool lists = strcmp(name, "job.json") == 0 || strcmp(name, "proof.json") == 0;
    return (size_t)1 << (lists ? 28 : 20);
}

bool job_dir_has(const char *path, const char *name)
{
    char *file = path_join(path, name, NULL);
    bool has = file && sys.access(file, F_OK) == 0;
    free(file);
    return has;
}

static cJSON *read_object(const char *path, const char *name, struct error *err)
{
    char *file = path_join(path, name, err);
    cJSON *json = file ? json_read_file(file, json_cap(name), JSON_STRICT, err) : NULL;
    if (json && !cJSON_IsObject(json)) {
        error_set(err, "%s must hold a JSON object", file);
        cJSON_Delete(json);
        json = NULL;
    }
    free(file);
    return json;
}

/* Other programs have files of that name, too. */
static bool holds_job(const char *folder)
{
    const char *format = "";
    cJSON *job = job_dir_has(folder, "job.json") ? read_object(folder, "job.json", NULL) : NULL;
    json_get_string(job, "format", &format);
    bool holds = strcmp(format, "spectrum.job") == 0;
    cJSON_Delete(job);
    return holds;
}

/* What of a path is there, without links. */
static char *existing_part(const char *path, struct error *err)
{
    char *at = string_copy(path, err), *whole = NULL;
    while (at && !(whole = sys.realpath(at, NULL)) && strcmp(at, ".") != 0 &&
           strcmp(at, "/") != 0) {
        char *parent = path_folder(at, err);
        free(at);
        at = parent;
    }
    if (at && !whole)
        error_set_errno(err, errno, "cannot find %s", path);
    free(at);
    return whole;
}

char *job_dir_around(const char *path, struct error *err)
{
    char *folder = existing_part(path, err);
    while (folder && folder[0] && !holds_job(folder))
        *strrchr(folder, '/') = '\0';
    return folder;
}

/* Its path goes into job.json, which is UTF-8. */
static int check_path(const char *path, struct error *err)
{
    char folder[4096] = "";
    if (path[0] != '/' && !sys.getcwd(folder, sizeof folder))
        return error_set_errno(err, errno, "cannot tell which folder this is");
    if (utf8_valid(path, strlen(path)) && utf8_valid(folder, strlen(folder)))
        return 0;
    return error_set(err, "%s%s%s is not UTF-8: a job's folder needs a name that is", folder,
                     folder[0] ? "/" : "", path);
}

/* It failed before there was a trainer: nothing is lost with it. */
static bool never_began(const char *path)
{
    cJSON *result = job_dir_read(path, "result.json", NULL);
    const char *status = "";
    json_get_string(result, "status", &status);
    bool never = strcmp(status, "failed") == 0 && !json_get(result, "last_step") &&
                 !job_dir_has(path, "lock");
    cJSON_Delete(result);
    return never;
}

bool job_dir_is_taken(const char *path)
{
    return job_dir_has(path, "job.json") && !never_began(path);
}

static int check_free(const char *path, struct error *err)
{
    if (check_path(path, err) != 0)
        return -1;
    if (job_dir_is_taken(path))
        return error_set(err,
                         "%s holds a job already; `spectrum resume %s` goes on with it, another "
                         "--run starts a new one",
                         path, path);
    return 0;
}

int job_dir_check(const char *path, struct error *err)
{
    struct stat info;
    char *there = check_free(path, err) == 0 ? existing_part(path, err) : NULL;
    int status = there ? 0 : -1;
    if (there && sys.stat(there, &info) == 0 && !S_ISDIR(info.st_mode))
        status = error_set(err, "cannot make folder %s: %s is a file", path, there);
    else if (there && sys.access(there, W_OK | X_OK) != 0)
        status = error_set_errno(err, errno, "cannot make folder %s", path);
    free(there);
    return status;
}

/* Of two commands that are given one folder, one makes requests/. A start that failed has left it,
 * too, but not just now. */
static int claim(const char *requests, const char *path, struct error *err)
{
    if (sys.mkdir(requests, 0777) == 0)
        return 0;
    if (errno != EEXIST)
        return error_set_errno(err, errno, "cannot make folder %s", requests);
    return job_state(path) == JOB_STARTING
               ? error_set(err,
                           "%s was made just now by another command, which starts a job there or "
                           "failed to; another --run starts a new one",
                           path)
               : 0;
}

int job_dir_create(const char *path, struct error *err)
{
    if (check_free(path, err) != 0)
        return -1;
    bool there = sys.access(path, F_OK) == 0;
    char *requests = path_join(path, "requests", err);
    char *checkpoints = requests ? path_join(path, "checkpoints", err) : NULL;
    int status = checkpoints ? folder_make(path, err) : -1;
    if (status == 0)
        status = job_dir_confine(path, err);
    if (status == 0)
        status = claim(requests, path, err);
    if (status == 0 && folder_make(checkpoints, err) != 0)
        status = -1;
    if (status != 0 && !there) {
        sys.rmdir(requests);
        sys.rmdir(path);
    }
    free(requests);
    free(checkpoints);
    return status;
}

char *job_dir_create_new(const char *path, struct error *err)
{
    enum { MOST = 10000 };
    struct buffer name = BUFFER_INIT;
    char *folder = path_folder(path, err);
    int status = folder ? folder_make(folder, err) : -1;
    for (int i = 1; status == 0 && i <= MOST; i++) {
        buffer_clear(&name);
        buffer_text(&name, path);
        if (i > 1)
            buffer_format(&name, "-%d", i);
        status = buffer_check(&name, err);
        if (status != 0)
            break;
        if (sys.mkdir(name.data, 0777) == 0) {
            status = job_dir_create(name.data, err);
            if (status != 0)
                sys.rmdir(name.data);
            break;
        }
        if (errno != EEXIST || i == MOST)
            status = error_set_errno(err, errno, "cannot make folder %s", name.data);
    }
    free(folder);
    if (status == 0)
        return name.data;
    buffer_free(&name);
    error_prefix(err, "a run without --run goes to %s", path);
    return NULL;
}

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

int job_dir_save(const char *path, const char *name, const struct buffer *text, struct error *err)
{
    char *file = buffer_check(text, err) == 0 && job_dir_confine(path, err) == 0
                     ? path_join(path, name, err)
                     : NULL;
    int status = file ? file_save(file, buffer_string(text), text->length, err) : -1;
    free(file);
    return status;
}

cJSON *job_dir_read(const char *path, const char *name, struct error *err)
{
    return job_dir_confine(path, err) == 0 ? read_object(path, name, err) : NULL;
}

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
    int status = json_finish(&json, err);
    if (status == 0)
        status = job_dir_save(path, "result.json", &text, err);
    buffer_free(&text);
    return status;
}
