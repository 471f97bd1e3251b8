#include "task/find.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEPTH_MAX = 4, FILES_MAX = 4096 };

void task_files_free(struct task_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->paths[i]);
    free(files->paths);
    *files = (struct task_files){.count = 0};
}

/* Has the name one of these words, in letters of any size, with no letter or digit beside it? */
static bool has_word(const char *name, const char *const *words)
{
    for (; *words; words++)
        for (const char *at = name; (at = strcasestr(at, *words)); at++)
            if ((at == name || !isalnum((unsigned char)at[-1])) &&
                !isalnum((unsigned char)at[strlen(*words)]))
                return true;
    return false;
}

/* What could be a data set's file; the reader says what of these it does not read. */
static bool is_data(const char *name)
{
    static const char *const endings[] = {".jsonl", ".ndjson", ".json", ".csv", ".txt", ".parquet"};
    static const char *const packed[] = {"", ".gz", ".zst", ".bz2", ".xz"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        for (size_t j = 0; j < sizeof packed / sizeof *packed; j++) {
            size_t a = strlen(endings[i]), b = strlen(packed[j]);
            if (length > a + b && strncasecmp(name + length - a - b, endings[i], a) == 0 &&
                strcasecmp(name + length - b, packed[j]) == 0)
                return true;
        }
    return false;
}

static int add_file(struct task_files *files, char *path, struct error *err)
{
    if (files->count == FILES_MAX)
        return error_set(err, "over %d files in %s", FILES_MAX, path);
    if (array_reserve((void **)&files->paths, &files->capacity, files->count + 1,
                      sizeof *files->paths, err) != 0)
        return -1;
    files->paths[files->count++] = path;
    return 0;
}

/* `inside`: a folder on the way has the name. */
static int look(struct task_files *files, const struct task *task, const char *path, bool inside,
                int depth, struct error *err)
{
    struct dirent *entry;
    DIR *folder = sys.opendir(path);
    int status = folder ? 1 : error_set(err, "%s: the folder cannot be read", path);
    while (status > 0 && (status = folder_read(folder, path, &entry, err)) > 0) {
        bool named = inside || has_word(entry->d_name, task->file_names);
        char *below = named && entry->d_name[0] != '.' ? path_join(path, entry->d_name, err) : NULL;
        struct stat info;
        if (!named || entry->d_name[0] == '.')
            continue;
        status = below ? file_look(below, &info, err) : -1;
        if (status > 0 && S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
            status = look(files, task, below, true, depth + 1, err) == 0 ? 1 : -1;
        else if (status > 0 && S_ISREG(info.st_mode) && is_data(entry->d_name)) {
            status = add_file(files, below, err) == 0 ? 1 : -1;
            below = status > 0 ? NULL : below;
        } else if (status == 0)
            status = 1;
        free(below);
    }
    if (folder)
        sys.closedir(folder);
    return status < 0 ? -1 : 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Keeps those of the task's split, where there are any. */
static void keep_split(struct task_files *files, const struct task *task, size_t skipped)
{
    size_t kept = 0, of_split = 0;
    for (size_t i = 0; i < files->count; i++)
        of_split += has_word(files->paths[i] + skipped, task->split_names);
    for (size_t i = 0; i < files->count; i++) {
        if (of_split == 0 || has_word(files->paths[i] + skipped, task->split_names))
            files->paths[kept++] = files->paths[i];
        else
            free(files->paths[i]);
    }
    files->count = kept;
}

int task_files_find(struct task_files *files, const struct task *task, const char *folder,
                    struct error *err)
{
    *files = (struct task_files){.count = 0};
    if (look(files, task, folder, false, 0, err) != 0)
        return -1;
    if (files->count == 0)
        return error_set(err,
                         "%s: no file of %s: one called %s (.jsonl, .csv or .txt), or in a folder "
                         "of that name, with the %s split of %s, is wanted; nothing is downloaded",
                         folder, task->name, task->file_names[0], task->split_names[0], task->set);
    qsort(files->paths, files->count, sizeof *files->paths, by_name);
    if (files->count > 1)
        keep_split(files, task, strlen(folder));
    if (files->count > 1 && !task->many_files)
        return error_set(err,
                         "%.120s: several files of %s, as %.120s and %.120s: leave the one that is "
                         "meant, or give one of them \"%s\" in its name",
                         folder, task->name, files->paths[0] + strlen(folder),
                         files->paths[1] + strlen(folder), task->split_names[0]);
    return 0;
}
