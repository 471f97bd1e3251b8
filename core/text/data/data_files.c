/* Which files a data set has, and their fingerprints.
 *
 * A folder is walked with a list of the folders that are still to be read, not by recursion, so its
 * depth costs nothing; what is found is sorted by path, so the order does not hang on the file
 * system. A file is read once for its fingerprint, and is known by device, number, size and time
 * after that.
 */
#include "text/data/data_files.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "text/data/records.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CHUNK = 1 << 20, LOOK_MAX = 256 };

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

/* A walk through a folder. */
struct walk {
    struct data_files *out;
    size_t source;
    char **folders; /* still to be read */
    size_t count, capacity;
    char *foreign; /* a file that would have to be converted; NULL: none */
    size_t left;   /* entries that may still be read */
};

/* Takes the path. A link to nothing is named when it is opened. */
static int add_entry(struct walk *walk, char *path, const char *name, struct error *err)
{
    /* Files that tell about a data set; a model's config.json, which `datasets` leaves out, too. */
    static const char *const describing[] = {"dataset_info.json", "dataset_infos.json",
                                             "dataset_dict.json", "state.json",
                                             "config.json",       NULL};
    struct stat info, target;
    bool found = sys.lstat(path, &info) == 0, led = found && sys.stat(path, &target) == 0;
    if (!led && errno != ENOENT && errno != ELOOP) {
        error_set_errno(err, errno, "cannot read %s", path);
        goto fail;
    }
    bool is_folder = found && S_ISDIR(info.st_mode), is_file = !led || S_ISREG(target.st_mode);
    bool special = strcmp(name, "__MACOSX") == 0 || (is_folder && strncmp(name, "__", 2) == 0);
    if (is_folder && !special) {
        if (array_reserve((void **)&walk->folders, &walk->capacity, walk->count + 1,
                          sizeof *walk->folders, err) != 0)
            goto fail;
        walk->folders[walk->count++] = path;
        return 0;
    }
    if (is_file && *data_name_form(name) && !text_is_one_of(name, describing))
        return add_file(walk->out, path, walk->source, err);
    bool better = !walk->foreign || data_name_is_rival(path) > data_name_is_rival(walk->foreign);
    if (is_file && data_name_is_foreign(name) && better) {
        free(walk->foreign);
        walk->foreign = path;
        return 0;
    }
    free(path);
    return 0;
fail:
    free(path);
    return -1;
}

/* Hidden entries are left out, as `datasets` does. */
static int read_folder(struct walk *walk, const char *path, struct error *err)
{
    DIR *folder = sys.opendir(path);
    struct dirent *entry;
    int status = folder ? 0 : error_set_errno(err, errno, "cannot open folder %s", path);
    while (status == 0 && walk->left > 0) {
        int more = folder_read(folder, path, &entry, err);
        if (more <= 0) {
            status = more;
            break;
        }
        if (entry->d_name[0] == '.')
            continue;
        char *below = path_join(path, entry->d_name, err);
        status = below ? add_entry(walk, below, entry->d_name, err) : -1;
        walk->left--;
    }
    if (folder)
        sys.closedir(folder);
    return status;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct data_file *)a)->path, ((const struct data_file *)b)->path);
}

/* The parts of a data set, by the words that `datasets` tells them by; any other is for training.
 */
enum part { PART_TRAIN, PART_VALIDATION, PART_TEST };

/* By the first of those words in the path below the folder, "sets/test-00.jsonl". */
static enum part part_of(const char *below)
{
    static const struct {
        const char *word;
        enum part part;
    } words[] = {{"validation", PART_VALIDATION},
                 {"valid", PART_VALIDATION},
                 {"dev", PART_VALIDATION},
                 {"val", PART_VALIDATION},
                 {"test", PART_TEST},
                 {"testing", PART_TEST},
                 {"eval", PART_TEST},
                 {"evaluation", PART_TEST}};
    while (*below) {
        size_t length = 0;
        while (isalpha((unsigned char)below[length]) || (below[length] & 0x80))
            length++;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strlen(words[i].word) == length && strncasecmp(below, words[i].word, length) == 0)
                return words[i].part;
        below += length + (below[length] != '\0');
    }
    return PART_TRAIN;
}

/* Training on what is there for testing must be asked for. */
static int check_parts(const struct data_files *files, size_t first, const char *root,
                       struct error *err)
{
    const char *one = files->items[first].path;
    size_t length = strlen(root);
    for (size_t i = first + 1; i < files->count; i++) {
        const char *other = files->items[i].path;
        enum part a = part_of(one + length), b = part_of(other + length);
        if (a != b)
            return error_set(err,
                             "%s has a set for %s (%s) beside one for %s (%s); name the files or "
                             "folders that are meant instead",
                             root, a == PART_TRAIN ? "training" : "evaluation", one + length + 1,
                             b == PART_TRAIN ? "training" : "evaluation", other + length + 1);
    }
    return 0;
}

/* All data files below a folder, of which at most `most` entries are read. */
static int add_below(struct data_files *out, const char *path, size_t source, size_t most,
                     struct error *err)
{
    size_t first = out->count, length = strlen(path);
    struct walk walk = {.out = out, .source = source, .left = most};
    char *root = string_copy(path, err), *begin;
    int status = -1;
    while (root && length > 1 && root[length - 1] == '/')
        root[--length] = '\0';
    if (!root || !(begin = string_copy(root, err)))
        goto out;
    if (array_reserve((void **)&walk.folders, &walk.capacity, 1, sizeof *walk.folders, err) != 0) {
        free(begin);
        goto out;
    }
    walk.folders[walk.count++] = begin;
    while (walk.count > 0) {
        char *folder = walk.folders[--walk.count];
        int read = read_folder(&walk, folder, err);
        free(folder);
        if (read != 0)
            goto out;
    }
    bool none = out->count == first;
    if (!none)
        qsort(out->items + first, out->count - first, sizeof *out->items, compare_paths);
    if (walk.foreign && (none || data_name_is_rival(walk.foreign))) {
        data_foreign_folder(root, walk.foreign, err);
        goto out;
    }
    if (walk.foreign && !out->passed_over) {
        out->passed_over = walk.foreign;
        walk.foreign = NULL;
    }
    if (walk.left == 0)
        status = 0;
    else if (none)
        error_set(err,
                  "%s: no data in this folder; it takes .txt, .jsonl and .json files, also as .gz "
                  "or .zst, also in folders below",
                  root);
    else
        status = check_parts(out, first, root, err);
out:
    for (size_t i = 0; i < walk.count; i++)
        free(walk.folders[i]);
    free(walk.folders);
    free(walk.foreign);
    free(root);
    return status;
}

/* Files in the order in which they were named, those of a folder by path; each knows which --data
 * it came with, as that may have a weight. */
int data_files_list(struct data_files *out, const char *const *paths, size_t path_count,
                    struct error *err)
{
    struct stat info;
    *out = (struct data_files){0};
    if (path_count == 0)
        return error_set_kind(err, ERROR_USAGE, "no data file; give one with --data FILE");
    for (size_t i = 0; i < path_count; i++) {
        bool folder = sys.stat(paths[i], &info) == 0 && S_ISDIR(info.st_mode);
        char *path = folder ? NULL : string_copy(paths[i], err);
        int status = folder ? add_below(out, paths[i], i, SIZE_MAX, err)
                     : path ? add_file(out, path, i, err)
                            : -1;
        if (status != 0)
            return -1;
    }
    return 0;
}

/* What record_reader_open() would say of a file, by its first bytes. */
static int look_at_file(const char *path, struct error *err)
{
    struct data_stream stream;
    char head[DATA_HEAD];
    size_t length = 0;
    int status = data_stream_open(&stream, path, err);
    if (status == 0)
        status = data_stream_read(&stream, head, sizeof head, &length, err);
    if (status == 0 && length == 0)
        status = error_set(err, "%s: no text in it, the file is empty", path);
    if (status == 0)
        status = data_foreign_check(&stream, head, length, err);
    data_stream_close(&stream);
    return status;
}

/* For a form that checks what is typed: the first data file is enough, and of a large folder the
 * first few names. */
int data_files_look(const char *path, struct error *err)
{
    struct data_files files = {0};
    struct stat info;
    if (sys.stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return look_at_file(path, err);
    int status = add_below(&files, path, 0, LOOK_MAX, err);
    if (status == 0 && files.count > 0)
        status = look_at_file(files.items[0].path, err);
    data_files_free(&files);
    return status;
}

void data_files_free(struct data_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].path);
    free(files->items);
    free(files->passed_over);
    *files = (struct data_files){0};
}

/* --- fingerprints --- */

/* The size is what it was when reading began: a file that grows meanwhile is found out by
 * data_files_check(). */
static int hash_file(struct data_file *file, bool (*stop)(void *), void *context, char *chunk,
                     struct error *err)
{
    uint64_t size;
    int fd = file_open_read(file->path, &size, err), status = -1;
    if (fd < 0)
        return -1;
    struct hash *hash = hash_new(err);
    if (!hash)
        goto out;
    if (sys.fstat(fd, &file->seen) != 0) {
        error_set_errno(err, errno, "cannot read %s", file->path);
        goto out;
    }
    size = (uint64_t)file->seen.st_size;
    for (uint64_t at = 0; at < size; at += CHUNK) {
        size_t length = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        if (at % (64ULL * CHUNK) == 0 && stop && stop(context)) {
            error_set_kind(err, ERROR_INTERRUPTED, "stopped while %s was read", file->path);
            goto out;
        }
        if (file_read_at(fd, chunk, length, at, file->path, err) != 0)
            goto out;
        hash_update(hash, chunk, length);
    }
    hash_text(hash, file->hash);
    status = 0;
out:
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

/* By what stat() says, after all of it was read: a file that changed would have a fingerprint of
 * neither. */
int data_files_check(const struct data_files *files, struct error *err)
{
    struct stat now;
    for (size_t i = 0; i < files->count; i++) {
        const struct stat *seen = &files->items[i].seen;
        if (sys.stat(files->items[i].path, &now) != 0 || now.st_dev != seen->st_dev ||
            now.st_ino != seen->st_ino || now.st_size != seen->st_size ||
            now.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec)
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
