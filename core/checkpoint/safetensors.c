#include "checkpoint/safetensors.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/number.h"
#include "checkpoint/tensor_read.h"
#include "checkpoint/tensor_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reading a file --- */

/* Types that cannot be read are listed by name: F8_E4M3, I64. The name reaches terminals. */
static int read_dtype(struct tensor_info *tensor, const cJSON *entry, const char *where,
                      struct error *err)
{
    static const enum dtype plain[] = {DTYPE_F64, DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    const char *name = NULL;
    if (json_need_string(entry, "dtype", &name, where, err) != 0)
        return -1;
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof tensor->dtype_name ||
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != length)
        return error_set(err,
                         "%s: \"dtype\" must be 1 to %zu capitals, digits and underscores, not "
                         "\"%.40s\"",
                         where, sizeof tensor->dtype_name - 1, name);
    memcpy(tensor->dtype_name, name, length + 1);
    tensor->dtype = DTYPE_UNSUPPORTED;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(dtype_traits(plain[i])->name, name) == 0)
            tensor->dtype = plain[i];
    return 0;
}

/* JSON's numbers are doubles: whole ones up to 1e15 are exact. */
static int read_shape(struct tensor_info *tensor, const cJSON *entry, const char *where,
                      struct error *err)
{
    const cJSON *shape = json_get(entry, "shape"), *item;
    if (!cJSON_IsArray(shape) || cJSON_GetArraySize(shape) > TENSOR_RANK_MAX)
        return error_set(err, "%s: \"shape\" must be a list of at most %d numbers", where,
                         TENSOR_RANK_MAX);
    cJSON_ArrayForEach(item, shape)
    {
        if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 1e15 ||
            item->valuedouble != (double)(int64_t)item->valuedouble)
            return error_set(err, "%s: \"shape\" has an entry that is not a whole number >= 0",
                             where);
        tensor->shape[tensor->rank++] = (int64_t)item->valuedouble;
    }
    return 0;
}

/* Offsets within the data, both inside the file: nothing is read beyond it, whatever a header
 * says. */
static int read_offsets(struct tensor_info *tensor, const cJSON *entry, uint64_t data_start,
                        uint64_t data_size, const char *where, struct error *err)
{
    const cJSON *offsets = json_get(entry, "data_offsets");
    const cJSON *first = cJSON_IsArray(offsets) ? offsets->child : NULL;
    const cJSON *last = first ? first->next : NULL;
    if (!last || last->next || !cJSON_IsNumber(first) || !cJSON_IsNumber(last))
        return error_set(err, "%s: \"data_offsets\" must be two numbers", where);
    double begin = first->valuedouble, end = last->valuedouble;
    if (!(begin >= 0 && end >= begin && end <= (double)data_size) ||
        begin != (double)(uint64_t)begin || end != (double)(uint64_t)end)
        return error_set(
            err, "%s: the bytes [%.17g, %.17g) are not inside the file's %llu bytes of data", where,
            begin, end, (unsigned long long)data_size);
    tensor->offset = data_start + (uint64_t)begin;
    tensor->bytes = (uint64_t)(end - begin);
    return 0;
}

/* `where` is in every message: the file and the tensor. */
static int read_entry(struct checkpoint *checkpoint, int file, const cJSON *entry,
                      uint64_t data_start, struct error *err)
{
    const struct checkpoint_file *source = &checkpoint->files[file];
    struct tensor_info tensor = {.file = file};
    char where[ERROR_TEXT_MAX];
    snprintf(where, sizeof where, "%.300s, tensor %.120s", source->path, entry->string);
    if (read_dtype(&tensor, entry, where, err) != 0 ||
        read_shape(&tensor, entry, where, err) != 0 ||
        read_offsets(&tensor, entry, data_start, source->size - data_start, where, err) != 0)
        return -1;
    return checkpoint_add_tensor(checkpoint, &tensor, entry->string, err);
}

static int compare_offsets(const void *a, const void *b)
{
    const struct tensor_info *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Puts the file's tensors, those from `first` on, into the order of their data and checks that they
 * tile it. */
static int check_tiling(const struct checkpoint *checkpoint, size_t first, uint64_t data_start,
                        const struct checkpoint_file *file, struct error *err)
{
    struct tensor_info *tensors = checkpoint->tensors;
    size_t count = checkpoint->tensor_count;
    uint64_t at = data_start;
    if (first < count) /* else there may be no table yet */
        qsort(tensors + first, count - first, sizeof *tensors, compare_offsets);
    for (size_t i = first; i < count; i++) {
        if (tensors[i].offset != at)
            return error_set(
                err, "%s: tensor %s %s at byte %llu of the data", file->path, tensors[i].name,
                tensors[i].offset < at ? "overlaps the one before it" : "leaves a gap before it",
                (unsigned long long)(tensors[i].offset - data_start));
        at += tensors[i].bytes;
    }
    if (at != file->size)
        return error_set(err, "%s: %llu bytes follow the last tensor", file->path,
                         (unsigned long long)(file->size - at));
    return 0;
}

/* All entries, and then that they cover the data without gap or overlap (check_tiling()): two
 * tensors that share bytes are the beginning of known attacks on readers. */
static int read_entries(struct checkpoint *checkpoint, int file, const cJSON *header,
                        uint64_t data_start, struct error *err)
{
    size_t first = checkpoint->tensor_count;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, header)
    {
        if (strcmp(entry->string, "__metadata__") == 0)
            continue;
        if (read_entry(checkpoint, file, entry, data_start, err) != 0)
            return -1;
    }
    return check_tiling(checkpoint, first, data_start, &checkpoint->files[file], err);
}

/* The length of the header comes first and is the file's own claim: it is held against the format's
 * bound and the file's size before a byte is allocated for it. */
int safetensors_open(struct checkpoint *checkpoint, const char *path, struct error *err)
{
    int number = checkpoint_add_file(checkpoint, path, err);
    if (number < 0)
        return -1;
    const struct checkpoint_file *file = &checkpoint->files[number];
    unsigned char prefix[8];
    if (file->size < sizeof prefix)
        return error_set(err, "%s has %llu bytes, too few for a safetensors file", file->path,
                         (unsigned long long)file->size);
    if (place_read_at(file, prefix, sizeof prefix, 0, err) != 0)
        return -1;
    uint64_t length = load_u64(prefix);
    if (length > SAFETENSORS_HEADER_MAX || length > file->size - sizeof prefix)
        return error_set(err,
                         "%s: its header claims %llu bytes, the file has %llu: truncated, or not a "
                         "safetensors file",
                         file->path, (unsigned long long)length, (unsigned long long)file->size);
    char *text = array_alloc((size_t)length + 1, 1, err);
    cJSON *header = NULL;
    int status = -1;
    if (!text || place_read_at(file, text, (size_t)length, sizeof prefix, err) != 0)
        goto out;
    header = json_parse(text, (size_t)length, JSON_STRICT, file->path, err);
    if (!header)
        goto out;
    if (!cJSON_IsObject(header))
        error_set(err, "%s: its header is not a JSON object", file->path);
    else
        status = read_entries(checkpoint, number, header, sizeof prefix + length, err);
out:
    cJSON_Delete(header);
    free(text);
    return status;
}

/* --- reading the shards that an index names --- */

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

/* "total_size" is the sum of all tensors' bytes, so another number is another model's index. Of
 * PyTorch's files it leaves out what shares its memory, which is not looked at here. */
static void note_size(struct checkpoint *checkpoint, const cJSON *index, const char *where)
{
    double said;
    uint64_t sum = 0;
    if (checkpoint->format != CHECKPOINT_SAFETENSORS ||
        !json_get_double(json_get(index, "metadata"), "total_size", &said))
        return;
    for (size_t i = 0; i < checkpoint->tensor_count; i++)
        sum += checkpoint->tensors[i].bytes;
    if ((double)sum != said)
        buffer_format(&checkpoint->notes,
                      "%s: \"total_size\" is %.0f, and the tensors of the shards have %" PRIu64
                      " bytes: the index may be another model's\n",
                      where, said, sum);
}

/* The files first, then what two of them have (the last stays), then the look-up order, by which the
 * index is held against what there is: a tensor that it names and no shard has is an error. */
int shards_open(struct checkpoint *checkpoint, const char *index_path, shard_opener *opener,
                struct error *err)
{
    const char **names = NULL;
    const cJSON *item;
    size_t count = 0;
    int status = -1;
    cJSON *index = place_read_json(checkpoint->place, index_path, INDEX_MAX, JSON_STRICT, err);
    if (!index || shard_names(index, &names, &count, index_path, err) != 0)
        goto out;
    for (size_t i = 0; i < count; i++) {
        char *path = path_join(checkpoint->folder, names[i], err);
        int opened = path ? opener(checkpoint, path, err) : -1;
        free(path);
        if (opened != 0)
            goto out;
    }
    if (drop_earlier(checkpoint, err) != 0 || checkpoint_index(checkpoint, err) != 0)
        goto out;
    cJSON_ArrayForEach(item, json_get(index, "weight_map"))
    {
        if (checkpoint_find(checkpoint, item->string))
            continue;
        error_set(err,
                  "%s: tensor %.200s should be in %.100s, and no shard has it: fetch "
                  "the shards and the index again, of one revision",
                  index_path, item->string, item->valuestring);
        goto out;
    }
    note_size(checkpoint, index, index_path);
    status = note_strays(checkpoint, index, err);
out:
    free(names);
    cJSON_Delete(index);
    return status;
}

/* --- writing --- */

static uint64_t entry_bytes(const struct safetensors_entry *entry)
{
    uint64_t elements = 1;
    for (int i = 0; i < entry->rank; i++)
        elements *= (uint64_t)entry->shape[i];
    return elements * (uint64_t)dtype_traits(entry->dtype)->block_bytes;
}

/* 8 bytes of length and the JSON, padded with spaces so that the data is aligned to 8. The tensors'
 * bytes follow one another, so that offsets are sums, and *data_bytes is the last. */
static void put_header(struct buffer *out, const struct safetensors_entry *entries, size_t count,
                       const char *const *metadata, uint64_t *data_bytes)
{
    struct buffer text = BUFFER_INIT;
    struct json_writer json = {.out = &text};
    json_object(&json, NULL);
    json_layout(&json, JSON_COMPACT);
    if (metadata) {
        json_object(&json, "__metadata__");
        for (size_t i = 0; metadata[i]; i += 2)
            json_text(&json, metadata[i], metadata[i + 1]);
        json_end(&json);
    }
    *data_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct safetensors_entry *entry = &entries[i];
        json_object(&json, entry->name);
        json_text(&json, "dtype", dtype_traits(entry->dtype)->name);
        json_list(&json, "shape");
        for (int side = 0; side < entry->rank; side++)
            json_integer(&json, NULL, entry->shape[side]);
        json_end(&json);
        json_list(&json, "data_offsets");
        json_count(&json, NULL, *data_bytes);
        *data_bytes += entry_bytes(entry);
        json_count(&json, NULL, *data_bytes);
        json_end(&json);
        json_end(&json);
    }
    json_end(&json);
    while (text.length % 8 != 0 && !text.failed)
        buffer_byte(&text, ' ');
    for (int i = 0; i < 8; i++)
        buffer_byte(out, (char)(text.length >> 8 * i & 0xFF));
    buffer_append(out, buffer_string(&text), text.length);
    out->failed |= text.failed;
    buffer_free(&text);
}

static int put_bytes(struct safetensors_writer *writer, const void *bytes, size_t count,
                     struct error *err)
{
    if (writer->digest)
        digest_update(writer->digest, bytes, count);
    return file_writer_put(&writer->file, bytes, count, err);
}

typedef int (*file_opener)(struct file_writer *writer, const char *path, struct error *err);

/* The header's size is known before anything is written, and a file that no reader would take is
 * refused here. */
static int open_by(file_opener opener, struct safetensors_writer *writer, const char *path,
                   const struct safetensors_entry *entries, size_t count,
                   const char *const *metadata, struct digest *digest, struct error *err)
{
    struct buffer header = BUFFER_INIT;
    int status = -1;
    *writer = (struct safetensors_writer){.file = {.fd = -1}, .digest = digest};
    put_header(&header, entries, count, metadata, &writer->expected);
    if (buffer_check(&header, err) != 0)
        goto out;
    if (count > SAFETENSORS_ENTRIES_MAX || header.length > SAFETENSORS_HEADER_MAX) {
        error_set(err,
                  "%s: %zu tensors with a header of %zu bytes; a safetensors file has at "
                  "most %d with %d",
                  path, count, header.length, SAFETENSORS_ENTRIES_MAX, SAFETENSORS_HEADER_MAX);
        goto out;
    }
    if (opener(&writer->file, path, err) != 0)
        goto out;
    status = put_bytes(writer, header.data, header.length, err);
    if (status != 0)
        safetensors_writer_abort(writer);
out:
    buffer_free(&header);
    return status;
}

int safetensors_writer_open(struct safetensors_writer *writer, const char *path,
                            const struct safetensors_entry *entries, size_t count,
                            const char *const *metadata, struct error *err)
{
    return open_by(file_writer_open, writer, path, entries, count, metadata, NULL, err);
}

int safetensors_writer_open_output(struct safetensors_writer *writer, const char *path,
                                   const struct safetensors_entry *entries, size_t count,
                                   const char *const *metadata, struct error *err)
{
    return open_by(file_writer_open_output, writer, path, entries, count, metadata, NULL, err);
}

int safetensors_writer_open_digested(struct safetensors_writer *writer, const char *path,
                                     const struct safetensors_entry *entries, size_t count,
                                     const char *const *metadata, struct digest *digest,
                                     struct error *err)
{
    return open_by(file_writer_open, writer, path, entries, count, metadata, digest, err);
}

int safetensors_writer_put(struct safetensors_writer *writer, const void *data, size_t bytes,
                           struct error *err)
{
    writer->written += bytes;
    return put_bytes(writer, data, bytes, err);
}

int safetensors_writer_commit(struct safetensors_writer *writer, struct error *err)
{
    if (writer->written == writer->expected)
        return file_writer_commit(&writer->file, err);
    error_set(err, "%s: its header says %" PRIu64 " bytes of data, %" PRIu64 " were written",
              writer->file.path, writer->expected, writer->written);
    safetensors_writer_abort(writer);
    return -1;
}

void safetensors_writer_abort(struct safetensors_writer *writer)
{
    file_writer_abort(&writer->file);
}
