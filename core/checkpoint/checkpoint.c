#include "checkpoint/checkpoint.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "checkpoint/gguf.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_table.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_MAX = 16 << 20, INDEX_MAX = 256 << 20 };

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The distinct shard names of an index, sorted; borrowed from the tree. */
static int shard_names(const cJSON *index, const char ***names, size_t *count, const char *where,
                       struct error *err)
{
    const cJSON *map = json_get(index, "weight_map"), *item;
    if (!cJSON_IsObject(map) || !map->child)
        return error_set(err, "%s: \"weight_map\" must be there and name the shards", where);
    size_t entries = (size_t)cJSON_GetArraySize(map), used = 0;
    const char **list = array_alloc(entries, sizeof *list, err);
    if (!list)
        return -1;
    cJSON_ArrayForEach(item, map)
    {
        if (!cJSON_IsString(item) || strchr(item->valuestring, '/')) {
            free(list);
            return error_set(err, "%s: \"weight_map\" names a shard that is not a plain file name",
                             where);
        }
        list[used++] = item->valuestring;
    }
    qsort(list, used, sizeof *list, compare_strings);
    *count = 0;
    for (size_t i = 0; i < used; i++)
        if (i == 0 || strcmp(list[i], list[i - 1]) != 0)
            list[(*count)++] = list[i];
    *names = list;
    return 0;
}

/* Of one name, in the order of the files. */
static int compare_names(const void *a, const void *b, void *tensors)
{
    const struct tensor_info *table = tensors;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    int order = strcmp(table[i].name, table[j].name);
    return order ? order : (i > j) - (i < j);
}

/* The look-up order, in which a name that is there twice shows. */
static int index_names(struct checkpoint *checkpoint, struct error *err)
{
    size_t count = checkpoint->tensor_count;
    checkpoint->by_name = array_alloc(count, sizeof *checkpoint->by_name, err);
    if (!checkpoint->by_name)
        return -1;
    for (size_t i = 0; i < count; i++)
        checkpoint->by_name[i] = (uint32_t)i;
    qsort_r(checkpoint->by_name, count, sizeof *checkpoint->by_name, compare_names,
            checkpoint->tensors);
    for (size_t i = 1; i < count; i++) {
        const struct tensor_info *tensor = &checkpoint->tensors[checkpoint->by_name[i]];
        if (strcmp(checkpoint->tensors[checkpoint->by_name[i - 1]].name, tensor->name) == 0)
            return error_set(err, "%s: tensor %s is there twice", checkpoint->path, tensor->name);
    }
    return count ? 0 : error_set(err, "%s: it has no tensors", checkpoint->path);
}

static int open_safetensors(struct checkpoint *checkpoint, const char *path, struct error *err)
{
    int file = checkpoint_add_file(checkpoint, path, err);
    return file < 0 ? -1 : safetensors_read_header(checkpoint, file, err);
}

static int open_single(struct checkpoint *checkpoint, const char *path, struct error *err)
{
    return open_safetensors(checkpoint, path, err) == 0 ? index_names(checkpoint, err) : -1;
}

static const char *file_name(const struct checkpoint *checkpoint, int file)
{
    const char *path = checkpoint->files[file].path, *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* transformers reads the shards in the order of their names, whatever the index says of each
 * tensor: of those with one name the last one stays. */
static int drop_earlier(struct checkpoint *checkpoint, struct error *err)
{
    struct tensor_info *tensors = checkpoint->tensors;
    size_t count = checkpoint->tensor_count, kept = 0, dropped = 0;
    uint32_t *order = array_alloc(count, sizeof *order, err);
    bool *drop = array_alloc(count, sizeof *drop, err);
    const struct tensor_info *first = NULL;
    int status = order && drop ? 0 : -1;
    for (size_t i = 0; status == 0 && i < count; i++)
        order[i] = (uint32_t)i;
    if (status == 0)
        qsort_r(order, count, sizeof *order, compare_names, tensors);
    for (size_t i = 1; status == 0 && i < count; i++) {
        const struct tensor_info *a = &tensors[order[i - 1]], *b = &tensors[order[i]];
        if (strcmp(a->name, b->name) != 0 || a->file == b->file)
            continue;
        drop[order[i - 1]] = true;
        first = dropped++ == 0 ? b : first;
    }
    if (first)
        buffer_format(
            &checkpoint->notes,
            "%s: %.200s, the first of %zu such, is in more than one shard: the last is read "
            "(%.100s), as transformers does\n",
            checkpoint->path, first->name, dropped, file_name(checkpoint, first->file));
    for (size_t i = 0; status == 0 && i < count; i++)
        if (drop[i])
            free(tensors[i].name);
        else
            tensors[kept++] = tensors[i];
    if (status == 0)
        checkpoint->tensor_count = kept;
    free(order);
    free(drop);
    return status;
}

/* The tensors that the index does not name, or has in another shard than they are in. */
static int note_strays(struct checkpoint *checkpoint, const cJSON *index, struct error *err)
{
    const cJSON *item;
    const struct tensor_info *first_moved = NULL, *first_stray = NULL;
    size_t moved = 0, strays = 0;
    bool *named = array_alloc(checkpoint->tensor_count, sizeof *named, err);
    if (!named)
        return -1;
    cJSON_ArrayForEach(item, json_get(index, "weight_map"))
    {
        const struct tensor_info *tensor = checkpoint_find(checkpoint, item->string);
        if (!tensor)
            continue;
        named[tensor - checkpoint->tensors] = true;
        if (strcmp(file_name(checkpoint, tensor->file), item->valuestring) != 0 && moved++ == 0)
            first_moved = tensor;
    }
    for (size_t i = 0; i < checkpoint->tensor_count; i++)
        if (!named[i] && strays++ == 0)
            first_stray = &checkpoint->tensors[i];
    if (first_moved)
        buffer_format(
            &checkpoint->notes,
            "%s: %.200s, the first of %zu such, is not in the shard that the index has for "
            "it: it is read from %.100s, as transformers does\n",
            checkpoint->path, first_moved->name, moved, file_name(checkpoint, first_moved->file));
    if (first_stray)
        buffer_format(&checkpoint->notes,
                      "%s: %.200s, the first of %zu such, is in %.100s and not in the index: it is "
                      "read, as transformers does\n",
                      checkpoint->path, first_stray->name, strays,
                      file_name(checkpoint, first_stray->file));
    free(named);
    return 0;
}

/* Every tensor that the index names is in one of the shards. */
static int check_weight_map(const struct checkpoint *checkpoint, const cJSON *index,
                            const char *where, struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(index, "weight_map"))
    {
        if (!checkpoint_find(checkpoint, item->string))
            return error_set(err,
                             "%s: tensor %.200s should be in %.100s, and no shard has it: fetch "
                             "the shards and the index again, of one revision",
                             where, item->string, item->valuestring);
    }
    return 0;
}

static int open_shards(struct checkpoint *checkpoint, const char *index_path, struct error *err)
{
    const char **names = NULL;
    size_t count = 0;
    int status = -1;
    cJSON *index = json_read_file(index_path, INDEX_MAX, JSON_STRICT, err);
    if (!index || shard_names(index, &names, &count, index_path, err) != 0)
        goto out;
    for (size_t i = 0; i < count; i++) {
        char *path = path_join(checkpoint->folder, names[i], err);
        int opened = path ? open_safetensors(checkpoint, path, err) : -1;
        free(path);
        if (opened != 0)
            goto out;
    }
    status = drop_earlier(checkpoint, err);
    if (status == 0)
        status = index_names(checkpoint, err);
    if (status == 0)
        status = check_weight_map(checkpoint, index, index_path, err);
    if (status == 0)
        status = note_strays(checkpoint, index, err);
out:
    free(names);
    cJSON_Delete(index);
    return status;
}

static int read_config(struct checkpoint *checkpoint, struct error *err)
{
    char *path = path_join(checkpoint->folder, CHECKPOINT_CONFIG, err);
    int there = path ? file_find(path, err) : -1, status = there < 0 ? -1 : 0;
    if (there > 0) {
        checkpoint->metadata = json_read_file(path, CONFIG_MAX, JSON_LOOSE_NUMBERS, err);
        status = checkpoint->metadata ? 0 : -1;
    }
    free(path);
    return status;
}

static int open_file(struct checkpoint *checkpoint, struct error *err)
{
    if (text_ends_with(checkpoint->path, ".gguf")) {
        checkpoint->format = CHECKPOINT_GGUF;
        int file = checkpoint_add_file(checkpoint, checkpoint->path, err);
        if (file < 0 || gguf_read_header(checkpoint, file, err) != 0)
            return -1;
        return index_names(checkpoint, err);
    }
    if (!text_ends_with(checkpoint->path, ".safetensors"))
        return error_set(err, "%s: neither a folder, a .safetensors nor a .gguf file",
                         checkpoint->path);
    checkpoint->format = CHECKPOINT_SAFETENSORS;
    return open_single(checkpoint, checkpoint->path, err) == 0 ? read_config(checkpoint, err) : -1;
}

static int is_gguf(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && text_ends_with(entry->d_name, ".gguf");
}

static int refuse_several(const struct checkpoint *checkpoint, struct dirent **entries, int count,
                          struct error *err)
{
    struct buffer names = BUFFER_INIT;
    for (int i = 0; i < count; i++)
        buffer_format(&names, "%s%s", i ? ", " : "", entries[i]->d_name);
    error_set(err, "%s holds %d .gguf files; name one of them: %s", checkpoint->folder, count,
              buffer_string(&names));
    buffer_free(&names);
    return -1;
}

/* Adapters as PEFT has them, which `spectrum export` writes, too. */
static int refuse_adapters(const struct checkpoint *checkpoint, const char *path, struct error *err)
{
    const char *base = NULL;
    cJSON *config = json_read_file(path, CONFIG_MAX, JSON_LOOSE_NUMBERS, NULL);
    json_get_string(config, "base_model_name_or_path", &base);
    error_set(
        err,
        "%s holds adapters%s%.400s, and no model: give the base, or a folder with both, which "
        "`spectrum export RUN --merge` writes of a run, and PEFT's merge_and_unload() of any "
        "adapters",
        checkpoint->folder, base ? " of the base " : "", base ? base : "");
    cJSON_Delete(config);
    return -1;
}

static int refuse_empty(const struct checkpoint *checkpoint, struct error *err)
{
    char *path = path_join(checkpoint->folder, "adapter_config.json", err);
    if (!path)
        return -1;
    if (sys.access(path, F_OK) == 0)
        refuse_adapters(checkpoint, path, err);
    else
        error_set(err,
                  "%s: no model.safetensors, no model.safetensors.index.json and no .gguf file in "
                  "it",
                  checkpoint->folder);
    free(path);
    return -1;
}

/* A folder without safetensors stands for the one .gguf file in it. */
static int open_only_gguf(struct checkpoint *checkpoint, struct error *err)
{
    struct dirent **entries = NULL;
    int count = sys.scandir(checkpoint->folder, &entries, is_gguf, alphasort), status = -1;
    if (count == 1) {
        free(checkpoint->path);
        checkpoint->path = path_join(checkpoint->folder, entries[0]->d_name, err);
        status = checkpoint->path ? open_file(checkpoint, err) : -1;
    } else if (count < 0) {
        error_set_errno(err, errno, "cannot read folder %s", checkpoint->folder);
    } else if (count > 1) {
        refuse_several(checkpoint, entries, count, err);
    } else {
        refuse_empty(checkpoint, err);
    }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return status;
}

/* Of both, transformers reads the single file. */
static int open_single_of_folder(struct checkpoint *checkpoint, const char *path, struct error *err)
{
    char *index = path_join(checkpoint->folder, CHECKPOINT_INDEX, err);
    if (!index)
        return -1;
    if (sys.access(index, F_OK) == 0)
        buffer_format(&checkpoint->notes,
                      "%s has both model.safetensors and " CHECKPOINT_INDEX
                      ": model.safetensors is read, as transformers does\n",
                      checkpoint->path);
    free(index);
    return open_single(checkpoint, path, err);
}

/* The first of a folder's possible weight files that is there. */
static int open_folder(struct checkpoint *checkpoint, struct error *err)
{
    static const struct {
        const char *name;
        int (*open)(struct checkpoint *checkpoint, const char *path, struct error *err);
    } layouts[] = {
        {"model.safetensors", open_single_of_folder},
        {CHECKPOINT_INDEX, open_shards},
    };
    checkpoint->format = CHECKPOINT_SAFETENSORS;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        char *path = path_join(checkpoint->folder, layouts[i].name, err);
        if (!path)
            return -1;
        int there = file_find(path, err);
        int status = there > 0 ? layouts[i].open(checkpoint, path, err) : there;
        free(path);
        if (there != 0)
            return status == 0 ? read_config(checkpoint, err) : -1;
    }
    return open_only_gguf(checkpoint, err);
}

/* Sets path and folder: what the name stands for on this machine. */
static int resolve(struct checkpoint *checkpoint, const char *path, struct error *err)
{
    bool folder = checkpoint_is_folder(path);
    char *snapshot = !folder && sys.access(path, F_OK) != 0 ? hub_snapshot(path) : NULL;
    checkpoint->path = snapshot ? snapshot : string_copy(path, err);
    if (!checkpoint->path)
        return -1;
    const char *slash = strrchr(path, '/');
    if (folder || snapshot)
        checkpoint->folder = string_copy(checkpoint->path, err);
    else
        checkpoint->folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path))
                                   : string_copy(".", err);
    if (!checkpoint->folder)
        return error_set(err, "not enough memory");
    if (!folder && !snapshot && sys.access(path, F_OK) != 0)
        return error_set(err,
                         "%s: no such file or folder, and no such model in the local Hugging Face "
                         "cache",
                         path);
    return 0;
}

int checkpoint_open(struct checkpoint **out, const char *path, struct error *err)
{
    *out = NULL;
    struct checkpoint *checkpoint = array_alloc(1, sizeof *checkpoint, err);
    if (!checkpoint)
        return -1;
    int status = resolve(checkpoint, path, err);
    if (status == 0)
        status = checkpoint_is_folder(checkpoint->path) ? open_folder(checkpoint, err)
                                                        : open_file(checkpoint, err);
    if (status != 0) {
        checkpoint_close(checkpoint);
        return -1;
    }
    *out = checkpoint;
    return 0;
}

int checkpoint_open_config(struct checkpoint **out, const char *folder, struct error *err)
{
    *out = NULL;
    struct checkpoint *checkpoint = array_alloc(1, sizeof *checkpoint, err);
    if (!checkpoint)
        return -1;
    int status = resolve(checkpoint, folder, err);
    if (status == 0)
        status = read_config(checkpoint, err);
    if (status == 0 && !checkpoint->metadata)
        status = error_set(err, "%s has no config.json", folder);
    if (status != 0) {
        checkpoint_close(checkpoint);
        return -1;
    }
    *out = checkpoint;
    return 0;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    for (size_t i = 0; i < checkpoint->file_count; i++) {
        sys.close(checkpoint->files[i].fd);
        free(checkpoint->files[i].path);
    }
    for (size_t i = 0; i < checkpoint->tensor_count; i++)
        free(checkpoint->tensors[i].name);
    free(checkpoint->files);
    free(checkpoint->tensors);
    free(checkpoint->by_name);
    free(checkpoint->path);
    free(checkpoint->folder);
    cJSON_Delete(checkpoint->metadata);
    buffer_free(&checkpoint->notes);
    free(checkpoint);
}

const char *checkpoint_notes(const struct checkpoint *checkpoint)
{
    return buffer_string(&checkpoint->notes);
}

enum checkpoint_format checkpoint_format(const struct checkpoint *checkpoint)
{
    return checkpoint->format;
}

const char *checkpoint_path(const struct checkpoint *checkpoint)
{
    return checkpoint->path;
}

const char *checkpoint_folder(const struct checkpoint *checkpoint)
{
    return checkpoint->folder;
}

const cJSON *checkpoint_metadata(const struct checkpoint *checkpoint)
{
    return checkpoint->metadata;
}

size_t checkpoint_count(const struct checkpoint *checkpoint)
{
    return checkpoint->tensor_count;
}

const struct tensor_info *checkpoint_tensor(const struct checkpoint *checkpoint, size_t index)
{
    return index < checkpoint->tensor_count ? &checkpoint->tensors[index] : NULL;
}

const struct tensor_info *checkpoint_find(const struct checkpoint *checkpoint, const char *name)
{
    size_t low = 0, high = checkpoint->tensor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct tensor_info *tensor = &checkpoint->tensors[checkpoint->by_name[middle]];
        int order = strcmp(name, tensor->name);
        if (order == 0)
            return tensor;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
