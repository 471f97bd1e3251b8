#include "tui/app/scan_launch.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/xdg.h"
#include "job/launch.h"
#include "job/lock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The same relative path is another model in another folder. */
static char *whole_path(const struct scan *scan, struct error *err)
{
    char *whole = sys.realpath(scan->model, NULL);
    return whole ? whole : string_copy(scan->model, err);
}

/* "<state folder>/scans/<hash of the model's path>"; without a home that can be written the scan is
 * made all the same, in a temporary place. */
char *scan_launch_path(const struct scan *scan, struct error *err)
{
    char name[HASH_TEXT_SIZE], *model = whole_path(scan, err);
    struct hash *hash = model ? hash_new(err) : NULL;
    char *folder = hash ? xdg_state_folder("scans", NULL) : NULL, *path = NULL;
    if (hash && folder && sys.access(folder, W_OK | X_OK) != 0) {
        free(folder);
        folder = NULL;
    }
    if (hash && !folder)
        folder = xdg_temporary_folder("scans", err);
    if (folder) {
        hash_update(hash, model, strlen(model));
        hash_text(hash, name);
        path = path_join(folder, name, err);
    }
    if (hash)
        hash_free(hash);
    free(folder);
    free(model);
    return path;
}

static int clear_folder(const char *job, bool goes_on, struct error *err)
{
    static const char *const names[] = {"metrics.jsonl", "job.json",       "log.txt",
                                        "result.json",   "requests/first", "requests/stop"};
    for (size_t i = goes_on ? 1 : 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(job, names[i], err);
        if (!path)
            return -1;
        sys.unlink(path);
        free(path);
    }
    char *requests = path_join(job, "requests", err);
    int status = requests ? folder_make(requests, err) : -1;
    free(requests);
    return status;
}

static int launch(const char *job, const struct scan *scan, const char *device, bool goes_on,
                  bool *joined, struct error *err)
{
    enum job_state state = job_state(job);
    *joined = state == JOB_RUNNING || state == JOB_PAUSED || state == JOB_ELSEWHERE;
    if (*joined)
        return 0;
    char *model = whole_path(scan, err), *name = string_copy(device, err);
    char *arguments[] = {"scan", model, "--device", name, NULL};
    int status = model && name ? clear_folder(job, goes_on, err) : -1;
    if (status == 0)
        status = job_launch(job, "/proc/self/exe", arguments, err);
    free(model);
    free(name);
    return status;
}

/* Of screens that open one model in the same moment, the first starts the job and the others find
 * it running: one at a time looks, clears and starts. (A file system without locks does without.)
 */
int scan_launch(const char *job, const struct scan *scan, const char *device, bool goes_on,
                bool *joined, struct error *err)
{
    char *scans = path_folder(job, err);
    if (!scans)
        return -1;
    int fd = sys.open(scans, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd >= 0)
        file_lock(fd);
    int status = launch(job, scan, device, goes_on, joined, err);
    if (fd >= 0)
        sys.close(fd);
    free(scans);
    return status;
}
