#include "checkpoint/tensor_table.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int64_t shape_elements(const int64_t *shape, int rank)
{
    int64_t product = 1;
    for (int i = 0; i < rank; i++)
        if (shape[i] < 0 || __builtin_mul_overflow(product, shape[i], &product))
            return -1;
    return product;
}

/* Its number, or -1. The files stay open: what is read later is what was checked. */
int checkpoint_add_file(struct checkpoint *checkpoint, const char *path, struct error *err)
{
    if (checkpoint->file_count >= CHECKPOINT_FILES_MAX)
        return error_set(err, "%s: more than %d files", path, CHECKPOINT_FILES_MAX);
    if (array_reserve((void **)&checkpoint->files, &checkpoint->file_capacity,
                      checkpoint->file_count + 1, sizeof *checkpoint->files, err) != 0)
        return -1;
    struct checkpoint_file file = {.path = string_copy(path, err)};
    if (!file.path)
        return -1;
    if (place_open(checkpoint->place, &file, err) != 0) {
        free(file.path);
        return -1;
    }
    checkpoint->files[checkpoint->file_count] = file;
    return (int)checkpoint->file_count++;
}

void checkpoint_clear(struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->file_count; i++) {
        place_close(&checkpoint->files[i]);
        free(checkpoint->files[i].path);
    }
    for (size_t i = 0; i < checkpoint->tensor_count; i++)
        free(checkpoint->tensors[i].name);
    checkpoint->file_count = checkpoint->tensor_count = 0;
}

/* What the head of tensor_table.h says of a tensor, in its order: the name, the product of the shape,
 * the range. It comes from a file that may be anybody's, so each number is held against the file's
 * size before another is made of it. */
static int check_tensor(struct tensor_info *tensor, const char *name,
                        const struct checkpoint_file *file, struct error *err)
{
    const char *where = file->path;
    size_t length = strlen(name);
    if (length == 0 || length > TENSOR_NAME_MAX || !utf8_printable(name))
        return error_set(
            err,
            "%s: a tensor name is empty, longer than %d bytes, not UTF-8 or has control "
            "characters",
            where, TENSOR_NAME_MAX);
    tensor->elements = shape_elements(tensor->shape, tensor->rank);
    if (tensor->elements < 0)
        return error_set(err, "%s: tensor %s: the product of its shape is too large", where, name);
    if (tensor->offset > file->size || tensor->bytes > file->size - tensor->offset)
        return error_set(
            err, "%s: tensor %s needs %llu bytes at %llu, the file has %llu: it is truncated",
            where, name, (unsigned long long)tensor->bytes, (unsigned long long)tensor->offset,
            (unsigned long long)file->size);
    /* A type that is not known has at least one bit an element: a shape that needs more than there
     * is would spoil every sum of parameters. */
    if (tensor->dtype == DTYPE_UNSUPPORTED) {
        uint64_t bytes = tensor->bytes_unknown ? file->size - tensor->offset : tensor->bytes;
        if ((uint64_t)tensor->elements / 8 <= bytes)
            return 0;
        return error_set(err, "%s: tensor %s: %lld elements cannot be in %llu bytes", where, name,
                         (long long)tensor->elements, (unsigned long long)bytes);
    }
    /* bytes = elements / block_elements * block_bytes, and no block lies over the end of a row. */
    const struct dtype_traits *traits = dtype_traits(tensor->dtype);
    int64_t row = tensor->rank ? tensor->shape[tensor->rank - 1] : 1, needed;
    if (row % traits->block_elements != 0)
        return error_set(err, "%s: tensor %s: its rows have %lld elements; %s has blocks of %d",
                         where, name, (long long)row, tensor->dtype_name, traits->block_elements);
    if (__builtin_mul_overflow(tensor->elements / traits->block_elements,
                               (int64_t)traits->block_bytes, &needed))
        return error_set(err, "%s: tensor %s: the product of its shape is too large", where, name);
    if ((uint64_t)needed != tensor->bytes)
        return error_set(err, "%s: tensor %s: its shape in %s needs %lld bytes, its range has %llu",
                         where, name, tensor->dtype_name, (long long)needed,
                         (unsigned long long)tensor->bytes);
    return 0;
}

/* The one way into the table; what holds of a tensor from here on is at the head of tensor_table.h.
 */
int checkpoint_add_tensor(struct checkpoint *checkpoint, const struct tensor_info *tensor,
                          const char *name, struct error *err)
{
    struct tensor_info checked = *tensor;
    const struct checkpoint_file *file = &checkpoint->files[tensor->file];
    if (checkpoint->tensor_count >= TENSORS_MAX)
        return error_set(err, "%s: more than %d tensors", file->path, TENSORS_MAX);
    if (check_tensor(&checked, name, file, err) != 0 ||
        array_reserve((void **)&checkpoint->tensors, &checkpoint->tensor_capacity,
                      checkpoint->tensor_count + 1, sizeof *checkpoint->tensors, err) != 0)
        return -1;
    checked.name = string_copy(name, err);
    if (!checked.name)
        return -1;
    checkpoint->tensors[checkpoint->tensor_count++] = checked;
    return 0;
}

/* Of one name, in the order of the files. */
int tensor_compare_names(const void *a, const void *b, void *tensors)
{
    const struct tensor_info *table = tensors;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    int order = strcmp(table[i].name, table[j].name);
    return order ? order : (i > j) - (i < j);
}

/* The look-up order, in which a name that is there twice shows. */
int checkpoint_index(struct checkpoint *checkpoint, struct error *err)
{
    size_t count = checkpoint->tensor_count;
    checkpoint->by_name = array_alloc(count, sizeof *checkpoint->by_name, err);
    if (!checkpoint->by_name)
        return -1;
    for (size_t i = 0; i < count; i++)
        checkpoint->by_name[i] = (uint32_t)i;
    qsort_r(checkpoint->by_name, count, sizeof *checkpoint->by_name, tensor_compare_names,
            checkpoint->tensors);
    for (size_t i = 1; i < count; i++) {
        const struct tensor_info *tensor = &checkpoint->tensors[checkpoint->by_name[i]];
        if (strcmp(checkpoint->tensors[checkpoint->by_name[i - 1]].name, tensor->name) == 0)
            return error_set(err, "%s: tensor %s is there twice", checkpoint->path, tensor->name);
    }
    return count ? 0 : error_set(err, "%s: it has no tensors", checkpoint->path);
}
