#include "text/data_files.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sys.h"
#include "text/records.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 20 };

/* Takes the path. */
static int add_file(struct data_files *out, char *path, size_t source, struct error *err)
{
    if (array_reserve((void **)&out->items, &out->capacity, out->count + 1, sizeof *out->items,
                      err) != 0) {
        free(path);
        return -1;
    }
    out->items[out->count++] = (struct data_file){.path = path, .source = source};
    return 0;
}

/* --- folders --- */

/* Folders still to be read. */
struct folders {
    char **items;
    size_t count, capacity;
};

static int add_folder(struct folders *folders, char *path, struct error *err)
{
    if (array_reserve((void **)&folders->items, &folders->capacity, folders->count + 1,
                      sizeof *folders->items, err) != 0) {
        free(path);
        return -1;
    }
    folders->items[folders->count++] = path;
    return 0;
}

/* Takes the path. A link to nothing is named when it is opened. */
static int add_entry(struct data_files *out, struct folders *folders, char *path, size_t source,
                     struct error *err)
{
    struct stat info, behind;
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return add_folder(folders, path, err);
    bool is_file = stat(path, &behind) != 0 || S_ISREG(behind.st_mode);
    if (is_file && record_file_name(path))
        return add_file(out, path, source, err);
    free(path);
    return 0;
}

static int read_folder(struct data_files *out, struct folders *folders, const char *path,
                       size_t source, struct error *err)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    int status = folder ? 0 : error_set_errno(err, errno, "cannot open folder %s", path);
    while (status == 0 && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *below = path_join(path, entry->d_name, err);
        status = below ? add_entry(out, folders, below, source, err) : -1;
    }
    if (folder)
        closedir(folder);
    return status;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct data_file *)a)->path, ((const struct data_file *)b)->path);
}

static int add_below(struct data_files *out, const char *path, size_t source, struct error *err)
{
    struct folders folders = {0};
    size_t first = out->count;
    char *root = string_copy(path, err);
    int status = root ? add_folder(&folders, root, err) : -1;
    while (status == 0 && folders.count > 0) {
        char *folder = folders.items[--folders.count];
        status = read_folder(out, &folders, folder, source, err);
        free(folder);
    }
    for (size_t i = 0; i < folders.count; i++)
        free(folders.items[i]);
    free(folders.items);
    if (status == 0 && out->count == first)
        return error_set(err,
                         "%s: no data in this folder; it takes .txt, .jsonl and .json files, "
                         "also in folders below",
                         path);
    if (status == 0)
        qsort(out->items + first, out->count - first, sizeof *out->items, compare_paths);
    return status;
}

int data_files_list(struct data_files *out, const char *const *paths, size_t path_count,
                    struct error *err)
{
    struct stat info;
    *out = (struct data_files){0};
    if (path_count == 0)
        return error_set_kind(err, ERROR_USAGE, "no data file; give one with --data FILE");
    for (size_t i = 0; i < path_count; i++) {
        bool folder = stat(paths[i], &info) == 0 && S_ISDIR(info.st_mode);
        char *path = folder ? NULL : string_copy(paths[i], err);
        int status = folder ? add_below(out, paths[i], i, err)
                     : path ? add_file(out, path, i, err)
                            : -1;
        if (status != 0)
            return -1;
    }
    return 0;
}

void data_files_free(struct data_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].path);
    free(files->items);
    *files = (struct data_files){0};
}

/* --- fingerprints --- */

static int hash_chunks(struct hash *hash, int fd, const struct data_file *file, char *chunk,
                       bool (*stop)(void *), void *context, struct error *err)
{
    uint64_t size = (uint64_t)file->seen.st_size;
    for (uint64_t at = 0; at < size; at += CHUNK) {
        size_t length = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        if (at % (64ULL * CHUNK) == 0 && stop && stop(context))
            return error_set_kind(err, ERROR_INTERRUPTED, "stopped while %s was read", file->path);
        if (file_read_at(fd, chunk, length, at, file->path, err) != 0)
            return -1;
        hash_update(hash, chunk, length);
    }
    return 0;
}

static int hash_file(struct data_file *file, bool (*stop)(void *), void *context, char *chunk,
                     struct error *err)
{
    uint64_t size;
    int fd = file_open_read(file->path, &size, err);
    if (fd < 0)
        return -1;
    struct hash *hash = hash_new(err);
    int status = hash ? 0 : -1;
    if (status == 0 && sys.fstat(fd, &file->seen) != 0)
        status = error_set_errno(err, errno, "cannot read %s", file->path);
    if (status == 0)
        status = hash_chunks(hash, fd, file, chunk, stop, context, err);
    if (status == 0)
        hash_text(hash, file->hash);
    hash_free(hash);
    sys.close(fd);
    return status;
}

int data_files_hash(struct data_files *files, bool (*stop)(void *context), void *context,
                    struct error *err)
{
    char *chunk = array_alloc(CHUNK, 1, err);
    int status = chunk ? 0 : -1;
    for (size_t i = 0; status == 0 && i < files->count; i++)
        status = hash_file(&files->items[i], stop, context, chunk, err);
    free(chunk);
    return status;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

int data_files_check(const struct data_files *files, struct error *err)
{
    struct stat now;
    for (size_t i = 0; i < files->count; i++) {
        const struct stat *seen = &files->items[i].seen;
        if (stat(files->items[i].path, &now) != 0 || now.st_dev != seen->st_dev ||
            now.st_ino != seen->st_ino || now.st_size != seen->st_size ||
            !same_time(now.st_mtim, seen->st_mtim))
            return error_set(err, "%s was changed while it was read; start again",
                             files->items[i].path);
    }
    return 0;
}

int data_files_source_hash(const struct data_files *files, size_t source, char out[HASH_TEXT_SIZE],
                           struct error *err)
{
    size_t first = 0, count = 0;
    while (first < files->count && files->items[first].source < source)
        first++;
    while (first + count < files->count && files->items[first + count].source == source)
        count++;
    if (count == 1) { /* it is what a file alone is known by, in a folder or not */
        memcpy(out, files->items[first].hash, HASH_TEXT_SIZE);
        return 0;
    }
    struct hash *hash = hash_new(err);
    if (!hash)
        return -1;
    for (size_t i = first; i < first + count; i++)
        hash_update(hash, files->items[i].hash, HASH_TEXT_SIZE);
    hash_text(hash, out);
    hash_free(hash);
    return 0;
}

uint64_t data_files_bytes(const struct data_files *files)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < files->count; i++)
        sum += (uint64_t)files->items[i].seen.st_size;
    return sum;
}
