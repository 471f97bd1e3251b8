#include "job/job_create.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/job_dir.h"
#include "job/lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A start that failed before there was a trainer is not a job: nothing is lost with it. */
bool job_dir_is_taken(const char *path)
{
    if (!job_dir_has(path, "job.json"))
        return false;
    cJSON *result = job_dir_read(path, "result.json", NULL);
    const char *status = "";
    json_get_string(result, "status", &status);
    bool written = job_dir_has(path, "engine.json"); /* for a start that is still to come */
    bool began = strcmp(status, "failed") != 0 && (written || strcmp(status, "not started") != 0);
    bool never_began = !began && !json_get(result, "last_step") && !job_dir_has(path, "lock");
    cJSON_Delete(result);
    return !never_began;
}

/* A folder that has a job is never taken for a new one. */
static int check_free(const char *path, struct error *err)
{
    if (check_path(path, err) != 0)
        return -1;
    if (job_dir_is_taken(path))
        return error_set(err,
                         "%s holds a job already; `spectrum resume %s` continues it, another "
                         "--run starts a new one",
                         path, path);
    return 0;
}

/* The nearest folder that is there decides whether one can be made: it must be a folder, and
 * writable. */
int job_dir_check(const char *path, struct error *err)
{
    struct stat info;
    char *there = check_free(path, err) == 0 ? path_existing(path, err) : NULL;
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

/* Of two processes one makes requests/, and with it has the folder (claim()). What this one made
 * goes again where it fails. */
int job_dir_create(const char *path, struct error *err)
{
    if (check_free(path, err) != 0)
        return -1;
    int there = file_find(path, err);
    if (there < 0)
        return -1;
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

/* mkdir() of the folder is what claims the name, so it is made here and not by job_dir_create().
 * The folder that all runs are in may be there. */
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
