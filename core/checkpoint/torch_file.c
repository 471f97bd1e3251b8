#include "checkpoint/torch_file.h"

#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/pickle.h"
#include "checkpoint/zip_archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PICKLE_MAX = 1 << 27, NAME_SIZE = 1280 };

struct source {
    struct checkpoint *checkpoint;
    int file;
    struct zip_archive archive;
    size_t folder; /* length of the archive's folder, with its slash */
    struct pickle pickle;
};

static const struct checkpoint_file *file_of(const struct source *source)
{
    return &source->checkpoint->files[source->file];
}

/* An entry of the archive's folder, stored as it is; NULL: there is none. */
static const struct zip_entry *find_entry(const struct source *source, const char *folder,
                                          const char *name)
{
    char path[NAME_SIZE + 1024];
    const char *first = source->archive.entries[0].name;
    int length = snprintf(path, sizeof path, "%.*s%s%s", (int)source->folder, first, folder, name);
    const struct zip_entry *found =
        length < (int)sizeof path ? zip_find(&source->archive, path) : NULL;
    return found && !found->packed ? found : NULL;
}

/* --- the archive --- */

/* Who opens a file that is none wants to know what it is. */
static int refuse_other(const struct checkpoint_file *file, struct error *err)
{
    unsigned char mark[2] = {0};
    bool pickle = file->size >= sizeof mark &&
                  place_read_at(file, mark, sizeof mark, 0, NULL) == 0 && mark[0] == 0x80 &&
                  mark[1] <= 5;
    return error_set(err,
                     "%s is no zip archive, as PyTorch has written since 1.6%s: open it there and "
                     "save its tensors by safetensors (torch.load(FILE, weights_only=True), "
                     "safetensors.torch.save_file())",
                     file->path,
                     pickle ? ", but a pickle, as older versions wrote, which is not read" : "");
}

/* A NUL follows the bytes, so that a short one can be read as text. */
static int read_entry(const struct source *source, const struct zip_entry *entry, size_t most,
                      char **out, struct error *err)
{
    const struct checkpoint_file *file = file_of(source);
    *out = NULL;
    if (entry->size > most)
        return error_set(err, "%s: its entry %s has %llu bytes, at most %zu are possible",
                         file->path, entry->name, (unsigned long long)entry->size, most);
    *out = array_alloc((size_t)entry->size + 1, 1, err);
    if (!*out || place_read_at(file, *out, (size_t)entry->size, entry->offset, err) != 0)
        return -1;
    return 0;
}

/* A file without the entry is of before there was one, and little-endian. */
static int check_byte_order(const struct source *source, struct error *err)
{
    const struct zip_entry *entry = find_entry(source, "", "byteorder");
    char *text = NULL;
    int status = 0;
    if (entry && (status = read_entry(source, entry, 64, &text, err)) == 0 &&
        strcmp(text, "little") != 0)
        status = error_set(err, "%s: its numbers are not little-endian: save it by safetensors",
                           file_of(source)->path);
    free(text);
    return status;
}

/* The folder of the archive, the byte order, and the pickle. */
static int read_archive(struct source *source, struct error *err)
{
    const struct checkpoint_file *file = file_of(source);
    char *bytes = NULL;
    if (!zip_begins(file))
        return refuse_other(file, err);
    if (zip_read(&source->archive, file, err) != 0)
        return -1;
    const char *slash =
        source->archive.count > 0 ? strchr(source->archive.entries[0].name, '/') : NULL;
    source->folder = slash ? (size_t)(slash + 1 - source->archive.entries[0].name) : 0;
    const struct zip_entry *pickle = slash ? find_entry(source, "", "data.pkl") : NULL;
    if (!pickle)
        return error_set(
            err,
            "%s: an archive without a data.pkl that is stored unpacked, so none of PyTorch's "
            "tensors",
            file->path);
    int status = check_byte_order(source, err);
    if (status == 0)
        status = read_entry(source, pickle, PICKLE_MAX, &bytes, err);
    if (status == 0)
        status = pickle_read(&source->pickle, bytes, (size_t)pickle->size, file->path, err);
    free(bytes);
    return status;
}

/* --- tensors --- */

/* By the names that safetensors gives the types. */
static int64_t type_bytes(const char *type)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } types[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
                 {"I32", 4}, {"I16", 2}, {"I8", 1},  {"U8", 1},   {"BOOL", 1}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, type) == 0)
            return types[i].bytes;
    return 0;
}

static enum dtype type_of(const char *type)
{
    static const enum dtype plain[] = {DTYPE_F64, DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(dtype_traits(plain[i])->name, type) == 0)
            return plain[i];
    return DTYPE_UNSUPPORTED;
}

/* As the pickle has it: a tuple of whole numbers. */
static int read_shape(struct tensor_info *tensor, const struct pickle *pickle,
                      const struct pickle_value *sizes, const char *where, struct error *err)
{
    if (sizes->count > TENSOR_RANK_MAX)
        return error_set(err, "%s has %zu dimensions, at most %d are possible", where, sizes->count,
                         TENSOR_RANK_MAX);
    for (size_t i = 0; i < sizes->count; i++) {
        const struct pickle_value *side = pickle_item(pickle, sizes, i);
        if (side->kind != PICKLE_INTEGER || side->integer < 0)
            return error_set(err, "%s has a shape that cannot be", where);
        tensor->shape[tensor->rank++] = side->integer;
    }
    tensor->elements = shape_elements(tensor->shape, tensor->rank);
    return tensor->elements < 0 ? error_set(err, "%s: the product of its shape is too large", where)
                                : 0;
}

/* Do the elements lie in the storage one after another, as the shape has them? */
static bool lies_in_a_row(const struct tensor_info *tensor, const struct pickle *pickle,
                          const struct pickle_value *strides)
{
    int64_t expected = 1;
    if (strides->count != (size_t)tensor->rank)
        return false;
    for (int i = tensor->rank - 1; i >= 0 && tensor->elements > 0; i--) {
        const struct pickle_value *stride = pickle_item(pickle, strides, (size_t)i);
        if (stride->kind != PICKLE_INTEGER ||
            (tensor->shape[i] != 1 && stride->integer != expected))
            return false;
        expected *= tensor->shape[i];
    }
    return true;
}

/* Where in the file the tensor's part of its storage is; all sums are held against the entry. */
static int place(struct tensor_info *tensor, const struct source *source,
                 const struct pickle_value *storage, int64_t first, const char *where,
                 struct error *err)
{
    const char *key = pickle_item(&source->pickle, storage, 1)->text;
    const struct zip_entry *entry = find_entry(source, "data/", key);
    int64_t size = type_bytes(tensor->dtype_name), needed;
    int64_t held = pickle_item(&source->pickle, storage, 3)->integer;
    if (!entry)
        return error_set(err, "%s: its storage data/%.40s is not in the archive, or packed", where,
                         key);
    if (first < 0 || held < 0 || first > held || tensor->elements > held - first ||
        __builtin_mul_overflow(held, size, &needed) || (uint64_t)needed > entry->size)
        return error_set(err, "%s: its elements [%lld, +%lld) are not in its storage of %llu bytes",
                         where, (long long)first, (long long)tensor->elements,
                         (unsigned long long)entry->size);
    tensor->offset = entry->offset + (uint64_t)(first * size);
    tensor->bytes = (uint64_t)(tensor->elements * size);
    return 0;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, ...): only tensors whose elements lie in the
 * order of their shape, as all weights that a model saves. */
static int add_tensor(struct source *source, const char *name, const struct pickle_value *value,
                      struct error *err)
{
    const struct pickle *pickle = &source->pickle;
    struct tensor_info tensor = {.file = source->file};
    char where[ERROR_TEXT_MAX];
    snprintf(where, sizeof where, "%.300s, tensor %.120s", file_of(source)->path, name);
    if (value->kind != PICKLE_TENSOR)
        return error_set(
            err,
            "%s: it is no tensor. A file of a model's weights has them alone: save "
            "the member that holds them by safetensors (safetensors.torch.save_file())",
            where);
    const struct pickle_value *storage = pickle_item(pickle, value, 0);
    snprintf(tensor.dtype_name, sizeof tensor.dtype_name, "%s", pickle_storage(pickle, storage));
    tensor.dtype = type_of(tensor.dtype_name);
    if (read_shape(&tensor, pickle, pickle_item(pickle, value, 2), where, err) != 0)
        return -1;
    if (!lies_in_a_row(&tensor, pickle, pickle_item(pickle, value, 3)))
        return error_set(err,
                         "%s: its elements do not lie in the order of its shape: save it as "
                         "tensor.contiguous()",
                         where);
    if (place(&tensor, source, storage, pickle_item(pickle, value, 1)->integer, where, err) != 0)
        return -1;
    return checkpoint_add_tensor(source->checkpoint, &tensor, name, err);
}

/* The root is a dict of names to tensors; anything else is a training state or a whole object. */
static int add_tensors(struct source *source, struct error *err)
{
    const struct pickle *pickle = &source->pickle;
    const struct pickle_value *root = &pickle->values[pickle->root];
    if (root->kind != PICKLE_DICT)
        return error_set(err, "%s: it holds no dict of tensors", file_of(source)->path);
    for (size_t i = 0; i < root->count; i += 2) {
        const struct pickle_value *key = pickle_item(pickle, root, i);
        if (key->kind != PICKLE_TEXT)
            return error_set(err, "%s: it has a tensor without a name", file_of(source)->path);
        if (add_tensor(source, key->text, pickle_item(pickle, root, i + 1), err) != 0)
            return -1;
    }
    return 0;
}

/* The pickle and the directory are needed to find the tensors, not to read them. */
int torch_file_open(struct checkpoint *checkpoint, const char *path, struct error *err)
{
    struct source source = {.checkpoint = checkpoint};
    source.file = checkpoint_add_file(checkpoint, path, err);
    if (source.file < 0)
        return -1;
    int status = read_archive(&source, err);
    if (status == 0)
        status = add_tensors(&source, err);
    pickle_free(&source.pickle);
    zip_free(&source.archive);
    return status;
}
