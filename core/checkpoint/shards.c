#include "checkpoint/shards.h"

#include "base/folder.h"
#include "base/memory.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_read.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_MAX = 256 << 20 };

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
        qsort_r(order, count, sizeof *order, tensor_compare_names, tensors);
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

int shards_open(struct checkpoint *checkpoint, const char *index_path, struct error *err)
{
    const char **names = NULL;
    size_t count = 0;
    int status = -1;
    cJSON *index = json_read_file(index_path, INDEX_MAX, JSON_STRICT, err);
    if (!index || shard_names(index, &names, &count, index_path, err) != 0)
        goto out;
    for (size_t i = 0; i < count; i++) {
        char *path = path_join(checkpoint->folder, names[i], err);
        int opened = path ? safetensors_open(checkpoint, path, err) : -1;
        free(path);
        if (opened != 0)
            goto out;
    }
    status = drop_earlier(checkpoint, err);
    if (status == 0)
        status = checkpoint_index(checkpoint, err);
    if (status == 0)
        status = check_weight_map(checkpoint, index, index_path, err);
    if (status == 0)
        status = note_strays(checkpoint, index, err);
out:
    free(names);
    cJSON_Delete(index);
    return status;
}
