/* The tensor table: what every reader adds to, checked in one place. Internal to core/checkpoint.
 *
 * What holds of a tensor that is in it, whatever file it came from:
 *   1. its name is printable UTF-8 of 1 to TENSOR_NAME_MAX bytes, and unique once checkpoint_open()
 *      is done;
 *   2. its shape's product fits 63 bits;
 *   3. its range lies in its file, and is as long as its shape in its type needs.
 */
#ifndef SPECTRUM_CHECKPOINT_TENSOR_TABLE_H
#define SPECTRUM_CHECKPOINT_TENSOR_TABLE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "checkpoint/place.h"
#include "checkpoint/tensor_info.h"

#include <stddef.h>

enum { CHECKPOINT_FILES_MAX = 4096, TENSORS_MAX = 1 << 20, TENSOR_NAME_MAX = 512 };

struct checkpoint {
    enum checkpoint_format format;
    char *path, *folder;
    const struct checkpoint_place *place; /* NULL: this machine */
    struct checkpoint_file *files;
    size_t file_count, file_capacity;
    struct tensor_info *tensors;
    size_t tensor_count, tensor_capacity;
    uint32_t *by_name; /* indices sorted by name, for look-up */
    cJSON *metadata;
    struct buffer notes; /* checkpoint_notes() */
};

/* Documents of a folder beside its weights. */
#define CHECKPOINT_CONFIG "config.json"
#define CHECKPOINT_INDEX "model.safetensors.index.json"
#define CHECKPOINT_BIN "pytorch_model.bin"
#define CHECKPOINT_BIN_INDEX "pytorch_model.bin.index.json"

/* Opens a file and adds it to the checkpoint; returns its number or -1. */
int checkpoint_add_file(struct checkpoint *checkpoint, const char *path, struct error *err);

/* Closes all files and empties the table, in which nothing is composed (composed_free()). */
void checkpoint_clear(struct checkpoint *checkpoint);

/* Adds a tensor (the name is copied) after checking name, shape, byte count and range; `where` is
 * the file's path. The range is [offset, offset + bytes) in file number tensor->file. */
int checkpoint_add_tensor(struct checkpoint *checkpoint, const struct tensor_info *tensor,
                          const char *name, struct error *err);

/* Compares two numbers of tensors in a table, for qsort_r(): by name, and of one name in the order
 * of the files. */
int tensor_compare_names(const void *a, const void *b, void *tensors);

/* The look-up order, once all tensors are there; refuses none at all and a name that is there
 * twice.
 */
int checkpoint_index(struct checkpoint *checkpoint, struct error *err);

/* product of the shape, or -1 where it leaves 63 bits or a dimension is negative */
int64_t shape_elements(const int64_t *shape, int rank);

#endif
