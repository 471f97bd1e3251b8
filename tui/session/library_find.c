/* Where models, scan files and jobs are looked for. Of models and scans nothing is read for that:
 * they are known by the names of their files. Each folder that was read is remembered
 * (library_watch()), so that whether anything came or went is one stat() a folder.
 */
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/xdg.h"
#include "checkpoint/checkpoint.h"
#include "job/job_index.h"
#include "tui/session/library.h"
#include "tui/session/wording.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The Hugging Face cache: a repository ORG/NAME is a folder models--ORG--NAME. */
static int read_hub(struct library *library, struct error *err)
{
    char *path = checkpoint_hub_folder();
    DIR *open = path ? sys.opendir(path) : NULL;
    int status = open ? library_watch(library, path, err) : 0;
    for (struct dirent *entry; open && status == 0 && (entry = sys.readdir(open));) {
        char name[512];
        size_t used = 0;
        if (strncmp(entry->d_name, "models--", 8) != 0)
            continue;
        for (const char *at = entry->d_name + 8; *at && used + 1 < sizeof name; at++) {
            bool dashes = at[0] == '-' && at[1] == '-';
            name[used++] = dashes ? '/' : *at;
            at += dashes;
        }
        name[used] = '\0';
        status = library_add(library, LIBRARY_MODEL, name, name, "Hugging Face cache", err);
    }
    if (open)
        sys.closedir(open);
    free(path);
    return status;
}

/* The current folder, and two levels below it: models by their files, GGUF files, and scan files by
 * their names. A job's folder is not looked into, as the list of jobs has it. */

static int read_folder(struct library *library, const char *folder, int depth, struct error *err);

/* An entry of a folder: a folder is looked into as deep as `depth` says, a file is known by its
 * name. */
static int read_entry(struct library *library, const char *folder, const char *name, int depth,
                      struct error *err)
{
    struct stat info;
    char *path = strcmp(folder, ".") == 0 ? string_copy(name, err) : path_join(folder, name, err);
    int status = path ? 0 : -1;
    if (path && sys.stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode) && depth > 0)
            status = read_folder(library, path, depth - 1, err);
        else if (S_ISREG(info.st_mode) && path_ends_with(name, ".gguf") &&
                 !checkpoint_is_later_part(name))
            status = library_add(library, LIBRARY_MODEL, path, path, "GGUF", err);
        else if (S_ISREG(info.st_mode) && path_ends_with(name, ".json") &&
                 (strncmp(name, "scan", 4) == 0 || strncmp(name, "snr", 3) == 0))
            status = library_add(library, LIBRARY_SCAN, path, path, "scan", err);
    }
    free(path);
    return status;
}

/* Can it be read? A folder whose files nobody may read is no more a model than an empty one. */
static bool has(const char *folder, const char *name)
{
    char *path = path_join(folder, name, NULL);
    bool there = path && sys.access(path, R_OK) == 0;
    free(path);
    return there;
}

/* A model by the names of its files, without reading one; a job's folder is not gone into. */
static int read_folder(struct library *library, const char *folder, int depth, struct error *err)
{
    if (has(folder, "config.json") &&
        (has(folder, "model.safetensors") || has(folder, "model.safetensors.index.json")))
        return library_add(library, LIBRARY_MODEL, folder, folder, "safetensors", err);
    if (has(folder, "config.json") &&
        (has(folder, "pytorch_model.bin") || has(folder, "pytorch_model.bin.index.json")))
        return library_add(library, LIBRARY_MODEL, folder, folder, "PyTorch", err);
    DIR *open = has(folder, "metrics.jsonl") ? NULL : sys.opendir(folder);
    int status = open ? library_watch(library, folder, err) : 0;
    for (struct dirent *at; open && status == 0 && (at = sys.readdir(open));)
        if (at->d_name[0] != '.')
            status = read_entry(library, folder, at->d_name, depth, err);
    if (open)
        sys.closedir(open);
    return status;
}

/* The newest first, as they are in the list. The folder of the list is watched; each job's own is
 * looked at with its row. */
static int read_jobs(struct library *library, struct error *err)
{
    char **paths;
    size_t count;
    if (job_index_list(&paths, &count, NULL) != 0)
        return 0;
    char *index = xdg_state_folder("jobs", NULL);
    int status = index ? library_watch(library, index, err) : 0;
    free(index);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = library_add(library, LIBRARY_JOB, paths[i], path_last(paths[i]), paths[i], err);
    job_index_free(paths, count);
    return status;
}

static int by_title(const void *a, const void *b)
{
    const struct library_row *x = a, *y = b;
    return strcmp(x->title, y->title);
}

/* Folders that cannot be read are passed over. */
int library_find(struct library *library, struct error *err)
{
    if (read_folder(library, ".", 2, err) != 0 || read_hub(library, err) != 0)
        return -1;
    library->models = library->count;
    if (library->models)
        qsort(library->rows, library->models, sizeof *library->rows, by_title);
    return read_jobs(library, err);
}
