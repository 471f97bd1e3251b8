/* What the readers of this folder share; nothing outside core/checkpoint includes it. */
#ifndef SPECTRUM_CHECKPOINT_INTERNAL_H
#define SPECTRUM_CHECKPOINT_INTERNAL_H

#include "checkpoint/checkpoint.h"

enum { CHECKPOINT_FILES_MAX = 4096, TENSORS_MAX = 1 << 20, TENSOR_NAME_MAX = 512 };

struct checkpoint_file {
    char *path;
    int fd;
    uint64_t size;
};

struct checkpoint {
    enum checkpoint_format format;
    char *path, *folder;
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

bool checkpoint_is_folder(const char *path);

/* The snapshot folder of "org/name" or "name" in the cache, through refs/main; NULL where there is
 * none. */
char *hub_snapshot(const char *name);

/* Opens a file and adds it to the checkpoint; returns its number or -1. */
int checkpoint_add_file(struct checkpoint *checkpoint, const char *path, struct error *err);

/* Adds a tensor (the name is copied) after checking name, shape, byte count and range; `where` is
 * the file's path. The range is [offset, offset + bytes) in file number tensor->file. */
int checkpoint_add_tensor(struct checkpoint *checkpoint, const struct tensor_info *tensor,
                          const char *name, struct error *err);

/* product of the shape, or -1 where it leaves 63 bits or a dimension is negative */
int64_t shape_elements(const int64_t *shape, int rank);

/* Reads the header of file number `file` into the tensor table. */
int safetensors_read_header(struct checkpoint *checkpoint, int file, struct error *err);
int gguf_read_header(struct checkpoint *checkpoint, int file, struct error *err);

/* Dequantises `blocks` blocks of a type; the definitions are those of GGUF's own documentation. */
void dequantize(enum dtype dtype, const void *blocks, int64_t count, float *out);

#endif
