#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/utf8.h"
#include "base/xdg.h"
#include "checkpoint/checkpoint.h"
#include "job/job_dir.h"
#include "job/lock.h"
#include "tui/app/path.h"
#include "tui/screen/library.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What happens in the folder is seen from now on. */
static int watch(struct library *library, const char *folder, struct error *err)
{
    if (array_reserve((void **)&library->watched, &library->watched_capacity,
                      library->watched_count + 1, sizeof *library->watched, err) != 0)
        return -1;
    char *copy = string_copy(folder, err);
    if (copy)
        library->watched[library->watched_count++] = copy;
    return copy ? 0 : -1;
}

static uint64_t stamp_of(const struct library *library)
{
    uint64_t stamp = 0;
    for (size_t i = 0; i < library->watched_count; i++) {
        struct stat info;
        uint64_t at =
            sys.stat(library->watched[i], &info) == 0
                ? (uint64_t)info.st_mtim.tv_sec * 1000000000U + (uint64_t)info.st_mtim.tv_nsec
                : 0;
        stamp = (stamp ^ at) * UINT64_C(0x100000001b3);
    }
    return stamp;
}

bool library_changed(const struct library *library)
{
    return stamp_of(library) != library->stamp;
}

static int add(struct library *library, bool job, const char *path, const char *title,
               const char *detail, struct error *err)
{
    if (!job && library->count >= LIBRARY_MODELS_MAX) {
        library->hidden++;
        return 0;
    }
    if (array_reserve((void **)&library->entries, &library->capacity, library->count + 1,
                      sizeof *library->entries, err) != 0)
        return -1;
    struct library_entry *entry = &library->entries[library->count];
    *entry = (struct library_entry){job, string_copy(path, err), string_copy(title, err),
                                    string_copy(detail, err)};
    library->count++;
    if (!entry->path || !entry->title || !entry->detail)
        return -1;
    utf8_sanitize(entry->title);
    utf8_sanitize(entry->detail);
    return 0;
}

static bool is_scan(const char *name)
{
    return path_ends_with(name, ".json") &&
           (strncmp(name, "scan", 4) == 0 || strncmp(name, "snr", 3) == 0);
}

/* --- the Hugging Face cache: models--ORG--NAME --- */

static int add_repository(struct library *library, const char *folder, struct error *err)
{
    char name[512];
    size_t used = 0;
    for (const char *at = folder + strlen("models--"); *at && used + 1 < sizeof name; at++) {
        bool dashes = at[0] == '-' && at[1] == '-';
        name[used++] = dashes ? '/' : *at;
        at += dashes;
    }
    name[used] = '\0';
    return add(library, false, name, name, "Hugging Face cache", err);
}

static int read_hub(struct library *library, struct error *err)
{
    char *path = checkpoint_hub_folder();
    DIR *open = path ? sys.opendir(path) : NULL;
    int status = open ? watch(library, path, err) : 0;
    for (struct dirent *at; open && status == 0 && (at = sys.readdir(open));)
        if (strncmp(at->d_name, "models--", 8) == 0)
            status = add_repository(library, at->d_name, err);
    if (open)
        sys.closedir(open);
    free(path);
    return status;
}

/* --- the current folder, and two levels below it --- */

static int read_folder(struct library *library, const char *folder, int depth, struct error *err);

static int read_entry(struct library *library, const char *folder, const char *name, int depth,
                      struct error *err)
{
    struct stat info;
    char *path = strcmp(folder, ".") == 0 ? string_copy(name, err) : path_join(folder, name, err);
    int status = path ? 0 : -1;
    if (path && sys.stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode) && depth > 0)
            status = read_folder(library, path, depth - 1, err);
        else if (S_ISREG(info.st_mode) && path_ends_with(name, ".gguf"))
            status = add(library, false, path, path, "GGUF", err);
        else if (S_ISREG(info.st_mode) && is_scan(name))
            status = add(library, false, path, path, "scan", err);
    }
    free(path);
    return status;
}

static bool has(const char *folder, const char *name)
{
    char *path = path_join(folder, name, NULL);
    bool there = path && sys.access(path, R_OK) == 0;
    free(path);
    return there;
}

static int read_folder(struct library *library, const char *folder, int depth, struct error *err)
{
    if (has(folder, "config.json") &&
        (has(folder, "model.safetensors") || has(folder, "model.safetensors.index.json")))
        return add(library, false, folder, folder, "safetensors", err);
    DIR *open = has(folder, "metrics.jsonl") ? NULL : sys.opendir(folder);
    int status = open ? watch(library, folder, err) : 0;
    for (struct dirent *at; open && status == 0 && (at = sys.readdir(open));)
        if (at->d_name[0] != '.')
            status = read_entry(library, folder, at->d_name, depth, err);
    if (open)
        sys.closedir(open);
    return status;
}

/* --- jobs --- */

static int add_job(struct library *library, const char *path, struct error *err)
{
    char detail[256];
    const char *command = "", *model = "", *slash = strrchr(path, '/');
    cJSON *job = job_dir_read(path, "job.json", NULL), *result = NULL;
    const char *how = job_state_name(job_state(path));
    json_get_string(job, "command", &command);
    json_get_string(job, "model", &model);
    if (strcmp(how, job_state_name(JOB_ENDED)) == 0) {
        result = job_dir_read(path, "result.json", NULL);
        json_get_string(result, "status", &how);
    }
    const char *last = strrchr(model, '/');
    snprintf(detail, sizeof detail, "%s · %s %s", how, command, last && last[1] ? last + 1 : model);
    const char *title = slash && slash[1] ? slash + 1 : path;
    if (strcmp(command, "scan") == 0 && model[0]) /* its folder's name says nothing */
        title = last && last[1] ? last + 1 : model;
    int status = add(library, true, path, title, detail, err);
    cJSON_Delete(job);
    cJSON_Delete(result);
    return status;
}

static int read_jobs(struct library *library, struct error *err)
{
    char **paths;
    size_t count;
    if (job_index_list(&paths, &count, NULL) != 0)
        return 0;
    char *index = xdg_state_folder("jobs", NULL);
    int status = index ? watch(library, index, err) : 0;
    free(index);
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = watch(library, paths[i], err);
        if (status == 0)
            status = add_job(library, paths[i], err);
    }
    job_index_free(paths, count);
    return status;
}

static int by_title(const void *a, const void *b)
{
    const struct library_entry *x = a, *y = b;
    return strcmp(x->title, y->title);
}

int library_read(struct library *library, struct error *err)
{
    *library = (struct library){0};
    if (read_folder(library, ".", 2, err) != 0 || read_hub(library, err) != 0)
        return -1;
    library->models = library->count;
    if (library->models)
        qsort(library->entries, library->models, sizeof *library->entries, by_title);
    int status = read_jobs(library, err);
    library->stamp = stamp_of(library);
    return status;
}

void library_free(struct library *library)
{
    for (size_t i = 0; library->entries && i < library->count; i++) {
        free(library->entries[i].path);
        free(library->entries[i].title);
        free(library->entries[i].detail);
    }
    for (size_t i = 0; i < library->watched_count; i++)
        free(library->watched[i]);
    free(library->watched);
    free(library->entries);
    *library = (struct library){0};
}
