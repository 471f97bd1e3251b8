#include "job/job_index.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/xdg.h"
#include "job/job_dir.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* By a hash: a path has any characters, and may be longer than a name. */
static char *entry_path(const char *folder, const char *job, struct error *err)
{
    char name[HASH_TEXT_SIZE];
    struct hash *hash = hash_new(err);
    if (!hash)
        return NULL;
    hash_update(hash, job, strlen(job));
    hash_text(hash, name);
    hash_free(hash);
    return path_join(folder, name, err);
}

/* By its real path, so that a job has one entry however it was named. */
int job_index_add(const char *path, struct error *err)
{
    char *absolute = sys.realpath(path, NULL), *folder = NULL, *entry = NULL;
    if (!absolute)
        return error_set_errno(err, errno, "cannot find %s", path);
    int status = -1;
    if ((folder = xdg_state_folder("jobs", err)) && (entry = entry_path(folder, absolute, err)))
        status = file_save(entry, absolute, strlen(absolute), err);
    if (status != 0)
        error_prefix(err, "`spectrum jobs` will not list %s", path);
    free(absolute);
    free(folder);
    free(entry);
    return status;
}

void job_index_remove(const char *path)
{
    char *absolute = sys.realpath(path, NULL);
    if (!absolute && path[0] == '/') /* its folder is gone already */
        absolute = string_copy(path, NULL);
    char *folder = absolute ? xdg_state_path("jobs", NULL) : NULL;
    char *entry = folder ? entry_path(folder, absolute, NULL) : NULL;
    if (entry)
        sys.unlink(entry);
    free(entry);
    free(folder);
    free(absolute);
}

struct indexed {
    char *path;
    struct timespec at;
};

/* By the time of the entry, which job_index_add() renews; by name within one tick of the clock. */
static int newest_first(const void *a, const void *b)
{
    const struct indexed *x = a, *y = b;
    if (x->at.tv_sec != y->at.tv_sec)
        return x->at.tv_sec > y->at.tv_sec ? -1 : 1;
    if (x->at.tv_nsec != y->at.tv_nsec)
        return x->at.tv_nsec > y->at.tv_nsec ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* The job that an entry names, or NULL where that is gone or the entry is not one of ours. */
static char *read_entry(const char *folder, const char *name, struct timespec *at)
{
    struct buffer text = BUFFER_INIT;
    struct stat info;
    char *entry = name[0] == '.' ? NULL : path_join(folder, name, NULL), *job = NULL;
    if (entry && sys.stat(entry, &info) == 0 && file_read_all(&text, entry, PATH_MAX, NULL) == 0 &&
        text.length && text.data[0] == '/' && strlen(text.data) == text.length &&
        job_dir_has(text.data, "requests")) {
        job = string_copy(text.data, NULL);
        *at = info.st_mtim;
    }
    buffer_free(&text);
    free(entry);
    return job;
}

/* 0 at the end of the folder; -1 with what was read so far, where it cannot be read to its end. */
static int read_entries(DIR *open, const char *folder, struct indexed **jobs, size_t *count,
                        struct error *err)
{
    size_t capacity = 0;
    struct dirent *at;
    int more;
    while ((more = folder_read(open, folder, &at, err)) > 0) {
        struct indexed job = {0};
        job.path = read_entry(folder, at->d_name, &job.at);
        if (!job.path)
            continue;
        if (array_reserve((void **)jobs, &capacity, *count + 1, sizeof **jobs, err) != 0) {
            free(job.path);
            return -1;
        }
        (*jobs)[(*count)++] = job;
    }
    return more;
}

int job_index_list(char ***paths, size_t *count, struct error *err)
{
    struct indexed *jobs = NULL;
    *paths = NULL;
    *count = 0;
    char *folder = xdg_state_path("jobs", err);
    if (!folder)
        return -1;
    DIR *open = sys.opendir(folder);
    int status = open              ? read_entries(open, folder, &jobs, count, err)
                 : errno == ENOENT ? 0
                                   : error_set_errno(err, errno, "cannot read %s", folder);
    if (open)
        sys.closedir(open);
    free(folder);
    *paths = array_alloc(*count, sizeof **paths, err);
    if (!*paths)
        status = -1;
    if (*count)
        qsort(jobs, *count, sizeof *jobs, newest_first);
    for (size_t i = 0; i < *count && *paths; i++)
        (*paths)[i] = jobs[i].path;
    if (!*paths)
        *count = 0;
    free(jobs);
    if (status != 0) { /* the caller has nothing to free then */
        job_index_free(*paths, *count);
        *paths = NULL;
        *count = 0;
    }
    return status;
}

void job_index_free(char **paths, size_t count)
{
    for (size_t i = 0; paths && i < count; i++)
        free(paths[i]);
    free(paths);
}

/* A path is meant before a name: what is there under this name from here is not sought in the
 * index. Among jobs of one name the newest is found. */
char *job_find(const char *name, struct error *err)
{
    char **paths = NULL, *found = NULL;
    size_t count = 0;
    if (!name[0]) {
        error_set(err,
                  "a job is named by its folder, and \"\" is none; `spectrum jobs` lists them");
        return NULL;
    }
    bool here = job_dir_has(name, "requests") || job_dir_has(name, "job.json");
    if (here && !(found = sys.realpath(name, NULL))) {
        error_set_errno(err, errno, "cannot look into %s", name);
        return NULL;
    }
    if (!found && job_index_list(&paths, &count, NULL) == 0) {
        for (size_t i = 0; i < count && !found; i++)
            if (strcmp(path_last(paths[i]), name) == 0)
                found = string_copy(paths[i], err);
        job_index_free(paths, count);
    }
    struct stat info; /* a file has nothing to look into */
    bool file = sys.stat(name, &info) == 0 && !S_ISDIR(info.st_mode);
    if (!found && !file && sys.access(name, X_OK) != 0 && errno == EACCES) {
        error_set_errno(err, errno, "cannot look into %s", name);
    } else if (!found) {
        error_set(err, "%s is not a job's folder; `spectrum jobs` lists them", name);
    } else if (job_dir_confine(found, err) != 0) {
        free(found);
        found = NULL;
    }
    return found;
}
