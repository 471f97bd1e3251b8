#include "train/state_folder.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "train/state.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A state is complete or absent: it first gets a hidden name, which no reader takes for one. */
static void remove_state(const char *parent, const char *name)
{
    char hidden[340];
    snprintf(hidden, sizeof hidden, ".%s.%ld.old.tmp", name, (long)getpid());
    char *from = path_join(parent, name, NULL), *to = path_join(parent, hidden, NULL);
    if (from && to && sys.rename(from, to) == 0 && folder_sync(parent, NULL) == 0)
        folder_remove(to);
    free(from);
    free(to);
}

static void folder_free(struct state_folder *folder)
{
    free(folder->parent);
    free(folder->path);
    free(folder->temporary);
    *folder = (struct state_folder){0};
}

int state_folder_begin(struct state_folder *folder, const char *run, int64_t step,
                       struct error *err)
{
    char name[40], temporary[64];
    snprintf(name, sizeof name, "step-%08" PRId64, step);
    snprintf(temporary, sizeof temporary, ".%s.%ld.tmp", name, (long)getpid());
    *folder = (struct state_folder){0};
    folder->parent = path_join(run, "checkpoints", err);
    folder->path = folder->parent ? path_join(folder->parent, name, err) : NULL;
    folder->temporary = folder->path ? path_join(folder->parent, temporary, err) : NULL;
    if (folder->temporary)
        folder_remove(folder->temporary);
    if (folder->temporary && folder_make(folder->temporary, err) == 0)
        return 0;
    folder_free(folder);
    return -1;
}

int state_folder_commit(struct state_folder *folder, struct error *err)
{
    int status = folder_sync(folder->temporary, err);
    if (status == 0)
        remove_state(folder->parent, strrchr(folder->path, '/') + 1); /* of an earlier sitting */
    if (status == 0 && sys.rename(folder->temporary, folder->path) != 0)
        status = error_set_errno(err, errno, "cannot rename %s", folder->temporary);
    if (status == 0)
        status = folder_sync(folder->parent, err);
    if (status != 0)
        folder_remove(folder->temporary);
    folder_free(folder);
    return status;
}

void state_folder_abort(struct state_folder *folder)
{
    folder_remove(folder->temporary);
    folder_free(folder);
}

/* "step-00000100" to 100; -1 for any other name. */
static int64_t step_of(const char *name)
{
    char *end;
    if (strncmp(name, "step-", 5) != 0 || name[5] < '0' || name[5] > '9')
        return -1;
    errno = 0;
    long long step = strtoll(name + 5, &end, 10);
    return *end || errno ? -1 : step;
}

/* The highest step below `limit` in a checkpoints folder; -1: none. */
static int64_t highest_step(const char *parent, int64_t limit, char *name, size_t size)
{
    int64_t best = -1;
    DIR *folder = opendir(parent);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        int64_t step = step_of(entry->d_name);
        if (step > best && step < limit) {
            best = step;
            snprintf(name, size, "%s", entry->d_name);
        }
    }
    if (folder)
        closedir(folder);
    return best;
}

char *state_latest(const char *run, struct error *err)
{
    char name[300] = "";
    char *parent = path_join(run, "checkpoints", err), *path = NULL;
    if (parent && highest_step(parent, INT64_MAX, name, sizeof name) >= 0)
        path = path_join(parent, name, err);
    else if (parent)
        error_set(err, "%s has no training checkpoint yet", run);
    free(parent);
    return path;
}

int64_t state_latest_step(const char *run)
{
    char name[300];
    char *parent = path_join(run, "checkpoints", NULL);
    int64_t step = parent ? highest_step(parent, INT64_MAX, name, sizeof name) : -1;
    free(parent);
    return step;
}

void state_remove_leftovers(const char *run)
{
    char *parent = path_join(run, "checkpoints", NULL);
    DIR *folder = parent ? opendir(parent) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        bool leftover = strncmp(entry->d_name, ".step-", 6) == 0 && length > 4 &&
                        strcmp(entry->d_name + length - 4, ".tmp") == 0;
        char *path = leftover ? path_join(parent, entry->d_name, NULL) : NULL;
        if (path)
            folder_remove(path);
        free(path);
    }
    if (folder)
        closedir(folder);
    free(parent);
}

void state_prune(const char *run, int64_t keep)
{
    char name[300];
    char *parent = path_join(run, "checkpoints", NULL);
    if (!parent)
        return;
    state_remove_leftovers(run);
    int64_t limit = INT64_MAX;
    for (int64_t i = 0; (limit = highest_step(parent, limit, name, sizeof name)) >= 0; i++)
        if (i >= keep)
            remove_state(parent, name);
    free(parent);
}
